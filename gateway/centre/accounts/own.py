"""One's own account: password, second factor, signing out here or everywhere."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from gateway.centre.accounts.book import NotAllowed, Signed
from gateway.centre.accounts.entrance import Entrance, Word
from gateway.centre.api.access import anyone
from gateway.keys import words
from gateway.store.queries import accounts as rows
from rules.roles import SECOND_FACTOR


def make_account(entrance: Entrance, issuer: str) -> APIRouter:  # noqa: C901 - a router is its routes
    """The pages as a router. `issuer` is how an authenticator app names this gateway."""
    router = APIRouter(dependencies=[Depends(anyone)])
    book, database, now = entrance.book, entrance.sessions.database, entrance.sessions.now

    @router.get("/account")
    def account(request: Request) -> Response:
        signed = entrance.signed(request)
        return entrance.page(request, "account", signed=signed, strict=bool(SECOND_FACTOR & set(signed.roles)))

    @router.post("/account/password")
    def password(request: Request, old: Word, new: Word, again: Word) -> Response:
        signed = entrance.signed(request)
        wrong = "" if new == again else "password"
        if not wrong:
            try:
                with database.write() as connection:
                    book.set_password(connection, signed, old, new, now())
            except NotAllowed as error:
                wrong = error.code
        if wrong:
            return entrance.page(request, "account", status=422, wrong=wrong, signed=signed, strict=False)
        return entrance.out()

    @router.get("/account/second")
    def show_second(request: Request) -> Response:
        signed = entrance.signed(request, "enrol")
        return _offer(request, signed, words.new_totp_key())

    @router.post("/account/second")
    def set_second(request: Request, key: Word, code: Word) -> Response:
        signed = entrance.signed(request, "enrol")
        try:
            chosen = bytes.fromhex(key)
        except ValueError:
            chosen = b""
        if len(chosen) != words.KEY_BYTES:
            return _offer(request, signed, words.new_totp_key(), wrong="code")
        with database.write() as connection:
            codes = book.set_second(connection, signed, chosen, code.strip(), now())
        if codes is None:
            return _offer(request, signed, chosen, wrong="code")
        return entrance.page(request, "codes", codes=codes)

    @router.post("/sign-out")
    def out(request: Request) -> Response:
        signed = entrance.sessions(request)
        if signed is not None:
            with database.write() as connection:
                rows.close(connection, number=signed.session)
        return entrance.out()

    @router.post("/sign-out/everywhere")
    def out_everywhere(request: Request) -> Response:
        signed = entrance.signed(request, "second", "enrol")
        with database.write() as connection:
            rows.close(connection, account=signed.account)
        return entrance.out()

    def _offer(request: Request, signed: Signed, key: bytes, wrong: str = "") -> Response:
        address = words.totp_address(key, signed.name, issuer)
        said = {"secret": words.totp_secret(key), "key": key.hex(), "address": address}
        return entrance.page(request, "enrol", status=422 if wrong else 200, wrong=wrong, **said)

    return router
