"""The page of the rules: check, try and propose a policy, ask why it judges so. It names nobody."""

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
from gateway.web.rules_view import Checked, RulesDesk
from rules.explain import GateExplained
from rules.lines import line_of

MOST_TEXT = 200_000
MOST_DAYS = 90
MOST_SHOWN = 120
"""Letters of a line that are shown beside what is wrong with it."""
_Field = Annotated[str, StringConstraints(max_length=200)]
_Text = Annotated[str, Form(max_length=MOST_TEXT)]
_Days = Annotated[int, Form(ge=1, le=MOST_DAYS)]


def make_rules_page(page: "RulesPage") -> APIRouter:
    """The page as a router.

    Raises:
        TextsIncomplete: something that it may have to say has no text.
    """
    page.pages.texts.need(words())
    desk, router = page.desk, APIRouter()

    @router.get("/admin/rules")
    def rules(request: Request) -> HTMLResponse:
        return page(request)

    @router.post("/admin/rules/check")
    def check(request: Request, text: _Text) -> HTMLResponse:
        return page(request, text=text, checked=desk.check(lines(text)))

    @router.post("/admin/rules/replay")
    def replay(request: Request, text: _Text, days: _Days = 30) -> HTMLResponse:
        busy = desk.replayed().state == "running"
        found = desk.check(lines(text)) if busy else desk.replay(lines(text), days)
        return page(request, text=text, checked=found, days=days, busy=busy)

    @router.post("/admin/rules/explain")
    def explain(request: Request, form: Annotated[_Question, Form()]) -> HTMLResponse:
        asked = form.model_dump() | {"toml": lines(form.toml), "registered-until": form.registered_until}
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
class RulesPage:
    """Answers with the page and what was asked of it."""

    desk: RulesDesk
    pages: Pages
    show: Show

    def __call__(self, request: Request, **values: Any) -> HTMLResponse:
        shown: dict[str, Any] = {
            "text": None,
            "checked": None,
            "explained": None,
            "asked": {},
            "days": 30,
            "busy": False,
        }
        shown |= {"unread": False} | values
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
            places=_places(shown["text"], shown["checked"]),
            may_propose="administrator" in self.roles_of(request),
            **shown,
        )

    def roles_of(self, request: Request) -> frozenset[str]:
        """The roles of whoever is signed in; a program has no use for buttons, so it is shown all of them."""
        signed = getattr(request.state, "signed", None)
        return frozenset({"administrator"} if signed is None else signed.roles)

    def replay(self, request: Request) -> HTMLResponse:
        state = self.desk.replayed()
        if state.state == "none":
            raise HTTPException(404)
        said = Words(self.pages.texts, lang_of(request))
        return self.pages.html(request, "centre/rules_replay.html", replay=state, said=said)


def _places(text: str, checked: Checked | None) -> list[tuple[int | None, str, str]]:
    """Line, its text and the mistake, in the order of the text; what is about no line comes first."""
    text = lines(text)
    each = text.split("\n")
    found = [(line_of(text, one), one) for one in (() if checked is None else checked.mistakes)]
    found.sort(key=lambda pair: pair[0] or 0)
    return [(at, each[at - 1].partition(" #")[0].strip()[:MOST_SHOWN] if at else "", one) for at, one in found]


def lines(text: str) -> str:
    """A browser ends lines in its own way."""
    return text.replace("\r\n", "\n")
