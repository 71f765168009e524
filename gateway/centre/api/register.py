"""The register over the API: the property enrols; who imports the police's list registers. Two separate doors."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.centre.api.access import Access, Problems, by_of, within
from gateway.centre.casework import Casework
from gateway.centre.imports import Imports
from gateway.centre.persons import ORIGINS, Persons
from gateway.centre.register import MAX_ROWS, BadRow, EnrolmentEntry, Register, RegistrationEntry
from gateway.settings import ApiClient
from gateway.store.database import Database
from rules.cases import NotPossible
from rules.identity import BadNumber, canonical
from rules.model import Credential, CredentialKind, Origin, Role

_Kind = Literal["citizen-id", "pr-2017", "id-chip", "card-uid", "wiegand-26", "wiegand-n", "em", "visitor"]
_CardKind = Literal["id-chip", "card-uid", "wiegand-26", "wiegand-n", "em", "visitor"]
_Number = Annotated[str, Field(min_length=4, max_length=64)]
Community = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_Short = Annotated[str, Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Card(_Body):
    """A further credential. An identity number is none: it is its owner's alone."""

    kind: _CardKind
    number: _Number


class EnrolmentRow(_Body):
    """One person as the property enters them. There is no field for registration.

    A visitor is their code: nothing else of them need be known.
    """

    kind: Literal["citizen-id", "pr-2017", "visitor", "no-number"]
    number: Annotated[str, Field(max_length=64)] = ""
    born: date | None = None
    """Of somebody without a number, and of nobody else."""
    name: Annotated[str, Field(min_length=1, max_length=120)]
    since: date
    until: date | None = None
    role: Literal["resident", "guest", "visitor", "staff"] = "resident"
    category: Literal["hukou", "lodging", "floating", "foreign", "hmt", "no_hukou", "unknown"] = "unknown"
    building: _Short = ""
    unit: _Short = ""
    room: _Short = ""
    portals: list[Annotated[str, Field(max_length=40)]] | None = None
    cards: Annotated[list[Card], Field(max_length=10)] = []

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        numbered_or_born(self.kind, self.number, self.born)
        return self


def numbered_or_born(kind: str, number: str, born: date | None) -> None:
    """ValueError unless there is a number, or, of somebody without one, their day of birth."""
    if kind == CredentialKind.NO_NUMBER and (number or born is None or not 1850 < born.year < 2200):
        raise ValueError("somebody without a number has none, and a day of birth")
    if kind != CredentialKind.NO_NUMBER and (len(number) < 4 or born is not None):
        raise ValueError("it has a number, which tells the day of birth")


class RegistrationRow(_Body):
    """One registration as the police list it."""

    kind: Literal["citizen-id", "pr-2017"]
    number: _Number
    name: Annotated[str, Field(min_length=1, max_length=120)]
    since: date
    until: date | None = None
    receipt: Annotated[str | None, Field(max_length=64)] = None
    employment: Literal["employed", "none", "unknown"] = "unknown"
    employer: Annotated[str, Field(max_length=120)] = ""


class LostCredential(_Body):
    """A credential that was reported lost (true), or was found (false)."""

    kind: _Kind
    number: _Number
    lost: bool


class Enrolments(_Body):
    rows: Annotated[list[EnrolmentRow], Field(min_length=1, max_length=MAX_ROWS)]


class Registrations(_Body):
    as_of: date
    """The day up to which the list is known."""
    complete: bool
    """True with the last part of a list: only then is whoever it does not name taken as not registered."""
    rows: Annotated[list[RegistrationRow], Field(max_length=MAX_ROWS)]


class BadRowView(BaseModel):
    row: int
    problem: str


class Taken(BaseModel):
    """How many rows were taken, and what is wrong with each of the others."""

    taken: int
    not_taken: list[BadRowView]


def make_register(
    database: Database, register: Register, casework: Casework, access: Access, changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["register"])
    imports, persons = Imports(database, register, casework), register.persons

    @router.put("/enrolments")
    def enrol(
        community: Community,
        body: Enrolments,
        client: Annotated[ApiClient, Depends(access.allow("property", "administrator"))],
    ) -> Taken:
        """Enrol people or change their enrolment; good rows are taken, the others come back with their problem."""
        within(client, community)
        try:
            entries = [_enrolment(row, community, persons) for row in body.rows]
            return _taken(*imports.enrol(by_of(client, casework.now()), community, entries))
        finally:
            changed()  # a failure leaves the chunks before it committed

    @router.put("/registrations")
    def registrations(
        community: Community, body: Registrations, client: Annotated[ApiClient, Depends(access.allow("administrator"))]
    ) -> Taken:
        """Take the police's registrations; cases of whoever is registered now close by themselves."""
        within(client, community)
        if body.as_of > casework.today():
            raise NotPossible("a register cannot be known up to a day that has not come")
        entries = [RegistrationEntry(CredentialKind(row.kind), **row.model_dump(exclude={"kind"})) for row in body.rows]
        try:
            return _taken(
                *imports.register(by_of(client, casework.now()), community, body.as_of, entries, complete=body.complete)
            )
        finally:
            changed()  # a failure leaves the chunks before it committed

    @router.post("/credentials/lost", status_code=204)
    def lost(
        community: Community,
        body: LostCredential,
        client: Annotated[ApiClient, Depends(access.allow("property", "administrator"))],
    ) -> None:
        """Report a credential as lost, or as found: a lost one is refused from the next roster on."""
        within(client, community)
        kind = CredentialKind(body.kind)
        try:
            credential = Credential(kind, canonical(kind, body.number))
        except BadNumber as error:
            raise HTTPException(422, str(error)) from None
        with database.write() as connection:
            register.mark_lost(connection, by_of(client, casework.now()), community, credential, lost=body.lost)
        changed()

    return router


def _enrolment(row: EnrolmentRow, community: str, persons: Persons) -> EnrolmentEntry:
    number = row.number
    if row.born is not None:
        number = persons.without_number(community, row.name, row.born, ORIGINS.get(row.category, Origin.MAINLAND))
    return EnrolmentEntry(
        CredentialKind(row.kind),
        number,
        row.name,
        row.since,
        category=row.category,
        role=Role[row.role.upper()],
        until=row.until,
        building=row.building,
        unit=row.unit,
        room=row.room,
        portals=tuple(row.portals) if row.portals is not None else None,
        cards=tuple((CredentialKind(card.kind), card.number) for card in row.cards),
    )


def _taken(number: int, bad: list[BadRow]) -> Taken:
    return Taken(taken=number, not_taken=[BadRowView(row=one.row, problem=one.problem) for one in bad])
