"""A whole household in one form (随户采集): checked as typed, written down, its members' open cases collected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gateway.centre import deskwork
from gateway.centre.deskwork import Deed
from gateway.centre.living import UNKNOWN, Living, Residency
from gateway.centre.persons import Identity, Persons
from gateway.centre.slips import Slips, Stale
from gateway.keys import Master
from gateway.store.queries import homes, people, streams, worklists
from gateway.store.queries.history import By
from rules.cases import Actor, CaseAct, NotPossible
from rules.identity import BadNumber, birth_of, canonical
from rules.judge import age_on
from rules.known import CHILD_UNDER
from rules.model import CaseKind, Credential, CredentialKind, Source

ADULT = 18
_SEES_PROTECTED = Actor.REVIEWER
_COLLECTED = frozenset({CaseKind.COLLECTION, CaseKind.RECHECK})


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the form. `guardian`: the line (from 0) of who declares a child under 16."""

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    relation: str
    category: str
    since: date
    phone: str = field(default="", repr=False)
    stay: str = UNKNOWN
    hukou: str | None = None
    employment: str = UNKNOWN
    employer: str = field(default="", repr=False)
    guardian: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of a line, as a code; never what stands there."""

    row: int
    field: str
    code: str


class BadForm(Exception):
    """A form that cannot be taken as it is; nothing of it was."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems in the form")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed of a dwelling. `seen` are the cases that were shown with their revisions, and are collected."""

    dwelling: int
    members: tuple[Member, ...]
    seen: Mapping[int, int] = field(default_factory=dict)


def check(members: Sequence[Member], today: date) -> list[Problem]:
    """Everything that is wrong with the lines of a form, in their order."""
    births = [_birth(one, today) for one in members]
    numbers = [_canonical(one) for one in members]
    found: list[Problem] = []
    for row, one in enumerate(members):
        try:
            canonical(one.kind, one.number)
            if numbers[row] in numbers[:row]:
                found.append(Problem(row, "number", "twice"))
            if births[row] is None and one.kind is CredentialKind.CITIZEN_ID:
                found.append(Problem(row, "number", "date"))  # of one who is not born yet
        except BadNumber as error:
            found.append(Problem(row, "number", error.problem.value))
        if one.since > today or (births[row] or date.min) > one.since:
            found.append(Problem(row, "since", "impossible_date"))
        if one.employment == "employed" and not one.employer.strip():
            found.append(Problem(row, "employer", "missing"))
        found += _guarded(row, one, births, today)
    return found


def _guarded(row: int, one: Member, births: Sequence[date | None], today: date) -> list[Problem]:
    """A child under 16 is declared by an adult of the form; whoever is older declares themselves."""
    birth = births[row]
    if birth is None or age_on(birth, today) >= CHILD_UNDER:
        return []
    if one.guardian is None or one.guardian >= len(births):
        return [Problem(row, "guardian", "missing")]
    born = births[one.guardian]
    adult = born is not None and age_on(born, today) >= ADULT
    return [] if adult else [Problem(row, "guardian", "not_an_adult")]


class Households:
    """Takes forms in the transaction of the caller."""

    def __init__(self, master: Master, slips: Slips) -> None:
        self._persons = Persons(master)
        self._residency = Residency(master)
        self._slips = slips

    def take(
        self, connection: Connection, by: By, community: str, form: Form, actor: Actor, source: Source
    ) -> tuple[list[int], list[int]]:
        """Write down who lives in a dwelling, and collect every open case of theirs. Their ids, and the cases'.

        Raises:
            BadForm: with every problem. LookupError: there is no such dwelling here.
            Stale: a case that was seen has changed since. NotPossible: one is about nobody in the form, or not to be
                collected now, or by them.
        """
        if streams.community(connection, community, lock=True) is None:
            raise LookupError("there is no such community")
        if not people.dwelling_is_here(connection, community, form.dwelling):
            raise LookupError("there is no such dwelling here")
        if problems := check(form.members, by.today):
            raise BadForm(problems)
        numbers = [canonical(one.kind, one.number) for one in form.members]
        identities = [
            Identity(one.kind, number, one.name, phone=one.phone)
            for one, number in zip(form.members, numbers, strict=True)
        ]
        ids = self._persons.put(connection, by, community, identities, seen=True).ids
        persons = [ids[self._persons.lookup(one.kind, one.number)] for one in identities]
        household = homes.standing(connection, by, community, form.dwelling, persons[0])
        finds = [
            Living(
                person,
                form.dwelling,
                source,
                since=one.since,
                category=one.category,
                household=household,
                relation=one.relation,
                stay=one.stay,
                hukou=one.hukou,
                employment=one.employment,
                employer=one.employer,
            )
            for person, one in zip(persons, form.members, strict=True)
        ]
        self._residency.found(connection, by, community, finds)
        return persons, self._collect(connection, by, community, form, actor, persons)

    def _collect(
        self, connection: Connection, by: By, community: str, form: Form, actor: Actor, persons: Sequence[int]
    ) -> list[int]:
        rows = worklists.of_persons(connection, community, persons, protected=actor is _SEES_PROTECTED)
        if missing := set(form.seen).difference(row.id for row in rows):
            raise _why(connection, min(missing))
        done = []
        for row in rows:
            deed = Deed(CaseAct.COLLECT, form.seen.get(row.id, row.revision), actor, by.actor, by.at)
            if row.id in form.seen and row.kind not in _COLLECTED:
                raise NotPossible("this case is not about who lives here")
            if row.id in form.seen or (row.kind in _COLLECTED and self._may(connection, row, deed)):
                deskwork.act_on(connection, row.id, deed, self._slips)
                done.append(int(row.id))
        return done

    def _may(self, connection: Connection, row: Any, deed: Deed) -> bool:
        """Whether a case that was not shown with the form waits to be collected, by whoever fills it in."""
        try:
            deskwork.after(connection, row, deed)
        except NotPossible:
            return False
        return True


def _why(connection: Connection, case: int) -> Exception:
    """Why a case that was seen is not among the open ones of the people in the form."""
    row = deskwork.found(connection, case)
    return NotPossible("a case is about nobody in the form: look at the numbers again") if row.is_open else Stale()


def _canonical(one: Member) -> str | None:
    try:
        return canonical(one.kind, one.number)
    except BadNumber:
        return None


def _birth(one: Member, today: date) -> date | None:
    number = _canonical(one)
    return None if number is None else birth_of(Credential(one.kind, number), today)
