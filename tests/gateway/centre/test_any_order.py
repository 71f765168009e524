"""Whatever order, batches and repetitions swipes come in, the centre ends with the same rows, cases and slips."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.bus import Message
from gateway.store import tables as t
from gateway.store.database import Database
from gateway.store.queries import casefile
from gateway.wire import Held, Hello, Lost, SwipeRecord
from rules.model import CredentialKind
from rules.policy import Escalation
from tests.gateway.centre.office import (
    EPOCH,
    EPOCH_2,
    SHORT,
    TODAY,
    Office,
    entry,
    moment,
    number,
    stranger,
    swipe,
    tenant,
    token,
    unknown,
)
from tests.gateway.store.databases import POSTGRES, Postgres, copied

TENANT, STRANGER, COURIER, VISITED, REGISTERED = (number(n) for n in range(1, 6))
CARD = "04AABBCC"

AT_ONCE = replace(SHORT, escalation=Escalation(3, 7, 10, 0))
"""Slips on the day itself; reminders not, which the next judgement brings and not the set of passes."""

Sent = tuple[str, str, Any]
"""Leaf, epoch and what is sent: a swipe, or a payload."""


def leaving(seq: int, at: int, text: str) -> SwipeRecord:
    """An exit of somebody whom nobody knows: no flag, no seal, but a pass."""
    return swipe(seq, text, at, direction="out", reasons=["exit"], flags=[])


def everything() -> dict[str, list[SwipeRecord]]:
    """A tenant with two cards, a stranger, a courier who is a stranger too often on some days, and others; by epoch."""
    card = token(CARD, kind=CredentialKind.CARD_UID)
    one = tenant(TENANT)
    one += [swipe(4, TENANT, moment(19, 19), token=card, kind="card-uid", flags=[])]
    one += stranger(STRANGER, first=11)
    one += [leaving(17, moment(21, 13), STRANGER), leaving(18, moment(20, 20), STRANGER)]
    two = stranger(COURIER, first=21, epoch=EPOCH_2)
    two += [leaving(30 + n, moment(18, 8) + n * 60_000, COURIER) for n in range(6)]
    two += [swipe(41, VISITED, moment(20, 19)), swipe(42, VISITED, moment(21, 19))]
    two += [swipe(43, REGISTERED, moment(20, 19), flags=[]), swipe(44, None, moment(20)), swipe(45, None, moment(21))]
    two += [unknown(46, STRANGER, moment(22, 19), sealed=False, verdict="refuse")]
    return {EPOCH: one, EPOCH_2: two}


def prepare(office: Office) -> None:
    office.policy = AT_ONCE
    card = (CredentialKind.CARD_UID, CARD)
    long_ago = TODAY - timedelta(days=30)
    office.enrol(
        entry(TENANT, cards=(card,)), entry(VISITED, since=long_ago, room="601室"), entry(REGISTERED, room="602室")
    )
    office.import_register()
    with office.database.write() as connection:
        (case,) = connection.execute(t.cases.select()).all()
        casefile.change_case(connection, case.id, case.revision, {"state": "assigned", "collector": "grid-1"})
        visit = {"case": case.id, "at": moment(21), "met": False, "notice_left": True, "actor": "grid-1"}
        casefile.add_visit(connection, visit)


def result(office: Office) -> dict[str, Any]:
    """All that there is at the end, apart from ids and from when it was received."""
    cases = {row.id: row for row in office.rows(t.cases)}
    names = {key: (row.kind, row.person or 0, row.token or b"") for key, row in cases.items()}
    drop = ("id", "received", "revision", "case", "slip", "first_heard", "missing_since")

    def plain(row: Any) -> tuple[Any, ...]:
        return tuple((k, repr(v)) for k, v in row._mapping.items() if k not in drop)

    return {
        "swipes": sorted(map(plain, office.rows(t.swipes))),
        "cases": sorted(map(plain, cases.values())),
        "events": sorted((names[row.case], row.actor, row.act, row.state) for row in office.rows(t.case_events)),
        "slips": sorted((names[row.case], *plain(row)) for row in office.rows(t.alerts)),
        "streams": sorted(map(plain, office.rows(t.streams))),
        "lost": sorted((row.epoch, n) for row in office.rows(t.lost) for n in range(row.first, row.last + 1)),
    }


def play(office: Office, data: st.DataObject, records: dict[str, list[SwipeRecord]]) -> None:
    """The same swipes, in any order and batches, some twice; hellos and losses anywhere between."""
    sent: list[Sent] = [("swipe", epoch, one) for epoch, swipes in records.items() for one in swipes]
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=10))
    hello = Hello(EPOCH_2, (EPOCH, 60), [Held(EPOCH, 1, 60), Held(EPOCH_2, 2, 60)], 0, "0.1.0")
    sent += [("hello", EPOCH, hello), ("lost", EPOCH, Lost(EPOCH, [(47, 60)], "size_limit"))]
    sent += [("lost", EPOCH, Lost(EPOCH, [(50, 55), (58, 59)], "size_limit"))]
    rest = data.draw(st.permutations(sent))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        assert office.settle(*messages(office, rest[:size]))
        rest = rest[size:]


def messages(office: Office, sent: list[Sent]) -> list[Message]:
    """One batch: neighbours of one epoch in one message."""
    found: list[Message] = []
    together: list[SwipeRecord] = []
    for i, (leaf, epoch, what) in enumerate(sent):
        if leaf != "swipe":
            found.append(office.message(leaf, what))
            continue
        together.append(what)
        if i + 1 == len(sent) or sent[i + 1][:2] != (leaf, epoch):
            found.append(office.swipes(together, epoch))
            together = []
    return found


def ends_the_same(first: Database, second: Database, data: st.DataObject) -> None:
    offices = [Office(first), Office(second)]
    records = everything()
    for office in offices:
        prepare(office)
    for epoch, swipes in records.items():
        assert offices[0].settle(offices[0].swipes(swipes, epoch))
    hello = Hello(EPOCH_2, (EPOCH, 60), [Held(EPOCH, 1, 60), Held(EPOCH_2, 2, 60)], 0, "0.1.0")
    assert offices[0].settle(offices[0].message("hello", hello))
    assert offices[0].settle(offices[0].message("lost", Lost(EPOCH, [(47, 60)], "size_limit")))
    play(offices[1], data, records)
    expected, got = map(result, offices)
    for what in expected:
        assert got[what] == expected[what], what
    kinds = sorted((row.kind, row.state) for row in offices[0].rows(t.cases))
    assert kinds == [("collection", "assigned"), ("collection", "open"), ("gate_query", "open")]
    assert len(offices[0].rows(t.alerts)) == 1
    assert offices[1].quarantined() == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_batching_and_repetition_ends_the_same(template: Path, tmp_path: Path, data: st.DataObject) -> None:
    made = [Database(copied(template, tmp_path)) for _ in range(2)]
    try:
        ends_the_same(*made, data)
    finally:
        for one in made:
            one.close()


@pytest.mark.parametrize("kind", [POSTGRES])
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_so_it_does_on_postgresql(kind: str, postgres: Postgres, data: st.DataObject) -> None:
    urls = [postgres.fresh() for _ in range(2)]
    made = [Database(url) for url in urls]
    try:
        ends_the_same(*made, data)
    finally:
        for one, url in zip(made, urls, strict=True):
            one.close()
            postgres.drop(url)
