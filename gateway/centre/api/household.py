"""A household in one form, and a case because somebody says so, over the API."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection
from starlette.responses import JSONResponse

from gateway.centre.api.access import Access, Problems, by_of, problem, within
from gateway.centre.api.cases import judge_again
from gateway.centre.api.register import Community, numbered_or_born
from gateway.centre.casework import Casework
from gateway.centre.household import BadForm, Form, Households, Member
from gateway.centre.persons import ORIGINS, Identity, Persons
from gateway.centre.slips import Slips
from gateway.centre.told import Told, open_by
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import merging, people
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By
from rules.cases import Actor, NotPossible
from rules.identity import BadNumber, canonical
from rules.model import CaseKind, CredentialKind, Origin, Source

MOST = 30
_Kind = Literal["citizen-id", "pr-2017"]
_Number = Annotated[str, Field(min_length=4, max_length=64)]
_Name = Annotated[str, Field(min_length=1, max_length=120)]
_Phone = Annotated[str, Field(max_length=20, pattern=r"^[0-9+ -]*$")]
_Short = Annotated[str, Field(max_length=20)]
_Id = Annotated[int, Path(ge=1, le=2**53)]
_MAY_SAY: dict[str, frozenset[str]] = {
    "worker": frozenset({"visit", "landlord", "self"}),
    "reviewer": frozenset({"visit", "landlord", "self", "police"}),
}
"""Whose word a client may pass on. The property enrols and notes who has left: it is not told who is registered."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemberBody(_Body):
    """One line. Marriage, health, faith and the like have no field here."""

    kind: Literal["citizen-id", "pr-2017", "no-number"]
    number: Annotated[str, Field(max_length=64)] = ""
    born: date | None = None
    """Of somebody without a number, and of nobody else."""
    name: _Name
    since: date
    relation: Annotated[str, Field(max_length=16)] = ""
    category: Literal["hukou", "lodging", "floating", "foreign", "hmt", "no_hukou", "unknown"] = "unknown"
    phone: _Phone = ""
    stay: Literal["own", "rented", "lent", "unknown"] = "unknown"
    hukou: Annotated[str | None, Field(pattern=r"^[0-9]{6,12}$")] = None
    employment: Literal["employed", "none", "unknown"] = "unknown"
    employer: Annotated[str, Field(max_length=120)] = ""
    guardian: Annotated[int | None, Field(ge=0, lt=MOST)] = None
    """The line (from 0) of the adult who declares a child under 16."""

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        numbered_or_born(self.kind, self.number, self.born)
        return self


class SeenBody(_Body):
    """A case as it was shown with the form."""

    id: Annotated[int, Field(ge=1, le=2**53)]
    revision: Annotated[int, Field(ge=1, le=2**31)]


class HouseholdBody(_Body):
    members: Annotated[list[MemberBody], Field(min_length=1, max_length=MOST)]
    seen: Annotated[list[SeenBody], Field(max_length=MOST)] = []


class HouseholdView(BaseModel):
    """How many people were written down, and the cases that were collected, as far as the client sees cases."""

    members: int
    collected: list[int]


class DocumentBody(_Body):
    kind: _Kind
    number: _Number
    name: _Name
    phone: _Phone = ""


class ToldBody(_Body):
    """What somebody says of a person: a number of the register, or a document."""

    source: Literal["landlord", "self", "police", "visit"]
    kind: Literal["collection", "deregistration", "recheck"] = "collection"
    person: Annotated[int | None, Field(ge=1, le=2**53)] = None
    document: DocumentBody | None = None
    building: _Short = ""
    unit: _Short = ""
    room: _Short = ""
    day: date | None = None
    """Living here since; of a move out, the last day."""


def make_household(
    database: Database,
    master: Master,
    casework: Casework,
    slips: Slips,
    access: Access,
    changed: Callable[[], None],
) -> APIRouter:
    """The router. `changed` is called after commits that changed the register."""
    router = APIRouter(prefix="/api/v1/communities/{community}", route_class=Problems, tags=["work"])
    households, persons = Households(master, slips), Persons(master)

    @router.post("/dwellings/{dwelling}/household", response_model=HouseholdView)
    def household(
        community: Community,
        dwelling: _Id,
        body: HouseholdBody,
        client: Annotated[ApiClient, Depends(access.allow("worker", "reviewer", "property"))],
    ) -> HouseholdView | JSONResponse:
        """Take a whole household: all open cases of its members are collected with it, or nothing is."""
        within(client, community)
        at_desk = client.role == "property"
        source = Source.PROPERTY if at_desk else Source.VISIT
        seen = {} if at_desk else {one.id: one.revision for one in body.seen}
        form = Form(dwelling, tuple(member_of(one, community, persons) for one in body.members), seen)
        try:
            with database.write() as connection:
                by = by_of(client, casework.now())
                ids, cases = households.take(connection, by, community, form, Actor(client.role), source)
                casework.judge(connection, [Subject(community, one, None) for one in ids])
        except BadForm as error:
            found = [{"row": one.row, "field": one.field, "problem": one.code} for one in error.problems]
            return problem(422, "the form does not fit", mistakes=found)
        changed()
        return HouseholdView(members=len(ids), collected=[] if at_desk else cases)

    @router.post("/cases", status_code=201)
    def told(
        community: Community,
        body: ToldBody,
        client: Annotated[ApiClient, Depends(access.allow("worker", "reviewer"))],
    ) -> dict[str, int | bool]:
        """Open a case about a person because somebody says so; the same case again where one is open."""
        within(client, community)
        if body.source not in _MAY_SAY[client.role]:
            raise NotPossible(f"the {client.role} does not pass on what the {body.source} says")
        by = by_of(client, casework.now())
        with database.write() as connection:
            person = _whom(connection, persons, by, community, body)
            home = people.dwelling_of(connection, community, (body.building, body.unit, body.room))
            if body.room and home is None:
                raise LookupError("there is no such dwelling here")
            said = Told(person, Source(body.source), CaseKind(body.kind), home, body.day)
            case, new = open_by(connection, master, casework, by, community, said)
            judge_again(connection, casework, case)
        changed()
        return {"id": case, "new": new}

    return router


def member_of(body: MemberBody, community: str, persons: Persons) -> Member:
    """A line of the form as the rules read it."""
    number = body.number
    if body.born is not None:
        number = persons.without_number(community, body.name, body.born, ORIGINS.get(body.category, Origin.MAINLAND))
    return Member(
        CredentialKind(body.kind),
        number,
        body.name,
        body.relation,
        body.category,
        body.since,
        phone=body.phone,
        stay=body.stay,
        hukou=body.hukou,
        employment=body.employment,
        employer=body.employer,
        guardian=body.guardian,
    )


def _whom(connection: Connection, persons: Persons, by: By, community: str, body: ToldBody) -> int:
    """The person that is meant; one with a document who is not known is put into the register."""
    if body.person is not None and body.document is None:
        if not merging.is_of(connection, community, body.person):
            raise LookupError("there is no such person here")
        return body.person
    if body.person is not None or body.document is None:
        raise HTTPException(422, "it names a person or a document")
    kind = CredentialKind(body.document.kind)
    try:
        number = canonical(kind, body.document.number)
    except BadNumber as error:
        raise HTTPException(422, f"number: {error.problem.value}") from None
    standing = persons.find(connection, kind, number)
    if standing is not None:
        return standing
    identity = Identity(kind, number, body.document.name, body.document.phone)
    return persons.put(connection, by, community, [identity]).ids[persons.lookup(kind, number)]
