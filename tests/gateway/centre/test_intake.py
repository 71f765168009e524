"""The intake with a real database, keys and messages: nothing is lost, stored twice, or waited for in vain."""

import logging
import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway import wire
from gateway.bus import Message
from gateway.centre.acks import AT_ONCE
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.wire import Held, Hello, Lost, Status
from tests.gateway.centre.office import (
    EPOCH,
    EPOCH_2,
    OTHER,
    OTHER_STATION,
    POLICE,
    STATION,
    TODAY,
    YUAN,
    Office,
    entry,
    moment,
    number,
    swipe,
    tenant,
    unknown,
)
from tests.waiting import until

A, B, CHILD = number(1), number(2), number(3)


def seqs(office: Office, epoch: str = EPOCH) -> list[int]:
    return sorted(row.seq for row in office.rows(t.swipes) if row.epoch == epoch)


def rows_of(office: Office) -> list[tuple[Any, ...]]:
    """The swipe rows apart from their ids and when they were received."""
    return sorted((r.station, r.epoch, r.seq, r.at, r.token or b"", r.verdict, r.flags) for r in office.rows(t.swipes))


def plain(records: list[wire.SwipeRecord], epoch: str = EPOCH) -> dict[str, Any]:
    """A message as plain values, to be spoilt."""
    found: dict[str, Any] = msgspec.json.decode(wire.encode(wire.Swipes(epoch, records)))
    return found


def test_what_comes_twice_is_stored_once_and_counted(office: Office) -> None:
    record = swipe(1, A, moment(20))
    assert office.settle(office.swipes([record]), office.swipes([record, swipe(2, A, moment(21))]))
    assert office.settle(office.swipes([swipe(2, A, moment(21)), record]))
    assert seqs(office) == [1, 2]
    assert office.value("gateway_swipes_stored_total") == 2
    assert office.value("gateway_swipes_repeated_total") == 3
    assert office.value("gateway_swipes_total", verdict="grant") == 2
    assert office.acked() == {EPOCH: (2, [])}


def test_everything_that_a_swipe_says_is_in_its_row(office: Office) -> None:
    office.take(unknown(1, A, moment(20), unattended=True, roster=5, policy=6, by_hand="visitor", recorded=False))
    (row,) = office.rows(t.swipes)
    assert (row.community, row.station, row.epoch, row.seq, row.at) == (YUAN, STATION, EPOCH, 1, moment(20))
    assert (row.portal, row.reader, row.direction, row.kind) == ("east", "east-in", "in", "citizen-id")
    assert (row.verdict, row.reasons, row.flags, row.roster, row.policy) == ("attend", "unknown_credential", "", 5, 6)
    assert (row.recorded, row.unattended, row.by_hand) == (False, True, "visitor")
    assert (len(row.token), row.sealed is not None, row.received) == (16, True, int(office.moment.timestamp() * 1000))


def test_two_epochs_of_a_station_have_each_their_own_numbers(office: Office) -> None:
    assert office.settle(
        office.swipes([swipe(1, A, moment(20))]),
        office.swipes([swipe(1, A, moment(21)), swipe(2, A, moment(22))], EPOCH_2),
    )
    assert (seqs(office), seqs(office, EPOCH_2)) == ([1], [1, 2])
    assert office.acked() == {EPOCH: (1, []), EPOCH_2: (2, [])}


def test_a_hole_is_told_until_it_is_filled_and_at_most_sixteen_ranges_at_a_time(office: Office) -> None:
    odd = [swipe(seq, A, moment(20)) for seq in range(1, 60, 2)]
    assert office.settle(office.swipes(odd))
    assert office.acked() == {EPOCH: (1, [(seq, seq) for seq in range(3, 35, 2)])}
    assert office.settle(office.swipes([swipe(seq, A, moment(20)) for seq in range(2, 60, 2)]))
    assert office.acked() == {EPOCH: (59, [])}


def test_what_a_station_lost_is_settled_shown_and_never_waited_for(office: Office) -> None:
    assert office.settle(
        office.swipes([swipe(5, A, moment(20))]),
        office.message("lost", Lost(EPOCH, [(1, 4), (7, 10**6)], "disk_corrupt")),
    )
    assert office.acked() == {EPOCH: (5, [(7, 10**6)])}
    told = [(row.first, row.last, row.reason) for row in office.rows(t.lost)]
    assert told == [(1, 4, "disk_corrupt"), (7, 10**6, "disk_corrupt")]
    assert office.settle(office.message("lost", Lost(EPOCH, [(1, 4)], "disk_corrupt")))
    assert len(office.rows(t.lost)) == 2, "said again, it is the same"


def test_a_hello_makes_what_is_missing_countable_and_is_answered_by_an_ack(office: Office) -> None:
    office.take(swipe(1, A, moment(20)))
    hello = Hello(EPOCH_2, (EPOCH, 9), [Held(EPOCH, 1, 9), Held("00000000000000d4", 1, 3)], 4, "0.1.0")
    assert office.settle(office.message("hello", hello))
    gaps = {row.epoch: row.claimed - row.upto for row in office.rows(t.streams)}
    assert gaps == {EPOCH: 8, EPOCH_2: 0, "00000000000000d4": 3}
    assert office.greeted == [(YUAN, STATION, 4)]
    assert office.acked() == {EPOCH: (1, []), EPOCH_2: (0, []), "00000000000000d4": (0, [])}


def test_every_epoch_of_a_long_hello_is_acknowledged_message_by_message(small: Office) -> None:
    held = [Held(f"{i:016x}", 1, 2) for i in range(1, 3 * AT_ONCE)]
    assert small.settle(small.message("hello", Hello(EPOCH, None, held, 1, "0.1.0")))
    for _ in range(4):
        told = small.acked()
    assert told.keys() == {EPOCH, *(one.epoch for one in held)}
    assert max(len(wire.decode(sent.plain, wire.Ack).streams) for sent in small.sent) == AT_ONCE


def test_a_station_that_forgot_its_last_epoch_is_shown_and_one_that_knows_it_is_not(small: Office) -> None:
    def trouble() -> list[str]:
        return [row.kind for row in small.rows(t.troubles) if row.station == STATION]

    def hello(epoch: int, previous: int, *spool: int) -> None:
        held = [Held(f"{one:016x}", 1, 5) for one in spool]
        told = Hello(f"{epoch:016x}", (f"{previous:016x}", 5 if previous in spool else 0), held, 1, "0.1.0")
        small.moment += timedelta(minutes=1)
        assert small.settle(small.message("hello", told))

    hello(0xE3, 0xE2, 0xE1, 0xE2)
    assert trouble() == []
    hello(0xE5, 0xE4, 0xE2)
    assert trouble() == [], "an old epoch that left the spool, and one in which nobody came, are no sign of anything"
    assert small.settle(small.swipes([swipe(1, A, moment(20))], f"{0xE5:016x}"))
    hello(0xE6, 0xE2, 0xE1, 0xE2)
    assert trouble() == ["restored_from_image"]
    hello(0xE6, 0xE2, 0xE1, 0xE2)
    assert trouble() == ["restored_from_image"], "connecting again does not mend it"
    assert small.settle(small.swipes([swipe(1, A, moment(20))], f"{0xE6:016x}"))
    hello(0xE7, 0xE6, 0xE6)
    assert trouble() == ["restored_from_image"], "it stays until a person accepts it"


GOOD = [swipe(1, A, moment(20))]
OUTSIDE = [
    (
        "of a station that is not enrolled",
        {"station": "nobody-1", "community": OTHER},
        "a station that is not enrolled",
    ),
    ("under the topic of another community", {"community": OTHER}, "the topic does not match the enrolment"),
    ("of another generation's key", {"generation": 2}, "unknown envelope version or key"),
    ("of another partition", {"topic": f"xq/v1/s/99/{YUAN}/{STATION}/swipe"}, "a topic that is not one of ours"),
    ("on a topic that stations do not write", {"leaf": "roster"}, "a topic that stations do not write"),
]


@pytest.mark.parametrize(("_name", "over", "reason"), OUTSIDE, ids=[one[0] for one in OUTSIDE])
def test_a_message_from_outside_is_set_aside_with_the_reason_and_the_rest_is_settled(
    small: Office, _name: str, over: dict[str, Any], reason: str
) -> None:
    over = {"leaf": "swipe", **over}
    bad = small.message(over.pop("leaf"), wire.Swipes(EPOCH, GOOD), **over)
    assert small.settle(bad, small.swipes([swipe(2, A, moment(21))]), bad)
    assert seqs(small) == [2]
    assert len(small.quarantined()) == 2, "each arrival is noted"
    assert all(reason in told for told in small.quarantined())
    assert small.value("gateway_quarantined_total") == 2


def test_a_payload_taken_from_one_topic_does_not_open_on_another(small: Office) -> None:
    good = small.swipes(GOOD)
    moved = Message(good.topic.replace("/swipe", "/lost"), good.payload, False, lambda: None)
    cut = Message(good.topic, good.payload[:-1], False, lambda: None)
    empty = Message(good.topic, b"", False, lambda: None)
    assert small.settle(moved, cut, empty)
    assert seqs(small) == []
    assert len(small.quarantined()) == 3


def test_an_old_retained_word_under_an_old_key_is_passed_over(small: Office) -> None:
    status = Status("lost", EPOCH, 0, 1)
    assert small.settle(small.message("status", status, generation=2, retained=True))
    assert small.quarantined() == []


def test_a_retained_status_tells_how_a_station_was_and_not_that_it_was_heard(small: Office) -> None:
    def station() -> Any:
        return next(row for row in small.rows(t.stations) if row.name == STATION)

    assert small.settle(small.message("status", Status("online", EPOCH, 5, 1, spool_depth=3), retained=True))
    assert (station().heard_at, station().status["spool_depth"]) == (None, 3)
    assert small.settle(small.message("status", Status("online", EPOCH, 6, 1)))
    heard = station().heard_at
    assert heard == int(small.moment.timestamp() * 1000)
    small.moment = small.moment.replace(minute=5)
    assert small.settle(small.message("status", Status("lost", EPOCH, 0, 1)))
    assert (station().heard_at, station().status["state"]) == (heard, "lost"), "a will is not the station's own word"


def test_the_last_status_of_a_batch_counts(small: Office) -> None:
    states = [Status("online", EPOCH, beat, 1, spool_depth=beat) for beat in (1, 2, 3)]
    assert small.settle(*(small.message("status", one) for one in states))
    assert next(row for row in small.rows(t.stations) if row.name == STATION).status["heartbeat"] == 3
    assert small.value("gateway_spool_depth", station=STATION) == 3


def test_a_swipe_that_does_not_fit_is_set_aside_and_never_asked_for_again(office: Office) -> None:
    whole = plain([swipe(seq, A, moment(20)) for seq in (1, 2, 3)])
    whole["swipes"][1]["verdict"] = "perhaps"
    message = office.message("swipes", msgspec.json.encode(whole))
    assert office.settle(message)
    assert seqs(office) == [1, 3]
    assert office.acked() == {EPOCH: (3, [])}
    (reason,) = office.quarantined()
    assert "perhaps" not in reason
    assert "verdict" in reason


def test_a_message_of_which_nothing_can_be_told_is_noted_at_each_arrival(small: Office) -> None:
    for bad in (b"not json", b"{}", b'{"epoch": "x", "swipes": []}', b"[" * 5000):
        assert small.settle(small.message("swipes", bad))
    assert len(small.quarantined()) == 4
    assert small.rows(t.streams) == []


@pytest.mark.real("postgres")
@pytest.mark.xdist_group("postgres")
def test_a_poison_message_stops_none_beside_it_and_only_its_own_swipe_is_set_aside(
    postgres: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.fresh()
    database = Database(url)
    office = Office(database)
    poison = office.swipes(
        [swipe(2, A, moment(20)), swipe(3, A, moment(20), portal="e\x00st"), swipe(4, A, moment(20))]
    )
    with caplog.at_level(logging.CRITICAL, "gateway.centre.intake"):
        assert office.settle(office.swipes(GOOD), poison, office.swipes([swipe(5, A, moment(20))]))
    assert seqs(office) == [1, 2, 4, 5]
    assert office.acked() == {EPOCH: (5, [])}
    assert office.quarantined() == ["it could not be settled; see the log"]
    database.close()
    postgres.drop(url)


def test_a_person_who_cannot_be_judged_keeps_no_swipe_from_being_stored(small: Office) -> None:
    (person,) = small.enrol(entry(A))
    with small.database.write() as connection:  # a row that does not open: of another key, or damaged
        connection.execute(t.persons.update().where(t.persons.c.id == person).values(number=b"damaged"))
    small.enrol(entry(B, room="502室"))
    small.import_register()
    assert small.settle(small.swipes(tenant(A)), small.swipes(tenant(B, first=11)))
    assert seqs(small) == [1, 2, 3, 11, 12, 13]
    assert [case[1] for case in small.cases()] == ["collection"]
    assert small.quarantined() == []


def test_a_flood_of_bad_messages_fills_neither_the_table_nor_the_log(
    small: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUARANTINE_KEPT", 50)
    assert small.settle(small.message("swipes", b"older", station=OTHER_STATION))
    for _ in range(4):
        assert small.settle(*[small.message("swipes", b"bad")] * 40)
    kept = [row.station for row in small.rows(t.quarantine)]
    assert (kept.count(STATION), kept.count(OTHER_STATION)) == (50, 1), "nor does it push out what another sent"
    assert small.value("gateway_quarantined_total") == 161
    assert len([r for r in caplog.records if "set aside" in r.getMessage()]) == 2


def test_a_box_that_was_replaced_is_heard_under_its_new_key(small: Office) -> None:
    small.take(swipe(1, A, moment(20)))
    with small.database.write() as connection:
        streams.put_station(connection, STATION, YUAN, 2, 0)
    small.mono += 10
    new = small.message("swipe", wire.Swipes(EPOCH_2, [swipe(1, A, moment(21))]), generation=2)
    assert small.settle(new)
    assert (seqs(small), seqs(small, EPOCH_2)) == ([1], [1])


def test_acknowledgements_go_out_at_most_five_times_a_second(small: Office) -> None:
    def acks() -> int:
        return len([sent for sent in small.sent if sent.leaf == "ack"])

    for step in range(100):  # a second in steps of 10 ms
        small.mono = 100 + step / 100
        assert small.settle(small.message("hello", Hello(EPOCH, None, [], 1, "0.1.0")))
        small.take(swipe(step + 1, A, moment(20)))
        small.acks.send()
    assert acks() == 5
    assert small.acked() == {EPOCH: (100, [])}
    ack = wire.decode(small.sent[-1].plain, wire.Ack)
    assert ack.roster == 7


def test_a_message_of_backlog_is_acknowledged_at_once(small: Office) -> None:
    for step in range(8):
        small.mono = 100 + step / 100
        assert small.settle(small.swipes([swipe(2 * step + 1, A, moment(20)), swipe(2 * step + 2, A, moment(20))]))
        small.acks.send()
    assert [wire.decode(sent.plain, wire.Ack).streams[0].upto for sent in small.sent] == [2, 4, 6, 8, 10, 12, 14, 16]


def test_pubacks_follow_the_commit_in_order_of_receipt_and_a_locked_database_loses_nothing(small: Office) -> None:
    topics = []
    messages = []
    for seq, leaf in enumerate(("swipe", "swipes", "swipe", "status", "swipes"), 1):
        payload = Status("online", EPOCH, 1, 1) if leaf == "status" else wire.Swipes(EPOCH, [swipe(seq, A, moment(20))])
        messages.append(small.message(leaf, payload))
        topics.append(messages[-1].topic)
    stop = threading.Event()
    thread = threading.Thread(target=small.intake.run, args=(stop,))
    with small.database.write():  # whoever else writes keeps the intake waiting
        thread.start()
        for message in messages:
            small.intake.take(message)
        until(lambda: small.intake.trouble, what="the trouble to be shown")
        assert small.settled == []
    until(lambda: len(small.settled) == len(messages), what="the PUBACKs")
    until(lambda: not small.intake.trouble)
    stop.set()
    thread.join()
    assert small.settled == topics
    assert seqs(small) == [1, 2, 3, 5]
    assert small.value("gateway_cases_opened_total") == 0


def test_an_answer_that_cannot_be_taken_is_set_aside_without_being_quoted(small: Office) -> None:
    bad = [
        small.answer(A, "handled"),
        Message(wire.answer_topic(POLICE), b'{"id": "' + A.encode() + b'"}', False, lambda: None),
    ]
    assert small.settle(*bad, small.swipes(GOOD))
    assert seqs(small) == [1]
    assert len(small.quarantined()) == 2
    assert not any(A in reason for reason in small.quarantined())


def test_the_case_of_a_swipe_is_counted_with_its_delay_once_committed(small: Office) -> None:
    small.enrol(entry(A))
    small.import_register()
    small.take(*tenant(A))
    assert small.value("gateway_cases_opened_total") == 1
    assert small.value("gateway_swipe_to_case_seconds_count") == 1
    assert small.rows(t.cases)[0].opened_on == TODAY
