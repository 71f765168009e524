"""Contactless cards on PC/SC readers: runs the dialogues of `drivers.apdu`; the only door to pyscard.

A URL is `pcsc://` and a reader's name or a part of it that only one reader has; `pcsc://` alone is the only reader.
pyscard is an optional extra: without it, or without pcscd, the reader is down and says why, and all else goes on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import unquote

from drivers.apdu import ID_CARD_ATRS, Answer, Lamp, LampName, Result, here_i_am, identify, lamp
from drivers.api import (
    CardGone,
    CardRead,
    DeviceFact,
    Emit,
    LinkLost,
    NativeDriver,
    Online,
    ReaderFault,
    Remedy,
    Taken,
    Verdict,
)
from drivers.pcsc_watch import Mailbox, Seen, Slot, watching

SCHEME = "pcsc://"
PATIENCE_S = 5.0
"""A reader that is not there yet is waited for so long, before the line is called lost."""
LOOK_S = 0.25
"""How often a stop is looked for."""
HEARTBEAT_S = 5.0
"""While the reader is listed, `Online` is repeated so often."""
LIT_S = 1.0
TRIES = 5
AGAIN_S = 0.1
"""A card that another program holds, or that is silent, for longer than these together is a fault."""
LONGEST_ANSWER = 256 + 2
CARD_MUTE = ReaderFault("card_mute", Remedy.PRESENT_AGAIN, "the card does not answer")


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("id_card_atrs: must be hexadecimal") from None


@dataclass(frozen=True, slots=True)
class Settings:
    """`id_card_atrs`: ATRs that this reader builds for ID cards. `lamp`: the family whose lamp and buzzer it has."""

    id_card_atrs: tuple[str, ...] = ID_CARD_ATRS
    lamp: LampName = "none"

    def __post_init__(self) -> None:
        for atr in self.id_card_atrs:
            if not 2 <= len(_bytes(atr)) <= 33:
                raise ValueError("id_card_atrs: an ATR has 2 to 33 bytes")


def library() -> Any:
    """Return pyscard's raw calls.

    Raises:
        LinkLost: pyscard is not installed; the message says how to.
    """
    try:
        from smartcard import scard  # noqa: PLC0415 - an optional extra, wanted only where there is such a reader
    except ImportError as error:
        raise LinkLost(f"pyscard is missing: pip install 'xiaoqu-gateway[pcsc]' ({error})") from error
    return scard


def reader_names() -> list[str]:
    """Return the names of the readers that are there now.

    Raises:
        LinkLost: there is no pyscard, or no pcscd.
    """
    scard = library()
    with _context(scard) as context:
        result, names = scard.SCardListReaders(context, [])
        if result == scard.SCARD_E_NO_READERS_AVAILABLE:
            return []
        _hold(scard, result)
        return list(names)


def choose(wanted: str, seen: Seen) -> str:
    """Return the one reader's name that is `wanted`, or has it as a part.

    Raises:
        LinkLost: none, or more than one.
    """
    if seen.trouble:
        raise LinkLost(seen.trouble)
    if wanted in seen.slots:
        return wanted
    found = [name for name in sorted(seen.slots) if wanted.casefold() in name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise LinkLost(f"{len(found)} readers have {wanted!r} in their name: {', '.join(found)}")
    raise LinkLost(f"no reader {wanted!r}; there are: {', '.join(sorted(seen.slots)) or 'none'}")


def takes(url: str) -> Taken:
    """See that a URL is one of a PC/SC reader.

    Raises:
        ValueError: it is not.
    """
    if not url.startswith(SCHEME):
        raise ValueError(f"url: a PC/SC reader's begins with {SCHEME}")
    return Taken(SCHEME + unquote(url.removeprefix(SCHEME)).strip())


class PcscReader:
    """One PC/SC reader: one `CardRead` for each presentation, however long the card lies."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._wanted = takes(url).line.removeprefix(SCHEME)
        self._settings = settings
        self._atrs = frozenset(_bytes(atr) for atr in settings.id_card_atrs)
        self._mail = Mailbox()
        self._there = False

    def signal(self, verdict: Verdict) -> None:
        """Queue the verdict for lamp and buzzer, where the settings name them."""
        if self._settings.lamp != "none":
            self._mail.order(lamp(self._settings.lamp, verdict))

    def identify(self) -> bool:
        """Blink and beep so that one finds it. False when the settings name no lamp, or the reader is away."""
        if self._settings.lamp == "none" or not self._there:
            return False
        self._mail.order(here_i_am(self._settings.lamp))
        return True

    def run(self, emit: Emit, stop: Event) -> None:
        """Read cards until `stop`.

        Raises:
            LinkLost: there is no pyscard, no pcscd or no such reader, or it went.
        """
        scard = library()
        with watching(scard, self._mail):
            name = self._find(stop)
            if name is None:
                return
            with _context(scard) as context:
                emit(DeviceFact("pcsc_reader", name))
                self._there = True
                try:
                    _Session(scard, context, name, self._atrs, emit, stop).serve(self._mail)
                finally:
                    self._there = False

    def _find(self, stop: Event) -> str | None:
        until = time.monotonic() + PATIENCE_S
        while not stop.is_set():
            seen, _ = self._mail.take(LOOK_S)
            try:
                return choose(self._wanted, seen or Seen({}, "the smart card service (pcscd) does not answer"))
            except LinkLost:
                if time.monotonic() >= until:
                    raise
        return None


class _Session:
    """A reader from when it was found until it goes; all in its own thread."""

    def __init__(self, scard: Any, context: Any, name: str, atrs: frozenset[bytes], emit: Emit, stop: Event) -> None:
        self._scard = scard
        self._context = context
        self._name = name
        self._atrs = atrs
        self._emit = emit
        self._stop = stop
        self._slot: Slot | None = None
        self._read: CardRead | None = None
        self._silent = (
            scard.SCARD_W_UNRESPONSIVE_CARD,
            scard.SCARD_W_UNPOWERED_CARD,
            scard.SCARD_W_RESET_CARD,
            scard.SCARD_E_NOT_TRANSACTED,
            scard.SCARD_E_PROTO_MISMATCH,
        )
        self._dark: tuple[float, tuple[bytes, ...]] | None = None

    def serve(self, mail: Mailbox) -> None:
        """Report cards and show verdicts until the reader goes, or stop."""
        self._emit(Online())
        heard = time.monotonic()
        seen, lamps = mail.take(0.0)
        while not self._stop.is_set():
            if seen is not None:
                self._look(seen)
            for shown in lamps:
                self._show(shown)
            now = time.monotonic()
            if self._dark is not None and now >= self._dark[0]:
                commands, self._dark = self._dark[1], None
                self._tell(commands)
            if now - heard >= HEARTBEAT_S:
                heard = now
                self._emit(Online())
            seen, lamps = mail.take(LOOK_S)

    def _look(self, seen: Seen) -> None:
        slot = seen.slots.get(self._name)
        if slot is None:
            raise LinkLost(seen.trouble or "the reader was unplugged")
        before, self._slot = self._slot, slot
        if slot == before:
            return
        if not slot.present:
            if before is None or self._read is not None:
                self._read = None
                self._emit(CardGone())
        elif before is not None and before.present and before.life != slot.life:
            self._present(slot, self._read)  # nobody saw whether another card was laid there meanwhile
        elif before is None or not before.present or before.count != slot.count or (before.mute and not slot.mute):
            self._present(slot)

    def _present(self, slot: Slot, known: CardRead | None = None) -> None:
        """Read a card and tell it, unless it is the one that is `known` to lie there."""
        result = CARD_MUTE if slot.mute else self._talk(slot.atr)
        if result is None or (known is not None and result == known):
            return
        if self._read is not None:
            self._emit(CardGone())
        self._read = result if isinstance(result, CardRead) else None
        self._emit(result)

    def _talk(self, atr: bytes) -> Result | None:
        """Run the dialogue with the card; None when we are to stop."""
        connected = self._connect()
        if not isinstance(connected, tuple):
            return connected
        card, protocol = connected
        dialogue = identify(atr, self._atrs)
        try:
            command = next(dialogue)
            while True:
                answer = self._transmit(card, protocol, command)
                if isinstance(answer, ReaderFault):
                    return answer
                command = dialogue.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            self._scard.SCardDisconnect(card, self._scard.SCARD_LEAVE_CARD)

    def _connect(self) -> tuple[Any, int] | ReaderFault | None:
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result = scard.SCARD_S_SUCCESS
        for _ in range(TRIES):
            result, card, protocol = scard.SCardConnect(self._context, self._name, scard.SCARD_SHARE_SHARED, protocols)
            if result == scard.SCARD_S_SUCCESS:
                return card, protocol
            if result not in (scard.SCARD_E_SHARING_VIOLATION, *self._silent):
                break
            if self._stop.wait(AGAIN_S):
                return None
        return self._fault(result)

    def _transmit(self, card: Any, protocol: int, command: bytes) -> Answer | ReaderFault:
        scard = self._scard
        form = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        result, raw = scard.SCardTransmit(card, form, list(command))
        if result != scard.SCARD_S_SUCCESS:
            return self._fault(result)
        if not 2 <= len(raw) <= LONGEST_ANSWER:
            return ReaderFault("bad_answer", Remedy.PRESENT_AGAIN, f"an answer of {len(raw)} bytes")
        return Answer(bytes(raw[:-2]), raw[-2] << 8 | raw[-1])

    def _fault(self, result: int) -> ReaderFault:
        """What a failed call means for the person; LinkLost when it is the reader or the service that went."""
        scard = self._scard
        if result in (scard.SCARD_E_NO_SMARTCARD, scard.SCARD_W_REMOVED_CARD):
            return ReaderFault("card_left", Remedy.PRESENT_AGAIN, "the card left before it was read")
        if result == scard.SCARD_E_SHARING_VIOLATION:
            return ReaderFault("card_in_use", Remedy.CALL_TECHNICIAN, "another program holds the card", of_card=True)
        if result in self._silent:
            return CARD_MUTE
        raise LinkLost(_said(scard, result))

    def _show(self, commands: Lamp) -> None:
        self._tell(commands.show)
        if commands.clear:
            self._dark = time.monotonic() + LIT_S, commands.clear

    def _tell(self, commands: tuple[bytes, ...]) -> None:
        """Send commands to the reader itself, with or without a card; a reader that refuses them stays dark."""
        scard = self._scard
        result, card, _ = scard.SCardConnect(self._context, self._name, scard.SCARD_SHARE_DIRECT, 0)
        if result != scard.SCARD_S_SUCCESS:
            return
        for command in commands:
            scard.SCardControl(card, scard.SCARD_CTL_CODE(1), list(command))
        scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)


@contextmanager
def _context(scard: Any) -> Iterator[Any]:
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != scard.SCARD_S_SUCCESS:
        raise LinkLost("the smart card service (pcscd) does not answer")
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _hold(scard: Any, result: int) -> None:
    if result != scard.SCARD_S_SUCCESS:
        raise LinkLost(_said(scard, result))


def _said(scard: Any, result: int) -> str:
    return f"PC/SC: {scard.SCardGetErrorMessage(result)}"


DRIVER = NativeDriver("pcsc", Settings, PcscReader, sees_lying=True, takes=takes)
