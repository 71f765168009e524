"""Clocks that are wrong at the gate: order by number, the time put right once it is known, and judged by that."""

from datetime import timedelta

import msgspec
import pytest

from gateway.centre.clocks import MOST_SKEW_MS
from gateway.store import tables as t
from gateway.wire import Status, SwipeRecord, Swipes
from tests.gateway.centre.office import (
    EPOCH,
    EPOCH_2,
    NOW,
    STRANGER_DAYS,
    Office,
    moment,
    number,
    swipe,
    token,
    unknown,
)

A, B = number(1), number(2)
BOOT, OTHER_BOOT = "b0" * 8, "c1" * 8
IN_1970 = 86_400_000


def since_boot(record: SwipeRecord, booted: int) -> SwipeRecord:
    """The swipe as a station records it whose clock began at 1970 when the machine was started at `booted`."""
    mono = record.at - booted
    return msgspec.structs.replace(record, at=IN_1970 + mono, mono=mono, clock="unsynced")


def came(office: Office, records: list[SwipeRecord], epoch: str = EPOCH, boot: str = BOOT) -> None:
    assert office.settle(office.message("swipes", Swipes(epoch, records, boot)))


def synced(office: Office, booted: int, boot: str = BOOT, *, ahead: int = 0, **over: object) -> None:
    """A heartbeat of a station whose clock is synchronised and `ahead` of the centre's."""
    at = office.casework.now() + ahead
    beats = len(office.settled) + 1
    said = {"clock": "synced", "mono": at - ahead - booted, "boot": boot, **over}
    assert office.settle(office.message("status", Status("online", EPOCH, beats, at, **said)))  # type: ignore[arg-type]


def times(office: Office) -> dict[tuple[str, int], tuple[int, int | None]]:
    return {(row.epoch, row.seq): (row.at, row.said_at) for row in office.rows(t.swipes)}


def test_swipes_of_a_clock_that_began_in_1970_are_put_right_and_what_was_said_is_kept(office: Office) -> None:
    booted = moment(20)
    records = [since_boot(swipe(n, A, moment(20, 12 + n)), booted) for n in (1, 2)]
    came(office, records)
    came(office, [since_boot(swipe(1, A, moment(21)), booted)], EPOCH_2)
    assert times(office)[EPOCH, 1] == (records[0].at, None)
    synced(office, booted)
    assert times(office) == {
        (EPOCH, 1): (moment(20, 13), records[0].at),
        (EPOCH, 2): (moment(20, 14), records[1].at),
        (EPOCH_2, 1): (moment(21), IN_1970 + moment(21) - booted),
    }, "also of the process before, which ran on the same start of the machine"


def test_what_comes_after_its_time_is_known_is_stored_right_at_once(office: Office) -> None:
    booted = moment(20)
    synced(office, booted)
    record = since_boot(swipe(1, A, moment(20, 15)), booted)
    came(office, [record, swipe(2, A, moment(20, 16))])
    assert times(office) == {(EPOCH, 1): (moment(20, 15), record.at), (EPOCH, 2): (moment(20, 16), None)}


HOUR = 3_600_000


def drifting(office: Office, booted: int, *, first: bool) -> dict[tuple[str, int], tuple[int, int | None]]:
    """A clock that is synchronised, loses a minute in four hours without a time service, and is synchronised again.

    Its swipes of that time come when they are recorded (`first`), or when all is over.
    """
    lost, began = 60_000, office.casework.now()
    records = [
        SwipeRecord(
            n, at, at - booted, "east", "east-in", "in", "grant", ["enrolled"], token=token(A), clock="unsynced"
        )
        for n, at in enumerate((began + HOUR, began + 3 * HOUR), 1)
    ]
    synced(office, booted)
    beat(office, clock="unsynced", mono=began + 1000 - booted)
    if first:
        came(office, records)
    assert first == (len(times(office)) == 2)
    office.moment += timedelta(milliseconds=4 * HOUR + lost)
    beat(office, clock="synced", mono=began + 4 * HOUR - booted)
    if not first:
        came(office, records)
    return times(office)


def beat(office: Office, *, clock: str, mono: int) -> None:
    status = Status("online", EPOCH, len(office.settled) + 1, office.casework.now(), clock=clock, mono=mono, boot=BOOT)
    assert office.settle(office.message("status", status))


@pytest.mark.parametrize("first", [True, False], ids=["as they are recorded", "when all is over"])
def test_what_a_clock_lost_between_two_stretches_is_spread_over_its_swipes(office: Office, first: bool) -> None:
    began = office.casework.now()
    said = began + HOUR, began + 3 * HOUR
    assert drifting(office, moment(20), first=first) == {
        (EPOCH, 1): (said[0] + 15_000, said[0]),
        (EPOCH, 2): (said[1] + 45_000, said[1]),
    }


def test_a_clock_that_is_set_by_hand_after_it_was_synchronised_is_not_believed(small: Office) -> None:
    booted, now = moment(20), small.casework.now()
    synced(small, booted)
    record = msgspec.structs.replace(swipe(1, A, now + HOUR), mono=now + HOUR - booted, clock="unsynced")
    wrong = msgspec.structs.replace(record, seq=2, at=now + 5 * HOUR)
    came(small, [record, wrong])
    assert times(small) == {(EPOCH, 1): (now + HOUR, None), (EPOCH, 2): (now + HOUR, now + 5 * HOUR)}


def test_a_stretch_that_lasts_is_one_row_whose_end_moves_on(small: Office) -> None:
    booted, began = moment(20), small.casework.now()
    for minute in range(0, 60, 3):
        small.moment = NOW + timedelta(minutes=minute)
        synced(small, booted)
    (row,) = small.rows(t.clocks)
    assert row.since == began - booted
    assert row.since + 45 * 60_000 <= row.until <= row.since + 57 * 60_000
    beat(small, clock="unsynced", mono=began - booted + 58 * 60_000)
    assert small.rows(t.clocks)[0].until == row.since + 57 * 60_000, "the last moment at which it was sure"
    for minute in range(59, 70):
        small.moment = NOW + timedelta(minutes=minute)
        beat(small, clock="synced" if minute % 2 else "unsynced", mono=began - booted + minute * 60_000)
    (row,) = small.rows(t.clocks)
    assert row.until == row.since + 69 * 60_000, "a clock that comes and goes makes no rows"


def test_another_start_of_the_machine_has_another_time(office: Office) -> None:
    came(office, [since_boot(swipe(1, A, moment(20)), moment(19))], boot=OTHER_BOOT)
    came(office, [since_boot(swipe(1, A, moment(20)), moment(19))], EPOCH_2, boot="")
    synced(office, moment(20))
    assert [said for _, said in times(office).values()] == [None, None]


@pytest.mark.parametrize(
    "over",
    [{"clock": "unsynced"}, {"clock": "unknown"}, {"boot": ""}, {"ahead": MOST_SKEW_MS + 60_000}],
    ids=["unsynced", "unknown", "no boot", "far from ours"],
)
def test_a_clock_that_nothing_vouches_for_puts_nothing_right(small: Office, over: dict[str, object]) -> None:
    came(small, [since_boot(swipe(1, A, moment(20)), moment(19))])
    synced(small, moment(19), **over)  # type: ignore[arg-type]
    assert times(small)[EPOCH, 1][1] is None
    assert small.rows(t.clocks) == []


def test_a_correction_judges_the_people_whom_it_moves(office: Office) -> None:
    """Five days and four evenings, all recorded as of 1970: nothing opens until the days are known."""
    office.import_register()
    booted = moment(16)
    records = [since_boot(unknown(n, B, moment(*when)), booted) for n, when in enumerate(STRANGER_DAYS, 1)]
    came(office, records)
    assert office.cases() == []
    synced(office, booted)
    assert [case[1] for case in office.cases()] == ["gate_query"]


def test_a_day_counts_by_the_corrected_time_at_the_edge_of_midnight(small: Office) -> None:
    """An hour before midnight in Shanghai is the same UTC day as an hour after: only the civil day tells them apart."""
    small.import_register()
    booted = moment(10)
    late = [moment(day, 23) + 59 * 60_000 for day in (17, 18, 19, 20)]
    came(small, [since_boot(unknown(n, B, at), booted) for n, at in enumerate([*late, moment(21, 0)], 1)])
    synced(small, booted)
    (case,) = small.rows(t.cases)
    assert case.because["on"] == [f"2026-11-{day}" for day in (17, 18, 19, 20, 21)]


def test_the_order_in_which_time_and_swipes_come_makes_no_difference(template: object, small: Office) -> None:
    booted = moment(20)
    record = since_boot(swipe(1, A, moment(20, 15)), booted)
    synced(small, booted)
    came(small, [record])
    came(small, [msgspec.structs.replace(record, seq=2)])
    synced(small, booted - 5_000)
    assert {times(small)[EPOCH, n] for n in (1, 2)} == {(moment(20, 15), record.at)}, "the first word of a start stays"


def test_a_time_that_no_calendar_has_keeps_nobody_from_being_judged(small: Office) -> None:
    small.import_register()
    records = [unknown(n, B, moment(*when)) for n, when in enumerate(STRANGER_DAYS, 1)]
    small.take(unknown(9, B, 2**53), *records)
    assert [case[1] for case in small.cases()] == ["gate_query"]
