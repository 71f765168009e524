"""A SAM module and identity cards at the far end of the wire: answers as real modules do, and fails on request.

Written apart from the driver, frames and text record included, so that a shared mistake cannot hide.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

PREAMBLE = bytes.fromhex("AAAAAA9669")
BAUDS = (115_200, 57_600, 38_400, 19_200, 9_600)
"""Set by 60 00 to 60 04."""
PHOTO = bytes.fromhex("574C66007E003200") + bytes(1016)
"""A placeholder, not decodable."""


class CardType(StrEnum):
    RESIDENT = " "
    HMT_PERMIT = "J"
    PR_2017 = "I"
    PR_2023 = "Y"


@dataclass(frozen=True, slots=True)
class Card:
    """A synthetic card. `valid_until` and the dates are as printed on the card: YYYYMMDD or 长期."""

    number: str = field(repr=False)
    name: str = field(repr=False)
    address: str = field(default="", repr=False)
    type: CardType = CardType.RESIDENT
    sex: str = "1"
    ethnicity: str = "01"
    birth: str = field(default="19000101", repr=False)
    authority: str = "示例市公安局测试分局"
    valid_from: str = "20200101"
    valid_until: str = "长期"
    english_name: str = field(default="", repr=False)
    travel_permit: str = field(default="H00000000", repr=False)
    country: str = "USA"

    def record(self) -> bytes:
        """Return the 256-byte text record of this card."""
        fields = {
            CardType.RESIDENT: self._resident,
            CardType.HMT_PERMIT: self._permit,
            CardType.PR_2017: self._pr_2017,
            CardType.PR_2023: self._pr_2023,
        }[self.type]()
        text = b"".join(_padded(value, size) for value, size in fields)
        if len(text) != 256:
            raise ValueError(f"the layout has {len(text)} bytes, not 256")
        return text

    def _front(self) -> list[tuple[str, int]]:
        return [(self.name, 30), (self.sex, 2)]

    def _back(self) -> list[tuple[str, int]]:
        return [(self.number, 36), (self.authority, 30), (self.valid_from, 16), (self.valid_until, 16)]

    def _resident(self) -> list[tuple[str, int]]:
        return [*self._front(), (self.ethnicity, 4), (self.birth, 16), (self.address, 70), *self._back(), ("", 36)]

    def _permit(self) -> list[tuple[str, int]]:
        tail = [(self.travel_permit, 18), ("01", 4), ("", 6), ("J", 2), ("", 6)]
        return [*self._front(), ("", 4), (self.birth, 16), (self.address, 70), *self._back(), *tail]

    def _pr_2017(self) -> list[tuple[str, int]]:
        return [
            *[(self.english_name, 120), (self.sex, 2), (self.number, 30), (self.country, 6), (self.name, 30)],
            *[(self.valid_from, 16), (self.valid_until, 16), (self.birth, 16), ("01", 4), ("5117", 8), ("I", 2)],
            ("", 6),
        ]

    def _pr_2023(self) -> list[tuple[str, int]]:
        first, rest = self.english_name[:35], self.english_name[35:]
        return [
            *[*self._front(), ("00", 4), (self.birth, 16), (first, 70), (self.number, 36), ("", 30)],
            *[(self.valid_from, 16), (self.valid_until, 16), (rest, 22), (self.country, 6), ("Y", 2), ("", 6)],
        ]


def _padded(value: str, size: int) -> bytes:
    """UTF-16LE padded with U+0020, cut to the field."""
    raw = value.encode("utf-16-le", "surrogatepass")[:size]
    return raw + b"\x20\x00" * ((size - len(raw)) // 2)


def framed(body: bytes) -> bytes:
    """Return a frame of the module's line around `body`."""
    size = len(body) + 1
    checked = bytes([size >> 8, size & 0xFF]) + body
    xor = 0
    for byte in checked:
        xor ^= byte
    return PREAMBLE + checked + bytes([xor])


def card_reply(record: bytes) -> bytes:
    """Return the 1,295-byte reply to "read text and photo" for a text record."""
    return framed(bytes.fromhex("00009001000400") + record + PHOTO)


class Spoil(StrEnum):
    """What may happen to one reply on its way."""

    CHECKSUM = "checksum"
    CUT = "cut"
    NOISE_BEFORE = "noise_before"
    SILENCE = "silence"


@dataclass(slots=True)
class SamModule:
    """A module on a line. Everything may be changed from another thread while it runs.

    `rereads` False: a card that was read well is not found again until it is lifted, as most modules have it.
    `answer_s` is the delay of every answer, `read_s` that of a good card read on top.
    """

    number: bytes = bytes.fromhex("05000300350433013717030000000000")
    rereads: bool = False
    answer_s: float = 0.0
    read_s: float = 0.0
    power: bool = True
    commands: Counter[bytes] = field(default_factory=Counter)
    """Every command received, by its bytes."""
    bad_frames: int = 0
    respeed: Callable[[int], None] = lambda _baud: None
    """Told of the speed that the module was set to; it answers at the old one."""
    _card: bytes | None = field(default=None, repr=False)
    _done: bool = False
    _found: bool = False
    _selected: bool = False
    _inbox: bytearray = field(default_factory=bytearray, repr=False)
    _outbox: deque[tuple[float, bytes]] = field(default_factory=deque, repr=False)
    _refusals: dict[bytes, deque[int]] = field(default_factory=dict)
    _spoils: dict[bytes, deque[Spoil]] = field(default_factory=dict)

    def present(self, card: Card | bytes) -> None:
        """Lay a card on the reader: a `Card`, or a text record as it is."""
        self._done = self._found = self._selected = False
        self._card = card if isinstance(card, bytes) else card.record()

    def lift(self) -> None:
        """Take the card away."""
        self._card = None
        self._done = self._found = self._selected = False

    @property
    def was_read(self) -> bool:
        """Whether the card that lies there has been read."""
        return self._done

    def refuse(self, command: bytes, code: int, times: int = 1) -> None:
        """Answer the next `times` commands that begin with these bytes with a status code (SW3)."""
        self._refusals.setdefault(command, deque()).extend([code] * times)

    def stop_refusing(self) -> None:
        """Forget all that was to be refused."""
        self._refusals.clear()

    def spoil(self, command: bytes, how: Spoil, times: int = 1) -> None:
        """Spoil the replies to the next `times` such commands."""
        self._spoils.setdefault(command, deque()).extend([how] * times)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host."""
        self._inbox += data
        if not self.power:
            self._inbox.clear()
            self._outbox.clear()
            self._done = self._found = self._selected = False
        while (body := self._next()) is not None:
            self._carry_out(body, now)

    def to_send(self, now: float) -> bytes:
        """Return what is due to the host."""
        due = b""
        while self._outbox and self._outbox[0][0] <= now:
            due += self._outbox.popleft()[1]
        return due

    def _next(self) -> bytes | None:
        """Cut the next good command out of the inbox."""
        while (at := self._inbox.find(PREAMBLE)) >= 0:
            size = int.from_bytes(self._inbox[at + 5 : at + 7], "big")
            end = at + 7 + size
            if len(self._inbox) < at + 7 or (3 <= size <= 64 and len(self._inbox) < end):
                return None
            whole = bytes(self._inbox[at:end])
            if 3 <= size <= 64 and framed(whole[7:-1]) == whole:
                del self._inbox[:end]
                return whole[7:-1]
            self.bad_frames += 1
            del self._inbox[: at + 1]
            if 3 <= size <= 64:
                self._outbox.append((0.0, framed(b"\x00\x00\x10")))
        del self._inbox[: -len(PREAMBLE)]
        return None

    def _carry_out(self, body: bytes, now: float) -> None:
        self.commands[body] += 1
        refusals = self._refusals.get(body[:2])
        reply = bytes([0, 0, refusals.popleft()]) if refusals else self._reply(body)
        wait = self.answer_s + (self.read_s if len(reply) > 256 else 0.0)
        spoils = self._spoils.get(body[:2])
        raw = _spoiled(framed(reply), spoils.popleft()) if spoils else framed(reply)
        self._outbox.append((now + wait, raw))

    def _reply(self, body: bytes) -> bytes:
        answers: dict[bytes, Callable[[], bytes]] = {
            b"\x10\xff": lambda: b"\x00\x00\x90",
            b"\x11\xff": lambda: b"\x00\x00\x90",
            b"\x12\xff": lambda: b"\x00\x00\x90" + self.number,
            b"\x20\x01": self._find,
            b"\x20\x02": self._select,
            b"\x30\x01": self._read,
            b"\x61\xff": lambda: b"\x00\x00\x90",
            **{b"\x60" + bytes([n]): partial(self._respeed, baud) for n, baud in enumerate(BAUDS)},
        }
        return answers.get(body[:2], lambda: b"\x00\x00\x21")()

    def _respeed(self, baud: int) -> bytes:
        self.respeed(baud)
        return b"\x00\x00\x90"

    def _find(self) -> bytes:
        self._found = self._card is not None and (self.rereads or not self._done)
        return bytes.fromhex("00009F00000000" if self._found else "000080")

    def _select(self) -> bytes:
        self._selected = self._found and self._card is not None
        return bytes.fromhex("0000900000000000000000" if self._selected else "000081")

    def _read(self) -> bytes:
        record = self._card
        if record is None or not self._selected:
            return b"\x00\x00\x41"
        self._done = True
        self._found = self._selected = False
        return card_reply(record)[7:-1]


def _spoiled(raw: bytes, how: Spoil) -> bytes:
    if how is Spoil.CHECKSUM:
        return raw[:-1] + bytes([raw[-1] ^ 0xFF])
    if how is Spoil.CUT:
        return raw[: max(1, len(raw) // 2)]
    if how is Spoil.NOISE_BEFORE:
        return bytes(range(200)) + raw
    return b""
