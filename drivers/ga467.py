"""Identity cards through a SAM module on a UART: status, then find, select and read, over and over.

Frames are those of `drivers.sam_frames`. Only the commands of `Command` are ever sent: `30 01` always brings the photo,
of which no byte is kept, and the reads of fingerprint, extra addresses and card management number are not in here.
Find and select return zero serials, so a card's number is its only key, and a card that stays is read again to know it.
Source: vendor documents that follow GA 467, and four vendors' lists of status codes that agree.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from drivers import sam_codes
from drivers.api import (
    CardGone,
    CardRead,
    Credential,
    CredentialKind,
    DeviceFact,
    FaultOver,
    Identity,
    Noise,
    Online,
    ReaderEvent,
    ReaderFault,
    Remedy,
    StreamDriver,
    Verdict,
)
from drivers.id_text import CardText, CardType, NotACardText, parse
from drivers.sam_frames import FRAME_S, Deframer, Frame, encode

GONE_S = 1.5
"""A card not found for so long has gone; the same number within it is the same presentation."""
STILL_S = 10.0
"""A card that the first search after a silence shorter than this finds lay there all along, if it is the same."""
HEARTBEAT_S = 5.0
"""While the module answers, `Online` is repeated so often."""
SILENT_TRIES = 3
"""Unanswered status commands before the module is reported silent."""
SLOWEST_S = 5.0
"""Between tries while the module is silent."""
BAUDS = (115_200, 57_600, 38_400, 19_200, 9_600)
"""In the order in which a module that never answered is looked for, one status command at each."""
FAILED_SELECTS = 3
"""Cards in motion fail to be selected now and then; so many in a row are reported."""


class Command(Enum):
    """All that is ever sent: CMD, PARA."""

    RESET = b"\x10\xff"
    STATUS = b"\x11\xff"
    SAM_NUMBER = b"\x12\xff"
    FIND = b"\x20\x01"
    SELECT = b"\x20\x02"
    READ = b"\x30\x01"
    RADIO_BLOCK = b"\x61\xff"


ALLOWED = frozenset({command.value for command in Command} | {b"\x60" + bytes([n]) for n in range(5)})
"""CMD PARA that may be sent to a module at all; 60 (baud) by `drivers.ga467_setup` alone."""

TIMEOUT_S = {Command.READ: 3.0}
"""To the first byte of the answer, 0.5 s where not named; a frame under way has its own deadline."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`read`: what is handed on of a card. `period_ms`: between two searches; vendors recommend more than 300.

    `radio_block`: most bytes that the module exchanges with a card at once, 24 to 255; 0 leaves what it has.
    """

    read: Literal["number", "identity"] = "number"
    period_ms: int = 300
    radio_block: int = 0

    def __post_init__(self) -> None:
        if not 100 <= self.period_ms <= 10_000:
            raise ValueError("period_ms: must be between 100 and 10000")
        if self.radio_block and not 24 <= self.radio_block <= 255:
            raise ValueError("radio_block: must be between 24 and 255, or 0")


@dataclass(frozen=True, slots=True)
class _Ask:
    command: Command
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class _Wait:
    seconds: float


@dataclass(slots=True)
class _Card:
    """The card that was read last; it `lies` there until the module has not found it for a while."""

    credential: Credential = field(repr=False)
    seen: float
    lies: bool = True


Talk = Generator[_Ask | _Wait, Frame | None, None]
Exchange = Generator[_Ask | _Wait, Frame | None, Frame | None]


class SamReader:
    """A SAM module as a reader: one `CardRead` for each presentation, however long the card lies.

    `baud` is the speed that it wants of the line.
    """

    def __init__(self, settings: Settings) -> None:
        self.baud = BAUDS[0]
        self._settings = settings
        self._period = settings.period_ms / 1000
        self._deframer = Deframer()
        self._events: list[ReaderEvent] = []
        self._now = 0.0
        self._until: float | None = None
        self._card: _Card | None = None
        self._just_read = False
        self._rereads = False
        self._answered_at = 0.0
        self._silence = 0.0
        self._back = False
        self._searched = False
        self._told: str | None = None
        self._online_at: float | None = None
        self._known = False
        self._heard = False
        self._failed_selects = 0
        self._standing: tuple[str, Command] | None = None
        self._talk = self._all_day()
        self._step = next(self._talk)

    def signal(self, verdict: Verdict) -> None:
        """There is no lamp on this line."""

    def to_send(self, now: float) -> bytes:
        """Return the next command when it is due."""
        self._now = now
        if isinstance(self._step, _Wait):
            if self._until is None:
                self._until = now + self._step.seconds
            if now >= self._until:
                self._go_on(None)
        if isinstance(self._step, _Ask) and self._until is None:
            self._until = now + TIMEOUT_S.get(self._step.command, 0.5)
            return encode(self._step.command.value + self._step.data)
        return b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:
        """Take what arrived and return what it means."""
        self._now = now
        for item in self._deframer.feed(data, now):
            if isinstance(item, Noise):
                self._events.append(item)
            elif isinstance(self._step, _Ask) and self._until is not None and _answers(self._step.command, item):
                self._go_on(item)
            else:
                self._events.append(Noise(item.size + 8, "answer to another question"))
        if isinstance(self._step, _Ask) and self._until is not None and now >= self._until:
            late = now >= self._until + FRAME_S  # a babbling line looks busy for ever
            if late or not self._deframer.busy:
                self._go_on(None)
        events, self._events = self._events, []
        return events

    def _go_on(self, answer: Frame | None) -> None:
        self._until = None
        self._step = self._talk.send(answer)

    def _ask(self, command: Command, data: bytes = b"") -> Exchange:
        """Send a command; once more when the module says that something went wrong on the way."""
        answer = yield _Ask(command, data)
        if answer is not None and answer.body[2] in sam_codes.ASK_AGAIN:
            answer = yield _Ask(command, data)
        return answer

    def _all_day(self) -> Talk:
        yield from self._greet()
        while True:
            found = yield from self._ask(Command.FIND)
            if found is None:
                yield from self._greet()
                continue
            self._answering()
            if found.body[2] in sam_codes.IDLE | {sam_codes.FOUND}:
                self._well(Command.FIND)
            if found.body[2] == sam_codes.FOUND:
                yield from self._found()
            else:
                self._no_card(found.body[2])
            self._searched = True
            yield _Wait(self._period)

    def _greet(self) -> Talk:
        """Ask for the status, ever more slowly, until the module says that it is well."""
        silent, wait = 0, self._period
        while (answer := (yield from self._ask(Command.STATUS))) is None or answer.body[2] != sam_codes.DONE:
            if answer is not None:
                self._refused(answer.body[2], Command.STATUS)
                yield from self._ask(Command.RESET)
            else:
                silent += 1
                self._lost(silent)
            yield _Wait(wait)
            if self._other_baud(answer) == BAUDS[0]:
                wait = min(2 * wait, SLOWEST_S)
        self._told = self._online_at = None
        self._well()
        self._silence, self._back = self._now - self._answered_at, True
        if self._card is not None:
            self._card.seen = self._now
        self._answering()
        if not self._known:
            number = yield from self._ask(Command.SAM_NUMBER)
            self._device_number(number)
        if block := self._settings.radio_block:
            yield from self._set_block(block)

    def _set_block(self, block: int) -> Talk:
        """A module that does not take it works as it did, and that is told."""
        answer = yield from self._ask(Command.RADIO_BLOCK, bytes([block]))
        if answer is not None:
            taken = answer.body[2] == sam_codes.DONE
            self._events.append(DeviceFact("radio_block", str(block) if taken else "refused"))

    def _other_baud(self, answer: Frame | None) -> int:
        """Go on to the next speed while nobody ever answered; return the first when a round of tries is over."""
        if answer is not None or self._heard:
            self._heard = True
            return BAUDS[0]
        self.baud = BAUDS[(BAUDS.index(self.baud) + 1) % len(BAUDS)]
        return self.baud

    def _lost(self, silent: int) -> None:
        if self._now - self._answered_at > STILL_S:
            self._gone(sure=True)
        if silent >= SILENT_TRIES:
            self._fault(ReaderFault("no_answer", Remedy.CALL_TECHNICIAN, "the module does not answer"))

    def _answering(self) -> None:
        self._heard, self._answered_at = True, self._now
        if self._online_at is None or self._now - self._online_at >= HEARTBEAT_S:
            self._online_at = self._now
            self._events.append(Online())

    def _device_number(self, answer: Frame | None) -> None:
        if answer is not None and answer.body[2] == sam_codes.DONE:
            self._known = True
            self._events.append(DeviceFact("sam_number", sam_codes.number_text(answer.body[3:])))

    def _no_card(self, code: int) -> None:
        if code not in sam_codes.IDLE:
            self._refused(code, Command.FIND)
            return
        self._told = None
        self._failed_selects = 0
        self._just_read = False
        if not self._searched:
            self._events.append(CardGone())  # none lies there to begin with
        elif self._card is not None and (self._back or self._now - self._card.seen >= GONE_S):
            self._gone(sure=self._rereads)
        self._back = False

    def _found(self) -> Talk:
        selected = yield from self._ask(Command.SELECT)
        if selected is None or selected.body[2] in sam_codes.IDLE:
            self._failed_selects += 1
            if self._failed_selects >= FAILED_SELECTS:
                self._fault(ReaderFault("select_failed", Remedy.PRESENT_AGAIN, "the card cannot be selected"))
            return
        self._failed_selects = 0
        if selected.body[2] != sam_codes.DONE:
            self._refused(selected.body[2], Command.SELECT)
            return
        self._well(Command.SELECT)
        read = yield from self._ask(Command.READ)
        if read is None:
            self._fault(ReaderFault("read_timeout", Remedy.PRESENT_AGAIN, "the module did not finish reading"))
        elif read.body[2] in sam_codes.IDLE:
            return
        elif read.body[2] != sam_codes.DONE:
            self._refused(read.body[2], Command.READ)
        else:
            self._well(Command.READ)
            self._read(read)

    def _read(self, frame: Frame) -> None:
        event = read_card(frame, self._settings.read)
        if isinstance(event, ReaderFault):
            self._fault(event)
            return
        self._told = None
        card = self._card
        self._rereads = self._rereads or self._just_read  # it finds a card again that it has read
        self._just_read = True
        if card is None or card.credential != event.credential or not (card.lies or self._is_back()):
            self._gone(sure=True)
            self._events.append(event)
        self._card, self._back = _Card(event.credential, self._now), False

    def _is_back(self) -> bool:
        """Whether the module was silent for a moment, and no search has been answered by "none" since."""
        return self._back and self._silence < STILL_S

    def _gone(self, *, sure: bool) -> None:
        if self._card is not None and self._card.lies:
            self._card.lies = False
            self._events.append(CardGone(sure))
        if sure:
            self._card = None

    def _refused(self, code: int, command: Command) -> None:
        fault = sam_codes.fault(code)
        if self._standing is not None and self._standing[0] != fault.code:
            self._well(None if fault.stands else command)
        if fault.stands:
            self._standing = fault.code, command
        self._fault(fault)

    def _well(self, command: Command | None = None) -> None:
        """Say that a fault is over which stood since such a command; None for any."""
        if self._standing is not None and command in (None, self._standing[1]):
            self._events.append(FaultOver(self._standing[0]))
            self._standing = None

    def _fault(self, fault: ReaderFault) -> None:
        """Say it once: a card that lies there unreadable fails again at every search."""
        if self._told != fault.code:
            self._told = fault.code
            self._events.append(fault)


def _answers(command: Command, frame: Frame) -> bool:
    """Whether a reply can be the answer to this command, and not a late one to an earlier."""
    if len(frame.body) < 3:
        return False
    code = frame.body[2]
    if command is Command.READ and code == sam_codes.DONE:
        return frame.size >= 3 + 4 + 256
    if command is Command.FIND and code == sam_codes.FOUND:
        return True
    if code in (sam_codes.DONE, sam_codes.FOUND):
        good = dict.fromkeys((Command.STATUS, Command.RESET, Command.RADIO_BLOCK), 3)
        good |= {Command.SAM_NUMBER: 3 + 16, Command.SELECT: 3 + 8}
        return code == sam_codes.DONE and frame.size == good.get(command)
    return frame.size == 3 and (command not in (Command.STATUS, Command.SAM_NUMBER) or code not in sam_codes.IDLE)


def read_card(frame: Frame, read: Literal["number", "identity"]) -> CardRead | ReaderFault:
    """Make of a good reply to `30 01` what may be handed on."""
    if frame.body[3:5] != b"\x01\x00":
        return ReaderFault("bad_text", Remedy.PRESENT_AGAIN, "the text has not 256 bytes")
    try:
        card = parse(frame.body[7:263])
    except NotACardText as error:
        return sam_codes.bad_text(error.problem)
    return CardRead(credential_of(card), Identity(card.name, card.address) if read == "identity" else None)


def credential_of(card: CardText) -> Credential:
    """The credential that a card stands for."""
    kind = CredentialKind.PR_2017 if card.type is CardType.PR_2017 else CredentialKind.CITIZEN_ID
    return Credential(kind, card.number)


DRIVER = StreamDriver("ga467", Settings, SamReader, 115200, sees_lying=True)
