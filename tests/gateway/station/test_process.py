"""A whole station without a broker, on real lines: whatever else is away, people pass."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.osdp import library
from gateway.settings import Contact, Output, Portal, Reader, Settings, SettingsError, Station
from gateway.station import roster as roster_files
from gateway.station.process import StationProcess
from gateway.wire import Command
from rules.model import CredentialKind
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from simulators.modbus_relay import ModbusBoard
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.relay import RelayBoard
from tests.gateway import rosters
from tests.gateway.station.gate import token
from tests.ports import free_port
from tests.waiting import until

CODE = "20261123000017"
SCAN = {"frame": "text"}
KEY = "00112233445566778899AABBCCDDEEFF"


def settings(data: Path, reader: str, relay: str, **over: object) -> Settings:
    return Settings(
        data=data,
        station=Station(name=rosters.STATION, port=free_port()),
        portals=(
            Portal(
                id="east", name="东门", attended="00:00-24:00", unattended="call:1", opener="relay", pulse_seconds=1
            ),
        ),
        readers=(Reader(id="east-in", portal="east", direction="in", driver="ascii-line", url=reader, settings=SCAN),),
        outputs=(Output(id="relay", driver="relay-lcus", url=relay),),
    ).model_copy(update=over)


def guests() -> bytes:
    return rosters.bundle(replace(rosters.person(), token=token(CODE, CredentialKind.VISITOR)), version=1)


def get(station: StationProcess, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{station.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def going(configured: Settings) -> Iterator[StationProcess]:
    stop = threading.Event()
    station = StationProcess(configured, rosters.enrolled(f"mqtt://127.0.0.1:{free_port()}"))
    thread = threading.Thread(target=station.run, args=(stop,))
    thread.start()
    try:
        until(lambda: "not connected" in get(station, "/healthz")[1], what="a console that answers")
        yield station
    finally:
        stop.set()
        thread.join()


@contextmanager
def running(data: Path, board: RelayBoard, scanner: AsciiDevice) -> Iterator[StationProcess]:
    with (
        PtyLine(scanner) as reads,
        PtyLine(board) as opens,
        going(settings(data, reads.url, opens.url)) as station,
    ):
        until(lambda: station.parts()["output relay"] == "ok" and station.parts()["reader east-in"] == "ok")
        yield station


def opened(board: RelayBoard) -> bool:
    return any(on for _, on, _ in board.history)


def test_without_broker_and_centre_people_pass(tmp_path: Path) -> None:
    board, scanner = RelayBoard(), AsciiDevice()
    folder = tmp_path / f"station-{rosters.STATION}"
    folder.mkdir()
    roster_files.save(folder, guests())
    with running(tmp_path, board, scanner) as station:
        scanner.show(CODE)
        until(lambda: opened(board))
        status, said = get(station, "/healthz")
        assert status == 503
        assert "not connected" in json.dumps(json.loads(said))
        until(lambda: 'gateway_swipes_total{verdict="grant"} 1.0' in get(station, "/metrics")[1])
        assert 'gateway_reader_up{reader="east-in"} 1.0' in get(station, "/metrics")[1]
        assert CODE not in get(station, "/gate")[1]


def test_with_a_disk_that_cannot_be_written_people_pass_unrecorded(tmp_path: Path) -> None:
    """The spool's place is taken by a folder: nothing can be opened there until somebody removes it."""
    board, scanner = RelayBoard(), AsciiDevice()
    folder = tmp_path / f"station-{rosters.STATION}"
    (folder / "spool.sqlite3").mkdir(parents=True)
    roster_files.save(folder, guests())
    with running(tmp_path, board, scanner) as station:
        scanner.show(CODE)
        until(lambda: opened(board))
        until(lambda: "gateway_unrecorded_total 1.0" in get(station, "/metrics")[1])
        until(lambda: "cannot be written" in station.parts().get("recorder", ""))
        (folder / "spool.sqlite3").rmdir()
        until(lambda: station.parts()["recorder"] == "ok")
        assert (folder / "spool.sqlite3").stat().st_size > 0


def test_the_centre_is_told_that_a_portal_cannot_be_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It has no opener, or the opener's line is down: nothing is recorded, and the answer is no."""

    def ask(station: StationProcess, counter: int, portal: str) -> None:
        epoch = station._spool.epoch
        station._commands.take(Command(epoch, counter, 10**6, "open", portal))

    board, scanner = RelayBoard(), AsciiDevice()
    two = tuple(
        Portal(id=name, name=name, attended="00:00-24:00", unattended="call:1", opener=opener)
        for name, opener in (("east", "relay"), ("side", None))
    )
    with (
        PtyLine(scanner) as reads,
        going(settings(tmp_path, reads.url, str(tmp_path / "gone"), portals=two)) as station,
    ):
        for counter, portal in enumerate(("east", "side"), 1):
            ask(station, counter, portal)
            assert f"command {counter} of the centre is refused: not_possible" in caplog.text
    caplog.clear()
    with (
        PtyLine(scanner) as reads,
        PtyLine(board) as opens,
        going(settings(tmp_path, reads.url, opens.url, portals=two)) as station,
    ):
        until(lambda: station.parts()["output relay"] == "ok")
        ask(station, 1, "east")
        until(lambda: opened(board))
        until(lambda: "command 1 of the centre is done" in caplog.text)


def test_a_damaged_spool_is_set_aside_and_people_pass(tmp_path: Path) -> None:
    board, scanner = RelayBoard(), AsciiDevice()
    folder = tmp_path / f"station-{rosters.STATION}"
    folder.mkdir()
    (folder / "spool.sqlite3").write_bytes(b"no spool at all " * 1000)
    roster_files.save(folder, guests())
    with running(tmp_path, board, scanner):
        scanner.show(CODE)
        until(lambda: opened(board))
    assert [p for p in folder.iterdir() if ".broken-" in p.name]


def test_an_osdp_reader_opens_the_gate_by_its_own_relay_for_as_long_as_the_portal_says(tmp_path: Path) -> None:
    device, scanner, key = OsdpReaderDevice(3, bytes.fromhex(KEY)), AsciiDevice(), {"key": KEY, "output": 1}
    folder = tmp_path / f"station-{rosters.STATION}"
    folder.mkdir()
    roster_files.save(folder, guests())
    with PtyLine(scanner) as reads, PtyLine(OsdpLine([device])) as line:
        plain = settings(tmp_path, reads.url, "/dev/null")
        osdp = Reader(id="relay", portal="east", direction="out", driver="osdp", url=f"{line.url}#3", settings=key)
        changed = plain.model_copy(update={"readers": (*plain.readers, osdp), "outputs": ()})
        with going(changed) as station:
            until(lambda: station.parts()["reader relay"] == "ok" and station.parts()["reader east-in"] == "ok")
            scanner.show(CODE)
            until(lambda: any(c["command"] == library().CMD_OUTPUT for c in device.told))
    (relay,) = (c for c in device.told if c["command"] == library().CMD_OUTPUT)
    assert (relay["output_no"], relay["timer_count"]) == (1, 10)


def test_a_door_is_followed_by_its_contacts_and_what_happened_outlives_the_station(tmp_path: Path) -> None:
    board, scanner = ModbusBoard(contacts=[True, False, False]), AsciiDevice()
    folder = tmp_path / f"station-{rosters.STATION}"
    folder.mkdir()
    roster_files.save(folder, guests())
    with PtyLine(scanner) as reads, PtyLine(board) as opens:
        plain = settings(tmp_path, reads.url, opens.url)
        names = ("door", "exit_button", "fire")
        wired = {name: Contact(device="relay", channel=channel) for channel, name in enumerate(names)}
        modbus = Output(id="relay", driver="relay-modbus", url=opens.url, settings={"inputs": 3})
        portal = plain.portals[0].model_copy(update=wired | {"pulse_seconds": 3})
        changed = plain.model_copy(update={"portals": (portal,), "outputs": (modbus,)})
        with going(changed) as station:
            until(lambda: doors(station)["doors"] == [{"portal": "east", "state": "shut", "fire": False}])
            until(lambda: station.parts()["reader east-in"] == "ok")
            scanner.show(CODE)
            until(lambda: board.closed.get(0))
            board.contacts[0] = False
            until(lambda: doors(station)["doors"][0]["state"] == "open")
            board.contacts[0] = True
            until(lambda: doors(station)["doors"][0]["state"] == "shut" and not board.closed.get(0))
            board.contacts[1] = True
            until(lambda: happened(station) == ["exit_button"])
            board.contacts[1:] = [False, True]
            until(lambda: happened(station) == ["fire", "exit_button"])
            counted = 'gateway_door_events_total{event="fire",portal="east"} 1.0'
            until(lambda: counted in get(station, "/metrics")[1])
            assert "消防联动报警" in get(station, "/gate?lang=zh")[1]
        with going(changed) as station:
            until(lambda: happened(station)[:3] == ["fire", "fire", "exit_button"])


def doors(station: StationProcess) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(get(station, "/gate/doors.json")[1])
    return found


def happened(station: StationProcess) -> list[object]:
    return [event["event"] for event in doors(station)["events"]]


def test_a_contact_that_its_board_does_not_read_is_said(tmp_path: Path) -> None:
    plain = settings(tmp_path, "/dev/null", "/dev/null")
    portal = plain.portals[0].model_copy(update={"door": Contact(device="relay", channel=0)})
    with pytest.raises(SettingsError, match="door: channel 0 is not read: 'relay' reads no contacts"):
        StationProcess(plain.model_copy(update={"portals": (portal,)}), rosters.enrolled())


def test_a_reader_without_a_relay_is_no_opener(tmp_path: Path) -> None:
    plain = settings(tmp_path, "/dev/null", "/dev/null")
    portal = plain.portals[0].model_copy(update={"opener": "east-in"})
    with pytest.raises(SettingsError, match="'east-in' is a reader without a relay"):
        StationProcess(plain.model_copy(update={"portals": (portal,)}), rosters.enrolled())


def test_every_wrong_driver_is_said_at_once(tmp_path: Path) -> None:
    wrong = settings(tmp_path, "/dev/null", "/dev/null")
    reader = wrong.readers[0].model_copy(update={"driver": "no-such-driver"})
    output = wrong.outputs[0].model_copy(update={"settings": {"colour": "red"}})
    with pytest.raises(SettingsError) as caught:
        StationProcess(wrong.model_copy(update={"readers": (reader,), "outputs": (output,)}), rosters.enrolled())
    assert len(caught.value.mistakes) == 2
