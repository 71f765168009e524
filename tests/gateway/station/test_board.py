"""The status strip: a quiet night is not taken for a dead centre, nor a dead centre for a quiet night."""

import time
from pathlib import Path
from typing import Literal

import pytest

from gateway.station.board import CENTRE_LATE_S, Board
from gateway.station.console.view import Health
from gateway.station.refusals import Refusals
from gateway.station.spool import Spool
from gateway.station.uplink import Uplink
from gateway.wire import Status
from tests.gateway import rosters

Said = Literal["online", "stopped", "lost"] | None


def board(tmp_path: Path, *, connected: bool, said: Said, depth: int) -> Board:
    spool = Spool(tmp_path / "spool")
    spool.close()
    uplink = Uplink(
        rosters.enrolled(),
        spool.reader(),
        spool.epoch,
        roster=None,
        unreadable=lambda _found: None,
        use_roster=lambda _came: None,
        settled=lambda _settled: None,
        status=lambda beat, _depth: Status("online", spool.epoch, beat, 0),
    )
    uplink.centre_said, uplink.depth = said, depth
    none: dict[str, object] = {"decider": None, "recorder": None, "signals": None, "refusals": Refusals()}
    none["certificate_until"] = lambda: None
    return Board("s", "c", "", spool.epoch, {}, {}, uplink=uplink, connected=lambda: connected, **none)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("connected", "said", "depth", "silent_s", "health"),
    [
        (False, None, 0, None, Health.UNKNOWN),
        (True, None, 0, None, Health.UNKNOWN),
        (True, None, 0, 1.0, Health.OK),
        (True, None, 0, CENTRE_LATE_S + 1, Health.UNCERTAIN),
        (True, "online", 0, None, Health.OK),
        (True, "online", 0, 9 * 3600.0, Health.OK),
        (True, "online", 3, 1.0, Health.OK),
        (True, "online", 3, CENTRE_LATE_S + 1, Health.UNCERTAIN),
        (True, "lost", 0, 1.0, Health.DOWN),
        (True, "stopped", 0, 1.0, Health.DOWN),
        (False, "online", 0, 1.0, Health.DOWN),
    ],
)
def test_the_centre_is_judged_by_its_word_and_by_what_it_owes(
    tmp_path: Path, connected: bool, said: Said, depth: int, silent_s: float | None, health: Health
) -> None:
    one = board(tmp_path, connected=connected, said=said, depth=depth)
    heard = None if silent_s is None else time.monotonic() - silent_s
    assert one._centre(heard) is health
