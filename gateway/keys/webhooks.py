"""Secrets and signatures of webhooks, as Standard Webhooks has them: every secret that holds signs, for a rotation."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from gateway.keys import KeyFileError, read_secret

PREFIX = "whsec_"
LEAST, MOST = 24, 64
"""Bytes of a secret, by the specification."""
AT_ONCE = 4
"""Secrets that may hold at the same time."""


def read_secrets(path: Path) -> list[bytes]:
    """The secrets of a file of mode 0600, one a line: `whsec_` and base64; the newest first.

    Raises:
        KeyFileError: the file cannot be read, others may read it, or a line is no secret.
    """
    lines = [line.strip() for line in read_secret(path).splitlines() if line.strip()]
    if not 1 <= len(lines) <= AT_ONCE:
        raise KeyFileError(f"{path}: it holds {len(lines)} secrets; 1 to {AT_ONCE} may hold at once")
    return [_secret(path, number, line) for number, line in enumerate(lines, 1)]


def _secret(path: Path, number: int, line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not line.startswith(PREFIX) or not LEAST <= len(secret) <= MOST:
        raise KeyFileError(f"{path}, line {number}: not {PREFIX} and {LEAST} to {MOST} bytes in base64")
    return secret


def signatures(secrets: Sequence[bytes], message: str, at: int, body: bytes) -> str:
    """The header `webhook-signature` of a message (its id) at a time in seconds: one signature by each secret."""
    signed = f"{message}.{at}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(one, signed, hashlib.sha256)).decode()}" for one in secrets)
