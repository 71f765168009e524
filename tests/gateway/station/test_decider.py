"""The decider: what is recorded of a card, what is never recorded, and what the person and the guard are told."""

import json
import threading
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.api import CardRead, Identity, Verdict
from gateway import wire
from gateway.bundle import Roster, pack, unpack
from gateway.station.decider import Heard, Outcome
from gateway.station.deeds import ByHand, Deed
from gateway.station.recorder import _published
from gateway.wire import SwipeRecord
from rules.model import Credential, CredentialKind, Enrolment, GatePolicy, Reason, token_of
from tests.gateway import rosters
from tests.gateway.station.gate import DAY, EPOCH, NOBODY, NOON, Bench, card, gate, token
from tests.waiting import until

ID = CredentialKind.CITIZEN_ID
NOT_OF_THE_CARD = {"at", "mono", "portal", "reader", "direction", "verdict", "reasons", "flags", "kind", "clock"}
"""Times, names of the gate and words of the bus: a number that happens to read like one of them says nothing."""

kinds = st.sampled_from(CredentialKind)
texts = st.text(max_size=400)
reads = st.builds(
    CardRead, st.builds(Credential, kinds, texts.filter(str.isascii)), st.none() | st.builds(Identity, texts, texts)
)


def enrolled(**over: object) -> Bench:
    row = replace(rosters.person(), token=token(), **over)  # type: ignore[arg-type]
    return Bench().use(rosters.roster(row))


def test_a_known_resident_leaves_a_token_and_no_identity() -> None:
    outcome = Bench().use(rosters.roster(replace(rosters.person(), token=token(NOBODY, ID)))).swipe(card(NOBODY, ID))
    record = outcome.record
    assert (record.verdict, record.token, record.key, record.sealed) == ("grant", token(NOBODY, ID), 1, None)
    assert (record.roster, record.policy, record.flags) == (1, 3, [])


def test_an_unknown_number_is_sealed_for_the_centre_alone() -> None:
    outcome = Bench().use(rosters.roster()).swipe(card(NOBODY, ID, name="无名氏"))
    assert outcome.record.sealed is not None
    plain = rosters.MASTER.unseal(outcome.record.sealed, rosters.STATION, EPOCH, 1)
    assert json.loads(plain) == {"kind": ID.value, "number": NOBODY, "name": "无名氏", "address": "无名路"}


@pytest.mark.parametrize("kind", [kind for kind in CredentialKind if kind not in (ID, CredentialKind.PR_2017)])
def test_what_is_no_number_of_a_person_is_never_sealed(kind: CredentialKind) -> None:
    assert Bench().use(rosters.roster()).swipe(card("0A0B0C", kind)).record.sealed is None


def test_without_a_roster_people_may_leave_all_others_are_attended_and_nothing_is_sealed() -> None:
    bench = Bench()
    out, into = bench.swipe(card(NOBODY, ID), "out"), bench.swipe(card(NOBODY, ID), "in")
    assert (out.decision.verdict, into.decision.verdict) == (Verdict.GRANT, Verdict.ATTEND)
    assert out.record.sealed is None
    assert into.record.sealed is None
    assert (out.opens, into.opens) == (True, False)


def test_of_a_child_that_is_only_counted_no_token_is_kept() -> None:
    record = enrolled(count_only=True).swipe().record
    assert (record.verdict, record.token, record.sealed) == ("grant", None, None)


@given(read=reads, known=st.booleans())
@example(read=CardRead(Credential(ID, NOBODY), Identity("名" * 400, "址" * 400)), known=True)
@example(read=CardRead(Credential(ID, "reader"), None), known=False)
@example(read=CardRead(Credential(ID, "policy"), None), known=True)
@example(read=CardRead(Credential(ID, "9" * 5000), Identity("\ud800", '"' * 400)), known=True)
@example(read=CardRead(Credential(ID, "\x01" * 99), Identity("\U0001f600" * 400, "\x01" * 400)), known=True)
def test_whatever_a_reader_reads_the_centre_can_parse_the_record(read: CardRead, known: bool) -> None:
    """A record that the centre refuses would be sent for ever and hold up all behind it."""
    bench = Bench().use(rosters.roster() if known else None)
    record = bench.swipe(read).record
    assert wire.decode(wire.encode(record), SwipeRecord) == record
    number = read.credential.number
    said = msgspec.to_builtins(record).items()
    plain = [value for field, value in said if field not in NOT_OF_THE_CARD]
    assert len(number) < 6 or number not in json.dumps(plain, ensure_ascii=False)


@given(dwelling=st.text(max_size=200))
@example(dwelling="3-2-" + "0" * 37)
@example(dwelling="\ud800")
def test_whatever_a_guard_enters_the_centre_can_parse_the_record(dwelling: str) -> None:
    bench = Bench()
    bench.decider._handle(ByHand("east", "visitor", dwelling, bench.clocks.mono))
    (outcome,) = bench.recorded
    kept = wire.decode(wire.encode(outcome.record), SwipeRecord)
    assert kept.by_hand == "visitor"
    assert outcome.opens
    assert kept.dwelling is None or (kept.dwelling.isprintable() and len(kept.dwelling) <= 40)


def test_seqs_rise_by_one_whatever_happens() -> None:
    bench = enrolled()
    seqs = []
    for i in range(30):
        if i % 3 == 0:
            bench.decider._handle(ByHand("east", "visitor", "", bench.clocks.mono))
            seqs.append(bench.recorded[-1].record.seq)
        else:
            seqs.append(bench.swipe(card(f"0{i}")).record.seq)
    assert seqs == list(range(1, 31))


@pytest.mark.parametrize(
    ("moment", "day", "verdict"),
    [
        (NOON.replace(hour=23, minute=59, second=59), "last", Verdict.GRANT),
        (NOON.replace(hour=0) + timedelta(days=1), "day after", Verdict.ATTEND),
        (NOON.replace(hour=7, minute=59) + timedelta(days=1), "day after, still the day before in UTC", Verdict.ATTEND),
    ],
)
def test_an_enrolment_ends_at_midnight_in_shanghai(moment: object, day: str, verdict: Verdict) -> None:
    bench = enrolled(until=date(2026, 11, 23))
    bench.clocks.wall = moment  # type: ignore[assignment]
    assert bench.swipe().decision.verdict is verdict, day


def test_a_flag_begins_at_midnight_in_shanghai_without_a_message() -> None:
    bench = enrolled(registered_until=date(2026, 11, 23))
    flags = []
    for moment in (NOON.replace(hour=23, minute=59, second=59), NOON.replace(hour=0) + timedelta(days=1)):
        bench.clocks.wall = moment
        flags.append(bench.swipe().record.flags)
    assert flags == [[], ["registration_expired"]], "by the same roster"


@pytest.mark.parametrize(("hour", "opens"), [(6, True), (7, False), (12, False), (21, False), (22, True)])
def test_an_unattended_portal_opens_for_whoever_would_need_the_guard(hour: int, opens: bool) -> None:
    bench = Bench(gate(DAY, opens_unattended=True)).use(rosters.roster())
    bench.clocks.wall = NOON.replace(hour=hour)
    outcome = bench.swipe()
    assert outcome.decision.verdict is Verdict.ATTEND
    assert (outcome.opens, outcome.record.unattended) == (opens, opens)


def test_an_unattended_portal_that_calls_stays_shut() -> None:
    bench = Bench(gate(DAY, opens_unattended=False)).use(rosters.roster())
    bench.clocks.wall = NOON.replace(hour=3)
    assert not bench.swipe().opens


def test_a_refused_card_opens_nothing_even_unattended() -> None:
    row = replace(rosters.person(), token=token(), lost=True)
    bench = Bench(gate(None, opens_unattended=True)).use(rosters.roster(row))
    outcome = bench.swipe()
    assert (outcome.decision.verdict, outcome.opens) == (Verdict.REFUSE, False)


def test_the_guard_is_reminded_of_a_person_at_most_once_in_seven_days() -> None:
    bench = enrolled(registered_until=None)
    bench.decider.roster = rosters.roster(
        replace(rosters.person(), token=token(), registered_until=None), policy=GatePolicy(register_max_age_days=400)
    )
    told = []
    for _ in range(22):
        told.append(bench.swipe().remind)
        assert not bench.swipe().remind
        bench.clocks.wall += timedelta(days=1)
    assert [day for day, remind in enumerate(told) if remind] == [0, 7, 14, 21]


def test_nobody_is_reminded_of_while_the_register_is_too_old_to_know() -> None:
    bench = enrolled(registered_until=None)
    bench.clocks.wall += timedelta(days=30)
    outcome = bench.swipe()
    assert outcome.record.flags == ["registration_unknown"]
    assert not outcome.remind


def test_a_flag_changes_nothing_that_reader_relay_or_record_of_the_verdict_says() -> None:
    plain, marked = enrolled().swipe(), enrolled(registered_until=None).swipe()
    assert marked.decision.flags
    assert not plain.decision.flags
    told = [(o.decision.verdict, o.opens, o.record.verdict, o.record.reasons) for o in (plain, marked)]
    assert told[0] == told[1]


def test_by_hand_is_a_grant_that_says_for_whom() -> None:
    bench = Bench().use(rosters.roster())
    bench.decider._handle(ByHand("east", "delivery", "", bench.clocks.mono))
    (outcome,) = bench.recorded
    assert outcome.opens
    assert outcome.record.reasons == [Reason.MANUAL.value]
    assert (outcome.record.by_hand, outcome.record.dwelling, outcome.record.token) == ("delivery", None, None)


def test_a_visitor_is_entered_with_a_name_that_the_centre_alone_can_read() -> None:
    bench = Bench()
    bench.decider._handle(ByHand("east", "visitor", "3-1201", bench.clocks.mono, name="访客甲", noted=True))
    (outcome,) = bench.recorded
    record = outcome.record
    assert outcome.opens
    assert (record.by_hand, record.dwelling, record.passed) == ("visitor", "3-1201", True)
    assert record.act == wire.GateAct("visitor")
    assert "访客甲".encode() not in wire.encode(record)
    assert record.sealed is not None
    assert json.loads(rosters.MASTER.unseal(record.sealed, rosters.STATION, EPOCH, record.seq)) == {"name": "访客甲"}


@pytest.mark.parametrize(
    ("deed", "kind", "lasts_ms"),
    [
        (Deed("hold_open", "east", 1.0, 1800), "hold_open", 1_800_000),
        (Deed("hold_end", "east", 1.0), "hold_end", None),
        (Deed("lost_card", "east", 1.0, dwelling="3-501", name="测试甲"), "lost_card", None),
        (Deed("handover", "east", 1.0, said={"by": "名" * 20, "to": "名" * 20, "note": "记" * 500}), "handover", None),
    ],
)
def test_what_a_guard_does_is_a_record_of_the_stream_at_which_nobody_passes(
    deed: Deed, kind: str, lasts_ms: int | None
) -> None:
    bench = Bench()
    bench.decider._handle(deed)
    (outcome,) = bench.recorded
    record = wire.decode(wire.encode(outcome.record), SwipeRecord)
    assert record.act is not None
    assert (record.act.kind, record.passed, outcome.opens, record.seq) == (kind, False, False, 1)
    assert record.act.until == (0 if lasts_ms is None else record.at + lasts_ms)
    assert (record.sealed is not None) == (deed.name != "" or deed.said != {})


def test_while_a_portal_is_held_open_whoever_shows_a_card_passes() -> None:
    bench, held = Bench(), set[str]()
    bench.decider._held = held.__contains__
    assert bench.swipe(card("F1")).decision.verdict is Verdict.ATTEND
    held.add("east")
    assert bench.swipe(card("F2")).record.reasons == [Reason.OPEN_PORTAL.value]
    bench.use(rosters.roster())
    assert bench.swipe(card("F3")).record.reasons == [Reason.OPEN_PORTAL.value]


def test_a_bug_in_one_swipe_does_not_hold_the_next() -> None:
    bench = enrolled()
    bench.decider.inbox.put(Heard("a reader that nobody knows", card(), bench.clocks.mono))
    bench.decider.inbox.put(Heard("in", card(), bench.clocks.mono))
    stop = threading.Event()
    thread = threading.Thread(target=bench.decider.run, args=(stop,))
    thread.start()
    until(lambda: bench.recorded)
    stop.set()
    thread.join()
    assert [outcome.record.seq for outcome in bench.recorded] == [1]


def test_a_token_whose_turn_to_be_forgotten_comes_last_is_the_one_seen_last() -> None:
    bench = enrolled(registered_until=None)
    today = NOON.date()
    for some in (token(), *map(rosters.token, range(100))):
        bench.decider._reminded[some] = today - timedelta(days=8)
    assert bench.swipe().remind
    assert list(bench.decider._reminded)[-1] == token()


def test_an_overdue_verdict_is_told_unrecorded_and_only_once() -> None:
    bench = enrolled()
    first = bench.swipe()
    bench.decider._settle(first)
    bench.clocks.mono += 0.149
    bench.decider._signal_overdue()
    assert bench.signalled == []
    bench.clocks.mono += 0.002
    bench.decider._signal_overdue()
    bench.decider._signal_overdue()
    assert bench.signalled == [(1, False)]


def test_an_outcome_names_nobody_when_printed() -> None:
    outcome = Bench().use(rosters.roster()).swipe(card(NOBODY, ID, name="无名氏"))
    assert NOBODY not in repr(outcome)
    assert "无名氏" not in repr(outcome)


def test_a_swipe_shown_before_it_was_on_disk_is_published_so() -> None:
    outcome: Outcome = enrolled().swipe()
    assert _published(outcome.record, True) is outcome.record
    assert not _published(outcome.record, False).recorded


def test_the_next_policy_holds_at_the_gate_from_its_moment_on_without_a_message() -> None:
    bench = Bench()
    begins = int(NOON.timestamp() * 1000) + 60_000
    header = msgspec.structs.replace(rosters.header(), next_policy=(begins, GatePolicy(version=4)))
    bench.use(unpack(pack(header, [], rosters.MASTER.sign), rosters.MASTER.roster_public(), rosters.COMMUNITY))
    assert bench.swipe().record.policy == 3
    bench.clocks.wall = NOON + timedelta(seconds=59)
    assert bench.swipe().record.policy == 3
    bench.clocks.wall = NOON + timedelta(seconds=60)
    assert bench.swipe().record.policy == 4


def test_a_swipe_says_what_the_kernel_says_of_the_clock() -> None:
    said = ["unsynced"]
    bench = Bench()
    bench.decider._clock_state = lambda: said[0]
    assert bench.swipe().record.clock == "unsynced"
    said[0] = "synced"
    assert bench.swipe().record.clock == "synced"


def newer(*people: Enrolment) -> Roster:
    """A roster by the second token key; rows by the first one are good, too."""
    header = msgspec.structs.replace(rosters.header(version=2, issued=2), token_key_id=2, older_keys=[1])
    return unpack(pack(header, people, rosters.MASTER.sign), rosters.MASTER.roster_public(), rosters.COMMUNITY)


def by_key(number: int, text: str = "04AABBCC") -> bytes:
    return token_of(rosters.MASTER.token_key(rosters.COMMUNITY, number), Credential(CredentialKind.CARD_UID, text))


KEYS = {number: rosters.MASTER.token_key(rosters.COMMUNITY, number) for number in (1, 2)}


def test_while_keys_are_changed_a_card_by_the_old_one_opens_and_its_number_is_sealed_for_the_centre() -> None:
    bench = Bench().use(None)
    bench.decider.roster, bench.decider.keys = newer(replace(rosters.person(), token=by_key(1))), KEYS
    record = bench.swipe().record
    assert (record.verdict, record.key, record.token) == ("grant", 2, by_key(2))
    assert record.sealed is not None
    said = rosters.MASTER.unseal(record.sealed, rosters.STATION, EPOCH, record.seq)
    assert json.loads(said) == {"kind": "card-uid", "number": "04AABBCC"}


def test_a_card_by_the_new_key_is_sealed_for_nobody() -> None:
    bench = Bench()
    bench.decider.roster, bench.decider.keys = newer(replace(rosters.person(), token=by_key(2))), KEYS
    record = bench.swipe().record
    assert (record.verdict, record.token, record.sealed) == ("grant", by_key(2), None)


def test_of_a_child_s_card_by_the_old_key_nothing_is_kept() -> None:
    bench = Bench()
    child = replace(rosters.person(), token=by_key(1), count_only=True)
    bench.decider.roster, bench.decider.keys = newer(child), KEYS
    record = bench.swipe().record
    assert (record.verdict, record.token, record.sealed) == ("grant", None, None)
