"""The time that certificates are held against: clocks that start in 1970, and files that lie."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.trusted import RELEASED, TrustedTime

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass
class Box:
    """A machine whose two clocks the test moves; connected at noon with certificates that are good for a year."""

    path: Path
    wall: float = NOON.timestamp()
    mono: float = 50.0
    trusted: TrustedTime = field(init=False)

    def __post_init__(self) -> None:
        self.trusted = TrustedTime(self.path, wall=lambda: self.wall, mono=lambda: self.mono)

    def connect(self) -> "Box":
        self.trusted.connected(self.trusted.now(), NOON - timedelta(days=1), NOON + YEAR)
        return self

    def passes(self, seconds: float, ahead: float = 0.0) -> None:
        """Time passes, and the wall clock jumps ahead in it; then the time is saved if it is due."""
        self.mono += seconds
        self.wall += seconds + ahead
        self.trusted.save()

    @property
    def kept(self) -> float | None:
        return float(self.path.read_text()) if self.path.exists() else None


def at(moment: datetime) -> float:
    return moment.timestamp()


def test_a_clock_of_1970_is_believed_no_more_than_the_release(tmp_path: Path) -> None:
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == RELEASED


def test_the_release_is_not_ahead_of_the_clock_that_tests_it() -> None:
    assert datetime.now(UTC) >= RELEASED


def test_what_was_seen_before_is_kept_over_a_restart(tmp_path: Path) -> None:
    Box(tmp_path / "time").connect().passes(0)
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == NOON
    later = TrustedTime(tmp_path / "time", wall=lambda: at(NOON) + 60)
    assert later.now().timestamp() == at(NOON) + 60


def test_it_is_saved_now_and_then_and_not_each_time(tmp_path: Path) -> None:
    box = Box(tmp_path / "time").connect()
    box.passes(0)
    box.passes(1800)
    assert box.kept == at(NOON)
    box.passes(1801)
    assert box.kept == at(NOON) + 3601


def test_nothing_is_saved_before_certificates_were_good(tmp_path: Path) -> None:
    box = Box(tmp_path / "time")
    box.passes(10)
    assert box.kept is None


def test_a_clock_that_jumps_ahead_while_connected_is_not_saved(tmp_path: Path) -> None:
    box = Box(tmp_path / "time").connect()
    box.passes(0)
    box.passes(3601, ahead=10 * YEAR.total_seconds())
    assert box.kept == at(NOON) + 3601, "what has passed by the clock that does not jump"
    box.passes(3601)
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == NOON + timedelta(seconds=7202)


def test_a_time_at_which_the_certificates_have_ended_is_not_saved(tmp_path: Path) -> None:
    box = Box(tmp_path / "time").connect()
    box.passes(YEAR.total_seconds() - 10)
    assert box.kept == at(NOON + YEAR) - 10
    box.passes(3700)
    assert box.kept == at(NOON + YEAR) - 10


def test_a_clock_that_is_put_right_counts_from_the_next_connection_on(tmp_path: Path) -> None:
    box = Box(tmp_path / "time", wall=0.0).connect()
    box.passes(10, ahead=at(NOON))
    assert box.kept == RELEASED.timestamp() + 10
    box.connect()
    box.passes(3601)
    assert box.kept == at(NOON) + 10 + 3601


@pytest.mark.parametrize("content", [b"", b"soon", b"-5", b"nan", b"inf", b"1e300", b"\xff\xfe", b"9" * 500])
def test_a_file_that_holds_no_time_changes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "time").write_bytes(content)
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == RELEASED


def test_a_disk_that_fails_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    box = Box(tmp_path / "none" / "time").connect()
    box.passes(0)
    assert "cannot be kept" in caplog.text
    assert box.trusted.now() == NOON
