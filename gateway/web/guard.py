"""What stands before every page: whom the browser thinks it talks to, who sent the form, and strict headers.

The consoles are reached on loopback and on a LAN, so a page elsewhere could aim a browser at them: by a name that
resolves here (DNS rebinding: the Host header must be one of ours) or by a form (CSRF: the Origin must be the host).
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.web.texts import DEFAULT, accepted

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LANG_COOKIE = "xq_lang"
THEME_COOKIE = "xq_theme"
THEMES = ("auto", "light", "dark")
"""`auto` is what the system of whoever looks at the page prefers."""
MAX_BODY = 1 << 20
"""Bytes of a request's body: the largest form is a few kilobytes, rows over the API one megabyte."""
MAX_LIST = 32 << 20
"""Bytes of a list that comes as a file."""
_FORM = 1 << 16
"""What the form of a page may add around its file."""
_LISTS = re.compile(r"(/api/v\d+/communities/[^/]+|/[a-z]+(/[a-z]+)?)/lists/[a-z_]+")
API = "/api/"
"""Below it a call without a session has a bearer token or says nothing of anybody: its origin says nothing more."""
SESSION = "xq_session"
"""Name of the cookie of whoever is signed in; `__Host-` stands before it where a proxy ends TLS."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would turn the Origin of our own forms into "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

OnError = Callable[[Scope], Response]


def host_of(value: str) -> str | None:
    """The name in a Host header, lower-case, without port and brackets; None when it is not one."""
    if any(sign in value for sign in "/@?#\\ "):
        return None
    try:
        parts = urlsplit(f"//{value}")
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return None
    return parts.hostname


class Guard:
    """ASGI middleware, outermost. A failure inside it ends as the plain page that `on_error` gives."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Iterable[str], on_error: OnError) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in allowed_hosts)
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {LANG_COOKIE: accepted(_asked(scope, "lang")), THEME_COOKIE: _theme(_asked(scope, "theme"))}
        state = scope.setdefault("state", {})
        state["lang"] = asked[LANG_COOKIE] or accepted(_cookie(scope, LANG_COOKIE)) or DEFAULT
        state["theme"] = asked[THEME_COOKIE] or _theme(_cookie(scope, THEME_COOKIE)) or THEMES[0]
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _dress(MutableHeaders(scope=message), asked)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        try:
            await self._app(scope, receive, dressed)
        except Exception:  # the last edge: whoever watches the page sees a page
            log.exception("a page failed: %s %s", scope["method"], scope["path"])
            if started:
                raise
            await self._on_error(scope)(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_of(hosts[0]) not in self._hosts:
            return PlainTextResponse("this host name is not served here\n", 400)
        if scope["method"] in SAFE:
            return None
        free = scope["path"].startswith(API) and ("authorization" in headers or not session_of(headers))
        if not free and not _same_origin(headers, hosts[0]):
            return PlainTextResponse("this request did not come from one of our pages\n", 403)
        return _body_refusal(headers, MAX_LIST + _FORM if _LISTS.fullmatch(scope["path"]) else MAX_BODY)


def session_of(headers: Headers) -> str:
    """The token of the session that a browser sends, or ""."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    morsel = cookies.get(f"__Host-{SESSION}") or cookies.get(SESSION)
    return morsel.value if morsel is not None else ""


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether a page of ours sent it."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    return origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower()}


def _body_refusal(headers: Headers, most: int) -> Response | None:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers:
        return PlainTextResponse("the length must be stated\n", 411)
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= most):
        return PlainTextResponse("too large\n", 413)
    return None


def _dress(headers: MutableHeaders, asked: Mapping[str, str | None]) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if headers.get("content-type", "").startswith("text/html"):
        for cookie, chosen in asked.items():
            if chosen is not None:
                headers.append("Set-Cookie", f"{cookie}={chosen}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly")


def _theme(theme: str | None) -> str | None:
    return theme if theme in THEMES else None


def _asked(scope: Scope, name: str) -> str | None:
    values = parse_qs(scope["query_string"].decode("latin-1")).get(name, [])
    return values[-1] if values else None


def _cookie(scope: Scope, name: str) -> str | None:
    try:
        morsel = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None
