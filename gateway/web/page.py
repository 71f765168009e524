"""Pages from templates: texts in the reader's language, civil times, and addresses of static files by content."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.texts import LANGUAGES, Texts, load
from rules.model import CIVIL

HERE = Path(__file__).parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"


def clock(at: datetime) -> str:
    """The civil time of day to the second."""
    return at.astimezone(CIVIL).strftime("%H:%M:%S")


def moment(at: datetime) -> str:
    """The civil date and time to the minute."""
    return at.astimezone(CIVIL).strftime("%Y-%m-%d %H:%M")


def instant(milliseconds: int) -> str:
    """An instant (ms, UTC) as civil date and time to the minute."""
    return moment(datetime.fromtimestamp(milliseconds / 1000, UTC))


def local(at: datetime) -> str:
    """The civil date and time to the minute, as a form's field takes it."""
    return at.astimezone(CIVIL).strftime("%Y-%m-%dT%H:%M")


def day(on: date) -> str:
    """A civil date."""
    return on.isoformat()


def number(value: int) -> str:
    """A count with its thousands apart."""
    return f"{value:,}"


def age(texts: Texts, lang: str, now: datetime, at: datetime | None) -> str:
    """How long ago, in the largest unit that fits; "never" for None. A clock that runs ahead counts as now."""
    if at is None:
        return texts.get(lang, "age.never")
    seconds = max(0, int((now - at).total_seconds()))
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return texts.get(lang, f"age.{unit}", n=seconds // size)
    return texts.get(lang, "age.seconds", n=seconds)


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates with everything that they may use."""

    env: Environment
    texts: Texts

    def render(self, lang: str, template: str, **values: object) -> str:
        """A template in a language."""
        return self.env.get_template(template).render(**self._words(lang), **values)

    def html(self, request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A template in the language that the request asks for, as an answer."""
        path, query = request.url.path, request.query_params

        def here(**asked: object) -> str:
            """The same page, asked otherwise; "" takes a question back."""
            said = {name: value for name, value in {**query, **asked}.items() if value != ""}
            return f"{path}?{urlencode(said)}"

        signed = getattr(request.state, "signed", None)
        shown = {"path": path, "here": here, "theme": theme_of(request), "signed": signed} | values
        text = self.render(lang_of(request), template, **shown)
        return HTMLResponse(text, status)

    def _words(self, lang: str) -> Mapping[str, object]:
        texts = self.texts
        t: Callable[..., str] = lambda key, **figures: texts.get(lang, key, **figures)  # noqa: E731 (bound to a language)
        return {
            "lang": lang,
            "other_lang": next(other for other in LANGUAGES if other != lang),
            "t": t,
            "word": lambda prefix, code: texts.word(lang, prefix, code),
            "has_text": texts.has,
            "age": lambda now, at: age(texts, lang, now, at),
        }


def lang_of(request: Request) -> str:
    """The language that the guard at the door settled for this request."""
    lang: str = request.state.lang
    return lang


def theme_of(request: Request) -> str:
    """The theme that the guard at the door settled for this request."""
    theme: str = request.state.theme
    return theme


@cache
def make_pages(templates: Path = TEMPLATES, static: Path = STATIC, *more: Path) -> Pages:
    """Read texts and templates (also from the folders `more`) and check them against each other, once a process.

    Raises:
        TextsIncomplete: a text is missing.
        FileNotFoundError: a static file that a template names is missing.
    """
    texts = load()
    env = Environment(
        loader=FileSystemLoader([templates, *more]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    addresses = _addresses(static)

    def address(path: str) -> str:
        try:
            return addresses[path]
        except KeyError:
            raise FileNotFoundError(f"static/{path} is missing: scripts/vendor fetches third-party files") from None

    env.globals["static"] = address
    env.filters.update(clock=clock, moment=moment, instant=instant, local=local, day=day, number=number)
    said, files = _called(env, "t", "static")
    texts.need(said)
    for path in sorted(files):
        address(path)
    return Pages(env, texts)


def _addresses(static: Path) -> dict[str, str]:
    """Path of each static file -> its address, which changes with its content so that browsers may keep it."""
    found: dict[str, str] = {}
    for file in static.rglob("*"):
        if file.is_file():
            path = file.relative_to(static).as_posix()
            found[path] = f"/static/{path}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
    return found


def _called(env: Environment, *names: str) -> list[set[str]]:
    """For each of these functions, the first arguments with which templates call it, where they are plain texts."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for template in env.list_templates():
        source, _, _ = env.loader.get_source(env, template) if env.loader else ("", None, None)
        for call in env.parse(source).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in found and call.args:
                first = call.args[0]
                if isinstance(first, nodes.Const) and isinstance(first.value, str):
                    found[call.node.name].add(first.value)
    return [found[name] for name in names]
