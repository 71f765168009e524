"""The addresses of the lock: what asks first whether a post is open, and how it is locked, opened and given a PIN."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.station.console.lock import COOKIE, Lock, TooManyTries
from gateway.web.guard import SAFE
from gateway.web.page import Pages, lang_of

LONGEST_PIN = 8
Pin = Annotated[str, Form(max_length=LONGEST_PIN)]
Page = Callable[[Request, int, str], Response]
"""Shows a page with a status and what was wrong."""


def is_locked(lock: Lock, request: Request) -> bool:
    """Whether the post that asks is locked."""
    return lock.shuts(request.cookies.get(COOKIE, ""))


def only_open(lock: Lock) -> Callable[[Request], None]:
    """What a router asks first: a locked post is led to its page, and does nothing."""

    def check(request: Request) -> None:
        if is_locked(lock, request):
            if request.method in SAFE:
                raise HTTPException(303, headers={"Location": "/gate"})
            raise HTTPException(423)

    return check


def make_locking(lock: Lock, pages: Pages, booth: Page, post: Page) -> APIRouter:
    """The router. `booth` shows a locked booth, `post` the settings of an open one."""
    router = APIRouter()

    @router.post("/gate/lock")
    def shut(request: Request) -> Response:
        lock.lock(request.cookies.get(COOKIE, ""))
        return RedirectResponse("/gate", 303)

    @router.post("/gate/unlock")
    def unlock(request: Request, pin: Pin) -> Response:
        token, status, wrong = _tried(lambda: lock.unlock(pin), "lock.wrong")
        return _opened(token) if token else booth(request, status, pages.texts.get(lang_of(request), wrong))

    @router.get("/gate/post")
    def settings(request: Request) -> Response:
        if is_locked(lock, request):
            return RedirectResponse("/gate", 303)
        return post(request, 200, "")

    @router.post("/gate/pin")
    def change(request: Request, old: Pin = "", new: Pin = "") -> Response:
        if is_locked(lock, request):
            raise HTTPException(423)
        token, status, wrong = _tried(lambda: lock.change(old, new), "lock.old_wrong")
        return _opened(token) if token else post(request, status, pages.texts.get(lang_of(request), wrong))

    return router


def _tried(act: Callable[[], str | None], wrong: str) -> tuple[str, int, str]:
    """The token of a post that is open now, or "" with a status and the key of what is said."""
    try:
        return act() or "", 422, wrong
    except ValueError:
        return "", 422, "lock.digits"
    except TooManyTries:
        return "", 429, "lock.too_often"
    except OSError:
        return "", 503, "lock.not_kept"


def _opened(token: str) -> Response:
    answer = RedirectResponse("/gate", 303)
    answer.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict")
    return answer
