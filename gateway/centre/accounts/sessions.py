"""Whose session a request belongs to, and the cookies that carry it."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from gateway.centre.accounts.book import LONGEST_MS, Accounts, Signed
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from gateway.web.guard import SESSION, session_of

DEVICE = "xq_device"
DEVICE_S = 180 * 86_400


class Sessions:
    """Finds who is signed in, once a request. `secure`: a proxy ends TLS, so cookies go over TLS alone."""

    def __init__(self, database: Database, book: Accounts, now: Callable[[], int], *, secure: bool) -> None:
        self.database = database
        self.book = book
        self.now = now
        self._secure = secure

    def __call__(self, request: Request) -> Signed | None:
        """Whose session it is, or None; that it is in use is noted once a minute."""
        if not hasattr(request.state, "session"):
            request.state.session = self._find(request)
        found: Signed | None = request.state.session
        return found

    def start(self, response: Response, name: str, token: str, device: str) -> None:
        """Give a browser its session, and what it is known by when it signs in again."""
        self._set(response, SESSION, token, LONGEST_MS // 1000)
        self._set(response, DEVICE, self.book.device(name, device), DEVICE_S)

    def end(self, response: Response) -> None:
        self._set(response, SESSION, "", 0)

    def device_of(self, request: Request, name: str) -> str:
        """The nonce of a browser that this account signed in with before, or ""."""
        return self.book.is_device(name, request.cookies.get(self._named(DEVICE), ""))

    def _find(self, request: Request) -> Signed | None:
        token, now = session_of(request.headers), self.now()
        if not token:
            return None
        with self.database.read() as connection:
            signed = self.book.signed(connection, token, agent_of(request), now)
            stale = None if signed is None else self.book.stale(connection, token, now)
        if stale is not None:
            with self.database.write() as connection:
                rows.seen(connection, stale, now)
        return signed

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._named(name), value, max_age=seconds, secure=self._secure, httponly=True, samesite="strict"
        )

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self._secure else name


def agent_of(request: Request) -> str:
    """What a session is bound to: the browser as it names itself."""
    return request.headers.get("user-agent", "")[:300]
