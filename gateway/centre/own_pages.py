"""The pages /me and /landlord: declare, see one's own data when a desk opens it, ask, object; forms to print."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.api.access import anyone
from gateway.centre.api.declared import (
    PASSES_MS,
    RECEIPT_SAYS,
    DeclarationBody,
    LandlordBody,
    Public,
    declaration_of,
)
from gateway.centre.declarations import Declarations, Move
from gateway.centre.own_data import Asked, Session
from gateway.centre.slips import Stale
from gateway.store.queries import declared, streams
from gateway.store.queries.history import By
from gateway.web.page import Pages, lang_of
from rules.cases import NotPossible, Objection
from rules.identity import BadNumber, Problem, canonical
from rules.model import CredentialKind, Source

Fields = dict[str, str]
FIELDS = tuple(LandlordBody.model_fields)
MOST_FIELDS = 20
SHOWN = {
    "enrolments": ("where", "since", "until", "ended_on"),
    "residents": ("where", "category", "since", "until", "source", "employer"),
    "registrations": ("since", "until", "as_of", "receipt", "employer"),
    "credentials": ("kind", "issued_on", "returned_on"),
    "cases": ("kind", "state", "source", "opened_on", "due"),
    "leases": ("where", "since", "until"),
    "requests": ("kind", "said", "due", "outcome", "why"),
}
"""What the page shows of each row; the API gives all of it."""
WORDS = (
    *(f"own.move.{one.value}" for one in Move),
    *(f"own.asked.{one.value}" for one in Asked),
    *(f"own.objection.{one.value}" for one in Objection),
    *(f"own.wrong.{one}" for one in ("number", "day", "field", "community", "often", "waits", "session", "nothing")),
    *(f"own.self.{one}" for one in ("title", "intro", "person")),
    *(f"own.landlord.{one}" for one in ("title", "intro", "person")),
    *(f"own.state.{one}" for one in ("waiting", "confirmed", "rejected", "unknown")),
    *(f"collect.wrong.{one.value}" for one in Problem),
    *(f"own.held.{one}" for one in ("enrolments", "residents", "registrations", "credentials", "cases", "leases")),
    "own.held.requests",
)


class OwnPages:
    """What both pages do."""

    def __init__(self, public: Public, declarations: Declarations, pages: Pages, official: str) -> None:
        self.public = public
        self.pages = pages
        self._declarations = declarations
        self._official = official

    def page(
        self,
        request: Request,
        who: str,
        *,
        status: int = 200,
        wrong: str = "",
        errors: Fields | None = None,
        said: Fields | None = None,
        state: str = "",
    ) -> HTMLResponse:
        """The page of `self` or `landlord`: what was wrong, at which field, what was said already, how far one is."""
        with self.public.database.read() as connection:
            places = [(row.id, row.name) for row in streams.communities(connection)]
        at = {"community": request.query_params.get("at", "")}
        return self.pages.html(
            request,
            "own/declare.html",
            status=status,
            who=who,
            places=places,
            wrong=wrong,
            errors=errors or {},
            said=dict.fromkeys(FIELDS, "") | at | (said or {}),
            official=self._official,
            moves=[one.value for one in Move],
            today=By("", self.public.now()).today,
            state=state,
        )

    def declare(self, request: Request, who: str, said: Fields) -> HTMLResponse:
        """Take a form; the receipt, or the form again with what is wrong at which field."""
        try:
            self.public.may_declare(request)
        except HTTPException:
            return self.page(request, who, status=429, wrong="often", said=said)
        receipt, errors = self._taken(who, {name: value.strip() for name, value in said.items() if value.strip()})
        if errors:
            words = {name: self._sentence(request, code) for name, code in errors.items()}
            return self.page(request, who, status=422, errors=words, said=said)
        return self.pages.html(request, "own/receipt.html", receipt=receipt, says=RECEIPT_SAYS, who=who)

    def state(self, request: Request, receipt: str) -> HTMLResponse:
        """How far the declaration with this receipt is, and nothing of what it said."""
        try:
            self.public.may_try(request)
        except HTTPException:
            return self.page(request, "self", status=429, wrong="often")
        with self.public.database.read() as connection:
            row = declared.by_receipt(connection, "-".join(re.findall(r"[0-9A-Z]{4}", receipt.upper())))
        return self.page(request, "self", status=200 if row else 404, state=row.state if row else "unknown")

    def _taken(self, who: str, said: Fields) -> tuple[str, Fields]:
        """The receipt, or each field with the code of what is wrong with it."""
        source = Source.LANDLORD if who == "landlord" else Source.SELF
        today = By("", self.public.now()).today
        try:
            body = (LandlordBody if who == "landlord" else DeclarationBody).model_validate(said)
            one = declaration_of(body, source, today)
            with self.public.database.write() as connection:
                return self._declarations.declare(connection, one, self.public.now()), {}
        except ValidationError as error:
            fields = {str(part) for mistake in error.errors() for part in mistake["loc"]} or {"until"}
            return "", {name: WRONG_AT.get(name, "field") for name in FIELDS if name in fields}
        except HTTPException as error:
            return "", {"day": "day"} if "begun" in str(error.detail) else {"number": _number(said)}
        except LookupError:
            return "", {"community": "community"}

    def _sentence(self, request: Request, code: str) -> str:
        said = self.pages.texts.get(lang_of(request), f"own.wrong.{code.partition(' ')[0]}")
        problem = code.partition(" ")[2]
        return said if not problem else f"{said} · {self.pages.texts.get(lang_of(request), f'collect.wrong.{problem}')}"

    def begin(self, request: Request) -> HTMLResponse:
        """A page that waits for a desk to open it."""
        try:
            self.public.may_try(request)
        except HTTPException:
            return self.page(request, "self", status=429, wrong="often")
        with self.public.database.write() as connection:
            code, token = self.public.own_data.begin(connection, self.public.now())
        return self.pages.html(request, "own/waiting.html", code=code, token=token, wrong="")

    def see(self, request: Request, token: str) -> HTMLResponse:
        """One's own data, or the page that still waits."""
        with self.public.database.read() as connection:
            code = self.public.own_data.waiting(connection, token, self.public.now())
        if code is None:
            return self.shown(request, token)
        return self.pages.html(request, "own/waiting.html", code=code, token=token, wrong="waits")

    def shown(self, request: Request, token: str, *, done: str = "", wrong: str = "") -> HTMLResponse:
        """The data page of a session, or the first page where it is over."""
        session = self.public.session_of(token)
        if session is None:
            return self.page(request, "self", status=403, wrong="session")
        with self.public.database.read() as connection:
            now = self.public.now()
            held = self.public.own_data.show(connection, session, now - PASSES_MS, now)
        return self.pages.html(
            request,
            "own/data.html",
            held=held,
            shown=SHOWN,
            token=token,
            done=done,
            wrong=wrong,
            asked=list(Asked),
            objections=list(Objection),
        )

    def act(self, request: Request, token: str, act: Callable[[Connection, Session, By], Any]) -> HTMLResponse:
        """Do something in a session."""
        session = self.public.session_of(token)
        if session is None:
            return self.page(request, "self", status=403, wrong="session")
        try:
            with self.public.database.write() as connection:
                act(connection, session, By("resident", self.public.now()))
        except (NotPossible, Stale):
            return self.shown(request, token, wrong="nothing")
        return self.shown(request, token, done="own.done")


WRONG_AT = {"number": "number", "day": "day", "until": "day", "community": "community"}
"""Field -> what is said of it where it does not hold; of any other one, that it is needed."""


def _number(said: Fields) -> str:
    """What is wrong with a number: the code, and which of the checks it did not pass."""
    try:
        canonical(CredentialKind(said.get("kind", CredentialKind.CITIZEN_ID.value)), said["number"])
    except BadNumber as error:
        return f"number {error.problem.value}"
    return "number"


def make_declare_pages(own: OwnPages) -> APIRouter:
    """The router of declaring, by oneself or as a landlord.

    Raises:
        TextsIncomplete: a text is missing.
    """
    own.pages.texts.need(WORDS)
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/me")
    def me(request: Request) -> HTMLResponse:
        return own.page(request, "self")

    @router.get("/landlord")
    def landlord(request: Request) -> HTMLResponse:
        return own.page(request, "landlord")

    @router.get("/{who}/form")
    def paper(request: Request, who: str) -> HTMLResponse:
        if who not in ("me", "landlord"):
            raise HTTPException(404)
        return own.pages.html(request, "own/paper.html", who=who)

    @router.post("/me/declare")
    async def declare(request: Request) -> HTMLResponse:
        return await _declared(own, request, "self")

    @router.post("/me/state")
    def state(request: Request, receipt: Annotated[str, Form(max_length=40)] = "") -> HTMLResponse:
        return own.state(request, receipt)

    @router.post("/landlord/declare")
    async def declare_tenant(request: Request) -> HTMLResponse:
        return await _declared(own, request, "landlord")

    return router


def make_data_pages(own: OwnPages) -> APIRouter:
    """The router of one's own data."""
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.post("/me/open")
    def enter(request: Request) -> HTMLResponse:
        return own.begin(request)

    @router.post("/me/see")
    def see(request: Request, token: Annotated[str, Form(max_length=64)]) -> HTMLResponse:
        return own.see(request, token)

    @router.post("/me/ask")
    def ask(
        request: Request,
        token: Annotated[str, Form(max_length=64)],
        kind: Annotated[Asked, Form()],
        text: Annotated[str, Form(min_length=1, max_length=500)],
    ) -> HTMLResponse:
        return own.act(request, token, lambda c, mine, by: own.public.own_data.ask(c, mine, kind, text.strip(), by))

    @router.post("/me/object")
    def object_(
        request: Request, token: Annotated[str, Form(max_length=64)], objection: Annotated[Objection, Form()]
    ) -> HTMLResponse:
        return own.act(request, token, lambda c, mine, by: own.public.own_data.object(c, mine, objection, by))

    return router


async def _declared(own: OwnPages, request: Request, who: str) -> HTMLResponse:
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        said = {name: value for name, value in form.items() if isinstance(value, str)}
    return await run_in_threadpool(own.declare, request, who, said)
