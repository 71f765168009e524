"""Tokens, envelopes, sealing, field encryption, signatures: the only door to cryptography.

One master key of 32 bytes, kept at the centre alone; every other key is HKDF-SHA-256 of it (RFC 5869) under a purpose.
Algorithms, each named by one byte so that another can follow:

    envelope 1   AES-256-GCM, 12-byte random nonce, additional data = the full topic
    seal 1       HPKE base mode (RFC 9180), DHKEM(X25519), HKDF-SHA-256, AES-256-GCM
    field 1      AES-256-GCM, additional data = table and column
    signature    Ed25519 (RFC 8032)
"""

import hmac
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

KEY_BYTES = 32
_NONCE = 12
_ENVELOPE = 1
_SEAL = 1
_FIELD = 1
_HPKE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class KeyFileError(Exception):
    """A key file is missing, unsafe (readable by others) or not a key."""


class NotAuthentic(Exception):
    """A payload is not what its key, topic or signature says: forged, damaged, moved or of an unknown version."""


def derive(key: bytes, purpose: str, *context: str) -> bytes:
    """HKDF-SHA-256 of `key` for a purpose; 32 bytes."""
    info = "\x1f".join(("xq1", purpose, *context)).encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(key)


class Envelope:
    """Seals and opens the payloads of one direction between one station and the centre."""

    def __init__(self, key: bytes, key_id: int) -> None:
        self._aead = AESGCM(key)
        self._head = bytes((_ENVELOPE, key_id))

    def wrap(self, topic: str, plain: bytes) -> bytes:
        """Version, key id, nonce, ciphertext and tag of `plain`, bound to `topic`."""
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._aead.encrypt(nonce, plain, topic.encode())

    def unwrap(self, topic: str, sealed: bytes) -> bytes:
        """The plaintext.

        Raises:
            NotAuthentic: another version or key, another topic, or bytes changed on the way.
        """
        if sealed[:2] != self._head:
            raise NotAuthentic("unknown envelope version or key")
        try:
            return self._aead.decrypt(sealed[2 : 2 + _NONCE], sealed[2 + _NONCE :], topic.encode())
        except (InvalidTag, ValueError) as error:
            raise NotAuthentic("the envelope does not open under this topic") from error


@dataclass(frozen=True, slots=True)
class StationKeys:
    """What a station and the centre share: one key for each direction, and the station's word at the broker."""

    secret: bytes = field(repr=False)
    key_id: int

    def up(self) -> Envelope:
        """Station to centre."""
        return Envelope(derive(self.secret, "up"), self.key_id)

    def down(self) -> Envelope:
        """Centre to station."""
        return Envelope(derive(self.secret, "down"), self.key_id)

    def broker_password(self) -> str:
        return derive(self.secret, "broker").hex()


class Master:
    """The centre's master key and all that follows from it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyFileError(f"a master key has {KEY_BYTES} bytes")
        self._key = key
        self._data = AESGCM(derive(key, "data"))
        self._index = derive(key, "index")

    def token_key(self, community: str, number: int = 1) -> bytes:
        """The key of a community's tokens; each rotation counts its number on."""
        return derive(self._key, "token", community, *([str(number)] if number > 1 else []))

    def station(self, name: str, generation: int) -> StationKeys:
        return StationKeys(derive(self._key, "station", name, str(generation)), generation & 0xFF)

    def broker_password(self, account: str) -> str:
        """Password of an account of the managed broker that is not a station's."""
        return derive(self._key, "broker", account).hex()

    def authority_seed(self) -> bytes:
        """What the authority for certificates of the bus is made of (`keys.certificates.Authority`)."""
        return derive(self._key, "authority")

    def index(self, number: str) -> bytes:
        """Keyed district index of a canonical number or phone: equal numbers, equal bytes; nothing else is learnt."""
        return hmac.digest(self._index, number.encode(), "sha256")[:16]

    def sign(self, data: bytes) -> bytes:
        return self._roster().sign(data)

    def roster_public(self) -> bytes:
        return self._roster().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign_list(self, data: bytes) -> bytes:
        """Sign a file that is handed to the police."""
        return self._lists().sign(data)

    def lists_public(self) -> bytes:
        return self._lists().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def lists_public_pem(self) -> str:
        """The same in the form in which other programs read it."""
        return self._lists().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def identity_public(self) -> bytes:
        return self._identity().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def unseal(self, sealed: bytes, station: str, epoch: str, seq: int) -> bytes:
        """Open what `seal` made for this very swipe.

        Raises:
            NotAuthentic: another swipe, another key or changed bytes.
        """
        if sealed[:1] != bytes((_SEAL,)):
            raise NotAuthentic("unknown seal version")
        try:
            return _HPKE.decrypt(sealed[1:], self._identity(), info=_seal_info(station, epoch, seq))
        except (InvalidTag, ValueError) as error:
            raise NotAuthentic("the seal does not open for this swipe") from error

    def hide(self, column: str, value: str | bytes) -> bytes:
        """Encrypt one field for the column it stands in."""
        nonce, plain = os.urandom(_NONCE), value.encode() if isinstance(value, str) else value
        return bytes((_FIELD,)) + nonce + self._data.encrypt(nonce, plain, column.encode())

    def show(self, column: str, hidden: bytes) -> str:
        """Decrypt one field of text. Raises as `show_bytes`."""
        return self.show_bytes(column, hidden).decode()

    def show_bytes(self, column: str, hidden: bytes) -> bytes:
        """Decrypt one field.

        Raises:
            NotAuthentic: another column, another key or changed bytes.
        """
        if hidden[:1] != bytes((_FIELD,)):
            raise NotAuthentic("unknown field version")
        try:
            return self._data.decrypt(hidden[1 : 1 + _NONCE], hidden[1 + _NONCE :], column.encode())
        except (InvalidTag, ValueError) as error:
            raise NotAuthentic(f"{column} does not open") from error

    def _roster(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(derive(self._key, "roster"))

    def _lists(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(derive(self._key, "lists"))

    def _identity(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(derive(self._key, "identity"))


def _seal_info(station: str, epoch: str, seq: int) -> bytes:
    return b"xq1/identity" + f"\x1f{station}\x1f{epoch}\x1f{seq}".encode()


def seal(public: bytes, plain: bytes, station: str, epoch: str, seq: int) -> bytes:
    """Encrypt for the centre what a reader read, bound to one swipe; the station itself cannot open it again."""
    key = X25519PublicKey.from_public_bytes(public)
    return bytes((_SEAL,)) + _HPKE.encrypt(plain, key, info=_seal_info(station, epoch, seq))


def verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Check an Ed25519 signature.

    Raises:
        NotAuthentic: it was not made by the holder of the key.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise NotAuthentic("the signature does not fit") from error


def load_or_create_master(path: Path) -> Master:
    """The master key of the centre whose file is `path`; on the first start it is made, readable by its owner alone.

    Raises:
        KeyFileError: the file cannot be read, others may read it, or it is not a key.
    """
    try:
        write_secret(path, os.urandom(KEY_BYTES).hex())
    except FileExistsError:
        pass
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    return load_master(path)


def load_master(path: Path) -> Master:
    """The master key in `path`; see `load_or_create_master`."""
    try:
        return Master(bytes.fromhex(read_secret(path)))
    except ValueError as error:
        raise KeyFileError(f"{path}: not a key in hexadecimal") from error


def write_secret(path: Path, text: str) -> None:
    """Write a new file of mode 0600, whole or not at all.

    Raises:
        FileExistsError: there is one already.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # of mode 0600, and nobody else's
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    finally:
        Path(partial).unlink()


def read_secret(path: Path) -> str:
    """The text of a file that only its owner may read.

    Raises:
        KeyFileError: the file cannot be read, or its group or others may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path}: others may read it; run chmod 600 on it")
    return text.strip()


_Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
_Key = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]


class Enrolled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a station is told when it is enrolled: one file of mode 0600, written at the centre."""

    station: _Name
    community: _Name
    generation: Annotated[int, Meta(ge=1)]
    secret: _Key
    token_key: _Key
    token_key_id: Annotated[int, Meta(ge=0)]
    roster_public: _Key
    identity_public: _Key
    broker_url: str
    authority: str = ""
    """Whom to believe who the broker is (PEM); "" for whoever the system believes."""
    certificate: str = ""
    """What the station shows of itself at the broker (PEM), and its private key; "" where a password is enough."""
    private_key: str = ""
    version: Literal[1] = 1

    def __repr__(self) -> str:
        return f"Enrolled({self.station!r}, generation {self.generation})"

    @property
    def keys(self) -> StationKeys:
        return StationKeys(self.secret, self.generation & 0xFF)

    def dumps(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    @classmethod
    def loads(cls, text: str) -> "Enrolled":
        """The value that `dumps` wrote.

        Raises:
            KeyFileError: the text is not an enrolment.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise KeyFileError(f"not an enrolment file: {error}") from None
