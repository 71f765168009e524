"""One slip: what it says, its particulars once they are asked for, and the four answers, each with a reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.centre.api.access import Access
from gateway.centre.api.alerts import Slip, read, sent_to
from gateway.centre.api.police import download
from gateway.centre.checklists import Checklists
from gateway.centre.pages.police.office import Office, SlipShown
from gateway.centre.slips import ANSWER, Stale
from gateway.settings import ApiClient
from gateway.web.texts import DEFAULT
from gateway.wire import Answer
from rules.cases import ALERT_NEXT, AlertState, NotPossible

OTHER = "other"
REASONS: Mapping[str, tuple[str, ...]] = {
    "acknowledged": ("visit", "call", OTHER),
    "handled": ("at_home", "at_station", "by_host", OTHER),
    "returned": ("incomplete", "not_ours", "not_met", OTHER),
    "wrong": ("not_living", "number", "registered", "no_need", OTHER),
}
"""What an answer may rest on; the last one is said in words."""
MOST_NOTE, MOST_RECEIPT, MOST_OFFICER = 400, 64, 20
Said = Annotated[Literal["acknowledged", "handled", "returned", "wrong"], Form()]
Text = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody has filled in."""

    answer: str = ""
    reason: str = ""
    note: str = ""
    receipt: str = ""

    def mistakes(self) -> dict[str, str]:
        """Field -> what is wrong with it, as the code of a text."""
        found = {}
        if self.reason not in REASONS[self.answer]:
            found["reason"] = "reason"
        if self.reason == OTHER and not self.note:
            found["note"] = "say"
        if len(self.note) > MOST_NOTE:
            found["note"] = "long"
        if self.answer == "handled" and not self.receipt:
            found["receipt"] = "receipt"
        if len(self.receipt) > MOST_RECEIPT:
            found["receipt"] = "long"
        return found


def make_answering(
    office: Office,
    access: Access,
    lists: Checklists,
    take_answer: Callable[[Connection, Answer, str], None],
    changed: Callable[[], None],
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: a reason or a mistake has no text.
    """
    texts = office.pages.texts
    texts.need(f"police.reason.{answer}_{one}" for answer, codes in REASONS.items() for one in codes)
    texts.need(f"police.wrong.{code}" for code in ("reason", "say", "long", "receipt"))
    router = APIRouter()
    officer = access.page("police")
    page = _Page(office)
    _reading(router, page, officer, lists)

    @router.post("/police/slips/{slip}/answer")
    def answer(
        request: Request,
        slip: Slip,
        client: Annotated[ApiClient, Depends(officer)],
        answer: Said,
        revision: Annotated[int, Form(ge=1, le=2**31)],
        reason: Text = "",
        note: Text = "",
        receipt: Text = "",
    ) -> Response:
        typed = Typed(answer, reason, note.strip(), receipt.strip())
        if wrong := typed.mistakes():
            return page(request, client, slip, typed=typed, wrong=wrong)
        because = texts.get(DEFAULT, f"police.reason.{answer}_{reason}")
        words = "：".join(one for one in (because if reason != OTHER else "", typed.note) if one)
        try:
            with office.database.write() as connection:
                row = sent_to(connection, client, slip, revision)
                said = Answer(slip, answer, _actor(request, client), typed.receipt or None, words, row.sending)
                take_answer(connection, said, row.police_station)
        except (Stale, NotPossible):
            return page(request, client, slip, typed=typed, late=True)
        changed()
        return RedirectResponse(f"/police/slips/{slip}", 303)

    return router


def _reading(router: APIRouter, page: "_Page", officer: Callable[..., ApiClient], lists: Checklists) -> None:
    office = page.office

    @router.get("/police/slips/{slip}")
    def one(request: Request, slip: Slip, client: Annotated[ApiClient, Depends(officer)], answer: str = "") -> Response:
        return page(request, client, slip, typed=Typed(answer))

    @router.post("/police/slips/{slip}/reveal")
    def reveal(request: Request, slip: Slip, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        with office.database.write() as connection:
            row = sent_to(connection, client, slip)
            read(connection, office.master, client, row, office.now())
            shown = office.shown(connection, request, row, full=True)
        if "hx-request" in request.headers:
            return office.sheet(client).part(request, "slip_who", slip=shown)
        return page.of(request, client, shown)

    @router.post("/police/slips/{slip}/print")
    def to_print(slip: Slip, client: Annotated[ApiClient, Depends(officer)]) -> Response:
        with office.database.write() as connection:
            row = sent_to(connection, client, slip)
            said = read(connection, office.master, client, row, office.now())
            data = lists.page(row.police_station, office.today, said)
        return download(data, "text/html; charset=utf-8", f"{slip}.html")


class _Page:
    """The page of a slip as it stands, with what somebody has typed."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def __call__(
        self,
        request: Request,
        client: ApiClient,
        slip: str,
        *,
        typed: Typed,
        wrong: Mapping[str, str] | None = None,
        late: bool = False,
    ) -> Response:
        with self.office.database.read() as connection:
            shown = self.office.shown(connection, request, sent_to(connection, client, slip))
        return self.of(request, client, shown, typed=typed, wrong=wrong or {}, late=late)

    def of(
        self,
        request: Request,
        client: ApiClient,
        shown: SlipShown,
        *,
        typed: Typed | None = None,
        wrong: Mapping[str, str] | None = None,
        late: bool = False,
    ) -> Response:
        sheet, typed = self.office.sheet(client), typed or Typed()
        may = _possible(shown.row.state)
        chosen = typed.answer if typed.answer in may else next(iter(may), "")
        reasons: list[tuple[str, str]] = []
        if chosen:
            reasons = [(one, sheet.say(request, f"police.reason.{chosen}_{one}")) for one in REASONS[chosen]]
        values: dict[str, Any] = {
            "slip": shown,
            "may": may,
            "chosen": chosen,
            "reasons": reasons,
            "typed": typed,
            "late": late,
            "errors": {name: sheet.say(request, f"police.wrong.{code}") for name, code in (wrong or {}).items()},
            "most": MOST_NOTE,
        }
        status = 409 if late else 422 if wrong else 200
        return sheet(request, "slip", "slip.title", status=status, **values)


def _possible(state: str) -> list[str]:
    return [answer for answer, act in ANSWER.items() if (AlertState(state), act) in ALERT_NEXT]


def _actor(request: Request, client: ApiClient) -> str:
    """Who answers, as the slip keeps it."""
    signed = getattr(request.state, "signed", None)
    shown = signed.shown[:MOST_OFFICER] if signed is not None else ""
    return f"{shown} ({client.name})" if shown else client.name
