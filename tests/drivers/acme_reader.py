"""ACME turnstile reader: STX, ten hexadecimal digits, ETX for each card; a lamp that is lit by G or R."""

import re
from dataclasses import dataclass
from typing import Literal

from drivers.api import (
    CardRead,
    Credential,
    CredentialKind,
    Noise,
    ReaderEvent,
    StreamDriver,
    Verdict,
)

LONGEST = 64  # bytes that are kept in wait of an ETX
FRAME = re.compile(rb"\x02([0-9A-F]{10})")


@dataclass(frozen=True, slots=True)
class Settings:
    """`lamp`: whether this model has one."""

    lamp: Literal["none", "two-colour"] = "none"


class AcmeReader:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rest = b""
        self._outbox = b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        *frames, rest = (self._rest + data).split(b"\x03")
        self._rest = rest[-LONGEST:]
        return [self._card(frame) for frame in frames]

    def to_send(self, now: float) -> bytes:
        said, self._outbox = self._outbox, b""
        return said

    def signal(self, verdict: Verdict) -> None:
        if self._settings.lamp == "two-colour":
            self._outbox += b"G" if verdict is Verdict.GRANT else b"R"

    def _card(self, frame: bytes) -> ReaderEvent:
        found = FRAME.fullmatch(frame[-11:])
        if found is None:
            return Noise(len(frame), "not an ACME frame")
        return CardRead(Credential(CredentialKind.EM, found[1].decode("ascii")))


DRIVER = StreamDriver("acme", Settings, AcmeReader, baud=9600, listens_only=True)
