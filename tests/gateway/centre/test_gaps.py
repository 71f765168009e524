"""Holes: shown with since when and how many, until they fill or a person accepts them by name."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.centre import gaps, ledger
from gateway.centre.gaps import Holes, Trouble
from gateway.store import tables as t
from gateway.store.queries.streams import Stream
from gateway.web.centre_view import Hole
from gateway.wire import Held, Hello, Lost, Status
from tests.gateway.centre.office import (
    EPOCH,
    EPOCH_2,
    OTHER_STATION,
    STATION,
    Office,
    moment,
    number,
    swipe,
)

A = number(1)


def holes(office: Office) -> Holes | None:
    with office.database.read() as connection:
        return gaps.holes(connection).get(STATION)


def accept(office: Office, kind: Hole) -> int:
    with office.database.write() as connection:
        return gaps.accept(connection, STATION, kind, "示例管理员", office.casework.now())


def listed(office: Office) -> list[tuple[Hole, int, int, str | None]]:
    with office.database.read() as connection:
        return [(gap.kind, gap.first, gap.last, gap.accepted_by) for gap in gaps.listed(connection, STATION)]


def test_what_is_missing_is_dated_until_it_comes(office: Office) -> None:
    began = office.casework.now()
    assert office.settle(office.message("hello", Hello(EPOCH, None, [Held(EPOCH, 1, 9)], 0, "0.1.0")))
    office.moment += timedelta(hours=1)
    assert office.settle(office.swipes([swipe(n, A, moment(20)) for n in (1, 2, 5)]))
    assert holes(office) == Holes(6, began, 0, None, ())
    assert listed(office) == [(Hole.MISSING, 3, 4, None), (Hole.MISSING, 6, 9, None)]
    assert office.settle(office.swipes([swipe(n, A, moment(20)) for n in (3, 4, 6, 7, 8, 9)]))
    assert holes(office) is None


def test_a_hole_that_will_never_be_filled_is_accepted_and_what_comes_all_the_same_is_stored(office: Office) -> None:
    assert office.settle(office.message("hello", Hello(EPOCH, None, [Held(EPOCH, 1, 9)], 0, "0.1.0")))
    office.take(swipe(4, A, moment(20)))
    assert accept(office, Hole.MISSING) == 8
    assert holes(office) is None
    assert [(gap[1], gap[2], gap[3]) for gap in listed(office)] == [(5, 9, "示例管理员"), (1, 3, "示例管理员")]
    assert office.acked() == {EPOCH: (0, [(4, 4)])}, "the station is still asked for it"
    office.take(swipe(5, A, moment(21)))
    assert sorted(row.seq for row in office.rows(t.swipes)) == [4, 5]
    assert holes(office) is None
    assert office.settle(office.message("hello", Hello(EPOCH, None, [Held(EPOCH, 1, 11)], 0, "0.1.0")))
    found = holes(office)
    assert found is not None
    assert found.missing == 2, "what goes missing later is a new hole"
    assert accept(office, Hole.MISSING) == 2
    assert accept(office, Hole.MISSING) == 0


def test_what_a_station_lost_stays_on_show_until_a_person_accepts_it(office: Office) -> None:
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 4)], "size_limit")))
    assert office.settle(office.message("lost", Lost(EPOCH, [(7, 8)], "unreadable")))
    found = holes(office)
    assert found is not None
    assert (found.lost, found.lost_since) == (6, office.casework.now())
    assert accept(office, Hole.LOST) == 6
    assert [row.accepted_by for row in office.rows(t.lost)] == ["示例管理员"] * 2
    assert [row.accepted_at for row in office.rows(t.lost)] == [office.casework.now()] * 2
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 9)], "size_limit")))
    rows = [(row.first, row.last, row.accepted_by) for row in office.rows(t.lost)]
    assert rows == [(1, 4, "示例管理员"), (7, 8, "示例管理员"), (5, 6, None), (9, 9, None)], "only what is new is open"


def test_what_came_as_a_swipe_is_not_lost_whatever_is_said_of_it(office: Office) -> None:
    office.take(swipe(2, A, moment(20)), swipe(3, A, moment(21)))
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 5)], "spool_broken")))
    assert [(row.first, row.last) for row in office.rows(t.lost)] == [(1, 1), (4, 5)]
    assert office.acked() == {EPOCH: (5, [])}


def test_a_swipe_that_comes_after_it_was_declared_lost_is_stored_once_and_lost_no_more(office: Office) -> None:
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 5)], "spool_broken")))
    assert accept(office, Hole.LOST) == 5
    for _ in range(2):
        office.take(swipe(2, A, moment(20)), swipe(4, A, moment(21)), swipe(2, A, moment(20)))
    assert sorted(row.seq for row in office.rows(t.swipes)) == [2, 4]
    left = sorted((row.first, row.last, row.accepted_by) for row in office.rows(t.lost))
    assert left == [(1, 1, "示例管理员"), (3, 3, "示例管理员"), (5, 5, "示例管理员")]
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 5)], "spool_broken")))
    assert len(office.rows(t.lost)) == 3, "what came is not lost, whatever is said later"
    office.take(*[swipe(seq, A, moment(20)) for seq in range(1, 6)])
    assert sorted(row.seq for row in office.rows(t.swipes)) == [1, 2, 3, 4, 5]
    assert office.rows(t.lost) == []


def test_a_swipe_that_was_given_up_and_came_is_stored_once(office: Office) -> None:
    assert office.settle(office.message("hello", Hello(EPOCH, None, [Held(EPOCH, 1, 3)], 1, "0.1.0")))
    assert accept(office, Hole.MISSING) == 3
    for _ in range(2):
        office.take(swipe(2, A, moment(20)))
    assert [row.seq for row in office.rows(t.swipes)] == [2]


def test_a_station_restored_from_an_image_is_on_show_until_accepted_and_can_be_again(small: Office) -> None:
    def lives(epoch: str) -> None:
        small.moment += timedelta(minutes=1)
        assert small.settle(small.message("hello", Hello(epoch, None, [], 0, "0.1.0")))
        assert small.settle(small.swipes([swipe(1, A, moment(20))], epoch))

    lives(EPOCH)
    lives(EPOCH_2)
    assert [kind for kind, _ in holes(small).troubles] == [Trouble.RESTORED]  # type: ignore[union-attr]
    assert accept(small, Hole.RESTORED) == 1
    assert holes(small) is None
    assert listed(small)[0][3] == "示例管理员"
    lives("00000000000000d4")
    assert [kind for kind, _ in holes(small).troubles] == [Trouble.RESTORED]  # type: ignore[union-attr]


def beat(office: Office, epoch: str, number: int, at: float, station: str = STATION) -> None:
    said = Status("online", epoch, number, 1)
    assert office.intake.settle([(office.message("status", said, station), at)])


def test_two_boxes_under_one_name_are_on_show_until_accepted_and_again_while_both_live(small: Office) -> None:
    for n in range(4):
        beat(small, EPOCH, n + 1, n * 5.0)
        beat(small, EPOCH_2, n + 1, n * 5.0 + 2)
    assert [kind for kind, _ in holes(small).troubles] == [Trouble.CLONED]  # type: ignore[union-attr]
    assert [row.station for row in small.rows(t.troubles)] == [STATION], "once, however often it is noticed"
    assert accept(small, Hole.CLONED) == 1
    beat(small, EPOCH_2, 5, 22.0)
    assert holes(small) is None
    beat(small, EPOCH, 5, 25.0)
    assert [kind for kind, _ in holes(small).troubles] == [Trouble.CLONED]  # type: ignore[union-attr]


def test_a_station_that_starts_again_is_no_clone_and_a_retained_word_no_sign_of_life(small: Office) -> None:
    for start in range(6):
        for n in range(3):
            beat(small, f"{start:016x}", n + 1, start * 30 + n * 5.0)
            old = small.message("status", Status("online", EPOCH, 50 + start * 3 + n, 1), retained=True)
            assert small.intake.settle([(old, start * 30 + n * 5.0 + 1)])
    beat(small, EPOCH, 1, 0.0, OTHER_STATION)
    assert small.rows(t.troubles) == []


spans = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda r: (r[0], r[0] + r[1])), max_size=12)


@given(stored=st.sets(st.integers(1, 60)), lost=spans)
def test_only_what_was_not_settled_is_lost_and_each_of_it_once(stored: set[int], lost: list[tuple[int, int]]) -> None:
    stream, _ = ledger.advance(Stream(0, ()), stored)
    after, fresh = ledger.lose(stream, lost)
    said = {seq for first, last in lost for seq in range(first, last + 1)}
    new = [seq for first, last in fresh for seq in range(first, last + 1)]
    assert set(new) | stored == said | stored
    assert not set(new) & stored
    assert {seq for seq in range(1, 80) if ledger.holds(after, seq)} == stored | said


def test_losses_without_number_are_taken_lowest_first_as_far_as_holes_are_kept() -> None:
    stream, fresh = ledger.lose(Stream(0, ()), [(seq, seq) for seq in range(2, 4000, 2)])
    assert len(stream.ranges) == len(fresh) == ledger.MOST_RANGES
    assert fresh[0] == (2, 2)
    assert ledger.lose(stream, [(4000, 4000)])[1] == [], "it is said again once there is room"
    filled, one = ledger.lose(stream, [(1, 1)])
    assert (filled.upto, one) == (2, [(1, 1)])


def test_the_page_of_a_station_sums_up_every_hole_and_who_accepted_what(office: Office) -> None:
    def summed() -> list[tuple[Hole, int, tuple[str, ...], str | None]]:
        with office.database.read() as connection:
            return [(one.kind, one.count, one.reasons, one.accepted_by) for one in gaps.summed(connection, STATION)]

    assert summed() == []
    assert office.settle(office.message("hello", Hello(EPOCH, None, [Held(EPOCH, 1, 1000)], 0, "0.1.0")))
    assert office.settle(office.message("lost", Lost(EPOCH, [(n, n) for n in range(2, 802, 2)], "size_limit")))
    assert office.settle(office.message("lost", Lost(EPOCH, [(1000, 1000)], "unreadable")))
    assert summed() == [(Hole.MISSING, 599, (), None), (Hole.LOST, 401, ("size_limit", "unreadable"), None)]
    assert accept(office, Hole.LOST) == 401
    office.moment += timedelta(minutes=1)
    assert accept(office, Hole.MISSING) == 599
    assert summed() == [
        (Hole.MISSING, 599, ("given_up",), "示例管理员"),
        (Hole.LOST, 400, ("size_limit",), "示例管理员"),
        (Hole.LOST, 1, ("unreadable",), "示例管理员"),
    ]
