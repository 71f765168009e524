"""No word stands in a template or a script: whatever people read comes from the texts, in both languages."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

from gateway.web.page import STATIC, TEMPLATES

READ_ALOUD = {"title", "aria-label", "aria-description", "placeholder", "alt", "label", "content"}
MACHINES = {"color-scheme", "viewport", "htmx-config"}
LETTER = re.compile(r"[A-Za-z一-鿿]")
CLASSES = re.compile(r"\{% block body_class %\}.*?\{% endblock %\}")
ATTRIBUTE = re.compile(r"[a-z-]+=\"[^\"]*\"")
IN_JINJA = "\x00"
SCRIPT_TEXT = re.compile(r"""(?:textContent|innerText|title|alert\(|confirm\()\s*=?\s*["'`][^"'`]*[A-Za-z一-鿿]""")


class Words(HTMLParser):
    """Collects what a person would read: text between tags, and the attributes that are shown or spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self._look(ATTRIBUTE.sub("", data))  # a macro may hold attributes alone

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._in_style = tag == "style"
        if tag == "meta" and named.get("name") in MACHINES:
            return
        for name, value in attrs:
            if name in READ_ALOUD and value:
                self._look(value)

    def _look(self, text: str) -> None:
        if LETTER.search(text.replace(IN_JINJA, "")):
            self.found.append(text.strip())


def words_of(source: str) -> list[str]:
    """What stands in a template in plain words, with every expression and statement of Jinja taken out."""
    parts = []
    for _, kind, value in Environment(autoescape=True).lex(CLASSES.sub("", source)):
        if kind == "data":
            parts.append(value)
        elif kind == "variable_end":
            parts.append(IN_JINJA)
    words = Words()
    words.feed("".join(parts))
    words.close()
    return words.found


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_a_template_holds_no_word_of_its_own(path: Path) -> None:
    assert words_of(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_a_script_shows_no_word_of_its_own(path: Path) -> None:
    assert SCRIPT_TEXT.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('<p class="lead">{{ t("a") }} · {{ n }}</p>', []),
        ("<p>Save</p>", ["Save"]),
        ("<p>{{ t('a') }} 保存</p>", ["\x00 保存"]),
        ('<input placeholder="Name">', ["Name"]),
        ('<b title="{{ t(\'a\') }}">{% if x %}<i aria-label="关闭">×</i>{% endif %}</b>', ["关闭"]),
        ("{# a remark #}<p>{% set x = 'word' %}1–6 %</p>", []),
    ],
)
def test_words_are_found_where_they_stand(source: str, found: list[str]) -> None:
    assert words_of(source) == found
