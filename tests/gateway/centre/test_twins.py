"""A machine that was copied while it ran: two swipes under one number, of which one is stored and both are seen."""

import pytest
from sqlalchemy import event

from gateway.centre.gaps import Trouble
from gateway.centre.twins import NUMBERED_TWICE
from gateway.store import tables as t
from gateway.store.queries.numbers import stored_between
from gateway.wire import Hello, Status, SwipeRecord
from tests.gateway.centre.office import EPOCH, Office, moment, number, swipe

A, B = number(1), number(2)


def said(office: Office) -> tuple[list[str], list[str]]:
    return [row.kind for row in office.rows(t.troubles)], office.quarantined()


def at_noon(seq: int, text: str | None, later: int = 0, **over: object) -> SwipeRecord:
    return swipe(seq, text, moment(23) + later, **over)


@pytest.mark.parametrize(
    "other", [at_noon(2, B), at_noon(2, A, 1), at_noon(2, None), at_noon(2, None, 500, by_hand="visitor")]
)
@pytest.mark.parametrize("together", [False, True])
def test_another_swipe_under_the_number_of_one_is_noted_and_two_boxes_on_show(
    office: Office, other: SwipeRecord, together: bool
) -> None:
    first = [at_noon(1, A), at_noon(2, A)]
    if together:
        assert office.settle(office.swipes(first), office.swipes([other]))
    else:
        office.take(*first)
        office.take(other)
    assert said(office) == ([Trouble.CLONED], [NUMBERED_TWICE])
    assert [row.seq for row in office.rows(t.swipes)] == [1, 2]


def test_what_is_looked_up_is_found_by_the_index_of_passes(small: Office) -> None:
    """A look through all swipes for each message that comes again would stop a centre."""
    asked: list[str] = []
    index = "USING INDEX ix_swipes_community_token_at (community=? AND token=? AND at>? AND at<?)"
    with small.database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda _c, _cursor, query, *_: asked.append(query))
        stored_between(connection, [("yuan", b"t" * 16), ("yuan", None)], 1, 2)
        queries = [query for query in asked if query.startswith("SELECT")]
        assert len(queries) == 2
        for query in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", tuple([1] * query.count("?"))).all()
            assert [row[3] for row in plan if index not in row[3]] == []


def test_the_same_swipe_again_is_nothing_to_speak_of(office: Office) -> None:
    swipes = [at_noon(1, A), at_noon(2, None, by_hand="visitor"), at_noon(3, B, recorded=False)]
    for again in (swipes, swipes[::-1], [at_noon(3, B), at_noon(2, None)]):
        office.take(*again)
    assert said(office) == ([], [])


def test_a_swipe_whose_time_was_put_right_is_the_same_when_it_comes_again(office: Office) -> None:
    swipes = [at_noon(1, A, clock="unsynced"), at_noon(2, B, clock="unknown")]
    office.take(*swipes)
    with office.database.write() as connection:
        connection.exec_driver_sql("UPDATE swipes SET said_at = at, at = at + 5000")
    office.take(*swipes)
    assert said(office) == ([], [])


def test_two_that_count_their_heartbeats_alike_are_two_boxes_on_show(office: Office) -> None:
    assert office.settle(office.message("hello", Hello(EPOCH, None, [], 0, "0.1.0")))
    for beat, mono in ((7, 35_000), (8, 40_000), (8, 40_000), (8, 42_000)):
        assert office.settle(office.message("status", Status("online", EPOCH, beat, 1, mono=mono)))
        assert (said(office)[0] == [Trouble.CLONED]) == (mono == 42_000)
