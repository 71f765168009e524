"""One simulated device of each kind, and what can be done with it by hand."""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Protocol

from drivers.osdp_settings import checked_key
from simulators import osdp_pd
from simulators.ascii_line import AsciiDevice
from simulators.card import CardSlot, id_card, type_a
from simulators.faults import Fault, FaultyCard
from simulators.line import Device
from simulators.modbus_relay import ModbusBoard
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.people import People
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule
from simulators.wiegand import WiegandAdapter, w34

STATUS_CODES = tuple(bytes.fromhex("1011212324313233 34373F4041475060 6166808191"))
"""Every status byte (SW3) that vendors list, other than success."""
COMMANDS = {
    "reset": b"\x10\xff",
    "status": b"\x11\xff",
    "number": b"\x12\xff",
    "find": b"\x20\x01",
    "select": b"\x20\x02",
    "read": b"\x30\x01",
}
CONTACTS = 4


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Actor(Protocol):
    """What can be done with one device."""

    device: Device | None

    def present(self) -> None: ...
    def lift(self) -> None: ...
    def obey(self, word: str, rest: Sequence[str]) -> bool:
        """Carry out a word of its own; False when it is none. ValueError when the rest of the line is wrong."""


class SamActor:
    def __init__(self, people: People, _options: argparse.Namespace) -> None:
        self._people = people
        self.module = SamModule()
        self.device: Device | None = self.module

    def present(self) -> None:
        self.module.present(Card(self._people.number(self._people.born(20, 80), "1"), self._people.name()))

    def lift(self) -> None:
        self.module.lift()

    def obey(self, word: str, rest: Sequence[str]) -> bool:
        if word != "sw3" or len(rest) not in (1, 2):
            return False
        command = COMMANDS.get(rest[1] if len(rest) == 2 else "read")
        codes = STATUS_CODES if rest[0] == "all" else [int(rest[0], 16)]
        if command is None or not all(0 <= code <= 0xFF for code in codes):
            raise ValueError("sw3 CODE [COMMAND]")
        for code in codes:
            self.module.refuse(command, code)
        return True


class WiegandActor:
    def __init__(self, people: People, _options: argparse.Namespace) -> None:
        self._people = people
        self._adapter = WiegandAdapter()
        self.device: Device | None = self._adapter

    def present(self) -> None:
        self._adapter.present(w34(bytes.fromhex(self._people.card_uid())))

    def lift(self) -> None:
        """The line does not tell."""

    def obey(self, _word: str, _rest: Sequence[str]) -> bool:
        return False


class AsciiActor:
    def __init__(self, people: People, options: argparse.Namespace) -> None:
        self._people = people
        self._scanner = AsciiDevice(frame=options.frame)
        self.device: Device | None = self._scanner

    def present(self) -> None:
        uid = self._people.card_uid()
        codes = {"text": self._people.phone(), "stx-hex": uid[:6], "rdm6300": "00" + uid, "id-12": "00" + uid}
        self._scanner.show(codes.get(self._scanner.frame, uid))

    def lift(self) -> None:
        """The line does not tell."""

    def obey(self, _word: str, _rest: Sequence[str]) -> bool:
        return False


class OsdpActor:
    """A reader whose key is in a file; one in install mode has none yet and keeps there what it is given."""

    def __init__(self, people: People, options: argparse.Namespace) -> None:
        self._people = people
        if find_spec("osdp_sys") is None:
            raise LookupError("libosdp is missing: pip install 'xiaoqu-gateway[osdp]'")
        self.reader = OsdpReaderDevice(options.address, None if options.install else _key(options.key_file))
        self.device: Device | None = OsdpLine([self.reader])
        self._contacts = [False] * osdp_pd.CONTACTS

    def present(self) -> None:
        self.reader.present(w34(bytes.fromhex(self._people.card_uid())))

    def lift(self) -> None:
        """The line does not tell."""

    def obey(self, word: str, rest: Sequence[str]) -> bool:
        match word, *rest:
            case "press", keys:
                self.reader.press(keys)
            case (("tamper" | "intact"),):
                self.reader.local(tamper=word == "tamper")
            case "contact", number, state:
                _set(self._contacts, number, state)
                self.reader.contacts(self._contacts[0], self._contacts[1])
            case _:
                return False
        return True


class CardActor:
    def __init__(self, people: People, options: argparse.Namespace) -> None:
        self._people = people
        self.device: Device | None = None
        self.faulty = FaultyCard(frozenset(map(Fault, options.fault)), options.seed)
        self._slot = CardSlot(options.port, answer=self.faulty.answer)
        self._kinds = cycle((id_card, type_a))

    def present(self) -> None:
        uid = bytes.fromhex(self._people.card_uid())
        kind = next(self._kinds)
        self._slot.put(kind(b"\x10" + uid[1:] + uid if kind is id_card else b"\x04" + uid[1:]))

    def lift(self) -> None:
        self._slot.lift()

    def obey(self, _word: str, _rest: Sequence[str]) -> bool:
        return False


class RelayActor:
    def __init__(self, _people: People, options: argparse.Namespace) -> None:
        self._modbus = ModbusBoard(contacts=[False] * CONTACTS, switched=_switched)
        self.device: Device | None = self._modbus if options.modbus else RelayBoard(switched=_switched)

    def present(self) -> None:
        """Nobody presents anything to a relay."""

    def lift(self) -> None:
        """Nor takes it away."""

    def obey(self, word: str, rest: Sequence[str]) -> bool:
        if word != "contact" or len(rest) != 2 or self.device is not self._modbus:
            return False
        _set(self._modbus.contacts, *rest)
        return True


def _switched(channel: int, on: bool, _at: float) -> None:
    say(f"channel {channel} {'closed' if on else 'opened'}")


def _set(contacts: list[bool], number: str, state: str) -> None:
    if int(number) not in range(len(contacts)) or state not in ("open", "closed"):
        raise ValueError("contact N open|closed")
    contacts[int(number)] = state == "closed"


def _key(file: Path) -> bytes:
    """The key in a file; drawn at random, and written there for the owner alone, where there is none.

    Raises:
        LookupError: the file holds no key, or one that protects nothing.
    """
    with suppress(FileExistsError), os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        new.write(secrets.token_hex(16).upper() + "\n")
    try:
        return checked_key(file.read_text("ascii").strip())
    except ValueError as error:
        raise LookupError(f"{file}: {error}") from error


ACTORS: dict[str, Callable[[People, argparse.Namespace], Actor]] = {
    "sam": SamActor,
    "wiegand": WiegandActor,
    "ascii": AsciiActor,
    "osdp": OsdpActor,
    "card": CardActor,
    "relay": RelayActor,
}
