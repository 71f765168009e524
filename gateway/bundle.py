"""The roster bundle: all that a station needs to decide alone, built at the centre, signed, verified at the station.

    "XQR1" | header length:4 | header JSON | rows of 32 bytes | Ed25519 signature:64 over all before it

A row, big-endian: token:16, since:2, until:2, portals:4, registered until:2, schedule:1, role:1, marks:1, age:1, 0:2.
Days count from 2000-01-01; `until` 65535 is without end, `registered until` 0 is not registered. `portals` is a bit
mask over the header's list, all ones for every portal; `schedule` counts from 1 in the header's list, 0 for all hours;
`age` from 1 in the age bands, 0 where no rule of the gate asks. What a station does not know of a policy, it passes
over.
"""

import struct
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.keys import NotAuthentic, verify
from rules.model import AgeBand, Enrolment, GatePolicy, Hours, Role

_MAGIC = b"XQR1"
_ROW = struct.Struct(">16sHHIHBBBB2x")
_SCHEDULE_AT = 26
"""Of a row, where schedule, role and marks stand: a byte each."""
_DAY_0 = date(2000, 1, 1)
_NO_END = 0xFFFF
_EVERY_PORTAL = 0xFFFFFFFF
_SIGNATURE = 64
MAX_PORTALS = 31
_LOST, _COUNT_ONLY, _ELSEWHERE, _ENROLLED = 1, 2, 4, 8
_MARKS = _LOST | _COUNT_ONLY | _ELSEWHERE | _ENROLLED
_BANDS = tuple(AgeBand)
_ROLES = frozenset(int(role) for role in Role)


class Guards(Struct, frozen=True):
    """Accounts of guards for the gate's page, laid out as `form` says; a station passes over one it does not know."""

    form: Annotated[int, Meta(ge=1)]
    accounts: Annotated[list[dict[str, Any]], Meta(max_length=256)]


class Header(Struct, frozen=True, omit_defaults=True):
    """What a station does not know of it, it passes over; what it must not pass over makes another magic number."""

    version: Annotated[int, Meta(ge=1)]
    community: str
    issued: int
    """Milliseconds, UTC."""
    register_as_of: date | None
    token_key_id: int
    portals: Annotated[list[str], Meta(max_length=MAX_PORTALS)]
    schedules: Annotated[list[tuple[str, list[Hours]]], Meta(max_length=255)]
    policy: GatePolicy
    next_policy: tuple[int, GatePolicy] | None = None
    """What the gate decides by from that moment on (ms, UTC), so that it changes on time without a message."""
    older_keys: Annotated[list[int], Meta(max_length=16)] = []
    """Further token keys by which rows may stand, the newest first: of cards that were not shown since."""
    guards: Guards | None = None


class Roster:
    """A verified bundle, indexed by token. Handed from thread to thread by reference and never changed."""

    def __init__(self, header: Header, rows: bytes) -> None:
        self.header = header
        self._rows = rows
        self._index = {rows[i : i + 16]: i for i in range(0, len(rows), _ROW.size)}
        self.schedules = {name: tuple(hours) for name, hours in header.schedules}

    def __len__(self) -> int:
        return len(self._index)

    def policy_at(self, moment: datetime) -> GatePolicy:
        """The policy that holds at an aware moment."""
        following = self.header.next_policy
        if following is not None and moment.timestamp() * 1000 >= following[0]:
            return following[1]
        return self.header.policy

    def find(self, token: bytes) -> Enrolment | None:
        """The row of a token, or None when nobody here has it."""
        at = self._index.get(token)
        if at is None:
            return None
        _, since, until, mask, registered, schedule, role, marks, age = _ROW.unpack_from(self._rows, at)
        return Enrolment(
            token,
            _day(since),
            None if until == _NO_END else _day(until),
            None if mask == _EVERY_PORTAL else frozenset(p for i, p in enumerate(self.header.portals) if mask >> i & 1),
            self.header.schedules[schedule - 1][0] if schedule else None,
            Role(role),
            lost=bool(marks & _LOST),
            count_only=bool(marks & _COUNT_ONLY),
            registered_until=_registered(registered),
            registered_elsewhere=bool(marks & _ELSEWHERE),
            enrolled=bool(marks & _ENROLLED),
            age_band=_BANDS[age - 1] if 0 < age <= len(_BANDS) else None,
        )


def pack(header: Header, people: Iterable[Enrolment], sign: Callable[[bytes], bytes]) -> bytes:
    """The signed bundle. `people` may name only portals and schedules that the header lists."""
    head = msgspec.json.encode(header)
    portals = {name: 1 << i for i, name in enumerate(header.portals)}
    schedules = {name: i + 1 for i, (name, _) in enumerate(header.schedules)}
    rows = b"".join(_pack_row(person, portals, schedules) for person in people)
    body = _MAGIC + len(head).to_bytes(4, "big") + head + rows
    return body + sign(body)


def unpack(data: bytes, public: bytes, community: str) -> Roster:
    """The roster in a bundle that the centre signed for this community.

    Raises:
        NotAuthentic: forged, damaged, of another community or of an unknown version.
    """
    body, signature = data[:-_SIGNATURE], data[-_SIGNATURE:]
    verify(public, signature, body)
    if body[:4] != _MAGIC:
        raise NotAuthentic("unknown roster version")
    size = int.from_bytes(body[4:8], "big")
    rows = body[8 + size :]
    try:
        header = msgspec.json.decode(body[8 : 8 + size], type=Header)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise NotAuthentic(f"roster header: {error}") from error
    if header.community != community:
        raise NotAuthentic("the roster of another community")
    if len(rows) % _ROW.size:
        raise NotAuthentic("a roster row is cut short")
    if rows and not _known(rows, len(header.schedules)):
        raise NotAuthentic("a roster row says what this version does not know")
    return Roster(header, rows)


def _known(rows: bytes, schedules: int) -> bool:
    """Whether this version knows all schedules, roles and marks of the rows; each is one byte at its place of a row."""
    schedule, role, marks = (rows[at :: _ROW.size] for at in (_SCHEDULE_AT, _SCHEDULE_AT + 1, _SCHEDULE_AT + 2))
    return max(schedule) <= schedules and _ROLES.issuperset(role) and max(marks) <= _MARKS


def _pack_row(person: Enrolment, portals: dict[str, int], schedules: dict[str, int]) -> bytes:
    mask = _EVERY_PORTAL if person.portals is None else sum(portals[p] for p in person.portals if p in portals)
    marks = (
        _LOST * person.lost
        | _COUNT_ONLY * person.count_only
        | _ELSEWHERE * person.registered_elsewhere
        | _ENROLLED * person.enrolled
    )
    return _ROW.pack(
        person.token,
        _number(person.since),
        _NO_END if person.until is None else _number(person.until),
        mask,
        0 if person.registered_until is None else _number(person.registered_until),
        schedules[person.schedule] if person.schedule is not None else 0,
        person.role,
        marks,
        0 if person.age_band is None else _BANDS.index(person.age_band) + 1,
    )


def _number(day: date) -> int:
    return min(max((day - _DAY_0).days, 1), _NO_END)


def _day(number: int) -> date:
    return date.max if number == _NO_END else _DAY_0 + timedelta(days=number)


def _registered(number: int) -> date | None:
    return None if number == 0 else _day(number)
