"""The versions of the policy on pages: proposed, compared, tried, approved by a second person, brought back."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.api.access import Access
from gateway.centre.pages.sheet import Sheet
from gateway.centre.pages.uploads import uploaded
from gateway.centre.policies import Policies
from gateway.centre.rulebook import LONGEST_TEXT, is_own
from gateway.centre.rulework import MOST_DAYS, Trials, approved, check, listed, proposed, rolled_back
from gateway.settings import ApiClient, Settings
from gateway.store.queries import rulebook
from gateway.web.page import lang_of
from gateway.web.rule_words import Words
from gateway.web.rules_page import RulesPage, lines
from gateway.web.rules_view import Checked
from rules.cases import NotPossible
from rules.policy import PolicyError

DONE = ("proposed", "in_force", "approved", "back", "tried")
WHY_NOT = ("own", "state", "not_back", "busy", "text")
WORDS = (*(f"rules.done.{one}" for one in DONE), *(f"rules.why_not.{one}" for one in WHY_NOT))
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=LONGEST_TEXT)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work on. `changed` is called after a commit."""

    policies: Policies
    settings: Settings
    trials: Trials
    page: RulesPage
    sheet: Sheet
    changed: Callable[[], None]


def make_policy_pages(desk: Desk, access: Access) -> tuple[APIRouter, APIRouter]:
    """The routers: for whoever may look and try, and for whoever may propose and approve.

    Raises:
        TextsIncomplete: something that they may have to say has no text.
    """
    desk.page.pages.texts.need(WORDS)
    looking = APIRouter(dependencies=[Depends(access.page_of_all("administrator", "security"))])
    _looking(looking, desk)
    acting = APIRouter()
    administrator = Annotated[ApiClient, Depends(access.page_of_all("administrator"))]
    _proposing(acting, desk, administrator)
    _deciding(acting, desk, administrator)
    return looking, acting


def _looking(router: APIRouter, desk: Desk) -> None:
    @router.post("/admin/rules/read")
    async def read(request: Request) -> HTMLResponse:
        return await run_in_threadpool(_file_read, desk, request, await uploaded(request, "file"))

    @router.get("/admin/rules/versions/{version}")
    def version(request: Request, version: Version) -> HTMLResponse:
        return _shown(desk, request, version)

    @router.post("/admin/rules/versions/{version}/replay")
    def replay(request: Request, version: Version, days: Annotated[int, Form(ge=1, le=MOST_DAYS)] = 30) -> Response:
        if desk.trials.state().state == "running":
            return _shown(desk, request, version, why_not="busy")
        found = desk.trials.begin(_row(desk, version).text, days)
        if found.mistakes:
            return _shown(desk, request, version, why_not="text", mistakes=found.mistakes)
        return RedirectResponse(f"/admin/rules/versions/{version}?done=tried#replay", 303)


def _proposing(router: APIRouter, desk: Desk, administrator: Any) -> None:
    policies = desk.policies

    @router.post("/admin/rules/propose")
    def propose(request: Request, client: administrator, text: Text) -> Response:
        said = lines(text)
        try:
            number = proposed(policies.database, policies.book, desk.settings, said, client.name)
        except PolicyError as error:
            return desk.page(request, status=422, text=text, checked=Checked(error.mistakes))
        desk.changed()
        done = "proposed" if policies.book.profile == "district" else "in_force"
        return RedirectResponse(f"/admin/rules/versions/{number}?done={done}", 303)


def _deciding(router: APIRouter, desk: Desk, administrator: Any) -> None:
    policies = desk.policies

    @router.post("/admin/rules/versions/{version}/approve")
    def approve(request: Request, version: Version, client: administrator) -> Response:
        try:
            approved(policies.database, policies.book, version, client.name)
        except NotPossible:
            own = _row(desk, version).state == "proposed"
            return _shown(desk, request, version, why_not="own" if own else "state")
        desk.changed()
        return RedirectResponse(f"/admin/rules/versions/{version}?done=approved", 303)

    @router.post("/admin/rules/versions/{version}/rollback")
    def roll_back(
        request: Request, version: Version, client: administrator, reason: Annotated[str, Form(max_length=500)] = ""
    ) -> Response:
        if not reason.strip():
            return _shown(desk, request, version, errors={"reason": desk.sheet.say(request, "rules.back_reason")})
        try:
            number = rolled_back(policies.database, policies.book, version, reason, client.name)
        except NotPossible:
            return _shown(desk, request, version, why_not="not_back", reason=reason)
        except PolicyError as error:
            return _shown(desk, request, version, why_not="text", mistakes=error.mistakes, reason=reason)
        desk.changed()
        return RedirectResponse(f"/admin/rules/versions/{number}?done=back", 303)


def _shown(
    desk: Desk,
    request: Request,
    version: int,
    *,
    why_not: str = "",
    errors: dict[str, str] | None = None,
    mistakes: tuple[str, ...] = (),
    reason: str = "",
) -> HTMLResponse:
    """A version with what it changes of the one in force, what was wrong, and what was typed."""
    row, client = _row(desk, version), _who(request)
    about = next(one for one in listed(desk.policies.database, desk.policies.book) if one.version == version)
    done = request.query_params.get("done", "")
    found = check(row.text, desk.settings)
    said = Words(desk.page.pages.texts, lang_of(request))
    return desk.sheet(
        request,
        "policy_version",
        "centre.rules",
        status=409 if why_not else 422 if errors else 200,
        row=about,
        text=row.text,
        changes=_changes(desk.policies.text, row.text),
        tests=found.tests,
        remarks=found.remarks,
        own=bool(client) and is_own(row, client),
        district=desk.policies.book.profile == "district",
        back=_back(about, desk.policies),
        replay=desk.trials.state(),
        said=said,
        most=MOST_DAYS,
        may_act="administrator" in desk.page.roles_of(request),
        done=done if done in DONE else "",
        why_not=why_not,
        errors=errors or {},
        mistakes=[said.mistake(one) for one in mistakes],
        reason=reason,
    )


def _back(about: Any, policies: Policies) -> bool:
    """Whether a version was in force once and is not now."""
    begun = about.begins.timestamp() <= policies.book.wall()
    return about.state == "approved" and begun and not about.in_force


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    """What another text changes, line by line: ("del" | "ins" | "same" | "gap", line)."""
    kinds = {"-": "del", "+": "ins", " ": "same", "@": "gap"}
    found = list(unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=2))[2:]
    return [(kinds[line[0]], "" if line[0] == "@" else line[1:]) for line in found if line]


def _file_read(desk: Desk, request: Request, sent: bytes) -> HTMLResponse:
    """The page with the text of a file in its field, checked."""
    try:
        text = lines(sent.decode("utf-8-sig"))
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or len(text) > LONGEST_TEXT:
        return desk.page(request, status=422, unread=True)
    return desk.page(request, text=text, checked=check(text, desk.settings))


def _row(desk: Desk, version: int) -> Any:
    with desk.policies.database.read() as connection:
        row = rulebook.version(connection, version)
    if row is None:
        raise LookupError("there is no such version")
    return row


def _who(request: Request) -> str:
    return str(getattr(request.state, "actor", ""))
