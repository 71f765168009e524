"""Certificates renewed over the bus, by a clock that the test moves, across restarts, and never for another name."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE

import msgspec
import pytest

from gateway import wire
from gateway.keys import Enrolled, NotAuthentic
from gateway.keys.certificates import Authority, span
from gateway.station.renewal import ASK_EVERY_S, REFUSED_S, WRITE_EVERY_S, Renewal
from gateway.tls import context_of
from gateway.trusted import TrustedTime
from tests.gateway import rosters

BORN = datetime(2027, 1, 1, tzinfo=UTC)
AUTHORITY = Authority(rosters.MASTER.authority_seed())
THIRD = timedelta(days=731) / 3


class Bench:
    """A renewal whose clock is the test's, and the centre at the other end of a list."""

    def __init__(self, folder: Path, enrolled: Enrolled | None = None) -> None:
        self.folder = folder
        self.wall = BORN
        self.mono = 0.0
        self.said: list[wire.CertificateRequest] = []
        self.connected = True
        self.enrolled = enrolled or box()
        self.start()

    def start(self) -> None:
        """As after a restart."""
        trusted = TrustedTime(self.folder / "time", wall=self._wall)
        self.renewal = Renewal(self.folder, self.enrolled, trusted, self._say, clock=lambda: self.mono)

    def _wall(self) -> float:
        return self.wall.timestamp()

    def _say(self, leaf: str, plain: bytes) -> bool:
        assert leaf == "renew"
        if self.connected:
            self.said.append(wire.decode(plain, wire.CertificateRequest))
        return self.connected

    def answer(self, name: str = rosters.STATION) -> wire.Certificate:
        return wire.Certificate(AUTHORITY.renew(self.said[-1].request, name, self.wall).pem)

    def file(self) -> str:
        assert self.renewal.security.identity is not None
        return self.renewal.security.identity.read_text()


def box(generation: int = 1, born: datetime = BORN) -> Enrolled:
    identity, _ = AUTHORITY.client(rosters.STATION, born)
    return msgspec.structs.replace(
        rosters.enrolled("mqtts://127.0.0.1:1"),
        generation=generation,
        authority=AUTHORITY.root(born),
        certificate=identity.certificate,
        private_key=identity.key,
    )


def test_a_third_before_the_end_the_next_one_is_asked_for_and_used(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = bench.file()
    bench.wall = BORN + timedelta(days=730) - THIRD - timedelta(hours=1)
    bench.renewal.turn()
    assert bench.said == []
    bench.wall += timedelta(hours=2)
    bench.renewal.turn()
    assert len(bench.said) == 1
    assert "PRIVATE" not in bench.said[0].request
    bench.renewal.take(bench.answer())
    assert bench.renewal.ends == bench.wall + timedelta(days=730)
    assert bench.file() != before
    assert S_IMODE((tmp_path / "identity-1.pem").stat().st_mode) == 0o600
    bench.mono += 10 * ASK_EVERY_S
    bench.renewal.turn()
    assert len(bench.said) == 1, "the new one is good for two years"


def test_a_renewed_certificate_outlives_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.renewal.turn()
    bench.renewal.take(bench.answer())
    kept = bench.file()
    bench.start()
    assert bench.file() == kept
    assert bench.renewal.ends == bench.wall + timedelta(days=730)


def test_a_restart_between_question_and_answer_asks_again_with_another_key(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.renewal.turn()
    late = bench.answer()
    bench.start()
    with pytest.raises(NotAuthentic, match="not asked for"):
        bench.renewal.take(late)
    bench.renewal.turn()
    with pytest.raises(NotAuthentic, match="another key"):
        bench.renewal.take(late)
    bench.renewal.take(bench.answer())
    assert bench.renewal.ends == bench.wall + timedelta(days=730)


def test_without_an_answer_the_same_is_asked_again_but_not_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.connected = False
    bench.renewal.turn()
    bench.connected = True
    for _ in range(3):
        bench.renewal.turn()
    assert len(bench.said) == 1
    bench.mono += ASK_EVERY_S
    bench.renewal.turn()
    assert len(bench.said) == 2
    assert bench.said[0] == bench.said[1]


def test_a_refusal_changes_nothing_and_is_asked_again_an_hour_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.renewal.turn()
    before = bench.file()
    bench.renewal.take(wire.Certificate("", "a station that asks for too many certificates"))
    assert bench.file() == before
    assert "too many" in caplog.text
    bench.mono += REFUSED_S - 1
    bench.renewal.turn()
    assert len(bench.said) == 1
    bench.mono += 1
    bench.renewal.turn()
    assert len(bench.said) == 2


def test_a_certificate_that_is_not_good_now_is_not_used(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.renewal.turn()
    before = bench.file()
    ended = AUTHORITY.renew(bench.said[0].request, rosters.STATION, bench.wall - timedelta(days=800))
    with pytest.raises(NotAuthentic, match="ended on"):
        bench.renewal.take(wire.Certificate(ended.pem))
    with pytest.raises(NotAuthentic, match="not a certificate"):
        bench.renewal.take(wire.Certificate("no certificate"))
    assert bench.file() == before
    assert span(before)[1] == BORN + timedelta(days=730)


def test_the_next_box_of_the_name_begins_with_its_own_certificate(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wall = BORN + timedelta(days=600)
    bench.renewal.turn()
    bench.renewal.take(bench.answer())
    kept = bench.file()
    bench.enrolled = box(generation=2, born=BORN + timedelta(days=10))
    bench.start()
    assert bench.file() != kept
    assert bench.enrolled.certificate.strip() in bench.file()


def test_a_damaged_file_is_replaced_by_what_the_enrolment_gave(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "identity-1.pem").write_bytes(b"\xff no certificate")
    bench.start()
    assert bench.enrolled.certificate.strip() in bench.file()


def test_where_a_password_is_enough_nothing_is_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rosters.enrolled())
    bench.wall = BORN + timedelta(days=5000)
    bench.renewal.turn()
    assert (bench.said, bench.renewal.ends, bench.renewal.security.identity) == ([], None, None)


def disk_takes_nothing_of(file: Path) -> Path:
    """A folder with something in it stands where the file would be written: no user may write there, not even root."""
    inside = file.with_name(f".{file.name}.partial") / "x"
    inside.mkdir(parents=True)
    return inside


def test_a_disk_that_takes_nothing_is_not_asked_for_what_it_has(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    kept = bench.file()
    disk_takes_nothing_of(tmp_path / "identity-1.pem")
    bench.start()
    assert bench.file() == kept


def test_a_station_starts_on_a_disk_that_takes_nothing_and_writes_when_it_does(tmp_path: Path) -> None:
    inside = disk_takes_nothing_of(tmp_path / "identity-1.pem")
    bench = Bench(tmp_path)
    assert bench.renewal.ends == BORN + timedelta(days=730)
    inside.rmdir()
    inside.parent.rmdir()
    bench.renewal.write()
    assert not (tmp_path / "identity-1.pem").exists(), "not at every look"
    bench.mono += WRITE_EVERY_S
    bench.renewal.write()
    assert bench.enrolled.certificate in bench.file()


def test_an_authority_that_changed_is_believed_whatever_the_disk_takes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    disk_takes_nothing_of(tmp_path / "authority.pem")
    bench.enrolled = msgspec.structs.replace(bench.enrolled, authority=Authority(b"n" * 32).root(BORN))
    bench.start()
    believed = context_of(bench.renewal.security).get_ca_certs(binary_form=True)
    assert believed == [ssl.PEM_cert_to_DER_cert(bench.enrolled.authority)]
