"""The time that certificates are held against: clocks that start in 1970, and files that lie."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.trusted import RELEASED, TrustedTime

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def at(moment: datetime) -> float:
    return moment.timestamp()


def test_a_clock_of_1970_is_believed_no_more_than_the_release(tmp_path: Path) -> None:
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == RELEASED


def test_the_release_is_not_ahead_of_the_clock_that_tests_it() -> None:
    assert datetime.now(UTC) >= RELEASED


def test_what_was_seen_before_is_kept_over_a_restart(tmp_path: Path) -> None:
    TrustedTime(tmp_path / "time", wall=lambda: at(NOON)).save()
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == NOON
    later = TrustedTime(tmp_path / "time", wall=lambda: at(NOON) + 60)
    assert later.now().timestamp() == at(NOON) + 60


def test_it_is_saved_now_and_then_and_not_each_time(tmp_path: Path) -> None:
    clock = [at(NOON)]
    trusted = TrustedTime(tmp_path / "time", wall=lambda: clock[0])
    trusted.save()
    (tmp_path / "time").unlink()
    clock[0] += 1800
    trusted.save()
    assert not (tmp_path / "time").exists()
    clock[0] += 1801
    trusted.save()
    assert float((tmp_path / "time").read_text()) == clock[0]


@pytest.mark.parametrize("content", [b"", b"soon", b"-5", b"nan", b"inf", b"1e300", b"\xff\xfe", b"9" * 500])
def test_a_file_that_holds_no_time_changes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "time").write_bytes(content)
    assert TrustedTime(tmp_path / "time", wall=lambda: 0.0).now() == RELEASED


def test_a_disk_that_fails_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trusted = TrustedTime(tmp_path / "none" / "time", wall=lambda: at(NOON))
    trusted.save()
    assert "cannot be kept" in caplog.text
    assert trusted.now() == NOON
