"""Relay boards on RS-485 that speak Modbus RTU: write a coil, and read the contacts where the board has any.

    unit | 05 | coil:2  | FF00 on, 0000 off | crc    the answer is the same bytes
    unit | 02 | first:2 | count:2           | crc    ->  unit | 02 | bytes | bits, the first one lowest | crc
    unit | 85 or 82 | exception | crc                the board refuses

crc is CRC-16/Modbus (polynomial 8005 reversed, begins at FFFF), low byte first. One request is under way at a time.
Source: Modbus Application Protocol 1.1b3, 6.2 and 6.5; Modbus over Serial Line 1.02, 2.5.1 and 6.2.2.
"""

from dataclasses import dataclass

from drivers.api import FaultOver, Input, Noise, Online, OutputState, ReaderEvent, ReaderFault, Remedy, StreamDriver
from drivers.framing import MORE, NOT_A_FRAME, Frames
from drivers.pulse import Pulse

ANSWER_S = 0.3
"""A board answers within so long; it is asked twice before it is silent."""
TRIES = 2
LOOK_S = 0.1
"""How often contacts are read: a button is pushed for longer. An answer takes 15 ms at 9600 baud."""
ALIVE_S = 0.5
"""A board without contacts is asked for one all the same, this often, so that it is heard."""
AGAIN_S = 2.0
"""A board that answers nothing or refuses is asked again after so long."""
WRITE, READ, REFUSED = 0x05, 0x02, 0x80


@dataclass(frozen=True, slots=True)
class Settings:
    """`unit` is the board's address, `coil` counts from 0, `inputs` contacts are read from the first one on."""

    unit: int = 1
    coil: int = 0
    inputs: int = 0
    longest_s: float = 60.0

    def __post_init__(self) -> None:
        for name, low, high in (("unit", 1, 247), ("coil", 0, 65535), ("inputs", 0, 64), ("longest_s", 0.1, 3600)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: must be between {low} and {high}")


def crc(data: bytes) -> bytes:
    """Return the two check bytes, low one first."""
    total = 0xFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return total.to_bytes(2, "little")


def write_coil(unit: int, coil: int, *, on: bool) -> bytes:
    """Return the request that closes (`on`) or opens a coil."""
    body = bytes([unit, WRITE]) + coil.to_bytes(2, "big") + (b"\xff\x00" if on else b"\x00\x00")
    return body + crc(body)


def read_inputs(unit: int, count: int) -> bytes:
    """Return the request for the first contacts of a board."""
    body = bytes([unit, READ, 0, 0]) + count.to_bytes(2, "big")
    return body + crc(body)


class ModbusRelay:
    """One coil of a board. It starts by switching off, so that a crash cannot leave a gate open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pulse = Pulse(settings.longest_s)
        self._frames = Frames(self._shape)
        self._on: bool | None = None
        self._told = False
        self._asked: bytes | None = None
        self._asking = False
        self._deadline = 0.0
        self._tries = 0
        self._look_at = 0.0
        self._rest_until = 0.0
        self._write_at = 0.0
        self._silent = False
        self._standing: dict[int, str] = {}
        self._contacts: dict[int, bool] = {}

    def open(self, seconds: float, now: float) -> None:
        """Close the contact until `now + seconds`; while it is closed, only a later end counts."""
        self._pulse.open(seconds, now)

    def to_send(self, now: float) -> bytes:
        """Return the next request, when none is under way."""
        if self._asked is not None:
            return self._once_more(now)
        wanted = self._pulse.wanted(now, is_on=self._told)  # a wish ends in time though the board never heard it
        unit = self._settings.unit
        if wanted != self._on and now >= self._write_at and (wanted or now >= self._rest_until):
            self._told, self._on = wanted, None  # until it is confirmed, nobody knows
            return self._ask(write_coil(unit, self._settings.coil, on=wanted), now)
        if now >= self._look_at and now >= self._rest_until:
            self._look_at = now + (LOOK_S if self._settings.inputs else ALIVE_S)
            return self._ask(read_inputs(unit, max(1, self._settings.inputs)), now)
        return b""

    def last_words(self) -> bytes:
        """Return what is said before the line is closed in order: a gate must not stay open when the program ends."""
        self._pulse.end()
        return write_coil(self._settings.unit, self._settings.coil, on=False) if self._on is not False else b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return what it means; silence is noticed here too."""
        events: list[ReaderEvent] = []
        for item in self._frames.feed(data, now):
            events += [item] if isinstance(item, Noise) else self._answer(item, now)
        if self._asked is not None and self._tries >= TRIES and now >= self._deadline:
            events += self._gave_up(now)
        return events

    def _ask(self, request: bytes, now: float) -> bytes:
        self._asked, self._tries, self._deadline = request, 1, now + ANSWER_S
        return request

    def _once_more(self, now: float) -> bytes:
        asked = self._asked
        if asked is None or now < self._deadline or self._tries >= TRIES:
            return b""
        self._tries, self._deadline = self._tries + 1, now + ANSWER_S
        return asked

    def _gave_up(self, now: float) -> list[ReaderEvent]:
        self._asked, self._rest_until = None, now + AGAIN_S
        self._on = None  # nobody knows; it is switched, and its contacts are told, again as soon as it is heard
        self._contacts.clear()
        first, self._silent = not self._silent, True
        return [ReaderFault("no_answer", Remedy.CALL_TECHNICIAN, "the board does not answer")] if first else []

    def _shape(self, buffer: bytes) -> int:
        """An answer to what was asked, and no other frame: the length of all others is unknown."""
        asked = self._asked
        if asked is None or buffer[0] != asked[0]:
            return NOT_A_FRAME
        if len(buffer) < 2:
            return MORE
        size = {WRITE: 8, READ: 5 + (self._count() + 7) // 8, asked[1] | REFUSED: 5}.get(buffer[1], 0)
        if not size or (buffer[1] != asked[1] and buffer[1] != asked[1] | REFUSED):
            return NOT_A_FRAME
        if len(buffer) < size:
            return MORE
        return size if crc(buffer[: size - 2]) == buffer[size - 2 : size] else NOT_A_FRAME

    def _count(self) -> int:
        return max(1, self._settings.inputs)

    def _answer(self, frame: bytes, now: float) -> list[ReaderEvent]:
        asked = self._asked
        if asked is None:
            return [Noise(len(frame), "an answer to nothing")]
        self._silent = False
        if frame[1] == WRITE and frame != asked:
            return [Noise(len(frame), "an answer to another request"), *self._wrong_echo(now)]
        self._asked = None
        if frame[1] & REFUSED:
            return self._refused(frame, asked, now)
        if frame[1] == READ:
            return [*self._well(READ), Online(), *self._inputs(frame[3:-2])]
        self._on = asked[4] == 0xFF
        return [*self._well(WRITE), OutputState(self._settings.coil, self._on, confirmed=True)]

    def _wrong_echo(self, now: float) -> list[ReaderEvent]:
        self._deadline = now
        if self._tries < TRIES:
            return []
        self._asked, self._write_at = None, now + ANSWER_S
        return self._unwell(WRITE, "wrong_echo", "the board confirms something else than what it was told")

    def _refused(self, frame: bytes, asked: bytes, now: float) -> list[ReaderEvent]:
        why = f"the board refuses: exception {frame[2]}"
        if asked[1] == WRITE:
            self._write_at = now + ANSWER_S
            return self._unwell(WRITE, "refused", why)
        if not self._settings.inputs:
            return [Online()]  # a board without contacts is heard by its refusal
        self._look_at = now + AGAIN_S
        self._contacts.clear()
        return self._unwell(READ, "contacts_refused", why)

    def _unwell(self, function: int, code: str, why: str) -> list[ReaderEvent]:
        """Say a fault when it begins, and again what is known of the contacts."""
        if self._standing.get(function) == code:
            return []
        over = self._well(function)
        self._standing[function] = code
        contacts = (Input(channel, closed) for channel, closed in self._contacts.items())
        return [*over, ReaderFault(code, Remedy.CALL_TECHNICIAN, why, stands=True), *contacts]

    def _well(self, function: int) -> list[ReaderEvent]:
        code = self._standing.pop(function, None)
        return [FaultOver(code)] if code is not None else []

    def _inputs(self, data: bytes) -> list[ReaderEvent]:
        events: list[ReaderEvent] = []
        for channel in range(self._settings.inputs):
            closed = bool(data[channel // 8] >> channel % 8 & 1)
            if self._contacts.get(channel) != closed:
                self._contacts[channel] = closed
                events.append(Input(channel, closed))
        return events


MODBUS = StreamDriver("relay-modbus", Settings, ModbusRelay, 9600)
