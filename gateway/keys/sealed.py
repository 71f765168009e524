"""Bytes sealed by a passphrase, for a file that leaves the machine: Argon2id (RFC 9106), then AES-256-GCM.

magic · version 1 · salt, 16 · nonce, 12 · ciphertext and tag, bound to magic, version and purpose
"""

import base64
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gateway.keys import KEY_BYTES, NotAuthentic

HEAD = b"xq-sealed\x01"
SHORTEST = 12
"""Characters of a passphrase that a person chooses."""
_SALT, _NONCE = 16, 12
_MEMORY_KIB, _PASSES, _LANES = 262_144, 3, 4


def passphrase() -> str:
    """A new one of 100 bits, in groups that can be read out."""
    text = base64.b32encode(secrets.token_bytes(20)).decode().lower()[:20]
    return "-".join(text[at : at + 5] for at in range(0, 20, 5))


def seal_file(plain: bytes, words: str, purpose: str) -> bytes:
    """Seal bytes by a passphrase, for one purpose."""
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return HEAD + salt + nonce + AESGCM(_key(words, salt)).encrypt(nonce, plain, HEAD + purpose.encode())


def open_file(sealed: bytes, words: str, purpose: str) -> bytes:
    """The bytes.

    Raises:
        NotAuthentic: another passphrase or purpose, changed bytes, or no such file at all.
    """
    if not sealed.startswith(HEAD):
        raise NotAuthentic("not a file that was sealed here")
    body = sealed[len(HEAD) :]
    salt, nonce, rest = body[:_SALT], body[_SALT : _SALT + _NONCE], body[_SALT + _NONCE :]
    try:
        return AESGCM(_key(words, salt)).decrypt(nonce, rest, HEAD + purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise NotAuthentic("the passphrase does not open this file") from error


def _key(words: str, salt: bytes) -> bytes:
    scheme = Argon2id(salt=salt, length=KEY_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return scheme.derive(words.strip().encode())
