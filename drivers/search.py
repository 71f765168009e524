"""Who answers on a line: harmless questions to OSDP readers and Modbus boards, at one speed and address after another.

    53 | address | length:2 | 04 | 61 00 | crc:2        OSDP: who are you? 7F is whoever is alone on the line
    53 | address + 80 | length:2 | control | 45 ... | crc:2      vendor, model, serial number; or 41, a refusal
    unit | 02 | 0000 | 0001 | crc                       Modbus: the first contact; also a refusal is an answer

OSDP crc is that of `drivers.osdp_wire`, that of Modbus is in `drivers.relay_modbus`.
Source: IEC 60839-11-5, 5 and 6; Modbus Application Protocol 1.1b3, 6.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from drivers import relay_modbus
from drivers.api import DeviceFact, ReaderEvent, StreamDriver, Verdict
from drivers.osdp_wire import crc

ANSWER_S = 0.2
"""An OSDP reader answers within so long."""
HELD = 256
BROADCAST = 0x7F
OSDP_BAUDS = (9_600, 115_200, 19_200, 38_400, 57_600, 230_400)
MODBUS_BAUDS = (9_600, 19_200, 38_400, 115_200, 4_800)
ADDRESSES = range(8)
"""OSDP readers that are asked by their address where nobody answers to all, and where somebody does."""
UNITS = (1, 2, 3, 4, 255)
OVER = DeviceFact("searched", "all")
"""The last event of a search."""


@dataclass(frozen=True, slots=True)
class Settings:
    """There are none."""


@dataclass(frozen=True, slots=True)
class _Question:
    baud: int
    driver: str
    address: int


def who_are_you(address: int) -> bytes:
    """Return the OSDP question, in the clear and in a fresh sequence."""
    body = bytes([0x53, address, 9, 0, 0x04, 0x61, 0x00])
    return body + crc(body)


def osdp_answer(data: bytes) -> int | None:
    """Return the address of the first OSDP reader that answers in these bytes; None when none does."""
    for at in range(len(data) - 7):
        size = int.from_bytes(data[at + 2 : at + 4], "little")
        frame = data[at : at + size]
        if data[at] == 0x53 and data[at + 1] & 0x80 and 8 <= size == len(frame) and crc(frame[:-2]) == frame[-2:]:
            return data[at + 1] & 0x7F
    return None


def modbus_answer(data: bytes, unit: int) -> bool:
    """Whether such a Modbus board answers in these bytes."""
    for at in range(len(data)):
        for size, function in ((6, relay_modbus.READ), (5, relay_modbus.READ | relay_modbus.REFUSED)):
            frame = data[at : at + size]
            if (
                frame[:2] == bytes([unit, function])
                and len(frame) == size
                and relay_modbus.crc(frame[:-2]) == frame[-2:]
            ):
                return True
    return False


def _questions() -> Iterator[_Question]:
    for baud in OSDP_BAUDS:
        yield from (_Question(baud, "osdp", address) for address in (BROADCAST, *ADDRESSES))
        if baud in MODBUS_BAUDS:
            yield from (_Question(baud, "relay-modbus", unit) for unit in UNITS)
    yield from (_Question(4_800, "relay-modbus", unit) for unit in UNITS)


class Search:
    """Each that answers is a `DeviceFact` "DRIVER" with "BAUD ADDRESS"; `OVER` ends it. `baud` is the wanted speed.

    Where somebody has answered, the other speeds are not tried.
    """

    def __init__(self, _settings: Settings) -> None:
        self._left = _questions()
        self._asked: _Question | None = next(self._left)
        self.baud = self._asked.baud if self._asked else 0
        self._until: float | None = None
        self._heard = b""
        self._found: set[tuple[str, int]] = set()

    def signal(self, verdict: Verdict) -> None:
        """Nobody is at the gate meanwhile."""

    def to_send(self, now: float) -> bytes:
        """Return the next question."""
        if self._asked is None or self._until is not None:
            return b""
        self._until, self._heard = now + ANSWER_S, b""
        if self._asked.driver == "osdp":
            return who_are_you(self._asked.address)
        return relay_modbus.read_inputs(self._asked.address, 1)

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return who it is."""
        asked = self._asked
        if asked is None or self._until is None:
            return []
        self._heard = (self._heard + data)[-HELD:]
        events: list[ReaderEvent] = []
        answered = self._answered(asked)
        if answered is not None and (asked.driver, answered) not in self._found:
            self._found.add((asked.driver, answered))
            events.append(DeviceFact(asked.driver, f"{asked.baud} {answered}"))
        if answered is not None or now >= self._until:
            events += self._next(asked)
        return events

    def _answered(self, asked: _Question) -> int | None:
        if asked.driver == "osdp":
            return osdp_answer(self._heard)
        return asked.address if modbus_answer(self._heard, asked.address) else None

    def _next(self, asked: _Question) -> list[ReaderEvent]:
        self._until = None
        self._asked = next(self._left, None)
        if self._asked is None or (self._found and self._asked.baud != asked.baud):
            self._asked = None
            return [OVER]
        self.baud = self._asked.baud
        return []


DRIVER = StreamDriver("search", Settings, Search, OSDP_BAUDS[0])
