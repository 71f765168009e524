"""Cases that open because somebody says so: a landlord, the person, the police, a visit, the property."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from gateway.centre.casework import Casework
from gateway.centre.knowing import Known
from gateway.centre.living import Left, Living, Residency
from gateway.keys import Master
from gateway.store.queries import casefile, living, people, streams
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By
from rules.acts import Arithmetic, OpenCase
from rules.cases import ENDED, Actor, CaseAct, CaseState, NotPossible, step
from rules.judge import age_on, covers
from rules.known import CHILD_UNDER
from rules.model import CaseKind, Source

_LEFT = {
    Source.LANDLORD: Left.LANDLORD,
    Source.SELF: Left.DECLARED,
    Source.POLICE: Left.POLICE,
    Source.VISIT: Left.VISIT,
    Source.PROPERTY: Left.DECLARED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of a person in a community. `day`: living here since, or of a move out the last one."""

    person: int
    source: Source
    kind: CaseKind = CaseKind.COLLECTION
    dwelling: int | None = None
    day: date | None = None


def open_by(
    connection: Connection, master: Master, casework: Casework, by: By, community: str, told: Told
) -> tuple[int, bool]:
    """Open a case about a person, and keep what is said of where they live; its number, and whether it is new.

    One that is open already is it; one that was dismissed and would keep quiet is reopened by this new evidence.

    Raises:
        LookupError: there is no such community or dwelling.
        NotPossible: a child under 16, whom a guardian declares with the household; somebody registered already; a move
            out of somebody who is not registered; no dwelling is known; or it is not for a person to say.
    """
    if streams.community(connection, community, lock=True) is None:
        raise LookupError("there is no such community")
    if told.dwelling is not None and not people.dwelling_is_here(connection, community, told.dwelling):
        raise LookupError("there is no such dwelling here")
    if told.source is Source.GATE or told.kind is CaseKind.GATE_QUERY:
        raise NotPossible("what the gate finds, the policy opens")
    subject = Subject(community, told.person, None)
    known = casework.known(connection, subject)
    lives = living.residing(connection, community, [told.person]).get(told.person)
    dwelling = told.dwelling or (lives.dwelling if lives is not None else None) or known.dwelling
    _allow(known, told, casework.today(), dwelling)
    _keep(connection, Residency(master), by, community, told, lives=lives is not None)
    standing = next((case for case in known.cases if CaseState(case.state) not in ENDED), None)
    if standing is not None:
        casefile.tell_once(connection, standing.id, by, told.source.value, standing.state)
        return standing.id, False
    if (again := _reopened(connection, casework, by, known, told)) is not None:
        return again, True
    number = casework.put_open(connection, subject, _act(casework, known, told), dwelling, by.actor)
    if number is None:
        raise NotPossible("a case about this person is being opened by somebody else")
    return number, True


def _allow(known: Known, told: Told, today: date, dwelling: int | None) -> None:
    birth = known.person.birth
    if birth is not None and age_on(birth, today) < CHILD_UNDER:
        raise NotPossible(f"a child under {CHILD_UNDER} has no case of their own: a guardian declares them")
    registered = covers(known.registrations, today)
    if told.kind is CaseKind.COLLECTION and registered:
        raise NotPossible("they are registered here")
    if told.kind is not CaseKind.COLLECTION and not registered:
        raise NotPossible("they are not registered here")
    if told.kind is CaseKind.COLLECTION and dwelling is None:
        raise NotPossible("it needs the dwelling")


def _keep(connection: Connection, residency: Residency, by: By, community: str, told: Told, *, lives: bool) -> None:
    if told.kind is CaseKind.DEREGISTRATION:
        if lives:
            day = told.day or by.today
            residency.moved_out(connection, by, community, told.person, day, _LEFT[told.source])
    elif told.dwelling is not None:
        find = Living(told.person, told.dwelling, told.source, since=told.day)
        residency.found(connection, by, community, [find])


def _reopened(connection: Connection, casework: Casework, by: By, known: Known, told: Told) -> int | None:
    last = next((case for case in reversed(known.cases) if case.kind is told.kind), None)
    quiet = casework.policy().collection.quiet_days
    if last is None or last.state != CaseState.DISMISSED or (casework.today() - last.opened).days >= quiet:
        return None
    row = casefile.case(connection, last.id)
    if row is None or casefile.has_open_case(connection, row):
        return None
    state = step(CaseState(row.state), CaseAct.REOPEN, kind=told.kind, actor=Actor.SYSTEM)
    values = {"state": state.value, "is_open": True, "closed": None, "how": None, "due": _due(casework, told.kind)}
    if not casefile.change_case(connection, row.id, row.revision, values):
        return None
    act, note = CaseAct.REOPEN.value, told.source.value
    casefile.add_event(connection, row.id, at=by.at, actor=by.actor, act=act, state=state.value, note=note)
    return last.id


def _due(casework: Casework, _kind: CaseKind) -> date:
    return casework.today() + timedelta(days=casework.policy().collection.due_days)


def _act(casework: Casework, known: Known, told: Told) -> OpenCase:
    policy = casework.policy()
    because = Arithmetic(
        on=(),
        evenings=0,
        days_needed=policy.collection.days_distinct,
        evenings_needed=policy.collection.evenings,
        window_days=policy.collection.window_days,
        grace_days=policy.collection.grace_days,
        unregistered_since=None,
        register_as_of=known.register_as_of,
        policy_version=policy.version,
    )
    return OpenCase(told.kind, told.source, _due(casework, told.kind), because)
