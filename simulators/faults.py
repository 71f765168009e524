"""A device or a card with faults on request: what it says comes noisy, cut, slow, or with a wrong checksum."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from simulators.card import ContactlessCard
from simulators.line import Device
from simulators.wires import Wire

SHARE = 0.3
"""Of what is said, so much is cut or spoilt."""
CARD_SLOW_S = 1.0


class Fault(StrEnum):
    NOISE = "noise"
    CUT = "cut"
    SLOW = "slow"
    CHECKSUM = "checksum"


@dataclass(slots=True)
class Faulty:
    """A device on such a line, itself a device. `faults` may be changed while it runs."""

    device: Device
    faults: frozenset[Fault] = frozenset()
    seed: int = 0
    _random: Random = field(init=False, repr=False)
    _slow: Wire = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._slow = Wire(self.seed, delay_s=0.2, piece=40)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the gateway."""
        self.device.receive(data, now)

    def to_send(self, now: float) -> bytes:
        """Return what the device says, as it arrives."""
        said = self._spoilt(self.device.to_send(now))
        if Fault.SLOW not in self.faults:
            return said
        self._slow.put(said, now)
        return self._slow.take(now)

    def _spoilt(self, said: bytes) -> bytes:
        if not said:
            return said
        if Fault.CHECKSUM in self.faults and self._random.random() < SHARE:
            said = said[:-1] + bytes([said[-1] ^ 0x5A])
        if Fault.CUT in self.faults and self._random.random() < SHARE:
            said = said[: len(said) // 2]
        if Fault.NOISE in self.faults:
            said = self._random.randbytes(self._random.randint(1, 20)) + said
        return said


@dataclass(slots=True)
class FaultyCard:
    """Answers for a contactless card: rubbish, none since it left in the middle, late, or that reading failed."""

    faults: frozenset[Fault] = frozenset()
    seed: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def answer(self, card: ContactlessCard, command: bytes) -> bytes | None:
        """Return what the card says; None when it leaves."""
        if Fault.SLOW in self.faults:
            threading.Event().wait(CARD_SLOW_S)
        if Fault.CUT in self.faults and self._random.random() < SHARE:
            return None
        if Fault.CHECKSUM in self.faults and self._random.random() < SHARE:
            return b"\x63\x00"
        if Fault.NOISE in self.faults and self._random.random() < SHARE:
            return self._random.randbytes(self._random.randint(1, 20)) + b"\x6f\x00"
        return card.answer(command)
