"""`gateway simulate KIND`: one device and synthetic people, on a pseudo-terminal, a TCP port or pcscd's reader.

It prints where it is, and takes words on standard input, one line each: present, lift, cut, restore, fault NAME...,
sw3 CODE (or all), quit. With --every it presents somebody by itself, again and again.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Protocol

from simulators.ascii_line import FRAMES, AsciiDevice
from simulators.card import FIRST_PORT, CardSlot, id_card, type_a
from simulators.faults import Fault, Faulty
from simulators.line import Device, PtyLine
from simulators.people import People
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule
from simulators.tcp import TcpLine
from simulators.wiegand import WiegandAdapter, w34

STATUS_CODES = tuple(bytes.fromhex("10112123243132333437 3F404147506061669180".replace(" ", "")))
"""Every status byte (SW3) that vendors list, other than success."""
READ = b"\x30\x01"


class Actor(Protocol):
    """What can be done with one device."""

    device: Device | None

    def present(self) -> None: ...
    def lift(self) -> None: ...


class SamActor:
    def __init__(self, people: People, _options: argparse.Namespace) -> None:
        self._people = people
        self.module = SamModule()
        self.device: Device | None = self.module

    def present(self) -> None:
        self.module.present(Card(self._people.number(self._people.born(20, 80), "1"), self._people.name()))

    def lift(self) -> None:
        self.module.lift()

    def refuse(self, codes: Sequence[int]) -> None:
        for code in codes:
            self.module.refuse(READ, code)


class WiegandActor:
    def __init__(self, people: People, _options: argparse.Namespace) -> None:
        self._people = people
        self._adapter = WiegandAdapter()
        self.device: Device | None = self._adapter

    def present(self) -> None:
        self._adapter.present(w34(bytes.fromhex(self._people.card_uid())))

    def lift(self) -> None:
        """The line does not tell."""


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


class CardActor:
    def __init__(self, people: People, options: argparse.Namespace) -> None:
        self._people = people
        self.device: Device | None = None
        self._slot = CardSlot(options.port)
        self._kinds = cycle((id_card, type_a))

    def present(self) -> None:
        uid = bytes.fromhex(self._people.card_uid())
        kind = next(self._kinds)
        self._slot.put(kind(b"\x10" + uid[1:] + uid if kind is id_card else b"\x04" + uid[1:]))

    def lift(self) -> None:
        self._slot.lift()


class RelayActor:
    def __init__(self, _people: People, _options: argparse.Namespace) -> None:
        self.device: Device | None = RelayBoard(
            switched=lambda channel, on, _at: _say(f"channel {channel} {'closed' if on else 'opened'}")
        )

    def present(self) -> None:
        """Nobody presents anything to a relay."""

    def lift(self) -> None:
        """Nor takes it away."""


ACTORS: dict[str, Callable[[People, argparse.Namespace], Actor]] = {
    "sam": SamActor,
    "wiegand": WiegandActor,
    "ascii": AsciiActor,
    "card": CardActor,
    "relay": RelayActor,
}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway simulate", description=__doc__)
    parser.add_argument("kind", choices=list(ACTORS))
    parser.add_argument("--link", type=Path, help="give the pseudo-terminal this stable name")
    parser.add_argument("--tcp", type=int, metavar="PORT", help="a port of the loopback instead; 0 takes a free one")
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="card: where vpcd listens for it (%(default)s)")
    parser.add_argument("--frame", choices=["text", *FRAMES], default="text", help="ascii: the frame (%(default)s)")
    parser.add_argument("--baud", type=int, help="the only speed that the device understands")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="present somebody so often")
    parser.add_argument("--hold", type=float, default=1.0, metavar="SECONDS", help="and lift after (%(default)s)")
    parser.add_argument("--fault", choices=list(Fault), action="append", default=[], help="may be given several times")
    parser.add_argument("--sw3", metavar="CODE", help="sam: answer the next read by this status, or by `all` in turn")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same people")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run one simulated device until `quit`, SIGTERM or Ctrl-C. Returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with suppress(ValueError):  # only the main thread may ask for signals
        signal.signal(signal.SIGTERM, _interrupt)
    actor = ACTORS[options.kind](People(options.seed, datetime.now(UTC).date()), options)
    line = Faulty(actor.device, frozenset(map(Fault, options.fault)), options.seed) if actor.device else None
    stop = threading.Event()
    with suppress(KeyboardInterrupt), _line(line, options) as wire:
        player = threading.Thread(target=_play, args=(actor, options, stop), name="player", daemon=True)
        try:
            player.start()
            _say(wire.url if wire is not None else f"pcscd's virtual reader, port {options.port}")
            desk = _Desk(actor, line, wire)
            if options.sw3:
                desk.obey(f"sw3 {options.sw3}")
            _listen(desk, options)
        finally:
            stop.set()
            if player.ident is not None:
                player.join()
            actor.lift()
    return 0


def _line(device: Device | None, options: argparse.Namespace) -> AbstractContextManager[PtyLine | TcpLine | None]:
    if device is None:
        return nullcontext()
    if options.tcp is not None:
        return TcpLine(device, options.tcp)
    return PtyLine(device, options.link, options.baud)


def _play(actor: Actor, options: argparse.Namespace, stop: threading.Event) -> None:
    while options.every and not stop.wait(max(0.0, options.every - options.hold)):
        actor.present()
        stop.wait(options.hold)
        actor.lift()


def _listen(desk: "_Desk", options: argparse.Namespace) -> None:
    for order in sys.stdin:
        if order.strip() == "quit":
            return
        if order.strip() and not desk.obey(order):
            _say("? present | lift | cut | restore | fault NAME... | sw3 CODE | sw3 all | quit")
    if options.every:
        threading.Event().wait()  # nobody types: until a signal


class _Desk:
    """Carries out what is typed."""

    def __init__(self, actor: Actor, line: Faulty | None, wire: PtyLine | TcpLine | None) -> None:
        self._actor = actor
        self._line = line
        self._wire = wire

    def obey(self, order: str) -> bool:
        """Carry out one line; False when it means nothing here."""
        word, *rest = order.split()
        try:
            return self._plain(word) or (word == "fault" and self._fault(rest)) or (word == "sw3" and self._sw3(rest))
        except ValueError:
            return False

    def _plain(self, word: str) -> bool:
        orders: dict[str, Callable[[], None]] = {"present": self._actor.present, "lift": self._actor.lift}
        if self._wire is not None:
            orders |= {"cut": self._wire.cut, "restore": self._wire.restore}
        if word in orders:
            orders[word]()
        return word in orders

    def _fault(self, names: Sequence[str]) -> bool:
        if self._line is not None:
            self._line.faults = frozenset(map(Fault, names))
        return self._line is not None

    def _sw3(self, words: Sequence[str]) -> bool:
        if not isinstance(self._actor, SamActor) or len(words) != 1:
            return False
        self._actor.refuse(STATUS_CODES if words[0] == "all" else [int(words[0], 16)])
        return True
