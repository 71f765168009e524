"""The bytes between libosdp and a line, and what is seen of them in passing: who answers, and to what.

    53 | address, + 80 in an answer | length:2 | control | [security block] | code | ... | crc:2, or checksum

A frame's code stands in the open also in a secure channel; what is in a frame is libosdp's alone.
CRC-16 with polynomial 1021 that begins at 1D0F, low byte first. Source: IEC 60839-11-5, 5.
"""

import binascii
from dataclasses import dataclass
from itertools import count
from typing import Any

from drivers.api import Noise
from drivers.framing import MORE, NOT_A_FRAME, Frames
from drivers.stream import Transport

POLL, ACK, NAK = 0x60, 0x40, 0x41
HANDSHAKE = {0x76: 0x76, 0x77: 0x78}
"""The questions of the secure channel's handshake, and what answers them where they are not refused."""
GARBLED = (b"\1", b"\2", b"\4")
"""Reasons of a refusal that speak of the question's bytes: check, length, sequence."""
REFRESH_S = 0.02
"""libosdp wants to be called every 50 ms; it is called as soon as bytes come or a command waits, and so often else."""
HELD = 4096
LONGEST = 256
"""What libosdp takes at most as one frame."""
_HEAD = 5
_CRC, _SECURITY = 0x04, 0x08

_channels = count(1)


def crc(data: bytes) -> bytes:
    """Return the check bytes of a frame, low one first."""
    return binascii.crc_hqx(data, 0x1D0F).to_bytes(2, "little")


def shape(data: bytes) -> int:
    """How long the frame at the start is, for `framing.Frames`."""
    if data[0] != 0x53:
        return NOT_A_FRAME
    if len(data) < _HEAD:
        return MORE
    size = int.from_bytes(data[2:4], "little")
    if not _HEAD + 2 <= size <= LONGEST:
        return NOT_A_FRAME
    if len(data) < size:
        return MORE
    frame = data[:size]
    good = crc(frame[:-2]) == frame[-2:] if frame[4] & _CRC else not sum(frame) & 0xFF
    return size if good else NOT_A_FRAME


def code_of(frame: bytes) -> int:
    """The command or the reply that a whole frame is; -1 where its security block leaves no room for one."""
    at = _HEAD + (frame[_HEAD] if frame[4] & _SECURITY else 0)
    return frame[at] if at < len(frame) - 1 else -1


def shakes(question: int, answer: bytes) -> bool:
    """Whether a whole answer is one to a question of the handshake, and does not say that it came garbled."""
    code = code_of(answer)
    if code != NAK or question not in HANDSHAKE:
        return code == HANDSHAKE.get(question)
    at = _HEAD + (answer[_HEAD] if answer[4] & _SECURITY else 0) + 1
    return answer[at:-2][:1] not in GARBLED


@dataclass(frozen=True, slots=True)
class Answer:
    """A reader answered. `nothing_new`: it was asked what is new, and said that nothing is."""

    address: int
    nothing_new: bool


class Wire:
    """What libosdp reads and writes: never blocks. A distinct `id` tells it which readers share a line."""

    def __init__(self) -> None:
        self.id = next(_channels)
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.shook: set[int] = set()
        """Readers that were last asked a question of the handshake, and answered it."""
        self._answers: list[Answer] = []
        self._coming = Frames(shape)
        self._asked = (-1, -1)

    @property
    def held(self) -> int:
        """Bytes of an answer under way that are kept to see where it ends."""
        return self._coming.held

    def read(self, most: int) -> bytes:
        taken = bytes(self.inbox[:most])
        del self.inbox[:most]
        self._look(taken)
        return taken

    def write(self, data: bytes) -> int:
        self.outbox += data
        self._coming = Frames(shape)  # one question, one answer: half a one never goes on behind the next question
        for frame in Frames(shape).feed(data, 0.0):
            if not isinstance(frame, Noise):
                self._asked = (frame[1], code_of(frame))
                self.shook.discard(frame[1])
        return len(data)

    def flush(self) -> None:
        self._look(bytes(self.inbox))
        self.inbox.clear()

    def forget(self) -> None:
        """Forget what was asked: the answer to it, which may wait here already, tells nothing of now."""
        self._asked = (-1, -1)

    def answers(self) -> list[Answer]:
        """Return who has answered since, in what libosdp has taken."""
        answers, self._answers = self._answers, []
        return answers

    def _look(self, data: bytes) -> None:
        for frame in self._coming.feed(data, 0.0):
            if not isinstance(frame, Noise) and frame[1] & 0x80:
                address = frame[1] & 0x7F
                asked, question = self._asked
                if asked == address and shakes(question, frame):
                    self.shook.add(address)
                self._answers.append(Answer(address, self._asked == (address, POLL) and code_of(frame) == ACK))


def description(address: int, key: bytes, flags: int, wire: Wire) -> dict[str, object]:
    """A reader, as libosdp wants it described; who it is it says itself."""
    unknown = dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 0)
    return {"name": f"reader-{address}", "address": address, "flags": flags, "scbk": key, "channel": wire} | unknown


def copied(event: dict[str, Any]) -> dict[str, Any]:
    """An event of libosdp, ours alone: its Python side keeps for ever what it hands over, so that is left empty."""
    ours = event.copy()
    event.clear()
    return ours


def hear(wire: Wire, transport: Transport, seconds: float = 0.0) -> None:
    """Hand over what came, or comes within so long.

    Before libosdp works it is to have what came meanwhile: a program that was held up must not miss an answer.
    """
    wire.inbox += transport.read(seconds, to_write=bool(wire.outbox))
    del wire.inbox[:-HELD]


def exchange(panel: Any, wire: Wire, transport: Transport) -> None:
    """Let libosdp work once, write what it says, and wait briefly for what comes."""
    panel.refresh()
    if wire.outbox:
        del wire.outbox[: transport.write(bytes(wire.outbox))]
    hear(wire, transport, REFRESH_S)
