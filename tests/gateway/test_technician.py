"""`gateway readers` as a technician types it: against a running station, and against a line of its own."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from drivers import osdp_settings
from gateway.__main__ import main
from gateway.decode import Found
from gateway.probe import give_key
from gateway.technician import table_text
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.relay import RelayBoard
from simulators.sam import Card, SamModule
from tests.gateway.station.test_process import CODE, get, running
from tests.ports import free_port
from tests.waiting import until

CARD = Card("511703190001010015", "测试甲", "测试路1号")


def configuration(folder: Path, port: int) -> str:
    file = folder / "gateway.toml"
    file.write_text(f'data = "data"\n[station]\nname = "yuan-1"\nport = {port}\n', encoding="utf-8")
    return str(file)


@pytest.fixture
def gateway(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_the_table_shows_each_device_of_a_running_station(
    tmp_path: Path, gateway: Callable[..., tuple[int, str, str]]
) -> None:
    scanner = AsciiDevice()
    with running(tmp_path, RelayBoard(), scanner) as station:
        scanner.show(CODE)
        until(lambda: json.loads(get(station, "/gate/readers.json")[1])["devices"][0]["reads"] == 1)
        status, said, _ = gateway("readers", "--once", "--config", configuration(tmp_path, station.port))
    assert status == 0
    head, reader, relay = said.splitlines()
    assert head.split()[:4] == ["id", "driver", "line", "state"]
    assert reader.split()[:2] == ["east-in", "ascii-line"]
    assert re.fullmatch(r"ok [0-9]+ s ago 1 0 0", " ".join(reader.split()[3:]))
    assert relay.split()[3:] == ["ok", "never", "0", "0", "0"]
    assert CODE not in said


def test_facts_troubles_and_ages_stand_in_the_table() -> None:
    device = {
        "id": "in", "driver": "ga467", "line": "/dev/ttyUSB0", "state": "down", "trouble": "link_lost", "reads": 2,
        "noise": 3, "faults": 4, "last_read": "2026-11-23T12:00:00+00:00", "facts": {"sam_number": "05.03-1"},
    }  # fmt: skip
    text = table_text({"now": "2026-11-23T12:01:05+00:00", "devices": [device]})
    said = " ".join(text.splitlines()[1].split())
    assert said == "in ga467 /dev/ttyUSB0 down (link_lost) 65 s ago 2 3 4 sam_number 05.03-1"


def test_a_station_that_does_not_run_is_said_in_one_line(
    tmp_path: Path, gateway: Callable[..., tuple[int, str, str]]
) -> None:
    status, said, why = gateway("readers", "--once", "--config", configuration(tmp_path, port := free_port()))
    assert (status, said) == (2, "")
    assert why == f"no station's console at 127.0.0.1:{port}: is it running?\n"


def test_a_line_is_tried_for_so_many_seconds_and_nobody_is_shown(
    gateway: Callable[..., tuple[int, str, str]],
) -> None:
    module = SamModule()
    module.present(CARD)
    with PtyLine(module) as line:
        status, said, _ = gateway("readers", "try", "ga467", line.url, "--seconds", "1.5", "--set", "read=identity")
    assert status == 0
    assert [json.loads(one)["event"] for one in said.splitlines()][:3] == ["online", "device_fact", "card_read"]
    assert not [secret for secret in (CARD.number, CARD.name, CARD.address) if secret in said]


def test_a_line_is_recorded_and_its_recording_decoded(
    tmp_path: Path, gateway: Callable[..., tuple[int, str, str]]
) -> None:
    module, file = SamModule(), tmp_path / "line.txt"
    module.present(CARD)
    with PtyLine(module) as line:
        status, _, _ = gateway("readers", "record", str(file), "ga467", line.url, "--seconds", "1.5")
    assert status == 0
    assert CARD.number.encode("utf-16-le").hex().upper() not in file.read_text("ascii")


@pytest.mark.parametrize(
    "words", [["ga468", "/dev/null"], ["ga467", "/dev/null", "--set", "read=all"], ["nothing:DRIVER", "x"]]
)
def test_a_driver_that_cannot_be_had_is_wrong_use(
    words: list[str], gateway: Callable[..., tuple[int, str, str]]
) -> None:
    status, said, why = gateway("readers", "try", *words)
    assert (status, said) == (2, "")
    assert why.count("\n") == 1


def test_a_command_that_is_plugged_in_is_listed_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in (["--help"], ["simulate", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
        said.append(capsys.readouterr().out)
    assert "simulate" in said[0]
    assert "--every SECONDS" in said[1]


def test_a_new_osdp_reader_is_given_a_key_that_only_its_file_knows(
    tmp_path: Path, gateway: Callable[..., tuple[int, str, str]]
) -> None:
    device, file = OsdpReaderDevice(4, None), tmp_path / "reader.key"
    with PtyLine(OsdpLine([device])) as line:
        status, said, _ = gateway("readers", "install", f"{line.url}#4", str(file))
        assert status == 0
        assert [json.loads(one)["event"] for one in said.splitlines()] == ["install_mode", "key_installed"]
        key = file.read_text("ascii").strip()
        assert (file.stat().st_mode & 0o777, key in said) == (0o600, False)
        assert set(device.keys_set) == {bytes.fromhex(key)}
        again, said, _ = gateway("readers", "install", f"{line.url}#4", str(file))
        assert (again, json.loads(said.splitlines()[-1])["event"]) == (0, "key_installed")
        words = ("--set", f'key_file="{file}"', "--seconds", "2")
        status, said, _ = gateway("readers", "try", "osdp", f"{line.url}#4", *words)
    assert (status, json.loads(said.splitlines()[0])["event"]) == (0, "online")


def test_install_mode_ends_by_itself_and_the_key_is_kept_for_another_try(tmp_path: Path) -> None:
    device, found, file = OsdpReaderDevice(4, bytes(range(16))), list[Found](), tmp_path / "reader.key"
    with PtyLine(OsdpLine([device])) as line:
        assert give_key(f"{line.url}#4", file, Event(), baud=9600, seconds=1.0, say=found.append) == 1
    assert [one["event"] for one in found] == ["install_mode", "key_not_installed"]
    assert found[0]["ends_after_s"] == 1.0
    assert (device.keys_set, len(file.read_text("ascii").strip())) == ([], 32)


def test_nothing_is_said_to_a_line_when_the_key_or_the_address_cannot_be(
    tmp_path: Path, gateway: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "shared.key").write_text("00112233445566778899AABBCCDDEEFF")
    (tmp_path / "shared.key").chmod(0o644)
    (tmp_path / "default.key").write_text(osdp_settings.DEFAULT_KEY.hex())
    (tmp_path / "default.key").chmod(0o600)
    for url, name, why in (
        ("/dev/null", "new.key", "LINE#ADDRESS"),
        ("/dev/null#1", "shared.key", "others may read it"),
        ("/dev/null#1", "default.key", "known to everybody"),
    ):
        status, said, wrong = gateway("readers", "install", url, str(tmp_path / name))
        assert (status, said) == (2, "")
        assert why in wrong
    assert not (tmp_path / "new.key").exists()
