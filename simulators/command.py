"""`gateway simulate KIND`: one device and synthetic people, on a pseudo-terminal, a TCP port or pcscd's reader.

It prints where it is, and takes words on standard input, one line each: present, lift, cut, restore, fault NAME...,
quit; sw3 CODE|all [COMMAND] to a SAM; press KEYS, tamper, intact to an OSDP reader; contact N open|closed to it and
to a Modbus board. With --every it presents somebody by itself, again and again.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from simulators.ascii_line import FRAMES
from simulators.by_hand import ACTORS, Actor, CardActor, SamActor, say
from simulators.card import FIRST_PORT
from simulators.faults import Fault, Faulty
from simulators.line import Device, PtyLine
from simulators.people import People
from simulators.tcp import TcpLine

SPEEDS = (1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400)
HELP = (
    "? present | lift | cut | restore | fault NAME... | quit; "
    "sam: sw3 CODE|all [reset|status|number|find|select|read]; "
    "osdp: press KEYS | tamper | intact; osdp, relay --modbus: contact N open|closed"
)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway simulate", description=__doc__)
    parser.add_argument("kind", choices=list(ACTORS))
    parser.add_argument("--link", type=Path, help="give the pseudo-terminal this stable name")
    parser.add_argument("--tcp", type=int, metavar="PORT", help="a port of the loopback instead; 0 takes a free one")
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="card: where vpcd listens for it (%(default)s)")
    parser.add_argument("--frame", choices=["text", *FRAMES], default="text", help="ascii: the frame (%(default)s)")
    parser.add_argument("--address", type=int, default=1, choices=range(127), metavar="N", help="osdp (%(default)s)")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--key-file", type=Path, help="osdp: its key; drawn and written there if there is none")
    secret.add_argument("--install", action="store_true", help="osdp: a new reader, which waits for a key of its own")
    parser.add_argument("--modbus", action="store_true", help="relay: a board that speaks Modbus RTU and has contacts")
    parser.add_argument("--baud", type=int, choices=SPEEDS, help="the only speed that the device understands")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="present somebody so often")
    parser.add_argument("--hold", type=float, default=1.0, metavar="SECONDS", help="and lift after (%(default)s)")
    parser.add_argument("--fault", choices=list(Fault), action="append", default=[], help="may be given several times")
    parser.add_argument(
        "--sw3",
        metavar="CODE [COMMAND]",
        help="sam: answer the next read by this status, or by `all` in turn; 'CODE find': the next search",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same people")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run one simulated device until `quit`, SIGTERM or Ctrl-C. Returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.kind == "osdp" and not options.install and options.key_file is None:
        parser.error("osdp: give --key-file FILE, or --install")
    with suppress(ValueError):  # only the main thread may ask for signals
        signal.signal(signal.SIGTERM, _interrupt)
    actor = ACTORS[options.kind](People(options.seed, datetime.now(UTC).date()), options)
    line = Faulty(actor.device, frozenset(map(Fault, options.fault)), options.seed) if actor.device else None
    stop = threading.Event()
    with suppress(KeyboardInterrupt), _line(line, options) as wire:
        player = threading.Thread(target=_play, args=(actor, options, stop), name="player", daemon=True)
        try:
            player.start()
            if isinstance(actor, SamActor) and isinstance(wire, PtyLine):
                actor.module.respeed = wire.respeed
            say(_place(wire, options))
            desk = _Desk(actor, line, wire)
            if options.sw3 and not desk.obey(f"sw3 {options.sw3}"):
                parser.error("--sw3: it is CODE, all, or either with a command, and for a SAM alone")
            _listen(desk, options)
        finally:
            stop.set()
            if player.ident is not None:
                player.join()
            actor.lift()
    return 0


def _place(wire: PtyLine | TcpLine | None, options: argparse.Namespace) -> str:
    """What a driver opens."""
    if wire is None:
        return f"pcscd's virtual reader, port {options.port}"
    return f"{wire.url}#{options.address}" if options.kind == "osdp" else wire.url


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
            say(HELP)
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
            return self._plain(word) or (word == "fault" and self._fault(rest)) or self._actor.obey(word, rest)
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
        faulty = self._actor.faulty if isinstance(self._actor, CardActor) else self._line
        if faulty is not None:
            faulty.faults = frozenset(map(Fault, names))
        return faulty is not None
