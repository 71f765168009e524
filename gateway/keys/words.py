"""Passwords, second factors and device cookies: what a person signs in with, on `cryptography`.

password   Argon2id (RFC 9106: 64 MiB, 3 passes, 4 lanes), as a PHC string that names its parameters
totp       RFC 6238: SHA-1, 6 digits, 30 s; a step before and after is believed, and none twice
"""

import base64
import os
import secrets
import time
from urllib.parse import quote

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

SHORTEST, LONGEST = 10, 128
STEP_S = 30
KEY_BYTES = 20
_MEMORY_KIB, _PASSES, _LANES = 65_536, 3, 4
_NOBODY = Argon2id(
    salt=os.urandom(16), length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
).derive_phc_encoded(os.urandom(32))


def hash_password(password: str) -> str:
    """A salted PHC string from which the password cannot be read."""
    scheme = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return scheme.derive_phc_encoded(password.encode())


def is_password(hashed: str | None, password: str) -> bool:
    """Whether it is the password; for None (there is no such account) the same work is done, and it is not."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed or _NOBODY)
    except (InvalidKey, ValueError):
        return False
    return hashed is not None


def new_totp_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def totp_step(key: bytes, code: str, after: int, at: float | None = None) -> int | None:
    """The time step that `code` belongs to, one that comes after the step `after`; None where it is no such code."""
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        return None
    now = int((time.time() if at is None else at) // STEP_S)
    scheme = _totp(key)
    for step in (now, now - 1, now + 1):
        try:
            scheme.verify(code.encode(), step * STEP_S)
        except InvalidToken:
            continue
        return step if step > after else None
    return None


def totp_code(key: bytes, at: float) -> str:
    """What an app shows at this time."""
    return _totp(key).generate(int(at)).decode()


def totp_secret(key: bytes) -> str:
    """The key as people type it into an app."""
    return base64.b32encode(key).decode().rstrip("=")


def totp_address(key: bytes, account: str, issuer: str) -> str:
    """The key as an app reads it from a picture (otpauth://)."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={totp_secret(key)}&issuer={quote(issuer)}"


def _totp(key: bytes) -> TOTP:
    return TOTP(key, 6, SHA1(), STEP_S, enforce_key_length=False)  # noqa: S303 - all that apps know (RFC 6238)
