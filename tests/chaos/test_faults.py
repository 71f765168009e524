"""A short form of `make reliability`: what goes wrong holds nobody at a gate, and loses and doubles nothing shown."""

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.reliability import examine

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(300), pytest.mark.xdist_group("e2e")]

_BRIEF = (
    "broker killed (it keeps nothing)",
    "half-open: nothing reaches the broker",
    "centre restored from a backup 12 h old",
    "station restored from an image",
    "no line for an hour at 5 swipes/s",
)
_MORE = [
    pytest.param("centre's database killed (PostgreSQL)", marks=pytest.mark.real("postgres")),
    pytest.param("station's clock set back by a day", marks=pytest.mark.real("faketime")),
]


def _fault(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


@pytest.mark.parametrize("name", [*_BRIEF, *_MORE])
def test_nothing_shown_is_lost_or_doubled(name: str, tmp_path: Path) -> None:
    row = examine(_fault(name), tmp_path, brief=True)
    assert row.lost == 0
    assert row.doubled == 0
    assert row.shown > 5
    assert row.stored >= row.shown
