"""A short form of `make chaos`: killed at one step of each kind, the program loses and doubles nothing shown."""

from pathlib import Path

import pytest

from gateway.points import Point
from tests.chaos.crash import run

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(300), pytest.mark.xdist_group("e2e")]

CHOSEN = (
    Point.CARD_TAKEN,
    Point.COMMIT_WRITTEN,
    Point.COMMITTED,
    Point.SIGNALLED_UNRECORDED,
    Point.LIVE_SENT,
    Point.ACK_CAME,
    Point.COVER_WRITTEN,
    Point.BACKLOG_SENT,
    Point.SETTLING,
    Point.SETTLED,
    Point.RECEIPTS_SENT,
    Point.OUTBOX_SENT,
)


def test_whichever_step_it_dies_at_each_shown_verdict_is_stored_once(tmp_path: Path) -> None:
    tally = run(tmp_path / "site", 1, CHOSEN)
    assert tally.runs == len(CHOSEN)
    assert tally.unreached == 0
    assert tally.lost == 0
    assert tally.doubled == 0
    assert tally.shown > len(CHOSEN)
