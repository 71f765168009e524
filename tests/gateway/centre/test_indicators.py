"""Figures from the register: who is counted, who is good, what is unknown, the list behind, month-ends that stand."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gateway.centre import field_audits
from gateway.centre.field_audits import Found
from gateway.centre.indicators import Figure, Indicators
from gateway.centre.living import Left, Living, Residency
from gateway.centre.month_ends import MonthEnds, compared
from gateway.centre.persons import Persons
from gateway.centre.process import enrol_own_data
from gateway.centre.suppression import for_committee
from gateway.settings import Settings
from gateway.store import tables as t
from gateway.store.queries import casefile, figures
from gateway.web.centre_view import Freshness, ReaderRow, StationRow
from rules.cases import NotPossible
from rules.indicators import Counts, Indicator, Unknown, rate, suppressed_rate
from rules.model import CIVIL, CredentialKind, Origin, Source
from tests.gateway.centre.office import (
    BY,
    MASTER,
    NOW,
    OTHER,
    STATION,
    TODAY,
    YUAN,
    Office,
    entry,
    moment,
    number,
    registration,
    swipe,
)

LONG_AGO = TODAY - timedelta(days=60)
RESIDENCY = Residency(MASTER)


def made(office: Office) -> Indicators:
    return Indicators(
        office.database, MASTER, office.casework.today, office.casework.now, list, clock=lambda: office.mono
    )


def count(office: Office, indicator: Indicator, day: date = TODAY, community: str = YUAN) -> Counts:
    with office.database.read() as connection:
        return made(office).counts(connection, day)[indicator][community]


def behind(office: Office, indicator: Indicator, day: date = TODAY) -> list[int]:
    with office.database.read() as connection:
        return figures.behind(connection, indicator, day, YUAN, 100, 0)


def linked(office: Office, *rooms: str) -> None:
    """Give the dwellings their standard addresses."""
    with office.database.write() as connection:
        for row in connection.execute(t.dwellings.select()).all():
            if not rooms or row.room in rooms:
                place = {"community": row.community, "building": row.building, "unit": row.unit, "room": row.room}
                number = connection.execute(
                    t.addresses.insert().values(**place, elements={}).returning(t.addresses.c.id)
                ).scalar_one()
                connection.execute(t.dwellings.update().where(t.dwellings.c.id == row.id).values(address=number))


def registered(text: str, **over: Any) -> Any:
    return registration(text, employment="none", **over)


def test_a_registration_counts_when_all_that_makes_it_valid_is_there(office: Office) -> None:
    people = [number(i) for i in range(1, 6)]
    office.enrol(*(entry(text, room=f"{i}室", since=LONG_AGO) for i, text in enumerate(people)))
    linked(office, "0室", "1室", "2室", "3室")
    rows = [registered(people[0]), registration(people[1]), registered(people[2], since=TODAY + timedelta(days=1))]
    office.import_register(*rows, registered(people[4]))
    assert count(office, Indicator.REGISTRATION) == Counts(1, 5)
    assert len(behind(office, Indicator.REGISTRATION)) == 4, "no employment, not begun, not registered, no address"
    assert count(office, Indicator.LINKED) == Counts(4, 5)


def test_a_record_without_a_number_is_counted_and_never_valid(office: Office) -> None:
    number_of = Persons(MASTER).without_number(YUAN, "测试婴", LONG_AGO, Origin.MAINLAND)
    (one,) = office.enrol(entry(number_of, kind=CredentialKind.NO_NUMBER, since=LONG_AGO))
    linked(office)
    with office.database.write() as connection:
        office.register.registered_by_answer(connection, BY, YUAN, one, LONG_AGO, "HZ-1")
        connection.execute(t.residents.update().values(employment="none", reviewed_on=LONG_AGO))
    assert count(office, Indicator.REGISTRATION) == Counts(0, 1)
    with office.database.write() as connection:
        connection.execute(t.persons.update().values(kind="citizen-id"))
    assert count(office, Indicator.REGISTRATION) == Counts(1, 1), "for no other reason"


def test_who_is_unconfirmed_is_pending_and_not_in_the_denominator(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    office.enrol(entry(number(2), room="", since=LONG_AGO))
    who = max(row.id for row in office.rows(t.persons))
    with office.database.write() as connection:
        RESIDENCY.found(connection, BY, YUAN, [Living(who, None, Source.SELF, since=LONG_AGO)])
    assert count(office, Indicator.REGISTRATION) == Counts(0, 1, 1)
    assert len(behind(office, Indicator.REGISTRATION)) == 2


def test_visitors_staff_and_those_who_moved_out_are_not_counted_and_come_back_for_the_past(office: Office) -> None:
    (one,) = office.enrol(entry(number(1), since=LONG_AGO))
    with office.database.write() as connection:
        RESIDENCY.moved_out(connection, BY, YUAN, one, TODAY - timedelta(days=1), Left.DECLARED)
        connection.execute(t.residents.update().values(confirmed_on=LONG_AGO))
    assert count(office, Indicator.REGISTRATION).denominator == 0
    assert count(office, Indicator.REGISTRATION, TODAY - timedelta(days=1)).denominator == 1


def test_somebody_of_whom_two_compounds_say_so_counts_once(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    office.moment += timedelta(days=1)
    office.enrol(entry(number(1), since=LONG_AGO), community=OTHER)
    with office.database.write() as connection:
        connection.execute(
            t.residents.update().where(t.residents.c.community == OTHER).values(confirmed_on=TODAY + timedelta(days=1))
        )
    day = TODAY + timedelta(days=1)
    assert (
        count(office, Indicator.REGISTRATION, day).denominator,
        count(office, Indicator.REGISTRATION, day, OTHER).denominator,
    ) == (0, 1)


def test_without_a_list_there_is_no_figure_and_that_is_not_zero(office: Office) -> None:
    for indicator in (
        Indicator.OUTFLOW,
        Indicator.INFLOW,
        Indicator.HUKOU_CHECKED,
        Indicator.CANCELLED,
        Indicator.PLATES,
    ):
        assert count(office, indicator).unknown is Unknown.NO_LIST
    assert count(office, Indicator.REGISTRATION_SAMPLED).unknown is Unknown.NOT_DRAWN


FIRST = date(2026, 11, 1)


def push(person: int, outcome: str, **over: Any) -> dict[str, Any]:
    """A push of the first of the month, looked after on that day."""
    row = {"community": YUAN, "person": person, "received_on": FIRST, "outcome": outcome, "outcome_on": FIRST}
    return row | {"reviewed_by": "a", "reviewed_on": FIRST} | over


def test_the_lists_of_others_count_as_the_users_have_it(office: Office) -> None:
    office.enrol(*(entry(number(i), room=f"{i}室") for i in range(1, 5)))
    ids = [row.id for row in office.rows(t.persons)]
    base = FIRST
    with office.database.write() as connection:
        connection.execute(
            t.inflow_pushes.insert(),
            [
                push(ids[0], "living"),
                push(ids[1], "living"),
                push(ids[2], "not_found"),
                push(ids[3], "left", reviewed_by=None, reviewed_on=None),
            ],
        )
        out = {"community": YUAN, "address": b"a", "checked_on": base}
        movers = [(base, b"b"), (base, None), (date(2026, 10, 1), b"b")]
        connection.execute(
            t.out_movers.insert(),
            [out | {"person": ids[i], "base_date": day, "phone": phone} for i, (day, phone) in enumerate(movers)],
        )
        hukou = {"community": YUAN, "base_date": base, "checked_on": base, "reviewed_on": base, "cancelled_on": base}
        names = ("status", "reviewed_by", "to_cancel", "cancelled_receipt")
        records = [("present", "a", False, None), ("deceased", "a", True, "HZ"), ("deceased", None, True, None)]
        records += [("unchecked", "a", False, None)]
        connection.execute(
            t.hukou_records.insert(),
            [hukou | {"person": ids[i]} | dict(zip(names, said, strict=True)) for i, said in enumerate(records)],
        )
    office.import_register(registration(number(1)))
    assert count(office, Indicator.INFLOW) == Counts(2, 4), "living and registered; not there and reviewed"
    assert count(office, Indicator.INFLOW_LIVING) == count(office, Indicator.INFLOW_GONE) == Counts(1, 4)
    assert count(office, Indicator.OUTFLOW) == Counts(1, 2), "the newest base date alone"
    assert count(office, Indicator.HUKOU_CHECKED) == Counts(2, 4)
    assert count(office, Indicator.CANCELLED) == Counts(1, 2)


def test_plates_count_where_one_is_needed(office: Office) -> None:
    with office.database.write() as connection:
        connection.execute(
            t.addresses.insert(),
            [
                {"community": YUAN, "building": f"{i}栋", "elements": {}, "plate": plate, "plate_required": needed}
                for i, (plate, needed) in enumerate(
                    [("in_place", True), ("missing", True), ("damaged", True), ("missing", False)]
                )
            ],
        )
    assert count(office, Indicator.PLATES) == Counts(1, 3)
    assert len(behind(office, Indicator.PLATES)) == 2


def heard(office: Office, at: datetime = NOW) -> None:
    with office.database.write() as connection:
        connection.execute(
            t.stations.update().where(t.stations.c.name == STATION).values(heard_at=int(at.timestamp() * 1000))
        )


def test_gates_are_installed_online_and_in_use_every_day_of_a_week(office: Office) -> None:
    heard(office)
    with office.database.write() as connection:
        rows = [
            {"community": YUAN, "day": TODAY - timedelta(days=i), "granted": 1, "attended": 0, "refused": 0}
            for i in range(1, 8)
        ]
        connection.execute(t.traffic_days.insert(), rows)
    gates = (Indicator.GATES_INSTALLED, Indicator.GATES_ONLINE, Indicator.GATES_IN_USE)
    assert [count(office, one) for one in gates] == [Counts(1, 1)] * 3
    with office.database.write() as connection:
        yesterday = t.traffic_days.c.day == TODAY - timedelta(days=1)
        connection.execute(t.traffic_days.update().where(yesterday).values(granted=0, refused=9))
    assert count(office, Indicator.GATES_IN_USE) == Counts(0, 1)


def test_silent_gates_make_their_figures_unknown_and_leave_the_register_alone(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    heard(office, NOW - timedelta(days=2))
    assert count(office, Indicator.GATES_IN_USE).unknown is Unknown.SILENT
    assert count(office, Indicator.CARD_USE).unknown is Unknown.SILENT
    assert count(office, Indicator.REGISTRATION).unknown is None


def test_traffic_is_tallied_by_the_civil_day_and_each_swipe_once(office: Office) -> None:
    late = moment(22, 23) + 3_599_999
    office.take(
        swipe(1, number(1), late), swipe(2, number(1), late + 1), swipe(3, number(2), late + 2, verdict="refuse")
    )
    indicators = made(office)
    indicators._tally()
    indicators._tally()
    found = {row.day: (row.granted, row.attended, row.refused) for row in office.rows(t.traffic_days)}
    assert found == {date(2026, 11, 22): (1, 0, 0), date(2026, 11, 23): (1, 0, 1)}
    office.take(swipe(4, number(1), late))
    indicators._tally()
    assert office.rows(t.traffic_days)[0].granted == 2, "one that came late is added to its day"


def test_the_use_of_documents_counts_adults_and_says_nothing_of_when(office: Office) -> None:
    heard(office)
    child = number(7, date(2017, 5, 1))
    office.enrol(entry(number(1)), entry(number(2), room="502室"), entry(child, room="503室"))
    office.take(swipe(1, number(1), moment(20)), swipe(2, child, moment(20)))
    assert count(office, Indicator.CARD_USE) == Counts(1, 2)


def test_a_count_is_kept_by_day_and_shown_with_its_as_of(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    linked(office)
    office.import_register(registered(number(1)), as_of=TODAY)
    indicators = made(office)
    assert indicators.figures(None) == []
    indicators.count(TODAY)
    indicators.count(TODAY)
    whole, *own = [one for one in indicators.figures(None) if one.indicator is Indicator.REGISTRATION]
    assert (whole.community, whole.rate.numerator, whole.rate.denominator, whole.rate.target) == ("", 1, 1, 0.98)
    assert (own[-1].community, own[-1].register_as_of, own[-1].day) == (YUAN, TODAY, TODAY)
    assert own[-1].counted == int(NOW.timestamp() * 1000)


def test_a_community_may_have_a_target_of_its_own(office: Office) -> None:
    office.enrol(*(entry(number(i), room=f"{i}室") for i in range(1, 11)))
    with office.database.write() as connection:
        connection.execute(
            t.communities.update().where(t.communities.c.id == YUAN).values(targets={"registration": 0.5})
        )
    indicators = made(office)
    indicators.count(TODAY)
    mine = [one for one in indicators.figures([YUAN]) if one.indicator is Indicator.REGISTRATION]
    assert [(one.community, one.rate.short) for one in mine] == [("", 10), (YUAN, 5)]


@pytest.mark.parametrize(
    ("outflow", "inflow", "met", "unknown"),
    [
        (Counts(98, 100), Counts(98, 100), 2, None),
        (Counts(98, 100), Counts(97, 100), 1, None),
        (Counts(0, 0, unknown=Unknown.NO_LIST), Counts(98, 100), 1, Unknown.NO_LIST),
        (Counts(0, 0), Counts(0, 0), 0, Unknown.NOBODY),
    ],
)
def test_the_clearing_is_met_where_both_its_rates_are(
    office: Office, outflow: Counts, inflow: Counts, met: int, unknown: Unknown | None
) -> None:
    with office.database.write() as connection:
        for indicator, counts in ((Indicator.OUTFLOW, outflow), (Indicator.INFLOW, inflow)):
            figures.keep(connection, TODAY, indicator, {YUAN: counts}, 0)
    whole, mine = (one for one in made(office).figures(None) if one.indicator is Indicator.CLEARING)
    assert (whole.community, mine.community) == ("", YUAN)
    for one in (whole.rate, mine.rate):
        assert (one.numerator, one.denominator, one.unknown) == (met, 2, unknown)
        assert one.short == (None if unknown else 2 - met)


def test_the_configuration_says_what_a_community_is(office: Office) -> None:
    with office.database.read() as connection:
        here = next(row for row in figures.communities(connection) if row.id == YUAN)
    said = {"id": YUAN, "name": here.name, "street": here.street, "police_station": here.police_station}
    more = {"central": True, "gated": False, "staff": 1, "targets": {"linked": 0.9}, "phase": "accept"}
    settings = Settings.model_validate({"communities": [said | more]})
    for one in (settings, settings):
        enrol_own_data(office.database, one)
    made(office).count(TODAY)
    found = {(one.indicator, one.community): one.rate for one in made(office).figures(None)}
    assert (Indicator.REGISTRATION_CENTRAL, YUAN) in found
    assert (Indicator.GATES_ONLINE, YUAN) not in found
    assert (Indicator.GATES_ONLINE, OTHER) in found
    assert found[Indicator.STAFFING, ""].numerator == 1
    assert found[Indicator.LINKED, YUAN].target == 0.9
    assert found[Indicator.LINKED, OTHER].target is None
    (row,) = (row for row in office.rows(t.communities) if row.id == YUAN)
    assert (row.phase, row.portals) == ("accept", [])


def test_nothing_is_listed_behind_a_figure_that_counts_no_rows(office: Office) -> None:
    for indicator in (Indicator.CLEARING, Indicator.CARD_USE, Indicator.DEVICES_ONLINE):
        with office.database.read() as connection, pytest.raises(LookupError, match="no list"):
            figures.behind(connection, indicator, TODAY, YUAN, 10, 0)


def figure(community: str, n: int, d: int, indicator: Indicator = Indicator.REGISTRATION) -> Figure:
    return Figure(indicator, community, rate(Counts(n, d)), TODAY, 0, TODAY)


def test_the_committee_sees_no_small_cell_and_cannot_reckon_one() -> None:
    found = [figure("", 598, 610), figure("a", 297, 300), figure("b", 200, 205), figure("c", 101, 105)]
    assert [one.hidden for one in for_committee(found)] == [False, True, False, True]
    alone = [figure("", 598, 612), figure("a", 297, 300), figure("b", 200, 206), figure("c", 101, 106)]
    assert [one.hidden for one in for_committee(alone)] == [False, True, False, True], "the next smallest goes with it"
    gates = [figure("", 3, 4, Indicator.GATES_ONLINE), figure("a", 1, 1, Indicator.GATES_ONLINE)]
    assert not any(one.hidden for one in for_committee(gates)), "a gate is nobody"


def months(office: Office) -> MonthEnds:
    return MonthEnds(office.database, MASTER, made(office), office.casework.today, office.casework.now)


def test_a_month_that_is_over_is_frozen_signed_and_reckoned_again_the_same(office: Office) -> None:
    october = date(2026, 10, 1)
    office.enrol(entry(number(1), since=date(2026, 9, 1)), entry(number(2), since=date(2026, 9, 1), room="502室"))
    with office.database.write() as connection:
        connection.execute(t.residents.update().values(confirmed_on=date(2026, 9, 1)))
    linked(office)
    office.import_register(registered(number(1), since=date(2026, 9, 1)), as_of=TODAY)
    ends = months(office)
    with pytest.raises(NotPossible, match="nothing was counted"):
        ends.freeze(october, "a")
    made(office).count(date(2026, 10, 31))
    with pytest.raises(NotPossible, match="not over"):
        ends.freeze(date(2026, 11, 1), "a")
    assert ends.turn()
    assert not ends.turn(), "once"
    with pytest.raises(NotPossible, match="is frozen"):
        ends.freeze(october, "a")
    shown = ends.show(october)
    assert (shown.authentic, shown.corrections, shown.frozen_by) == (True, (), "system")
    assert shown.figures[YUAN]["registration"] == [1, 2, 0, None]

    office.import_register(registered(number(2), since=date(2026, 10, 15)), as_of=TODAY, complete=False)
    (correction,) = ends.show(october).corrections
    assert (correction.indicator, correction.frozen, correction.now) == (Indicator.REGISTRATION, (1, 2), (2, 2))
    assert ends.show(october).figures == shown.figures, "what is frozen stays"
    with pytest.raises(LookupError):
        ends.show(date(2026, 9, 1))


def test_what_happens_after_a_month_changes_nothing_of_it_and_is_no_correction(office: Office) -> None:
    case, slip = a_filed_case_with_a_slip(office)
    one, two, three = office.enrol(*(entry(number(i), room=f"{i}室", since=LONG_AGO) for i in (2, 3, 4)))
    office.import_register(registration(number(2), since=LONG_AGO), complete=False)
    october, last, later = date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 5)
    due = {"community": YUAN, "base_date": october, "checked_on": october, "status": "deceased", "to_cancel": True}
    old = {"received_on": october, "outcome_on": october, "reviewed_on": october}
    with office.database.write() as connection:
        connection.execute(t.hukou_records.insert(), [due | {"person": one}, due | {"person": two}])
        rows = [push(one, "living", **old), push(two, "pending", **old), push(three, "not_found", **old)]
        connection.execute(t.inflow_pushes.insert(), rows)
    indicators = (
        Indicator.CANCELLED,
        Indicator.HUKOU_CHECKED,
        Indicator.INFLOW,
        Indicator.ANSWERED,
        Indicator.TOGETHER,
    )
    before = {one: count(office, one, last) for one in indicators}
    made(office).count(last)
    months(office).freeze(october, "a")
    with office.database.write() as connection:
        h, p = t.hukou_records, t.inflow_pushes
        done = {"cancelled_receipt": "HZ", "cancelled_on": later, "reviewed_by": "a", "reviewed_on": later}
        connection.execute(h.update().values(**done))
        left = {"outcome": "left", "reviewed_on": later}
        connection.execute(p.update().where(p.c.person == one).values(**left))
        found = {"outcome": "not_found", "outcome_on": later, "reviewed_on": later}
        connection.execute(p.update().where(p.c.person == two).values(**found))
        happened(connection, case, "police_returned", moment(5))
        happened(connection, case, "review", moment(5))
        happened(connection, case, "send_slip", moment(6), note=slip)
    assert {one: count(office, one, last) for one in indicators} == before
    assert before[Indicator.INFLOW] == Counts(2, 3)
    assert before[Indicator.ANSWERED] == Counts(0, 1)
    assert [one.indicator for one in months(office).show(october).corrections if one.indicator in indicators] == []
    assert count(office, Indicator.CANCELLED, later) == Counts(2, 2)
    assert count(office, Indicator.HUKOU_CHECKED, later) == Counts(2, 2)
    assert count(office, Indicator.INFLOW, later) == Counts(3, 3)
    assert count(office, Indicator.ANSWERED, later) == Counts(1, 1)
    assert count(office, Indicator.TOGETHER, later) == Counts(1, 1)
    assert count(office, Indicator.ANSWERED, date(2026, 11, 13)) == Counts(0, 1), "sent again, and due again"


def a_filed_case_with_a_slip(office: Office) -> tuple[int, str]:
    """A case that three people visited in October, and its slip, sent on the first of that month."""
    case = {"revision": 1, "community": YUAN, "kind": "collection", "source": "gate", "opened": 0, "because": {}}
    case |= {"policy": 1, "opened_on": date(2026, 9, 1), "state": "filed", "is_open": True, "token": b"t" * 16}
    slip = {"revision": 1, "community": YUAN, "police_station": "jiangwan", "state": "sent", "is_open": True}
    october = int(datetime(2026, 10, 1, 12, tzinfo=CIVIL).timestamp() * 1000)
    with office.database.write() as connection:
        number = int(
            connection.execute(
                t.cases.insert().values(**case, due=date(2026, 9, 9)).returning(t.cases.c.id)
            ).scalar_one()
        )
        visit = {"case": number, "at": october, "met": True, "notice_left": True, "actor": "w"}
        connection.execute(t.visits.insert().values(**visit, roles="worker,cadre,volunteer"))
        more = {"rule": "overdue", "since": date(2026, 9, 1), "proposed": 0}
        connection.execute(t.alerts.insert().values(**slip, **more, slip="s", case=number))
        happened(connection, number, "send_slip", october, note="s")
    return number, "s"


def test_each_slip_is_answered_by_its_own_sending_whatever_was_sent_of_others(office: Office) -> None:
    case, _ = a_filed_case_with_a_slip(office)
    october = date(2026, 10, 31)
    with office.database.write() as connection:
        happened(connection, case, "police_handled", int(datetime(2026, 10, 3, tzinfo=CIVIL).timestamp() * 1000))
        row = connection.execute(t.cases.select()).one()._asdict() | {"id": 2, "token": b"u" * 16}
        connection.execute(t.cases.insert().values(**row))
        slip = connection.execute(t.alerts.select()).one()._asdict() | {"id": 2, "slip": "s2", "case": 2}
        connection.execute(t.alerts.insert().values(**slip))
        happened(connection, 2, "send_slip", int(datetime(2026, 10, 20, tzinfo=CIVIL).timestamp() * 1000), note="s2")
    assert count(office, Indicator.ANSWERED, october) == Counts(1, 2)
    assert behind(office, Indicator.ANSWERED, october) == [2]


def test_one_figure_alone_is_what_it_is_among_all(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    indicators = made(office)
    indicators.count(TODAY)
    every = indicators.figures(None)
    for indicator in Indicator:
        assert indicators.figures(None, only=[indicator]) == [one for one in every if one.indicator is indicator]


def test_somebody_who_was_pushed_to_two_compounds_counts_where_they_were_pushed_last(office: Office) -> None:
    (one,) = office.enrol(entry(number(1)))
    second = {"community": OTHER, "received_on": FIRST + timedelta(days=1), "outcome": "pending"}
    with office.database.write() as connection:
        connection.execute(t.inflow_pushes.insert(), [push(one, "not_found"), push(one, "pending") | second])
    assert count(office, Indicator.INFLOW, FIRST) == Counts(1, 1)
    assert count(office, Indicator.INFLOW).denominator == 0
    assert count(office, Indicator.INFLOW, community=OTHER) == Counts(0, 1)


def test_a_month_ranks_whoever_is_large_enough_and_has_the_data() -> None:
    def frozen(n: int, d: int, online: int | None = 95, right: int | None = None) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {"registration": [n, d, 0, None]}
        found |= {} if online is None else {"devices_online": [online, 100, 0, None]}
        return found | {"accuracy": [0, 0, 0, "not_drawn"] if right is None else [right, 100, 0, None]}

    said = {"b": frozen(198, 200), "a": frozen(198, 200, right=85), "small": frozen(199, 199)}
    said |= {"silent": frozen(200, 200, online=94), "wrong": frozen(200, 200, right=84)}
    said |= {"no-gates": frozen(190, 200, online=None)}
    assert compared(said) == (("a", "b", "no-gates"), ("silent",), ("wrong",))
    assert compared({}) == ((), (), ())


def test_a_month_end_that_was_changed_is_not_authentic(office: Office) -> None:
    made(office).count(date(2026, 10, 31))
    ends = months(office)
    ends.freeze(date(2026, 10, 1), "a")
    with office.database.write() as connection:
        (row,) = connection.execute(t.month_ends.select()).all()
        connection.execute(t.month_ends.update().values(payload=row.payload.replace(b"2026-10-31", b"2026-10-30")))
    assert not ends.show(date(2026, 10, 1)).authentic


def test_the_same_seed_draws_the_same_dwellings(office: Office) -> None:
    office.enrol(*(entry(number(i), room=f"{i}室") for i in range(1, 31)))
    with office.database.write() as connection:
        one = field_audits.draw(connection, BY, YUAN, 5, "公开抽取 1")
        two = field_audits.draw(connection, BY, YUAN, 5, "公开抽取 1")
        three = field_audits.draw(connection, BY, YUAN, 5)
        with pytest.raises(NotPossible, match="import them first"):
            field_audits.draw(connection, BY, OTHER, 5)
        with pytest.raises(LookupError):
            field_audits.draw(connection, BY, "moon-yuan", 5)
    drawn = {
        audit: {row.dwelling for row in office.rows(t.field_findings) if row.audit == audit}
        for audit in (one, two, three)
    }
    assert drawn[one] == drawn[two]
    assert drawn[one] != drawn[three]
    assert len(drawn[one]) == 5
    ids = [row.id for row in office.rows(t.dwellings)]
    with office.database.read() as connection:
        assert field_audits.same_draw(connection, YUAN, one, list(reversed(ids)))
        assert not field_audits.same_draw(connection, YUAN, one, ids[:10])


def test_what_a_sample_found_is_a_rate_with_its_interval(office: Office) -> None:
    office.enrol(*(entry(number(i), room=f"{i}室") for i in range(1, 11)))
    with office.database.write() as connection:
        audit = field_audits.draw(connection, BY, YUAN, 4, "seed")
    first, second, third, _ = [row.dwelling for row in office.rows(t.field_findings)]
    with office.database.write() as connection:
        field_audits.enter(connection, BY, YUAN, audit, first, Found(3, 2, 3, 3, 1))
        field_audits.enter(connection, BY, YUAN, audit, second, Found(2, 2, 2, 1, 0))
        field_audits.enter(connection, BY, YUAN, audit, third, None)
        for bad in (
            Found(1, 2, 0, 0, 0),
            Found(1, 1, 1, 2, 0),
            Found(1, 1, 1, 1, 2),
            Found(51, 1, 1, 1, 0),
            Found(1, -1, 0, 0, 0),
        ):
            with pytest.raises(NotPossible):
                field_audits.enter(connection, BY, YUAN, audit, first, bad)
        with pytest.raises(LookupError):
            field_audits.enter(connection, BY, YUAN, audit, 9999, None)
        with pytest.raises(LookupError):
            field_audits.enter(connection, BY, OTHER, audit, first, None)
    assert count(office, Indicator.REGISTRATION_SAMPLED) == Counts(4, 5)
    assert count(office, Indicator.ACCURACY) == Counts(4, 5)
    assert count(office, Indicator.NOT_DEREGISTERED) == Counts(1, 5)
    indicators = made(office)
    indicators.count(TODAY)
    (mine,) = [
        one for one in indicators.figures([YUAN]) if one.indicator is Indicator.REGISTRATION_SAMPLED and one.community
    ]
    assert mine.rate.interval is not None
    assert mine.rate.interval[0] < 0.8 < mine.rate.interval[1]


def happened(connection: Connection, case: int, act: str, at: int, note: str = "") -> None:
    casefile.add_event(connection, case, at=at, actor="somebody", act=act, state="filed", note=note)


def test_tasks_and_slips_of_the_month(office: Office) -> None:
    heard(office)
    rows = [
        ("registered", "2026-11-10", datetime(2026, 11, 10, 23, 59, tzinfo=CIVIL)),
        ("registered", "2026-11-10", datetime(2026, 11, 11, 0, 0, tzinfo=CIVIL)),
        ("dismissed", "2026-11-20", datetime(2026, 11, 12, tzinfo=CIVIL)),
        ("open", "2026-11-22", None),
        ("open", "2026-12-22", None),
    ]
    case = {"revision": 1, "community": YUAN, "kind": "collection", "source": "gate", "opened": 0, "because": {}}
    case |= {"policy": 1, "opened_on": date(2026, 11, 1)}
    slip = {"revision": 1, "community": YUAN, "police_station": "jiangwan", "state": "sent", "is_open": True}
    slip |= {"rule": "overdue", "since": date(2026, 11, 1), "proposed": 0}
    with office.database.write() as connection:
        for i, (state, due, closed) in enumerate(rows):
            own = {"state": state, "is_open": closed is None, "token": bytes([i]) * 16, "due": date.fromisoformat(due)}
            own["closed"] = None if closed is None else int(closed.timestamp() * 1000)
            connection.execute(t.cases.insert().values(**case, **own))
        for i, (day, answer) in enumerate([(1, "handled"), (1, "acknowledged"), (1, None), (22, None)]):
            connection.execute(t.alerts.insert().values(**slip, slip=f"s{i}", case=i + 1))
            happened(connection, i + 1, "send_slip", moment(day), note=f"s{i}")
            if answer:
                happened(connection, i + 1, f"police_{answer}", moment(day + 1))
    assert count(office, Indicator.ON_TIME) == Counts(2, 4)
    assert count(office, Indicator.DISMISSED) == Counts(1, 3)
    assert count(office, Indicator.ANSWERED) == Counts(1, 3), "acknowledging is no feedback, and one is not due yet"


def test_minutes_of_readers_are_counted_for_the_community_of_their_station(office: Office) -> None:
    def row(station: str, freshness: Freshness, *health: str) -> StationRow:
        readers = tuple(ReaderRow(f"r{i}", one) for i, one in enumerate(health))
        return StationRow(station, "滨河苑", freshness, NOW, readers, 0, 0, 1, 1, 0, 0, 0)

    rows = [row(STATION, Freshness.ONLINE, "ok", "ok", "down"), row("nobody-s", Freshness.ONLINE, "ok")]
    indicators = Indicators(office.database, MASTER, office.casework.today, office.casework.now, lambda: rows)
    indicators._tally()
    rows[0] = row(STATION, Freshness.UNKNOWN, "ok", "ok", "down")
    indicators._tally()
    assert count(office, Indicator.DEVICES_ONLINE) == Counts(2, 6), (
        "a station that is not heard has no reader that is well"
    )


def test_what_is_hidden_of_pushes_their_parts_do_not_tell() -> None:
    living, gone = Indicator.INFLOW_LIVING, Indicator.INFLOW_GONE
    found = [figure(place, 90, 110, Indicator.INFLOW) for place in ("", "a")]
    found += [figure(place, 88, 110, living) for place in ("", "a")] + [
        figure(place, 2, 110, gone) for place in ("", "a")
    ]
    assert all(one.hidden for one in for_committee(found)), "90 less 88 would be the 2"


def test_what_one_figure_hides_another_of_the_same_people_does_not_tell() -> None:
    central = Indicator.REGISTRATION_CENTRAL
    found = [figure("", 357, 400), figure("a", 50, 60), figure("b", 97, 100), figure("c", 210, 240)]
    found += [figure("", 50, 60, central), figure("a", 50, 60, central)]
    shown = for_committee(found)
    assert [(one.indicator, one.community) for one in shown if not one.hidden] == [(Indicator.REGISTRATION, "c")]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12), st.booleans()), min_size=1, max_size=7))
def test_no_total_tells_what_is_hidden_below_it(places: list[tuple[int, int, bool]]) -> None:
    reg, central = Indicator.REGISTRATION, Indicator.REGISTRATION_CENTRAL
    found = []
    for indicator, mine in ((reg, places), (central, [one for one in places if one[2]])):
        if mine:
            good, missing = sum(one[0] for one in mine), sum(one[1] for one in mine)
            found.append(figure("", good, good + missing, indicator))
    for i, (good, missing, middle) in enumerate(places):
        found += [figure(f"{i}", good, good + missing, one) for one in ((reg, central) if middle else (reg,))]
    shown = for_committee(found)
    left: dict[Indicator, list[int]] = {}
    for indicator in (reg, central):
        of = {one.community: one for one in shown if one.indicator is indicator}
        if not of or of[""].hidden:
            continue
        seen = [one.rate for name, one in of.items() if name and not one.hidden]
        whole = of[""].rate
        left[indicator] = [
            whole.numerator - sum(one.numerator for one in seen),
            whole.denominator - whole.numerator - sum(one.denominator - one.numerator for one in seen),
        ]
    cells = [cell for rest in left.values() for cell in rest]
    if len(left) == len((reg, central)):
        cells += [one - other for one, other in zip(left[reg], left[central], strict=True)]
    assert not [cell for cell in cells if 0 < cell < 5], shown
    assert not [one for one in shown if not one.hidden and suppressed_rate(one.rate.numerator, one.rate.denominator)]


def test_a_day_that_begins_is_counted_with_the_one_before_it_though_nothing_changed(office: Office) -> None:
    office.enrol(entry(number(1), since=LONG_AGO))
    indicators = made(office)
    assert indicators.turn()
    assert not indicators.turn()
    office.moment += timedelta(days=7)
    assert indicators.turn()
    days = {row.day for row in office.rows(t.figures)}
    assert days == {TODAY, TODAY + timedelta(days=6), TODAY + timedelta(days=7)}


def test_whoever_says_so_elsewhere_does_not_count_twice(office: Office) -> None:
    (person,) = office.enrol(entry(number(1), since=LONG_AGO))
    with office.database.write() as connection:
        RESIDENCY.found(connection, BY, OTHER, [Living(person, None, Source.SELF, since=LONG_AGO)])
    assert count(office, Indicator.REGISTRATION) == Counts(0, 1)
    assert count(office, Indicator.REGISTRATION, community=OTHER) == Counts(0, 0, unknown=Unknown.NOBODY)
