"""Hypothesis strategies for the words of the field: swipes, rosters, snapshots, persons and their passes."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from rules.model import (
    CIVIL,
    AgeBand,
    CredentialKind,
    Direction,
    Enrolment,
    GatePolicy,
    Hours,
    MovedOut,
    MoveOutBy,
    Origin,
    Pass,
    Passback,
    Person,
    Portal,
    Recent,
    Registration,
    Role,
    Snapshot,
    Swipe,
    Verdict,
)

TODAY = date(2026, 11, 23)
PORTALS = ("east", "west", "garage")

days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
near_days = st.integers(-40, 40).map(lambda n: TODAY + timedelta(days=n))
civil_moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=CIVIL))  # noqa: DTZ001
tokens = st.binary(min_size=16, max_size=16)
directions = st.sampled_from(Direction)
hours = st.builds(
    Hours,
    begin=st.times(),
    end=st.times() | st.just(time(0)),
    weekdays=st.frozensets(st.integers(0, 6)),
)
recents = st.builds(
    Recent,
    portal=st.sampled_from(PORTALS),
    direction=directions,
    verdict=st.sampled_from(Verdict),
    seconds_ago=st.floats(0, 300),
    signalled=st.booleans(),
)
gate_policies = st.builds(
    GatePolicy,
    version=st.integers(0, 9),
    passback_seconds=st.sampled_from((0, 60, 300)),
    attempts=st.sampled_from((0, 1, 3)),
    passback=st.lists(
        st.builds(
            Passback,
            portals=st.lists(st.sampled_from(PORTALS), min_size=1, unique=True).map(lambda ids: tuple(sorted(ids))),
            area=st.sampled_from(("", "court")),
            seconds=st.sampled_from((0, 60, 300)),
        ),
        max_size=2,
    ).map(tuple),
)
enrolments = st.builds(
    Enrolment,
    token=tokens,
    since=near_days,
    until=st.none() | near_days,
    portals=st.none() | st.frozensets(st.sampled_from(PORTALS)),
    schedule=st.none() | st.sampled_from(("day", "night")),
    role=st.sampled_from(Role),
    lost=st.booleans(),
    count_only=st.booleans(),
    registered_until=st.none() | near_days | st.just(date.max),
    registered_elsewhere=st.booleans(),
    enrolled=st.booleans(),
    age_band=st.none() | st.sampled_from(AgeBand),
)


@st.composite
def snapshots(draw: st.DrawFn, rows: st.SearchStrategy[Enrolment | None] | None = None) -> Snapshot:
    """Snapshots near TODAY; without a roster there is no row."""
    has_roster = draw(st.booleans()) if rows is None else True
    row = draw(rows if rows is not None else st.none() | enrolments) if has_roster else None
    clock = draw(st.times())
    recent = sorted(draw(st.lists(recents, max_size=6)), key=lambda one: one.seconds_ago)
    return Snapshot(
        civil=datetime.combine(TODAY, clock, CIVIL),
        portal=Portal(draw(st.sampled_from(PORTALS)), tuple(draw(st.lists(hours, max_size=2)))),
        row=row,
        has_roster=has_roster,
        register_as_of=draw(st.none() | near_days),
        recent=tuple(recent),
        held_open_by_hand=draw(st.booleans()),
        schedules=draw(st.dictionaries(st.sampled_from(("day", "night")), st.lists(hours, max_size=2).map(tuple))),
        policy=draw(gate_policies),
    )


@st.composite
def presented(
    draw: st.DrawFn,
    rows: st.SearchStrategy[Enrolment | None] | None = None,
    ways: st.SearchStrategy[Direction] = directions,
) -> tuple[Swipe, Snapshot]:
    """A swipe and the snapshot that belongs to it: the same portal, the same instant."""
    snapshot = draw(snapshots(rows))
    token = snapshot.row.token if snapshot.row is not None else draw(st.none() | tokens)
    return (
        Swipe(
            portal=snapshot.portal.id,
            reader=f"{snapshot.portal.id}-1",
            direction=draw(ways),
            kind=draw(st.none() | st.sampled_from(CredentialKind)),
            token=token,
            at=snapshot.civil.astimezone(UTC),
        ),
        snapshot,
    )


passes = st.builds(
    lambda day, clock: Pass(datetime.combine(day, clock, CIVIL)),
    st.integers(-2, 60).map(lambda n: TODAY - timedelta(days=n)),
    st.times(),
)
registrations = st.builds(
    lambda since, length, as_of: Registration(since, None if length is None else since + timedelta(length), as_of),
    near_days,
    st.none() | st.integers(0, 60),
    st.just(TODAY),
)
persons = st.builds(
    Person,
    known=st.booleans(),
    dwelling=st.booleans(),
    role=st.none() | st.sampled_from(Role),
    birth=st.none() | st.dates(date(1930, 1, 1), date(2020, 1, 1)),
    enrolled_since=st.none() | near_days,
    origin=st.sampled_from(Origin),
    protected=st.booleans(),
    registered_elsewhere=st.booleans(),
    rented=st.booleans(),
    last_checked=st.none() | st.dates(date(2025, 1, 1), TODAY),
    lease_until=st.none() | near_days,
    service_until=st.none() | near_days,
    moved_out=st.none() | st.builds(MovedOut, on=near_days, by=st.sampled_from(MoveOutBy)),
)
settled = persons.map(lambda one: replace(one, last_checked=None, lease_until=None, service_until=None, moved_out=None))
"""People about whom nothing is due but what follows from where they are registered."""
