"""The command line as a technician meets it: by what it prints and how it exits."""

import json
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.__main__ import main
from gateway.bus import Account
from gateway.keys import Enrolled, write_secret
from gateway.keys.certificates import check_fits
from gateway.tls import Security
from gateway.wire import SOFTWARE
from tests.brokers import client
from tests.ports import free_port
from tests.waiting import until

CONFIG = """
data = "data"
[centre]
policy = "policy.toml"
[[communities]]
id = "test-yuan"
name = "滨河苑"
street = "江湾街道"
police_station = "jiangwan"
portals = ["east"]
"""
POLICY = (Path(__file__).parents[2] / "config" / "policy.toml").read_text(encoding="utf-8")


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def program(*arguments: str, sent: str = "") -> Done:
    """Run the program as a process of its own."""
    command = [sys.executable, "-m", "gateway", *arguments]
    done = subprocess.run(command, input=sent, capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def gateway(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Run the program in this process, which is quicker."""
    levels = {name: logging.getLogger(name).level for name in ("alembic", "uvicorn")}

    def run(*arguments: str) -> Done:
        try:
            status = main(arguments)
        except SystemExit as error:
            status = int(str(error.code))
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    yield run
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


Run = Callable[..., Done]


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "gateway.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    return str(tmp_path / "gateway.toml")


def test_the_version_is_said() -> None:
    done = program("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SOFTWARE}\n", "")


def test_the_program_and_what_it_starts_leave_no_core_dump() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2);"
        "from gateway.__main__ import main; main(['version']); print(r.getrlimit(r.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "(0, 0)"


def test_wrong_use_exits_with_2(gateway: Run) -> None:
    for wrong in ([], ["fly"], ["decode", "morse"], ["station"], ["station", "enrol"]):
        assert gateway(*wrong).returncode == 2, wrong


def test_a_good_configuration_is_ok(gateway: Run, config: str) -> None:
    done = gateway("check", "--config", config)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"


def test_every_mistake_is_said_at_once(gateway: Run, config: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("version = 0\nauthor = 1\nflying = true\n", encoding="utf-8")
    spoilt = CONFIG + 'surprise = 1\n[station]\nname = "Not A Name"\n[[readers]]\nid = "r"\nportal = "moon"\n'
    (tmp_path / "gateway.toml").write_text(spoilt, encoding="utf-8")
    done = gateway("check", "--config", config)
    assert done.returncode == 2
    assert done.stdout == ""
    for place in (
        "surprise",
        "station.name",
        "readers.0.driver",
        "policy: version",
        "policy: author",
        "policy: flying",
    ):
        assert place in done.stderr, place
    assert "Traceback" not in done.stderr


def test_a_line_that_can_never_be_opened_is_said_by_check_and_start_and_nothing_is_started(
    gateway: Run, config: str, tmp_path: Path
) -> None:
    station = '[station]\nname = "test-yuan-1"\nport = 0\n[[portals]]\nid = "east"\nname = "东门"\n'
    station += 'attended = "never"\nunattended = "grant"\n'
    for name, driver, url in (("a", "pcsc", "ACR122"), ("b", "ga467", "carrier://pigeon")):
        station += f'[[readers]]\nid = "{name}"\nportal = "east"\ndirection = "in"\ndriver = "{driver}"\n'
        station += f'url = "{url}"\n'
    (tmp_path / "gateway.toml").write_text(CONFIG + station, encoding="utf-8")
    for command in ("check", "run"):
        done = gateway(command, "--config", config)
        assert done.returncode == 2, command
        assert {"a:", "b:"} <= {line.partition(" ")[0] for line in done.stderr.splitlines()}
        assert "Traceback" not in done.stderr


def test_what_each_table_allows_and_the_machine_cannot_have_is_a_mistake(
    gateway: Run, config: str, tmp_path: Path
) -> None:
    station = '[station]\nname = "test-yuan-1"\nport = 8080\n[[readers]]\nid = "r"\nportal = "east"\ndirection = "in"\n'
    station += 'driver = "telepathy"\nurl = "/dev/null"\n[[portals]]\nid = "east"\nname = "东门"\n'
    station += 'attended = "never"\nunattended = "grant"\n'
    station += '[[readers]]\nid = "u"\nportal = "east"\ndirection = "in"\ndriver = "ga467"\nurl = "usb://somewhere"\n'
    (tmp_path / "gateway.toml").write_text(CONFIG + station, encoding="utf-8")
    (tmp_path / "policy.toml").unlink()
    done = gateway("check", "--config", config)
    assert done.returncode == 2
    for what in (
        "station.port: port 8080 is centre.port",
        "station.community",
        "telepathy",
        "u: a USB line",
        "policy.toml",
    ):
        assert what in done.stderr, what


@pytest.mark.parametrize(
    ("protocol", "sent", "code", "event"),
    [
        ("id-number", "35 31 31 37 30 33 31 39 30 30 30 31 30 31 30 30 31 35", 0, "number"),
        ("ga467", "AA AA AA 96 69 00 04 00 00 80 84", 1, "reply"),
        ("ga467", "zz", 2, ""),
    ],
)
def test_pasted_bytes_are_explained_and_the_status_says_whether_a_card_was_read(
    protocol: str, sent: str, code: int, event: str
) -> None:
    done = program("decode", protocol, sent=sent)
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads((done.stdout or done.stderr).splitlines()[0])
    assert found.get("event", "") == event or code == 2
    assert "511703190001010015" not in done.stdout + done.stderr


def test_migrating_is_quiet_and_may_be_done_again(gateway: Run, config: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = gateway("migrate", "--config", config)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "data" / "centre.sqlite3").exists()


def test_a_centre_on_a_database_of_another_version_says_what_to_do(
    gateway: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY__CENTRE__PORT", "0")
    done = gateway("centre", "--config", config)
    assert done.returncode == 2
    assert "run gateway migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_said_in_one_line(
    gateway: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY__CENTRE__DATABASE", "postgresql://gate@127.0.0.1:1/none")
    done = gateway("migrate", "--config", config)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_enrolling_a_station_writes_one_secret_file_and_never_over_another(
    gateway: Run, config: str, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "box.enrolment"
    enrol = ["station", "enrol", "test-yuan-7", "--community", "test-yuan", "--config", config, "--out", str(target)]
    done = gateway(*enrol)
    assert (done.returncode, done.stdout) == (0, f"{target}\n"), done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    enrolled = Enrolled.loads(target.read_text(encoding="utf-8"))
    assert (enrolled.station, enrolled.community, enrolled.generation) == ("test-yuan-7", "test-yuan", 1)
    assert "user test-yuan-7\n" in (tmp_path / "data" / "broker" / "access").read_text(encoding="utf-8")
    before = target.read_bytes()
    again = gateway(*enrol)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert target.read_bytes() == before
    target.unlink()
    assert gateway(*enrol).returncode == 0
    assert target.read_bytes() == before, "the same station has the same secrets until it is revoked"


@pytest.mark.parametrize("name", ["centre", "police-jiangwan", "a/b", "a\nuser centre", "", "A", "+", "x" * 41])
def test_no_station_has_a_name_that_means_something_to_the_broker(
    gateway: Run, config: str, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "box.enrolment"
    done = gateway("station", "enrol", name, "--community", "test-yuan", "--config", config, "--out", str(target))
    assert done.returncode == 2
    assert "name" in done.stderr
    assert not target.exists()


def test_a_station_of_no_known_community_is_refused(gateway: Run, config: str, tmp_path: Path) -> None:
    target = str(tmp_path / "box.enrolment")
    done = gateway("station", "enrol", "box-1", "--community", "moon-yuan", "--config", config, "--out", target)
    assert done.returncode == 2
    assert "no community 'moon-yuan'" in done.stderr


def test_asking_for_accounts_makes_no_new_master_key(gateway: Run, config: str, tmp_path: Path) -> None:
    for command in (["broker", "accounts"], ["bus", "tail"]):
        done = gateway(*command, "--config", config)
        assert done.returncode == 2
        assert "master.key" in done.stderr
    assert not (tmp_path / "data" / "master.key").exists()


def listening(tmp_path: Path, more: str = 'listen = "0.0.0.0"\nhost = "gate.example"\n') -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG.replace("[centre]", f"[broker]\n{more}[centre]"), encoding="utf-8")


def test_a_station_elsewhere_is_given_a_certificate_and_told_where_to_come(
    gateway: Run, config: str, tmp_path: Path
) -> None:
    listening(tmp_path)
    target = tmp_path / "box.enrolment"
    enrol = ["station", "enrol", "box-1", "--community", "test-yuan", "--config", config, "--out", str(target)]
    assert gateway(*enrol).returncode == 0
    first = Enrolled.loads(target.read_text(encoding="utf-8"))
    assert first.broker_url == "mqtts://gate.example:8883"
    check_fits(first.certificate, first.private_key, "box-1")
    folder = tmp_path / "data" / "broker"
    assert "BEGIN X509 CRL" in (folder / "revoked.pem").read_text()
    before = (folder / "revoked.pem").read_text(), (folder / "broker.pem").read_text()

    target.unlink()
    assert gateway(*enrol).returncode == 0
    again = Enrolled.loads(target.read_text(encoding="utf-8"))
    assert (again.secret, again.generation) == (first.secret, 1)
    assert again.certificate != first.certificate
    assert before == ((folder / "revoked.pem").read_text(), (folder / "broker.pem").read_text()), "nobody is cut off"

    target.unlink()
    assert gateway(*enrol, "--replace").returncode == 0
    new = Enrolled.loads(target.read_text(encoding="utf-8"))
    assert new.generation == 2
    assert new.secret != first.secret
    listed = x509.load_pem_x509_crl((folder / "revoked.pem").read_bytes())
    assert {f"{one.serial_number:x}" for one in listed} == {
        f"{x509.load_pem_x509_certificate(box.certificate.encode()).serial_number:x}" for box in (first, again)
    }


def test_a_station_that_is_revoked_has_no_account_and_no_second_file(gateway: Run, config: str, tmp_path: Path) -> None:
    listening(tmp_path)
    target = tmp_path / "box.enrolment"
    enrol = ["station", "enrol", "box-1", "--community", "test-yuan", "--config", config, "--out", str(target)]
    assert gateway(*enrol).returncode == 0
    assert "user box-1\n" in gateway("broker", "acl", "--config", config).stdout
    done = gateway("station", "revoke", "box-1", "--config", config)
    cut = {"station": "box-1", "community": "test-yuan", "generation": 1, "certificates": 1, "people": 0, "missing": 0}
    cut |= {"token_key": 2, "waiting": 0, "to_tell": 0}
    said = json.loads(done.stdout)
    told = Path(said.pop("told"))
    assert said == cut
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    again = json.loads(gateway("station", "revoke", "box-1", "--config", config, "--out", str(tmp_path / "x")).stdout)
    assert (again["token_key"], again["certificates"]) == (2, 0), "who is revoked once more is only told of again"
    with closing(sqlite3.connect(tmp_path / "data" / "centre.sqlite3")) as database:
        acts = database.execute("SELECT act, about FROM audit ORDER BY id").fetchall()
    list_of = ("export", "stations/box-1/told")
    assert acts == [("station.revoke", "stations/box-1/1"), list_of, list_of], "it is recorded, and each list"
    assert "box-1" not in gateway("broker", "acl", "--config", config).stdout
    assert "box-1" not in (tmp_path / "data" / "broker" / "passwords").read_text()
    target.unlink()
    refused = gateway(*enrol)
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    assert gateway(*enrol, "--replace").returncode == 0
    assert "user box-1\n" in gateway("broker", "acl", "--config", config).stdout


def test_what_is_not_there_cannot_be_revoked(gateway: Run, config: str, tmp_path: Path) -> None:
    assert gateway("migrate", "--config", config).returncode == 0
    target = str(tmp_path / "box")
    gateway("station", "enrol", "box-1", "--community", "test-yuan", "--config", config, "--out", target)
    assert gateway("station", "revoke", "--config", config).returncode == 2
    done = gateway("station", "revoke", "box-2", "--config", config)
    assert done.returncode == 2
    assert "no station 'box-2'" in done.stderr


@pytest.mark.real("mosquitto")
def test_a_mosquitto_elsewhere_is_given_all_that_it_needs(gateway: Run, config: str, tmp_path: Path) -> None:
    """The folder that the command writes, moved to where nobody knows us, serves a station by its certificate."""
    listening(tmp_path, 'managed = false\nurl = "mqtts://127.0.0.1:8883"\nca_file = "theirs/authority.pem"\n')
    gateway("migrate", "--config", config)
    write_secret(tmp_path / "data" / "master.key", bytes(range(32)).hex())
    port, plain = free_port(), free_port()
    out = tmp_path / "theirs"
    assert gateway("broker", "files", "--config", config, "--out", str(out)).returncode == 2, "say under which name"
    done = gateway("broker", "files", "--config", config, "--out", str(out), "--host", "127.0.0.1")
    assert (done.returncode, done.stdout.strip()) == (0, str(out / "mosquitto.conf")), done.stderr
    target = tmp_path / "box"
    gateway("station", "enrol", "box-1", "--community", "test-yuan", "--config", config, "--out", str(target))
    box = Enrolled.loads(target.read_text(encoding="utf-8"))
    assert box.authority == (out / "authority.pem").read_text()
    gateway("broker", "files", "--config", config, "--out", str(out), "--host", "127.0.0.1")
    conf = out / "mosquitto.conf"
    conf.write_text(
        conf.read_text().replace("listener 8883", f"listener {port}").replace("listener 1883", f"listener {plain}")
    )
    identity = tmp_path / "identity"
    identity.write_text(f"{box.private_key}\n{box.certificate}\n")
    path = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or ""
    process = subprocess.Popen([path, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        security = Security(out / "authority.pem", identity)
        with client(Account(f"mqtts://127.0.0.1:{port}", "x", security=security)) as one:
            until(lambda: one.bus.connected)
        for account in ("centre", "police-jiangwan"):
            shown = tmp_path / f"{account}.pem"
            made = gateway("broker", "certificate", "--account", account, "--config", config, "--out", str(shown))
            assert made.returncode == 0, made.stderr
            assert stat.S_IMODE(shown.stat().st_mode) == 0o600
            security = Security(out / "authority.pem", shown)
            with client(Account(f"mqtts://127.0.0.1:{port}", account, security=security)) as one:
                until(lambda: one.bus.connected)
        other = gateway("broker", "certificate", "--account", "box-1", "--config", config, "--out", str(tmp_path / "x"))
        assert other.returncode == 2
    finally:
        process.kill()
        process.wait()


def test_the_document_of_the_bus_is_printed_without_a_configuration(gateway: Run) -> None:
    done = gateway("bus", "asyncapi", "--config", "/nowhere")
    assert json.loads(done.stdout)["asyncapi"] == "3.0.0"
