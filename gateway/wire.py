"""Every topic and payload of the bus, one table. Payloads are JSON, typed and bounded; times are milliseconds, UTC.

Between station and centre a payload travels in an envelope (`keys.Envelope`); towards the police it is plain and thin.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

ROOT = "xq/v1"
SOFTWARE = "0.1.0"
"""Version of this program, as told on the bus."""
PARTITIONS = 64
MAX_PAYLOAD = 192 * 1024
"""Larger payloads are refused by the broker's shipped configuration and by both ends: three times `MAX_BACKLOG`."""
MAX_BACKLOG = 64 * 1024
"""Size of one message of backlog: small enough that a live swipe never waits long behind it on a slow line."""
MAX_CERTIFICATE = 8 * 1024
"""Of a certificate or a request for one, PEM: ours are under 1 kB."""
MAX_SWIPES = 2000
MAX_RANGES = 16
MAX_LOST = 1000
"""Ranges in one message of losses: 40 kB of the largest numbers."""

MAX_OLDER = 4
"""Older token keys of a community that are good at a time: so many boxes may be lost in one month."""

T = TypeVar("T")
_QUOTE = re.compile("['\"]")
_PLACE = re.compile(r" - at `(\$[a-z_.\[\]0-9]*)`\Z")

Epoch = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]
Seq = Annotated[int, Meta(ge=1, le=2**40)]
"""A swipe of an epoch: one process would have to record a thousand a second for 34 years to come to the end."""
Count = Annotated[int, Meta(ge=0, le=2**53)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Word = Annotated[str, Meta(max_length=32)]
Millis = Annotated[int, Meta(ge=0, le=2**53)]
Boot = Annotated[str, Meta(pattern="^[0-9a-f]{0,16}$", max_length=16)]
"""Which running of the machine: monotonic milliseconds are comparable within one, whatever was restarted in it."""
Range = tuple[Seq, Seq]
Ranges = Annotated[list[Range], Meta(max_length=MAX_RANGES)]


class GateAct(Struct, omit_defaults=True, frozen=True):
    """What the guard did. Only with `visitor` somebody passed; of the others the record's verdict says nothing."""

    kind: Literal["hold_open", "hold_end", "visitor", "lost_card", "handover"]
    until: Millis = 0
    """When a hold-open period ends by itself."""


class SwipeRecord(Struct, omit_defaults=True, frozen=True):
    """One decided swipe as the station recorded it, or an act of the guard in the same stream.

    `sealed` only for a token that the roster did not hold so, for the name that a guard enters, and for a hand-over.
    """

    seq: Seq
    at: Millis
    mono: Millis
    portal: Id
    reader: Id
    direction: Literal["in", "out"]
    verdict: Literal["grant", "attend", "refuse"]
    reasons: Annotated[list[Word], Meta(min_length=1, max_length=8)]
    kind: Word | None = None
    token: Annotated[bytes, Meta(min_length=16, max_length=16)] | None = None
    key: Count = 0
    flags: Annotated[list[Word], Meta(max_length=8)] = []
    roster: Count = 0
    policy: Count = 0
    clock: Word = "synced"
    """State of the clock that gave `at`: synced, unsynced or unknown, as the kernel said."""
    recorded: bool = True
    by_hand: Word | None = None
    """For whom the guard opened; the classification that one touch gives."""
    dwelling: Annotated[str, Meta(max_length=40)] | None = None
    """The dwelling that the guard entered with it."""
    unattended: bool = False
    """The portal opened although the verdict was attend, because nobody attends it at that hour."""
    act: GateAct | None = None
    sealed: Annotated[bytes, Meta(max_length=2048)] | None = None

    @property
    def passed(self) -> bool:
        """Whether it tells of somebody at a portal, and not only of what the guard did."""
        return self.act is None or self.act.kind == "visitor"


class Swipes(Struct, frozen=True):
    """Topics `swipe` (one commit, live) and `swipes` (backlog): swipes of one epoch, rising by seq."""

    epoch: Epoch
    swipes: Annotated[list[SwipeRecord], Meta(min_length=1, max_length=MAX_SWIPES)]
    boot: Boot = ""


class Held(Struct, frozen=True):
    """An epoch that the spool knows: the first seq that it still holds, and the last that it ever gave."""

    epoch: Epoch
    first: Seq
    last: Seq


class Hello(Struct, frozen=True):
    """Topic `hello`: on each connection. `previous` is the last epoch before in which anything was recorded."""

    epoch: Epoch
    previous: tuple[Epoch, Annotated[int, Meta(ge=0, le=2**40)]] | None
    spool: Annotated[list[Held], Meta(max_length=4096)]
    roster: Count
    version: Word


class Lost(Struct, frozen=True):
    """Topic `lost`: ranges of an epoch that the station dropped or cannot read, and why."""

    epoch: Epoch
    ranges: Annotated[list[Range], Meta(max_length=MAX_LOST)]
    reason: Word

    def __post_init__(self) -> None:
        _forwards(self.ranges)


class DeviceReport(Struct, frozen=True):
    id: Id
    up: bool
    noise: Count
    faults: Count
    trouble: Word = ""


class Status(Struct, frozen=True):
    """Topic `status`, retained; the last will says `lost`."""

    state: Literal["online", "stopped", "lost"]
    epoch: Epoch
    heartbeat: Count
    at: Millis
    devices: Annotated[list[DeviceReport], Meta(max_length=256)] = []
    spool_depth: Count = 0
    unrecorded: Count = 0
    lost_swipes: Count = 0
    roster: Count = 0
    clock: Word = ""
    mono: Millis = 0
    """The monotonic clock at the moment `at`."""
    boot: Boot = ""
    troubles: Annotated[list[Word], Meta(max_length=16)] = []
    """What is wrong with the station itself, as codes: a spool that was set aside, a roster that was refused."""
    version: Word = ""
    verdict_buckets: Annotated[list[Count], Meta(max_length=64)] = []
    verdict_sum: float = 0.0
    refused: Count = 0
    """Messages to this station that it refused since it started: forged, replayed, not to be read."""
    certificate_until: Millis = 0
    """Until when its certificate is good; 0 where it has none."""


class StreamAck(Struct, frozen=True):
    """All of 1…`upto` of an epoch is settled, and so are the ranges beyond it."""

    epoch: Epoch
    upto: Count
    ranges: Ranges = []

    def __post_init__(self) -> None:
        _forwards(self.ranges)


class Ack(Struct, frozen=True):
    """Topic `ack`. A lower `upto` than before is believed only under a new `centre_epoch`."""

    centre_epoch: Epoch
    roster: Count
    """The newest roster version, so that a station knows that its own is in step."""
    streams: Annotated[list[StreamAck], Meta(max_length=64)]


class TokenKey(Struct, frozen=True):
    """A key of a community's tokens, by its number."""

    number: Annotated[int, Meta(ge=1, le=2**31)]
    key: Annotated[bytes, Meta(min_length=32, max_length=32)]

    def __repr__(self) -> str:
        return f"TokenKey({self.number})"


class RosterPart(Struct, frozen=True, omit_defaults=True):
    """Topic `roster`: part `part` of `parts` (from 1) of a signed bundle."""

    version: Count
    part: Annotated[int, Meta(ge=1, le=1024)]
    parts: Annotated[int, Meta(ge=1, le=1024)]
    data: Annotated[bytes, Meta(max_length=MAX_BACKLOG)]
    keys: Annotated[list[TokenKey], Meta(max_length=MAX_OLDER + 1)] = []
    """With the first part: the keys that the bundle's tokens are made by, once they were changed."""


class Command(Struct, frozen=True):
    """Topic `command`: an order to a station as it is now: its epoch, a rising counter, its last heartbeat."""

    epoch: Epoch
    counter: Count
    heartbeat: Count
    act: Literal["open", "identify", "reload"]
    target: Id
    """The portal to open, the device that is to show itself, or what is to be read again: roster, configuration."""


class Reply(Struct, frozen=True):
    """Topic `reply`: what became of a command, named by its epoch and counter."""

    epoch: Epoch
    counter: Count
    outcome: Literal["done", "refused"]
    reason: Word = ""
    seq: Seq | None = None
    """The swipe that stands for an opening."""


class CertificateRequest(Struct, frozen=True):
    """Topic `renew`: a request (PKCS #10, PEM) with the new key of a station whose certificate is to end."""

    request: Annotated[str, Meta(max_length=MAX_CERTIFICATE)]


class Certificate(Struct, frozen=True):
    """Topic `certificate`: the answer to `renew`; without a certificate, the reason."""

    certificate: Annotated[str, Meta(max_length=MAX_CERTIFICATE)]
    refused: Annotated[str, Meta(max_length=200)] = ""


class Announcement(Struct, frozen=True):
    """Topic `centre/status`, retained, plain."""

    state: Literal["online", "stopped", "lost"]
    epoch: Epoch


class Alert(Struct, frozen=True):
    """Topic `police/{station}/alert/{id}`, retained until closed, plain and thin: no name, number or dwelling."""

    id: Id
    revision: Count
    state: Literal["sent", "acknowledged", "closed"]
    community: Id
    portal: str | None
    rule: Word
    since: Word
    register_as_of: Word | None
    particulars: Annotated[str, Meta(max_length=512)]
    """Where the API gives the particulars to whoever may see them."""
    sending: Count = 1
    """How many times the community has sent it."""
    repeats: Count = 0
    """Visits since it was proposed that changed nothing."""


class Answer(Struct, frozen=True):
    """Topic `police/{station}/answer`, plain. `actor` is recorded as asserted by the platform."""

    id: Id
    answer: Literal["acknowledged", "handled", "returned", "wrong"]
    actor: Annotated[str, Meta(min_length=1, max_length=64)]
    receipt: Annotated[str, Meta(max_length=64)] | None = None
    note: Annotated[str, Meta(max_length=500)] = ""
    sending: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    """Which sending it answers; an answer to an earlier one than the last changes nothing."""


def partition(community: str) -> int:
    """SHA-256(community)[0] & 63: in the topic, and never changed."""
    return hashlib.sha256(community.encode()).digest()[0] & (PARTITIONS - 1)


@dataclass(frozen=True, slots=True)
class StationTopics:
    """The topics of one station."""

    community: str
    station: str

    def __call__(self, leaf: str) -> str:
        return f"{ROOT}/s/{partition(self.community)}/{self.community}/{self.station}/{leaf}"


CENTRE_STATUS = f"{ROOT}/centre/status"
BY_STATION = ("hello", "swipe", "swipes", "lost", "status", "reply", "renew")
FROM_STATIONS = tuple(f"{ROOT}/s/+/+/+/{leaf}" for leaf in BY_STATION)
FROM_POLICE = f"{ROOT}/police/+/answer"
TO_STATION = ("ack", "roster", "command", "certificate")


def alert_topic(police_station: str, alert: str) -> str:
    return f"{ROOT}/police/{police_station}/alert/{alert}"


def answer_topic(police_station: str) -> str:
    return f"{ROOT}/police/{police_station}/answer"


@dataclass(frozen=True, slots=True)
class Address:
    """Who sent a message, as its topic says. For the police `community` is "" and `station` the police station."""

    community: str
    station: str
    leaf: str


def parse_topic(topic: str) -> Address | None:
    """The sender of a message to the centre, or None when the topic is not one of ours or its partition is wrong."""
    match topic.split("/"):
        case ["xq", "v1", "s", part, community, station, leaf] if part == str(partition(community)):
            return Address(community, station, leaf)
        case ["xq", "v1", "police", station, "answer"]:
            return Address("", station, "answer")
    return None


class Malformed(Exception):
    """A payload does not fit its type; the text says where, and never quotes the payload's values."""


def decode(payload: bytes, kind: type[T]) -> T:
    """Parse and validate a payload.

    Raises:
        Malformed: it is too large, not JSON, or does not fit `kind`.
    """
    if len(payload) > MAX_PAYLOAD:
        raise Malformed(f"{len(payload)} bytes are more than {MAX_PAYLOAD}")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(_said(str(error))) from None


def _said(error: str) -> str:
    """What is wrong and where, without the value: the parser quotes it, and it may hold quotes itself."""
    what, *quoted = _QUOTE.split(error, 1)
    place = _PLACE.search(error) if quoted else None
    return (what + "(a value)" * len(quoted) + (f" at {place[1]}" if place else ""))[:200]


def _forwards(ranges: list[Range]) -> None:
    if any(first > last for first, last in ranges):
        raise ValueError("a range runs backwards")


encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic and what travels on it. Words in braces stand for names; `sealed` payloads are in an envelope."""

    name: str
    address: str
    kind: type[Struct]
    by_centre: bool
    retained: bool = False
    sealed: bool = True


_OF_STATION = f"{ROOT}/s/{{partition}}/{{community}}/{{station}}"
_KINDS: dict[str, type[Struct]] = {
    "hello": Hello,
    "swipe": Swipes,
    "swipes": Swipes,
    "lost": Lost,
    "status": Status,
    "reply": Reply,
    "renew": CertificateRequest,
    "ack": Ack,
    "roster": RosterPart,
    "command": Command,
    "certificate": Certificate,
}
CHANNELS = (
    *(Channel(leaf, f"{_OF_STATION}/{leaf}", _KINDS[leaf], False, leaf == "status") for leaf in BY_STATION),
    *(Channel(leaf, f"{_OF_STATION}/{leaf}", _KINDS[leaf], True) for leaf in TO_STATION),
    Channel("centre", CENTRE_STATUS, Announcement, True, True, False),
    Channel("alert", f"{ROOT}/police/{{police_station}}/alert/{{alert}}", Alert, True, True, False),
    Channel("answer", f"{ROOT}/police/{{police_station}}/answer", Answer, False, False, False),
)
"""Every topic of the bus."""
