"""Epochs and losses that a station may speak of: bounded, summed up exactly, and checked with the first hello."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from gateway.centre import gaps
from gateway.centre.acks import AT_ONCE
from gateway.centre.epochs import NEW_PER_HOUR, TOO_MANY
from gateway.centre.mark import Mark
from gateway.centre.sorting import MOST_LOST
from gateway.store import tables as t
from gateway.web.centre_view import Hole
from gateway.wire import Held, Hello, Lost
from tests.gateway.centre.office import EPOCH, EPOCH_2, STATION, Office, moment, number, swipe

A = number(1)
OLD = [f"{i:016x}" for i in range(0x1000, 0x1000 + NEW_PER_HOUR + 200)]
LARGE, MANY = 2**53, 1100


def hello(office: Office, epoch: str = EPOCH, held: list[str] | None = None) -> bool:
    told = Hello(epoch, None, [Held(one, 1, 1) for one in held or []], 1, "0.1.0")
    return office.settle(office.message("hello", told))


def test_numbers_that_no_sum_of_a_database_holds_are_summed_up_all_the_same(office: Office, tmp_path: Path) -> None:
    lost = {"station": STATION, "first": 1, "last": LARGE, "reason": "x", "declared": 1}
    stream = {"station": STATION, "upto": LARGE, "ranges": [], "claimed": LARGE, "first_heard": 1}
    with office.database.write() as connection:
        connection.execute(insert(t.lost), [lost | {"epoch": f"{i:016x}"} for i in range(MANY)])
        connection.execute(insert(t.streams), [stream | {"epoch": f"{i:016x}"} for i in range(MANY)])
    epoch = Mark(tmp_path / "mark").epoch(office.database)
    with office.database.write() as connection:
        connection.execute(t.streams.update().where(t.streams.c.epoch == f"{7:016x}").values(upto=LARGE - 1))
    assert Mark(tmp_path / "mark").epoch(office.database) != epoch, "one swipe less is an older database"
    with office.database.write() as connection:
        assert gaps.holes(connection)[STATION].lost == MANY * LARGE
        assert [row.count for row in gaps.summed(connection, STATION)] == [MANY * LARGE]
        assert gaps.accept(connection, STATION, Hole.LOST, "示例管理员", 1) == MANY * LARGE
        assert gaps.accept(connection, STATION, Hole.LOST, "示例管理员", 1) == 0


def test_more_new_epochs_than_a_station_can_begin_wait_and_are_on_show(office: Office) -> None:
    assert hello(office, held=OLD)
    known = {row.epoch for row in office.rows(t.streams)}
    assert len(known) == NEW_PER_HOUR
    assert {EPOCH, *OLD[-NEW_PER_HOUR + 1 :]} == known, "its own, then those that began last"
    assert office.quarantined() == [TOO_MANY]
    assert office.settle(office.swipes([swipe(1, A, moment(20))], OLD[0]), office.swipes([swipe(1, A, moment(20))]))
    assert [row.epoch for row in office.rows(t.swipes)] == [EPOCH], "what is known goes on"
    assert OLD[0] not in office.acked(), "it is not settled: the station sends it again"
    assert office.quarantined() == [TOO_MANY] * 2
    office.moment += timedelta(hours=1, minutes=1)
    assert hello(office, held=OLD)
    assert office.settle(office.swipes([swipe(1, A, moment(20))], OLD[0]))
    assert len(office.rows(t.streams)) == len(OLD) + 1
    for _ in range(2 * len(OLD) // AT_ONCE):
        told = office.acked()
    assert told[OLD[0]] == (1, [])
    assert office.quarantined() == [TOO_MANY] * 2


def test_losses_and_numbers_that_no_station_can_have_recorded_are_set_aside(small: Office) -> None:
    assert small.settle(small.message("lost", Lost(EPOCH, [(1, MOST_LOST // 2), (MOST_LOST, 2 * MOST_LOST)], "x")))
    assert small.settle(small.message("lost", Lost(EPOCH, [(2**40 + 1, 2**40 + 1)], "x")))
    assert small.settle(small.message("hello", Hello(EPOCH, (EPOCH_2, 2**40 + 1), [], 1, "0.1.0")))
    assert small.rows(t.lost) == []
    assert small.acked() == {}
    assert [reason.split(" - ")[0] for reason in small.quarantined()] == [
        "more lost swipes than a station can have recorded",
        "Expected `int` <= 1099511627776",
        "Expected `int` <= 1099511627776",
    ]
    assert small.settle(small.message("lost", Lost(EPOCH, [(1, MOST_LOST)], "x")))
    assert small.acked() == {EPOCH: (MOST_LOST, [])}


@pytest.mark.parametrize("together", [False, True])
def test_a_restored_image_is_noticed_by_its_hello_whatever_came_before_that(office: Office, *, together: bool) -> None:
    assert hello(office)
    office.take(swipe(1, A, moment(20)))
    office.moment += timedelta(minutes=1)
    first = office.swipes([swipe(1, A, moment(21))], EPOCH_2)
    second = office.message("hello", Hello(EPOCH_2, None, [Held(EPOCH_2, 1, 1)], 1, "0.1.0"))
    for messages in [(first, second)] if together else [(first,), (second,)]:
        assert office.settle(*messages)
    assert [row.kind for row in office.rows(t.troubles)] == ["restored_from_image"]
    with office.database.write() as connection:
        assert gaps.accept(connection, STATION, Hole.RESTORED, "示例管理员", 1) == 1
    assert office.settle(second)
    assert len(office.rows(t.troubles)) == 1, "connecting again is no news"


def test_a_station_whose_swipes_come_before_its_hello_is_no_restored_image(office: Office) -> None:
    assert hello(office)
    office.take(swipe(1, A, moment(20)))
    office.moment += timedelta(minutes=1)
    assert office.settle(office.swipes([swipe(1, A, moment(21))], EPOCH_2))
    assert hello(office, EPOCH_2, [EPOCH, EPOCH_2])
    assert office.rows(t.troubles) == []


def test_an_epoch_whose_first_hello_comes_after_its_successor_is_no_restored_image(office: Office) -> None:
    assert office.settle(office.swipes([swipe(1, A, moment(20))]))
    office.moment += timedelta(seconds=5)
    assert hello(office, EPOCH_2, held=[EPOCH])
    assert office.settle(office.swipes([swipe(1, A, moment(20))], EPOCH_2))
    office.moment += timedelta(seconds=5)
    assert hello(office)
    assert office.rows(t.troubles) == []
