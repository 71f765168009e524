"""A PIN before what a guard can do: a post that is left alone is locked, and nothing of it ends.

Verdicts, tones and the strip go on. A post is a browser that holds a token; without a PIN every browser is one.
"""

import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from gateway.keys import write_secret

COOKIE = "xq_post"
DIGITS = (4, 8)
TRIES = 5
WAIT_S = 60.0
_POSTS = 100


class TooManyTries(Exception):
    """The PIN was wrong too often: no further one is looked at for a minute."""


class Lock:
    """The PIN lies scrambled at `path`; whoever may delete the file may have a new one. From any thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._mutex = threading.Lock()
        self._open: OrderedDict[str, bool] = OrderedDict()
        self._wrong = 0
        self._until = 0.0

    @property
    def has_pin(self) -> bool:
        return self._path.exists()

    def shuts(self, post: str) -> bool:
        """Whether a post is locked."""
        with self._mutex:
            return self.has_pin and not self._open.get(post, False)

    def lock(self, post: str) -> None:
        with self._mutex:
            self._open.pop(post, None)

    def unlock(self, pin: str) -> str | None:
        """The token of a post that is open from now on; None where the PIN is wrong.

        Raises:
            TooManyTries: it was wrong too often.
        """
        with self._mutex:
            return self._opened() if self._right(pin) else None

    def change(self, old: str, new: str) -> str | None:
        """Set another PIN, or none ("") and then nothing is locked; None where the old one is wrong.

        Every post is locked but the one whose token is returned.

        Raises:
            ValueError: the new one is not four to eight digits.
            TooManyTries: the old one was wrong too often.
            OSError: it cannot be kept.
        """
        if new and not (new.isascii() and new.isdigit() and DIGITS[0] <= len(new) <= DIGITS[1]):
            raise ValueError("a PIN is four to eight digits")
        with self._mutex:
            if self.has_pin and not self._right(old):
                return None
            if new:
                self._keep(new)
            else:
                self._path.unlink(missing_ok=True)
            self._open.clear()
            return self._opened()

    def _keep(self, pin: str) -> None:
        salt, beside = secrets.token_bytes(16), self._path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        write_secret(beside, json.dumps({"salt": salt.hex(), "pin": _scrambled(pin, salt).hex()}))
        beside.replace(self._path)

    def _opened(self) -> str:
        token = secrets.token_urlsafe(24)
        self._open[token] = True
        while len(self._open) > _POSTS:
            self._open.popitem(last=False)
        return token

    def _right(self, pin: str) -> bool:
        if self._clock() < self._until:
            raise TooManyTries
        right = False
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # a damaged file opens to no PIN
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            salt, scrambled = bytes.fromhex(kept["salt"]), bytes.fromhex(kept["pin"])
            right = hmac.compare_digest(_scrambled(pin, salt), scrambled)
        self._wrong = 0 if right else self._wrong + 1
        if self._wrong >= TRIES:
            self._wrong, self._until = 0, self._clock() + WAIT_S
        return right


def _scrambled(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
