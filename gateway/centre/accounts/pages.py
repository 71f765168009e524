"""The pages of signing in: name and password, second factor, an invitation taken up, the first run."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.centre.accounts.book import NotAllowed
from gateway.centre.accounts.entrance import Entrance, Word, inside
from gateway.centre.accounts.first import FirstRun
from gateway.centre.accounts.lockout import Lockout
from gateway.centre.accounts.own import make_account
from gateway.centre.accounts.sessions import Sessions
from gateway.centre.api.access import anyone
from gateway.keys import words
from gateway.store.queries import accounts as rows
from gateway.web.page import Pages
from rules.roles import Role

HOME: Mapping[Role, str] = {
    Role.GUARD: "/gate/people",
    Role.PROPERTY: "/gate/people",
    Role.WORKER: "/collect",
    Role.REVIEWER: "/collect",
    Role.STREET: "/street",
    Role.COMMITTEE: "/committee",
    Role.POLICE: "/police",
    Role.DUTY: "/police",
    Role.ADMINISTRATOR: "/admin",
    Role.SECURITY: "/admin/accounts",
    Role.AUDITOR: "/admin/audit",
}
"""Where each begins; nobody sees another's."""
WORDS = (
    *(f"sign.wrong.{code}" for code in ("in", "wait", "second", "invitation", "password", "old", "code", "setup")),
    *(f"role.{role.value}" for role in Role),
)


def make_sign_in(
    sessions: Sessions, lockout: Lockout, pages: Pages, first: FirstRun, *, issuer: str, district: bool
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: something that they may have to say has no text.
    """
    pages.texts.need(WORDS)
    router = APIRouter(dependencies=[Depends(anyone)])
    entrance = Entrance(sessions, lockout, pages)
    _ways_in(router, entrance, first, district=district)
    router.include_router(make_account(entrance, issuer))
    return router


def _ways_in(router: APIRouter, entrance: Entrance, first: FirstRun, *, district: bool) -> None:  # noqa: C901
    book, database, now = entrance.book, entrance.sessions.database, entrance.sessions.now

    @router.get("/")
    def home(request: Request) -> Response:
        signed = entrance.sessions(request)
        if signed is None:
            return RedirectResponse("/setup" if first.open else "/sign-in", 303)
        return RedirectResponse(next((HOME[role] for role in signed.roles), "/account"), 303)

    @router.get("/sign-in")
    def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word of the address
        return entrance.page(request, "in", wait=0, name="", next=inside(next))

    @router.post("/sign-in")
    def sign_in(request: Request, name: Word, password: Word, next: Word = "/") -> Response:  # noqa: A002
        return entrance.sign_in(request, name.strip().lower(), password, next)

    @router.get("/sign-in/second")
    def ask_second(request: Request, next: str = "/") -> Response:  # noqa: A002
        entrance.signed(request, "second")
        return entrance.page(request, "second", next=inside(next))

    @router.post("/sign-in/second")
    def second(request: Request, code: Word, next: Word = "/") -> Response:  # noqa: A002
        signed = entrance.signed(request, "second")
        key = f"second {signed.session}"
        if entrance.lockout.wait_s(signed.name, key):
            return entrance.page(request, "second", status=429, wrong="second", next=inside(next))
        with database.write() as connection:
            good = book.second(connection, signed, code.strip(), now())
        if good:
            return RedirectResponse(inside(next), 303)
        entrance.lockout.failed(signed.name, key)
        if entrance.lockout.wait_s(signed.name, key):
            with database.write() as connection:
                rows.close(connection, number=signed.session)
            return RedirectResponse("/sign-in", 303)
        return entrance.page(request, "second", status=403, wrong="second", next=inside(next))

    @router.get("/welcome")
    def invited(request: Request, code: str = "") -> Response:
        return entrance.page(request, "welcome", code=code[:64], shortest=words.SHORTEST)

    @router.post("/welcome")
    def welcome(request: Request, code: Word, password: Word, again: Word) -> Response:
        wrong = "" if password == again else "password"
        if not wrong:
            try:
                with database.write() as connection:
                    name = book.welcome(connection, code.strip(), password, now())
            except NotAllowed as error:
                wrong = error.code
        if wrong:
            return entrance.page(request, "welcome", status=422, wrong=wrong, code=code[:64], shortest=words.SHORTEST)
        return entrance.sign_in(request, name, password, "/")

    @router.get("/setup")
    def setup(request: Request) -> Response:
        return RedirectResponse("/", 303) if not first.open else entrance.page(request, "setup", district=district)

    @router.post("/setup")
    def set_up(request: Request, code: Word, names: Annotated[list[str], Form(max_length=3)]) -> Response:
        if not first.open:
            return RedirectResponse("/", 303)
        try:
            made = first.make(code.strip(), [name.strip().lower() for name in names])
        except NotAllowed as error:
            wrong = "setup" if error.code == "invitation" else "code"
            return entrance.page(request, "setup", status=422, wrong=wrong, district=district)
        links = [(name, f"/welcome?code={quote(invitation)}") for name, invitation in made]
        return entrance.page(request, "made", links=links)
