"""自主申报 and 房东申报: said by anybody, answered with a receipt that tells nothing, and confirmed by a reviewer."""

import secrets
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.centre import rooms
from gateway.centre.casework import Casework
from gateway.centre.deskwork import Deed, act_on
from gateway.centre.leases import Lease, Leases
from gateway.centre.living import Left, Living, Residency
from gateway.centre.persons import Identity, Persons
from gateway.centre.rooms import Place
from gateway.centre.slips import Slips, Stale
from gateway.centre.told import Told, open_by
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import casefile, declared, history, streams
from gateway.store.queries.history import By
from rules.cases import TO_VISIT, Actor, CaseAct, CaseState, NotPossible
from rules.identity import mask, mask_name, mask_phone
from rules.model import CaseKind, CredentialKind, Source

COLUMN = "declarations.said"
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_ACTORS = {Source.SELF: Actor.RESIDENT, Source.LANDLORD: Actor.LANDLORD}


class NoSuchRoom(NotPossible):
    """The place that is declared is none of the community's, or may be several."""


class Move(StrEnum):
    """入住, 续租, 搬离."""

    IN = "in"
    RENEW = "renew"
    OUT = "out"


class Said(msgspec.Struct, frozen=True):
    """Whom a declaration is about, as they were written down. Kept encrypted, and only until it is decided."""

    kind: CredentialKind
    number: str
    name: str
    phone: str = ""
    declarer: str = ""
    declarer_phone: str = ""

    def __repr__(self) -> str:
        return "Said(…)"


@dataclass(frozen=True, slots=True)
class Glance:
    """What a page shows of a declaration that waits without a note that somebody read it."""

    said: Said = field(repr=False)
    """Masked."""
    room: str
    """The dwelling that is meant, as the register writes it; "" where none is, or several are."""
    called_so: bool | None
    """Whether the register has this number under this name; None where it does not have it."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What somebody declares, of themselves or of a tenant. `day` is the first one; moving out, the last."""

    community: str
    source: Source
    move: Move
    building: str
    unit: str
    room: str
    day: date
    said: Said = field(repr=False)
    until: date | None = None
    official: str | None = None


class Declarations:
    """Each act is in the transaction of the caller."""

    def __init__(self, master: Master, casework: Casework, slips: Slips) -> None:
        self._master = master
        self._casework = casework
        self._slips = slips
        self._persons = Persons(master)
        self._residency = Residency(master)
        self._leases = Leases(master)

    def declare(self, connection: Connection, one: Declaration, now: int) -> str:
        """Take a declaration; its receipt. Whether the room or the person is known makes no difference to the answer.

        Raises:
            LookupError: there is no such community.
        """
        if streams.community(connection, one.community) is None:
            raise LookupError("there is no such community")
        receipt = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
        declared.add(
            connection,
            {
                "receipt": receipt,
                "community": one.community,
                "by": one.source.value,
                "move": one.move.value,
                "building": one.building,
                "unit": one.unit,
                "room": one.room,
                "day": one.day,
                "until": one.until,
                "said": self._master.hide(COLUMN, msgspec.json.encode(one.said)),
                "official": one.official,
                "state": "waiting",
                "created": now,
            },
        )
        return receipt

    def read(self, connection: Connection, by: By, number: int) -> tuple[Any, Said]:
        """A declaration with whom it is about; that it was read is noted.

        Raises:
            LookupError: there is none, or it is decided and what it said is gone.
        """
        row = declared.declaration(connection, number)
        if row is None or row.said is None:
            raise LookupError("there is no such declaration that waits")
        history.note(connection, by, t.declarations.name, [(number, row.community, {"read": [None, True]})])
        return row, self._said(row)

    def glance(self, connection: Connection, row: Any) -> Glance:
        """What may be seen of a declaration that waits: people masked, and what the register has of both."""
        said = self._said(row)
        meant = rooms.found(connection, row.community, row.building, row.unit, row.room)
        shown = Said(
            said.kind,
            mask(said.number),
            mask_name(said.name),
            mask_phone(said.phone),
            mask_name(said.declarer),
            mask_phone(said.declarer_phone),
        )
        called_so = self._persons.calls(connection, said.kind, said.number, said.name)
        return Glance(shown, "" if meant is None else " ".join(part for part in meant[0] if part), called_so)

    def confirm(self, connection: Connection, by: By, number: int, place: Place | None = None) -> int | None:
        """Confirm a declaration: what it says is put into the register, and its case is collected; the case's number.

        `place` is the dwelling that is meant, where the declaration itself does not say it well enough.

        None where no case follows: a child, a renewal, somebody registered already, or a move out of somebody who is
        not registered.

        Raises:
            LookupError: there is no such declaration that waits. Stale: somebody was first.
            NoSuchRoom: there is no such room here.
        """
        row, said = self.read(connection, by, number)
        streams.community(connection, row.community, lock=True)
        meant = rooms.found(connection, row.community, *(place or (row.building, row.unit, row.room)))
        if meant is None:
            raise NoSuchRoom("there is no such room here: correct the declaration with whoever made it, or reject it")
        if not declared.decide(connection, number, _decided(by, "confirmed", "")):
            raise Stale
        dwelling = meant[1]
        identity = Identity(said.kind, said.number, said.name, said.phone)
        kept = self._persons.put(connection, by, row.community, [identity], seen=True)
        person = kept.ids[self._persons.lookup(said.kind, said.number)]
        move = Move(row.move)
        if move is Move.RENEW or (row.by == Source.LANDLORD and move is Move.IN):
            lease = Lease(dwelling, row.day, row.until, Source(row.by), person)
            self._leases.put(connection, by, row.community, lease)
        if move is Move.RENEW:
            return None
        return self._moves(connection, by, row, person, dwelling)

    def reject(self, connection: Connection, by: By, number: int, why: str) -> None:
        """Reject a declaration with a reason; what it said of people goes. Raises as `confirm`."""
        if declared.declaration(connection, number) is None:
            raise LookupError("there is no such declaration")
        if not declared.decide(connection, number, _decided(by, "rejected", why)):
            raise Stale

    def _said(self, row: Any) -> Said:
        return msgspec.json.decode(self._master.show_bytes(COLUMN, row.said), type=Said)

    def _moves(self, connection: Connection, by: By, row: Any, person: int, dwelling: int) -> int | None:
        source, move = Source(row.by), Move(row.move)
        kind = CaseKind.COLLECTION if move is Move.IN else CaseKind.DEREGISTRATION
        told = Told(person, source, kind, dwelling if move is Move.IN else None, row.day)
        try:
            with connection.begin_nested():
                case, _ = open_by(connection, self._master, self._casework, by, row.community, told)
        except NotPossible:
            self._without_case(connection, by, row, person, dwelling)
            return None
        self._collect(connection, by, row, case)
        return case

    def _without_case(self, connection: Connection, by: By, row: Any, person: int, dwelling: int) -> None:
        """Keep where somebody lives, or that they have moved out, where no case follows of it."""
        if row.move == Move.IN:
            find = Living(person, dwelling, Source(row.by), since=row.day)
            self._residency.found(connection, by, row.community, [find])
        elif self._residency.lives(connection, row.community, person):
            left = Left.LANDLORD if row.by == Source.LANDLORD else Left.DECLARED
            self._residency.moved_out(connection, by, row.community, person, row.day, left)

    def _collect(self, connection: Connection, by: By, row: Any, case: int) -> None:
        """What was declared is collected: it needs no visit, and a reviewer who did not collect it reviews it."""
        standing = casefile.case(connection, case)
        if standing is None or CaseState(standing.state) not in TO_VISIT:
            return
        who = f"declaration {row.receipt}"
        deed = Deed(CaseAct.COLLECT, standing.revision, _ACTORS[Source(row.by)], who, by.at)
        act_on(connection, case, deed, self._slips)


def _decided(by: By, state: str, why: str) -> dict[str, Any]:
    return {"state": state, "decided": by.at, "decided_by": by.actor, "why": why}
