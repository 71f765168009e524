"""The devices of a compound at the far ends of real wires, and one person at a time who uses them."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.ascii_line import AsciiDevice
from simulators.line import Device, PtyLine
from simulators.relay import RelayBoard
from simulators.rhythm import Medium, Presentation
from simulators.sam import SamModule
from simulators.wiegand import WiegandAdapter, w34

READ_WITHIN_S = 2.5
"""Nobody holds a card to a reader for longer."""
LOOK_S = 0.02


class _Wires:
    """Devices behind real pseudo-terminals of stable names in a folder."""

    def __init__(self, folder: Path, devices: Mapping[str, Device]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lines = {name: PtyLine(device, folder / name) for name, device in devices.items()}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for line in self.lines.values():
            self._stack.enter_context(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class SmallHardware(_Wires):
    """The one gate of a small compound: SAM readers in and out, and a relay."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"main-in": SamModule(), "main-out": SamModule(), "relay-main": RelayBoard()})


class Hardware(_Wires):
    """Two portals: SAM readers in and out at the east gate, card readers and a scanner at the west gate, two relays.

    `stood_open(portal, seconds)` is told each time that a gate has shut again.
    """

    def __init__(self, folder: Path, stood_open: Callable[[str, float], None]) -> None:
        self._stood_open = stood_open
        self.sam_in, self.sam_out = SamModule(), SamModule()
        self.card_in, self.card_out = WiegandAdapter(), WiegandAdapter()
        self.scanner = AsciiDevice()
        self._gate_open = {"east-gate": threading.Event(), "west-gate": threading.Event()}
        self._opened_at: dict[str, float] = {}
        east = RelayBoard(switched=lambda _channel, on, at: self._switched("east-gate", on, at))
        west = RelayBoard(switched=lambda _channel, on, at: self._switched("west-gate", on, at))
        devices: dict[str, Device] = {
            "east-in": self.sam_in,
            "east-out": self.sam_out,
            "west-in": self.card_in,
            "west-out": self.card_out,
            "west-code": self.scanner,
            "relay-east": east,
            "relay-west": west,
        }
        super().__init__(folder, devices)

    def walk_through(self, presentation: Presentation, stop: threading.Event) -> tuple[str, bool]:
        """Present what the person has, and wait for the gate. Returns the portal, and whether it opened in time."""
        portal = "east-gate" if presentation.medium is Medium.ID_CARD else "west-gate"
        gate = self._gate_open[portal]
        gate.clear()
        if presentation.medium is Medium.ID_CARD and presentation.person is not None:
            self._lay(self.sam_in if presentation.inward else self.sam_out, presentation, stop)
        elif presentation.medium is Medium.COMPOUND_CARD and presentation.person is not None:
            reader = self.card_in if presentation.inward else self.card_out
            reader.present(w34(bytes.fromhex(presentation.person.card_uid or "")))
        else:
            self.scanner.show(presentation.code or "")
        return portal, gate.wait(1.0)

    def _lay(self, sam: SamModule, presentation: Presentation, stop: threading.Event) -> None:
        if presentation.person is None:
            return
        sam.present(presentation.person.id_card())
        until = time.monotonic() + READ_WITHIN_S
        while not sam.was_read and time.monotonic() < until and not stop.is_set():
            stop.wait(LOOK_S)
        sam.lift()

    def _switched(self, portal: str, on: bool, at: float) -> None:
        if on:
            self._opened_at[portal] = at
            self._gate_open[portal].set()
        elif portal in self._opened_at:
            self._stood_open(portal, at - self._opened_at.pop(portal))
