"""The texts of all languages together."""

import re
import string
from pathlib import Path

import pytest

from gateway.station.console.feed import GateFeed
from gateway.web import texts
from gateway.web.page import TEMPLATES, make_pages

NOT_SAID = (
    "隔离",
    "黑名单",
    "白名单",
    "黑白名单",
    "嫌疑",
    "可疑",
    "拦截",
    "预警",
    "常住人口",
    "令牌",
    "blacklist",
    "whitelist",
    "suspect",
)
HAN = re.compile(r"[\u4e00-\u9fff]")
ENGLISH_ON_PURPOSE = {"site.other_language"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things_with_the_same_figures() -> None:
    zh, en = (texts.load().tables[lang] for lang in ("zh", "en"))
    assert zh.keys() == en.keys()
    assert {key: fields(zh[key]) for key in zh} == {key: fields(en[key]) for key in zh}


def test_nothing_is_left_untranslated() -> None:
    tables = texts.load().tables
    for key in tables["zh"].keys() - ENGLISH_ON_PURPOSE:
        assert HAN.search(tables["zh"][key]) or not re.search("[a-z]{3}", tables["zh"][key]), key
        assert not HAN.search(tables["en"][key]), key


@pytest.mark.parametrize("word", NOT_SAID)
def test_words_that_are_never_used_for_people_are_not_used(word: str) -> None:
    said = [text for table in texts.load().tables.values() for text in table.values()]
    assert not [text for text in said if word in text.lower()]


def test_chinese_punctuation_is_full_width() -> None:
    zh = texts.load().tables["zh"]
    assert not [text for text in zh.values() if re.search(r"[\u4e00-\u9fff}][,;:?!]", text)]


def test_templates_hold_no_sentence_of_their_own() -> None:
    for template in TEMPLATES.rglob("*.html"):
        source = re.sub(r"\{#.*?#\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not HAN.search(source), template.name


def test_every_text_is_used_somewhere() -> None:
    root = Path(texts.__file__).parents[1]
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (
            *TEMPLATES.rglob("*.html"),
            *(root / "web").glob("*.py"),
            *(root / "station/console").glob("*.py"),
            *(root / "centre").rglob("*.py"),
        )
    )
    unused = []
    for key in texts.load().tables["zh"]:
        prefix, first = key.rpartition(".")[0], key.partition(".")[0]
        said = (f'"{key}"', f"'{key}'", f'"{prefix}', f'word("{first}"')
        if not any(one in sources for one in said):
            unused.append(key)
    assert not unused


def test_a_key_missing_in_one_language_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "zh.toml").write_text('"a" = "甲"\n"b" = "乙"\n', encoding="utf-8")
    (tmp_path / "en.toml").write_text('"a" = "A"\n', encoding="utf-8")
    with pytest.raises(texts.TextsIncomplete, match="en: b"):
        texts.load(tmp_path)


def test_a_page_that_asks_for_a_text_that_does_not_exist_fails_at_start(tmp_path: Path) -> None:
    (tmp_path / "odd.html").write_text('{{ t("no.such.text") }}', encoding="utf-8")
    with pytest.raises(texts.TextsIncomplete, match=r"no\.such\.text"):
        make_pages(tmp_path)


def test_a_static_file_that_does_not_exist_fails_at_start(tmp_path: Path) -> None:
    (tmp_path / "odd.html").write_text('{{ static("vendor/none.js") }}', encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="scripts/vendor"):
        make_pages(tmp_path)


def test_every_word_of_the_gate_has_a_text() -> None:
    assert GateFeed(make_pages()).feed.watchers == 0
