"""Decider and recorder over a real file: one signal for each outcome, on disk first when the disk keeps up."""

import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.station.cover import Cover
from gateway.station.decider import SIGNAL_AFTER_S, Outcome
from gateway.station.recorder import Settled
from tests.gateway.station.gate import Post, post
from tests.gateway.station.spools import CENTRE, every
from tests.waiting import until


@contextmanager
def stalled(spool: Path) -> Iterator[None]:
    """Nobody else can write the file meanwhile, as on a disk that does not answer."""
    with closing(sqlite3.connect(spool, isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def on_disk(gate: Post) -> dict[int, bool]:
    """What the spool holds of this epoch: seq -> whether the verdict was recorded before it was shown."""
    with closing(gate.spool.reader()) as reader:
        return {s.seq: s.recorded for s in every(reader)}


def test_a_verdict_is_on_disk_before_it_is_signalled(tmp_path: Path) -> None:
    seen: dict[int, bool] = {}

    def look(outcome: Outcome) -> None:
        with closing(sqlite3.connect(tmp_path / "spool")) as reader:
            seen[outcome.record.seq] = bool(
                reader.execute("SELECT 1 FROM swipes WHERE seq = ?", [outcome.record.seq]).fetchall()
            )

    with post(tmp_path / "spool", output=look) as gate:
        for i in range(20):
            gate.swipe()
            until(lambda n=i: len(gate.signals) > n)
    assert gate.signalled() == list(range(1, 21))
    assert all(seen[seq] for seq, recorded, _ in gate.signals if recorded)
    assert [s.seq for s in gate.committed] == list(range(1, 21))


def test_a_disk_that_stalls_costs_a_person_a_moment_and_the_swipe_is_recorded_later(tmp_path: Path) -> None:
    with post(tmp_path / "spool", patience_s=0.05) as gate:
        with stalled(tmp_path / "spool"):
            gate.swipe()
            until(lambda: gate.signals)
            until(lambda: gate.recorder.trouble)
        until(lambda: gate.committed)
        until(lambda: not gate.recorder.trouble)
        ((seq, recorded, took),) = gate.signals
        assert (seq, recorded) == (1, False)
        assert SIGNAL_AFTER_S <= took < SIGNAL_AFTER_S + 0.5  # the machine may be busy; the bound is the clock test's
        assert [(s.seq, s.recorded) for s in gate.committed] == [(1, False)]
        assert on_disk(gate) == {1: False}


def test_a_verdict_that_was_told_during_its_commit_is_marked_late(tmp_path: Path) -> None:
    with post(tmp_path / "spool", patience_s=30) as gate:
        with stalled(tmp_path / "spool"):
            gate.swipe()
            until(lambda: gate.signals)
        until(lambda: gate.committed)
        until(lambda: on_disk(gate) == {1: False})
        assert [(s.seq, s.recorded) for s in gate.committed] == [(1, False)]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=4))
def test_each_outcome_is_signalled_once_and_recorded_once_on_a_disk_that_comes_and_goes(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("s") / "spool"
    with post(path, patience_s=0.01) as gate:
        sent = 0
        for count, stall in plan:
            if stall:
                with stalled(path):
                    for _ in range(count):
                        gate.swipe()
                    sent += count
                    until(lambda n=sent: len(gate.signals) >= n)
            else:
                for _ in range(count):
                    gate.swipe()
                sent += count
        until(lambda: len(gate.signals) >= sent)
        until(lambda: len(gate.committed) >= sent)
        until(lambda: len([1 for ok in on_disk(gate).values() if not ok]) == gate_unrecorded(gate))
    assert sorted(gate.signalled()) == list(range(1, sent + 1))
    assert [s.seq for s in gate.committed] == list(range(1, sent + 1))
    told = {seq: recorded for seq, recorded, _ in gate.signals}
    assert {s.seq: s.recorded for s in gate.committed} == told


def gate_unrecorded(gate: Post) -> int:
    return sum(not recorded for _, recorded, _ in gate.signals)


def test_beyond_what_memory_holds_the_oldest_are_declared_lost_as_ranges(tmp_path: Path) -> None:
    with post(tmp_path / "spool", patience_s=0.01, most_held=20) as gate:
        with stalled(tmp_path / "spool"):
            for _ in range(50):
                gate.swipe()
            until(lambda: len(gate.signals) == 50)
        until(lambda: gate.lost)
        until(lambda: len(gate.committed) >= 20)
    assert gate.recorder.lost == 30
    with closing(gate.spool.reader()) as reader:
        lost = [(first, last, why) for _, first, last, why in reader.lost()]
        kept = {s.seq for s in every(reader)}
    gone = set(itertools.chain.from_iterable(range(first, last + 1) for first, last, _ in lost))
    assert {why for _, _, why in lost} == {"spool_full"}
    assert len(lost) <= 3
    assert (gone | kept, gone & kept) == (set(range(1, 51)), set())
    assert len(gone) == 30


def test_the_end_writes_all_that_is_held(tmp_path: Path) -> None:
    with post(tmp_path / "spool", patience_s=0.01) as gate, stalled(tmp_path / "spool"):
        for _ in range(1200):
            gate.swipe()
        until(lambda: len(gate.signals) == 1200)
    assert [s.seq for s in gate.committed] == list(range(1, 1201))


def test_an_output_that_fails_does_not_silence_the_others(tmp_path: Path) -> None:
    def fail_first(outcome: Outcome) -> None:
        if outcome.record.seq == 1:
            raise RuntimeError("the lamp is broken")

    with post(tmp_path / "spool", output=fail_first) as gate:
        for _ in range(5):
            gate.swipe()
        until(lambda: len(gate.signals) >= 4)
        until(lambda: len(gate.committed) == 5)
    assert sorted(gate.signalled()) == [2, 3, 4, 5]


def test_an_acknowledgement_is_remembered_in_the_spool(tmp_path: Path) -> None:
    with post(tmp_path / "spool") as gate, closing(gate.spool.reader()) as reader:
        gate.swipe()
        until(lambda: gate.committed)
        gate.recorder.settled(Settled(CENTRE, {gate.spool.epoch: Cover(1)}))
        until(lambda: reader.centre_epoch() == CENTRE)
        assert reader.unsettled() == 0


def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    """The child's files may not grow for a while: verdicts are told unrecorded, and on disk once there is room."""
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.gateway.station.gate import post; from tests.waiting import until\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "free = resource.RLIM_INFINITY\n"
        "with post(Path(sys.argv[1])) as gate:\n"
        "    gate.swipe(); until(lambda: gate.committed)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, free))\n"
        "    gate.swipe(); gate.swipe(); until(lambda: len(gate.signals) == 3)\n"
        "    until(lambda: gate.recorder.trouble); assert len(gate.committed) == 1\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (free, free))\n"
        "    until(lambda: len(gate.committed) == 3); until(lambda: not gate.recorder.trouble)\n"
        "print([(seq, recorded) for seq, recorded, _ in gate.signals], [s.seq for s in gate.committed])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "spool")]
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.stdout.strip() == "[(1, True), (2, False), (3, False)] [1, 2, 3]", done.stderr


def test_a_record_that_cannot_be_decoded_is_given_up_once_however_often_it_is_met(tmp_path: Path) -> None:
    with post(tmp_path / "spool") as gate:
        for _ in range(3):
            gate.swipe()
        until(lambda: len(gate.committed) == 3)
        for _ in range(3):
            gate.recorder.unreadable([(gate.spool.epoch, 2)])
        until(lambda: gate.lost)
        gate.recorder.unreadable([(gate.spool.epoch, 2), (gate.spool.epoch, 3)])
        until(lambda: len(gate.lost) == 2)
        assert (gate.lost, gate.recorder.lost) == ([1, 1], 2)
        assert list(on_disk(gate)) == [1]
        with closing(gate.spool.reader()) as reader:
            assert reader.lost() == [(gate.spool.epoch, 2, 3, "unreadable")]
