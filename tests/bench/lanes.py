"""A reader of each kind at the far end of its line, with the relay of its portal, for the readers' section."""

import os
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass

from drivers import osdp_wire
from drivers.framing import Frames
from rules.model import Credential, CredentialKind
from simulators import pcscd
from simulators.ascii_line import AsciiDevice
from simulators.card import type_a
from simulators.line import Device
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.pcscd import PrivatePcscd
from simulators.people import number_of
from simulators.sam import Card, SamModule
from simulators.wiegand import WiegandAdapter, w34
from tests.daemon import reader_url

PCSC = ("pcsc",) if pcscd.available() else ("wiegand",)
KINDS = ("sam",) * 4 + ("wiegand",) * 4 + ("ascii",) * 3 + ("osdp",) * 3 + PCSC * 2
DRIVERS = {"sam": "ga467", "wiegand": "wiegand", "ascii": "ascii-line", "osdp": "osdp", "pcsc": "pcsc"}
KEY = "00112233445566778899AABBCCDDEEFF"
SETTINGS = {"sam": "period_ms = 100", "osdp": f'key = "{KEY}"'}
ASKED_EVERY_S = 0.5
PCSC_EVERY_S = 1.0
"""pcscd looks at a virtual reader every 0.4 s: once to see that a card has gone, once to see the next."""
RAW_CARD = 0x50


class Pty:
    """Our end of a line; the other end is named `path`."""

    def __init__(self) -> None:
        self.near, self._far = os.openpty()
        tty.setraw(self._far)
        self.path = os.ttyname(self._far)
        os.set_blocking(self.near, False)

    def close(self) -> None:
        os.close(self.near)
        os.close(self._far)


@dataclass(slots=True)
class Lane:
    """One reader, its relay, and when the last byte of its card went out. `slot` is that of a PC/SC reader.

    `cards` are presented in turn: a SAM module gives no sign by which a card could be told from itself half a second
    before.
    """

    kind: str
    number: int
    cards: tuple[str, ...]
    device: Device | None
    reads: Pty
    opens: Pty
    daemon: PrivatePcscd | None
    slot: int
    due: float = 0.0
    sent: float | None = None
    lift_at: float = 0.0
    shown: int = 0

    @property
    def every_s(self) -> float:
        return PCSC_EVERY_S if self.kind == "pcsc" else ASKED_EVERY_S

    @property
    def url(self) -> str:
        return {"osdp": f"{self.reads.path}#0", "pcsc": reader_url(self.slot)}.get(self.kind, self.reads.path)

    def present(self) -> None:
        card = self.cards[self.shown % len(self.cards)]
        self.shown += 1
        match self.device:
            case SamModule() as module:
                module.present(Card(card, "测试"))
            case WiegandAdapter() as adapter:
                adapter.present(w34(bytes.fromhex(card)))
            case AsciiDevice() as scanner:
                scanner.show(card)
            case OsdpLine() as line:
                line.readers[0].present(w34(bytes.fromhex(card)))
        if self.daemon is not None:
            self.daemon.put(self.slot, type_a(bytes.fromhex(card)))
            self.sent = time.monotonic()

    def lift(self) -> None:
        if isinstance(self.device, SamModule):
            self.device.lift()
        elif self.daemon is not None:
            self.daemon.lift(self.slot)

    def speak(self, now: float) -> None:
        """Write what the device says; the last byte of a card is noted."""
        if self.device is not None and (said := self.device.to_send(now)):
            os.write(self.reads.near, said)
            if self._is_card(said):
                self.sent = time.monotonic()

    def _is_card(self, said: bytes) -> bool:
        if isinstance(self.device, OsdpLine):
            frames = Frames(osdp_wire.shape).feed(said, 0.0)
            return any(isinstance(one, bytes) and osdp_wire.code_of(one) == RAW_CARD for one in frames)
        return len(said) > 1000 or not isinstance(self.device, SamModule)

    @property
    def credentials(self) -> list[Credential]:
        kinds = {"sam": CredentialKind.CITIZEN_ID, "ascii": CredentialKind.VISITOR}
        return [Credential(kinds.get(self.kind, CredentialKind.CARD_UID), card) for card in self.cards]


def lane(kind: str, number: int, daemon: PrivatePcscd | None, slot: int) -> Lane:
    pair = tuple(number_of(f"5100{number:02d}19000101{turn:03d}") for turn in (1, 3))
    devices: dict[str, Callable[[], Device | None]] = {
        "sam": SamModule,
        "wiegand": WiegandAdapter,
        "ascii": AsciiDevice,
        "osdp": lambda: OsdpLine([OsdpReaderDevice(0, bytes.fromhex(KEY))]),
        "pcsc": lambda: None,
    }
    cards = {"sam": pair, "ascii": (f"{number:08d}",)}.get(kind, (f"04{number:06X}",))
    return Lane(kind, number, cards, devices[kind](), Pty(), Pty(), daemon if kind == "pcsc" else None, slot)
