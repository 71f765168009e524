"""Leases: who lets which dwelling to whom until when; one that ends asks 续租还是搬离, and stops nobody's card."""

import dataclasses
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.centre.living import Left, Residency
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import history, leases, people, questions, streams
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import Source
from rules.words import Question


class Decision(StrEnum):
    RENEWED = "renewed"
    MOVING_OUT = "moving_out"


@dataclass(frozen=True, slots=True)
class Lease:
    """A dwelling let to a tenant, as somebody says. `until` is its last day; None: none was agreed."""

    dwelling: int
    since: date
    until: date | None
    source: Source
    tenant: int | None = None
    landlord: int | None = None


class Leases:
    """Each act is in the transaction of the caller, and noted."""

    def __init__(self, master: Master) -> None:
        self._residency = Residency(master)

    def put(self, connection: Connection, by: By, community: str, lease: Lease) -> int:
        """Take a lease, or what is said anew of the one that stands for the same dwelling, tenant and beginning.

        Raises:
            LookupError: there is no such dwelling here.
            NotPossible: it ends before it begins.
        """
        streams.community(connection, community, lock=True)
        if not people.dwelling_is_here(connection, community, lease.dwelling):
            raise LookupError("there is no such dwelling here")
        if lease.until is not None and lease.until < lease.since:
            raise NotPossible("a lease cannot end before it begins")
        stands = leases.standing(connection, lease.dwelling, lease.tenant, lease.since)
        if stands is not None:
            said = {"until": lease.until, "landlord": lease.landlord or stands.landlord}
            history.change(connection, by, t.leases, stands, said)
            _answered(connection, by, community, lease.tenant)
            return int(stands.id)
        values = dataclasses.asdict(lease) | {"community": community, "source": lease.source.value}
        number = leases.add(connection, values)
        history.note(connection, by, t.leases.name, [(number, community, history.CREATED)])
        for row in leases.dwelling_rows(connection, lease.dwelling):
            history.change(connection, by, t.dwellings, row, {"use": "rented"})
        _answered(connection, by, community, lease.tenant)
        return number

    def decide(
        self,
        connection: Connection,
        by: By,
        community: str,
        lease: int,
        decision: Decision,
        *,
        until: date | None = None,
        source: Source = Source.PROPERTY,
    ) -> None:
        """Note what comes after a lease: renewed `until` a later day, or moving out with its last day.

        Raises:
            LookupError: there is no such lease here. NotPossible: a renewal that ends no later.
        """
        row = self._found(connection, community, lease)
        said: dict[str, Any] = {"decision": decision.value, "decided_on": by.today, "decided_by": by.actor}
        if decision is Decision.RENEWED:
            if until is not None and row.until is not None and until <= row.until:
                raise NotPossible("a renewal ends later than the lease before it")
            said["until"] = until
        history.change(connection, by, t.leases, row, said)
        _answered(connection, by, community, row.tenant)
        if decision is Decision.MOVING_OUT and row.tenant is not None:
            left = Left.LANDLORD if source is Source.LANDLORD else Left.LEASE_END
            if self._residency.lives(connection, community, row.tenant):
                self._residency.moved_out(connection, by, community, row.tenant, row.until or by.today, left)

    def _found(self, connection: Connection, community: str, lease: int) -> Any:
        if streams.community(connection, community, lock=True) is None:
            raise LookupError("there is no such community")
        row = leases.lease(connection, community, lease)
        if row is None:
            raise LookupError("there is no such lease here")
        return row


def _answered(connection: Connection, by: By, community: str, tenant: int | None) -> None:
    if tenant is not None:
        questions.answered(connection, community, tenant, Question.LEASE_ENDED, by.at)
