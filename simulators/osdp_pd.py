"""OSDP readers at the far end of one line, by libosdp's own peripheral: cards, keypad, tamper, and what they were told.

It is a `Device` for `PtyLine` and `TcpLine`. Each reader hears all that is said on the line, as on RS-485.
"""

import ctypes
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LINES = 2**16
"""Nothing of the gateway counts beyond so many bytes that nobody took."""
CONTACTS = 2


@dataclass(slots=True)
class _Wire:
    """What a peripheral reads from and writes to; never blocks. `id` tells it from other lines."""

    id: int = 0
    inbox: bytearray = field(default_factory=bytearray)
    outbox: bytearray = field(default_factory=bytearray)

    def read(self, most: int) -> bytes:
        taken = bytes(self.inbox[:most])
        del self.inbox[:most]
        return taken

    def write(self, data: bytes) -> int:
        self.outbox += data
        return len(data)

    def flush(self) -> None:
        self.inbox.clear()


class OsdpReaderDevice:
    """One reader. `key` None puts it into install mode. `told` are the commands that reached it, oldest first.

    One that is not `powered` keeps what happens to it and tells it later; `missed` bytes went past it. What
    it `refuses` to say when asked (STATUS_REPORT_...) it reports only when something changes.
    """

    def __init__(self, address: int, key: bytes | None) -> None:
        self.address = address
        self.key = key
        self.told: list[dict[str, Any]] = []
        self.keys_set: list[bytes] = []
        self.powered = True
        self.missed = 0
        self.refuses: set[int] = set()
        self.asked: Counter[int] = Counter()
        """How often for each STATUS_REPORT_..."""
        self._local = bytes(2)
        self._contacts = bytes(CONTACTS)
        self.wire = _Wire()
        self._lock = threading.RLock()
        self._peripheral = self._fresh()

    def present(self, bits: str, *, reader: int = 0) -> None:
        """Lay a card that sends these bits ("0" and "1"), the first one first."""
        import osdp_sys  # noqa: PLC0415 - an optional part of the machine

        data = int(bits.ljust((len(bits) + 7) // 8 * 8, "0"), 2).to_bytes((len(bits) + 7) // 8, "big")
        self._report(
            event=osdp_sys.EVENT_CARDREAD,
            reader_no=reader,
            direction=0,
            format=osdp_sys.CARD_FMT_RAW_WIEGAND,
            length=len(bits),
            data=data,
        )

    def press(self, keys: str) -> None:
        """Press keys: digits, `*` and `#`."""
        import osdp_sys  # noqa: PLC0415

        self._report(event=osdp_sys.EVENT_KEYPRESS, reader_no=0, data=keys.encode("ascii"))

    def local(self, *, tamper: bool = False, power: bool = False) -> None:
        """Report the state of housing and power."""
        import osdp_sys  # noqa: PLC0415

        self._local = bytes([tamper, power])
        self._report(event=osdp_sys.EVENT_STATUS, type=osdp_sys.STATUS_REPORT_LOCAL, nr_entries=2, report=self._local)

    def contacts(self, first: bool, second: bool) -> None:
        """Report whether the contacts are closed, as a reader does when one of them moves."""
        import osdp_sys  # noqa: PLC0415

        self._contacts = bytes([first, second])
        self._report(
            event=osdp_sys.EVENT_STATUS,
            type=osdp_sys.STATUS_REPORT_INPUT,
            nr_entries=CONTACTS,
            report=self._contacts,
        )

    def restart(self) -> None:
        """Lose power and come back at once: sequence and secure channel start anew."""
        with self._lock:
            self.wire.inbox.clear()
            self.wire.outbox.clear()
            self._peripheral = self._fresh()

    def step(self) -> bytes:
        """Let it work; return what it says."""
        with self._lock:
            if not self.powered:
                self.missed += len(self.wire.inbox)
                self.wire.inbox.clear()
                return b""
            self._peripheral.refresh()
            said = bytes(self.wire.outbox)
            self.wire.outbox.clear()
            return said

    @property
    def secure(self) -> bool:
        with self._lock:
            return bool(self._peripheral.is_sc_active())

    def _report(self, **event: object) -> None:
        with self._lock:
            self._peripheral.submit_event(event)

    def _fresh(self) -> Any:
        import osdp_sys  # noqa: PLC0415

        osdp_sys.set_loglevel(osdp_sys.LOG_CRIT)
        info = {
            "name": f"pd-{self.address}",
            "address": self.address,
            "flags": osdp_sys.FLAG_ENFORCE_SECURE if self.key else 0,
            "scbk": self.key,
            "channel": self.wire,
            "version": 1,
            "model": 1,
            "vendor_code": 0xCAFE,
            "serial_number": 0x1000 + self.address,
            "firmware_version": 0x010203,
        }
        able = (
            (osdp_sys.CAP_CONTACT_STATUS_MONITORING, 1, CONTACTS),
            (osdp_sys.CAP_OUTPUT_CONTROL, 1, 2),
            (osdp_sys.CAP_CARD_DATA_FORMAT, 1, 1),
            (osdp_sys.CAP_READER_LED_CONTROL, 1, 1),
            (osdp_sys.CAP_READER_AUDIBLE_OUTPUT, 1, 1),
            (osdp_sys.CAP_READER_TEXT_OUTPUT, 1, 1),
            (osdp_sys.CAP_COMMUNICATION_SECURITY, 1, 1),
        )
        words = ("function_code", "compliance_level", "num_items")
        made = osdp_sys.PeripheralDevice(info, capabilities=[dict(zip(words, one, strict=True)) for one in able])
        made.set_command_callback(lambda command: _owned(self._obey(command)))
        return made

    def _obey(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        import osdp_sys  # noqa: PLC0415

        if command.get("command") == osdp_sys.CMD_KEYSET:
            self.key = bytes(command["data"])
            self.keys_set.append(self.key)
        elif command.get("command") == osdp_sys.CMD_STATUS:
            self.asked[command["type"]] += 1
            if command["type"] in self.refuses:
                return -1, None
            is_local = command["type"] == osdp_sys.STATUS_REPORT_LOCAL
            return 0, _state(osdp_sys, self._local if is_local else self._contacts)
        else:
            self.told.append(command)
        return 0, None


def _owned(answer: tuple[int, object]) -> tuple[int, object]:
    """The answer to a command, for libosdp's Python side: it gives back what the tuple owns, and keeps the tuple."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(answer[1]))
    return answer


def _state(osdp_sys: Any, states: bytes) -> dict[str, Any]:
    """The answer to a question for states.

    libosdp wants it as a struct of a number and that many states, which its Python side cannot fill; it can fill the
    data of a manufacturer's command, which lies at the same place.
    """
    return {"command": osdp_sys.CMD_MFG, "vendor_code": 0, "data": len(states).to_bytes(4, "little") + states}


class OsdpLine:
    """Readers on one line."""

    def __init__(self, readers: Sequence[OsdpReaderDevice]) -> None:
        self.readers = {one.address: one for one in readers}

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002 - libosdp reads a clock of its own
        """Take bytes from the gateway; every reader hears them."""
        for reader in self.readers.values():
            reader.wire.inbox += data[-LINES:]

    def to_send(self, now: float) -> bytes:  # noqa: ARG002
        """Return what a reader says."""
        return b"".join(reader.step() for reader in self.readers.values())
