"""What the pages of signing in share: a page with what was wrong, sign-in by password, who is signed in so far."""

import secrets
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.accounts.book import Accounts, Signed
from gateway.centre.accounts.lockout import Lockout
from gateway.centre.accounts.sessions import Sessions, agent_of
from gateway.centre.api.access import sent_to
from gateway.web.page import Pages

Word = Annotated[str, Form(max_length=300)]
"""A field of a form."""


class Entrance:
    """What the pages share."""

    def __init__(self, sessions: Sessions, lockout: Lockout, pages: Pages) -> None:
        self.sessions = sessions
        self.book: Accounts = sessions.book
        self.lockout = lockout
        self.pages = pages

    def page(
        self, request: Request, step: str, *, status: int = 200, wrong: str = "", **values: object
    ) -> HTMLResponse:
        return self.pages.html(request, f"sign/{step}.html", status=status, wrong=wrong, **values)

    def sign_in(self, request: Request, name: str, password: str, to: str) -> Response:
        """A session for the right password; the page again, which never says whether there is such an account."""
        device = self.sessions.device_of(request, name)
        if wait := self.lockout.wait_s(name, device):
            return self.page(request, "in", status=429, wrong="wait", wait=-(-wait // 60), name=name, next=to)
        with self.sessions.database.read() as connection:
            right = self.book.is_password(connection, name, password)
        if not right:
            self.lockout.failed(name, device)
            return self.page(request, "in", status=403, wrong="in", wait=0, name=name, next=to)
        self.lockout.went_well(name, device)
        with self.sessions.database.write() as connection:
            token = self.book.open(connection, name, agent_of(request), self.sessions.now())
        response = RedirectResponse(inside(to), 303)
        self.sessions.start(response, name, token, device or secrets.token_hex(8))
        return response

    def signed(self, request: Request, *needs: str) -> Signed:
        """Who is signed in, at least so far that only `needs` is left to do; anybody else is sent to sign in."""
        signed = self.sessions(request)
        if signed is None or signed.needs not in ("", *needs):
            raise sent_to(request, "/sign-in" if signed is None else "/sign-in/second")
        return signed

    def out(self) -> Response:
        """A browser without its session, at the door."""
        response = RedirectResponse("/sign-in", 303)
        self.sessions.end(response)
        return response


def inside(to: str) -> str:
    """A path of ours: whatever could lead a browser elsewhere is "/"."""
    plain = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and "\\" not in to
    return to if plain and len(to) <= 300 else "/"
