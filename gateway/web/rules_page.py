"""The page of the rules: check and try a policy, ask why it judges so. It proposes nothing and names nobody."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import BaseModel, StringConstraints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.centre_pages import Show
from gateway.web.page import Pages, lang_of
from gateway.web.rule_words import Words, words
from gateway.web.rules_view import RulesDesk
from rules.explain import GateExplained

MOST_TEXT = 200_000
MOST_DAYS = 90
_Field = Annotated[str, StringConstraints(max_length=200)]
_Text = Annotated[str, Form(max_length=MOST_TEXT)]
_Days = Annotated[int, Form(ge=1, le=MOST_DAYS)]


def make_rules_page(desk: RulesDesk, pages: Pages, show: Show) -> APIRouter:
    """The page as a router.

    Raises:
        TextsIncomplete: something that it may have to say has no text.
    """
    pages.texts.need(words())
    router = APIRouter()
    page = _Page(desk, pages, show)

    @router.get("/admin/rules")
    def rules(request: Request) -> HTMLResponse:
        return page(request)

    @router.post("/admin/rules/check")
    def check(request: Request, text: _Text) -> HTMLResponse:
        return page(request, text=text, checked=desk.check(_lines(text)))

    @router.post("/admin/rules/replay")
    def replay(request: Request, text: _Text, days: _Days = 30) -> HTMLResponse:
        busy = desk.replayed().state == "running"
        found = desk.check(_lines(text)) if busy else desk.replay(_lines(text), days)
        return page(request, text=text, checked=found, days=days, busy=busy)

    @router.post("/admin/rules/explain")
    def explain(request: Request, form: Annotated[_Question, Form()]) -> HTMLResponse:
        asked = form.model_dump() | {"toml": _lines(form.toml), "registered-until": form.registered_until}
        return page(request, asked=asked, explained=desk.explain(asked))

    @router.get("/admin/rules/replayed")
    def replayed(request: Request) -> HTMLResponse:
        return page.replay(request)

    return router


class _Question(BaseModel):
    """A hypothetical swipe by its fields, or whatever stands in `toml`."""

    at: _Field = ""
    portal: _Field = ""
    direction: _Field = ""
    role: _Field = ""
    since: _Field = ""
    until: _Field = ""
    lost: _Field = ""
    registered_until: _Field = ""
    toml: Annotated[str, StringConstraints(max_length=4000)] = ""


@dataclass(frozen=True, slots=True)
class _Page:
    desk: RulesDesk
    pages: Pages
    show: Show

    def __call__(self, request: Request, **values: Any) -> HTMLResponse:
        shown = {"text": None, "checked": None, "explained": None, "asked": {}, "days": 30, "busy": False} | values
        if shown["text"] is None:
            shown["text"] = self.desk.text()
        explained = shown["explained"]
        return self.show(
            request,
            "rules",
            versions=self.desk.versions(),
            replay=self.desk.replayed(),
            said=Words(self.pages.texts, lang_of(request)),
            is_gate=explained is not None and isinstance(explained.answer, GateExplained),
            most=MOST_DAYS,
            **shown,
        )

    def replay(self, request: Request) -> HTMLResponse:
        state = self.desk.replayed()
        if state.state == "none":
            raise HTTPException(404)
        said = Words(self.pages.texts, lang_of(request))
        return self.pages.html(request, "centre/rules_replay.html", replay=state, said=said)


def _lines(text: str) -> str:
    """A browser ends lines in its own way."""
    return text.replace("\r\n", "\n")
