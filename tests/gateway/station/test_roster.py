"""The roster on disk: two copies, of which one is enough."""

import stat
from pathlib import Path

import pytest

from gateway.station.roster import load, save
from tests.gateway import rosters

PUBLIC = rosters.MASTER.roster_public()


def loaded(folder: Path) -> int | None:
    found = load(folder, PUBLIC, rosters.COMMUNITY, {1})
    return found.header.version if found is not None else None


def test_what_was_saved_is_loaded_and_is_its_owners_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path) is None
    save(tmp_path, rosters.bundle(rosters.person(1), version=3))
    assert loaded(tmp_path) == 3
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {
        "roster.1": 0o600,
        "roster.2": 0o600,
    }


@pytest.mark.parametrize("copy", ["roster.1", "roster.2"])
@pytest.mark.parametrize("damage", [b"", b"XQR1", bytes(500)])
def test_one_damaged_copy_costs_nothing(tmp_path: Path, copy: str, damage: bytes) -> None:
    save(tmp_path, rosters.bundle(rosters.person(1), version=3))
    (tmp_path / copy).write_bytes(damage)
    assert loaded(tmp_path) == 3


def test_a_copy_that_cannot_be_read_costs_nothing(tmp_path: Path) -> None:
    save(tmp_path, rosters.bundle(version=3))
    (tmp_path / "roster.1").unlink()
    (tmp_path / "roster.1").mkdir()
    assert loaded(tmp_path) == 3


def test_the_copy_that_was_issued_last_is_used(tmp_path: Path) -> None:
    """The first copy is written first: a crash between the two leaves the older one second."""
    save(tmp_path, rosters.bundle(version=9, issued=1))
    (tmp_path / "roster.1").write_bytes(rosters.bundle(version=5, issued=2))
    assert loaded(tmp_path) == 5


def test_without_a_good_copy_there_is_no_roster(tmp_path: Path) -> None:
    for name in ("roster.1", "roster.2"):
        (tmp_path / name).write_bytes(b"nothing")
    assert loaded(tmp_path) is None


def test_a_half_written_copy_is_not_one(tmp_path: Path) -> None:
    save(tmp_path, rosters.bundle(version=3))
    (tmp_path / ".roster.1.partial").write_bytes(b"half")
    save(tmp_path, rosters.bundle(version=4))
    assert loaded(tmp_path) == 4
