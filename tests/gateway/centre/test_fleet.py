"""Boxes that are revoked or replaced, as the intake meets them; and what stations say beside swipes."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway import wire
from gateway.centre import gaps
from gateway.keys.certificates import request
from gateway.store import tables as t
from gateway.store.queries import fleet
from gateway.wire import Held, Hello, Reply
from tests.gateway.centre.office import EPOCH, EPOCH_2, STATION, Office, moment, number, swipe

A = number(1)


def aside(office: Office) -> list[tuple[Any, ...]]:
    return [(row.station, row.reason) for row in office.rows(t.quarantine)]


def revoke(office: Office) -> None:
    with office.database.write() as connection:
        fleet.revoke_station(connection, STATION, 1)
    office.mono += 10


def replace(office: Office) -> None:
    with office.database.write() as connection:
        fleet.next_generation(connection, STATION, 1)
    office.mono += 10


def test_what_a_revoked_station_sends_is_set_aside_under_its_name(small: Office) -> None:
    small.take(swipe(1, A, moment(20)))
    revoke(small)
    assert small.settle(small.swipes([swipe(2, A, moment(21))]))
    assert [row.seq for row in small.rows(t.swipes)] == [1]
    assert aside(small) == [(STATION, "a station that was revoked")]


def test_a_revocation_by_another_process_is_known_within_seconds(small: Office) -> None:
    small.take(swipe(1, A, moment(20)))
    with small.database.write() as connection:
        fleet.revoke_station(connection, STATION, 1)
    small.mono += 4.9
    small.take(swipe(2, A, moment(20)))
    small.mono += 0.2
    assert small.settle(small.swipes([swipe(3, A, moment(21))]))
    assert sorted(row.seq for row in small.rows(t.swipes)) == [1, 2]


def test_what_the_old_box_sends_is_set_aside_and_what_it_had_not_sent_stays_missing(small: Office) -> None:
    held = Hello(EPOCH, None, [Held(EPOCH, 1, 9)], 1, "x")
    assert small.settle(small.message("hello", held))
    small.take(swipe(1, A, moment(20)), swipe(2, A, moment(20)))
    replace(small)
    assert small.settle(small.swipes([swipe(3, A, moment(21))]))
    assert aside(small) == [(STATION, "unknown envelope version or key")]
    first = Hello(EPOCH_2, None, [], 0, "x")
    assert small.settle(small.message("hello", first, generation=2))
    assert small.settle(small.message("swipe", wire.Swipes(EPOCH_2, [swipe(1, A, moment(22))]), generation=2))
    assert small.rows(t.troubles) == [], "another box is no restored image"
    with small.database.read() as connection:
        assert gaps.holes(connection)[STATION].missing == 7


@pytest.mark.parametrize(
    ("cut_off", "why"),
    [
        (lambda c: fleet.revoke_station(c, STATION, 1), "a station that was revoked"),
        (lambda c: fleet.next_generation(c, STATION, 1), "a box that was replaced"),
    ],
)
def test_a_box_that_was_just_cut_off_is_given_no_certificate(
    office: Office, cut_off: Callable[[Connection], None], why: str
) -> None:
    office.take(swipe(1, A, moment(20)))  # from now on its keys are known here without looking
    asked = wire.CertificateRequest(request(STATION).pem)
    assert office.settle(office.message("renew", asked))
    with office.database.write() as connection:
        cut_off(connection)
    assert office.settle(office.message("renew", asked))
    assert aside(office) == [(STATION, why)]
    assert len(office.rows(t.certificates)) == 1
    assert [sent.leaf for sent in office.sent] == ["certificate"]


def test_the_next_box_that_forgets_itself_is_noticed_all_the_same(small: Office) -> None:
    replace(small)
    assert small.settle(small.message("swipe", wire.Swipes(EPOCH, [swipe(1, A, moment(22))]), generation=2))
    assert small.settle(small.message("hello", Hello(EPOCH_2, None, [], 0, "x"), generation=2))
    assert [row.kind for row in small.rows(t.troubles)] == ["restored_from_image"]


@pytest.mark.parametrize(
    ("leaf", "said", "why"),
    [
        ("reply", Reply(EPOCH, 5, "done"), "an answer to a command that was never given: done"),
        ("reply", {"epoch": EPOCH}, "required field"),
        ("renew", wire.CertificateRequest("no request"), "not a request for a certificate"),
        ("renew", {"request": "x" * 9000}, "length <= 8192"),
    ],
)
def test_what_does_not_fit_beside_swipes_is_set_aside_and_stops_nothing(
    small: Office, leaf: str, said: Any, why: str
) -> None:
    assert small.settle(small.message(leaf, said), small.swipes([swipe(1, A, moment(20))]))
    assert len(small.rows(t.swipes)) == 1
    ((station, reason),) = aside(small)
    assert station == STATION
    assert why in reason
