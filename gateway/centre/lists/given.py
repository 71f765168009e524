"""What the register holds, as rows of the lists that can be given out, opened one at a time."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from gateway.centre.lists.forms import Kind
from gateway.centre.lists.takers import ELEMENTS
from gateway.centre.persons import called
from gateway.keys import Master
from gateway.store.queries import given
from rules.identity import birth_of
from rules.model import CIVIL, Credential, CredentialKind

Rows = Iterator[Mapping[str, Any]]


class Given:
    """Rows of a community's lists, in the forms' fields. Protected records are left out unless asked for."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._givers: dict[Kind, Callable[[Connection, str], Rows]] = {
            Kind.RESIDENTS: lambda c, place: map(self._resident, given.residents(c, place)),
            Kind.HUKOU: lambda c, place: map(self._hukou, given.hukou(c, place)),
            Kind.DWELLINGS: lambda c, place: map(_dwelling, given.addresses(c, place)),
            Kind.PUSHES: lambda c, place: map(self._person_row, given.pushes(c, place)),
            Kind.OUT_MOVERS: lambda c, place: map(self._out_mover, given.out_movers(c, place)),
            Kind.REGISTRATIONS: lambda c, place: map(self._registration, given.registrations(c, place)),
            Kind.RECEIPTS: lambda c, place: map(_slip, given.slips(c, place)),
            Kind.VISITORS: lambda c, place: map(self._visitor, given.visitors(c, place)),
        }

    def rows(self, connection: Connection, community: str, kind: Kind) -> Rows:
        """The rows of one list."""
        return self._givers[kind](connection, community)

    def _show(self, column: str, hidden: bytes | None) -> str | None:
        return None if hidden is None else self._master.show(column, hidden)

    def _person_row(self, row: Any) -> dict[str, Any]:
        said = dict[str, Any](row._asdict())
        said["name"] = called(self._master, row)
        numberless = row.kind == CredentialKind.NO_NUMBER
        number = self._show("persons.number", row.number) or ""
        said["document"] = None if numberless else number
        said["born"] = birth_of(Credential(CredentialKind.NO_NUMBER, number)) if numberless else None
        said["phone"] = self._show("persons.phone", row.phone) if row.said_name is None else None
        return said

    def _resident(self, row: Any) -> dict[str, Any]:
        said = self._person_row(row)
        said["employer"] = self._show("residents.employer", row.employer)
        return {name: None if value == "unknown" else value for name, value in said.items()}

    def _registration(self, row: Any) -> dict[str, Any]:
        said = self._person_row(row)
        said["employer"] = self._show("registrations.employer", row.employer)
        return {name: None if value == "unknown" else value for name, value in said.items()}

    def _hukou(self, row: Any) -> dict[str, Any]:
        said = self._person_row(row)
        return said | {name: self._show(f"hukou_records.{name}", getattr(row, name)) for name in ("head", "address")}

    def _out_mover(self, row: Any) -> dict[str, Any]:
        said = self._person_row(row)
        return said | {
            name: self._show(f"out_movers.{name}", getattr(row, f"out_{name}")) for name in ("address", "phone")
        }

    def _visitor(self, row: Any) -> dict[str, Any]:
        said = dict[str, Any](row._asdict())
        said |= {name: self._show(f"visitors.{name}", getattr(row, name)) for name in ("name", "phone")}
        return said | {name: _civil(getattr(row, name)) for name in ("since", "until")}


def _dwelling(row: Any) -> dict[str, Any]:
    return {name: row.elements.get(name) for name in ELEMENTS} | dict[str, Any](row._asdict())


def _slip(row: Any) -> dict[str, Any]:
    return {
        "slip": row.slip,
        "result": row.answer,
        "receipt": row.receipt,
        "note": row.note,
        "officer": row.answered_by,
    }


def _civil(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL)
