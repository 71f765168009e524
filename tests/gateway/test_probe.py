import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from drivers import ascii_line, ga467
from drivers.registry import find
from gateway.decode import Found, decode
from gateway.probe import driver_and_settings, record, set_speed, try_line
from gateway.scanning import named, scan
from simulators.ascii_line import AsciiDevice
from simulators.line import Device, PtyLine
from simulators.modbus_relay import ModbusBoard
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.sam import BAUDS, Card, SamModule
from simulators.wiegand import WiegandAdapter, w34
from tests.gateway.test_recording import TODAY

CARD = Card("511703190001010015", "测试甲", "测试路1号")


class Heard:
    """What was said, and what to do at it; stops the work when `enough`."""

    def __init__(self, enough: Callable[[Found], bool]) -> None:
        self.found: list[Found] = []
        self.stop = threading.Event()
        self._enough = enough

    def say(self, found: Found) -> None:
        self.found.append(found)
        if self._enough(found):
            self.stop.set()

    def events(self) -> list[object]:
        return [found.get("event") for found in self.found]


def is_card(found: Found) -> bool:
    return found.get("event") == "card_read"


def test_trying_a_line_tells_what_comes_and_shows_nobody() -> None:
    module, heard = SamModule(), Heard(is_card)
    module.present(CARD)
    with PtyLine(module) as line:
        assert try_line(ga467.DRIVER, line.url, ga467.Settings(read="identity"), heard.stop, say=heard.say) == 0
    assert heard.events() == ["online", "device_fact", "card_read"]
    assert heard.found[1]["name"] == "sam_number"
    for secret in (CARD.number, CARD.name, CARD.address):
        assert secret not in str(heard.found)


def test_trying_a_line_that_is_not_there_says_why() -> None:
    heard = Heard(is_card)
    assert try_line(ga467.DRIVER, "/dev/nowhere-at-all", ga467.Settings(), heard.stop, say=heard.say) == 1
    assert heard.events() == ["link_lost"]


def test_a_recording_of_a_card_decodes_and_holds_nobody(tmp_path: Path) -> None:
    module, heard, file = SamModule(), Heard(is_card), tmp_path / "line.txt"
    module.present(CARD)
    with PtyLine(module) as line:
        assert record(file, ga467.DRIVER, line.url, ga467.Settings(), heard.stop, say=heard.say) == 0
    found, status = decode("ga467", file.read_text("ascii"), reveal=True, today=TODAY)
    assert status == 0
    told = [item.get("meaning", item["event"]) for item in found]
    assert told[:6] == ["status", "done", "read the module's number", "device_fact", "find a card", "card found"]
    assert CARD.number not in str(found)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        record(file, ga467.DRIVER, "", ga467.Settings(), heard.stop)


def test_a_recording_of_a_code_decodes_by_its_settings_and_holds_nobody(tmp_path: Path) -> None:
    scanner, file, settings = AsciiDevice("rdm6300"), tmp_path / "line.txt", ascii_line.Settings("rdm6300")

    def shown(found: Found) -> bool:
        if found["event"] == "online":
            scanner.show("0A00D54BD3")
        return is_card(found)

    heard = Heard(shown)
    with PtyLine(scanner) as line:
        assert record(file, ascii_line.DRIVER, line.url, settings, heard.stop, say=heard.say) == 0
    found, status = decode("ascii-line", file.read_text("ascii"), reveal=True, today=TODAY)
    assert (status, [(one["event"], one["number"]) for one in found]) == (0, [("card_read", "0000000001")])
    assert file.read_text("ascii").splitlines()[1] == '# settings {"frame": "rdm6300"}'


@pytest.mark.parametrize(
    ("driver", "why"), [("osdp", "secure channel"), ("pcsc", "no line of its own"), ("relay-lcus", "not known")]
)
def test_what_cannot_be_blanked_is_not_recorded_and_why(tmp_path: Path, driver: str, why: str) -> None:
    with pytest.raises(LookupError, match=f"{why}.*only lines of ga467, wiegand, ascii-line can be recorded"):
        record(tmp_path / "line.txt", find(driver), "", None, threading.Event())
    assert not list(tmp_path.iterdir())


def test_a_scan_names_the_module_its_speed_and_its_number_and_what_else_is_heard() -> None:
    module, adapter, heard = SamModule(), WiegandAdapter(), Heard(lambda _: False)
    adapter.present(w34(b"\x04\xa1\xb2\xc3"))
    with PtyLine(module, baud=57_600) as first, PtyLine(adapter) as second:
        ports = [ListPortInfo(line.url, skip_link_detection=True) for line in (first, second)]
        ports[0].vid, ports[0].pid, ports[0].serial_number, ports[0].product = 0x0403, 0x6001, "A5/1", "SAM"
        assert scan(heard.stop, ports=ports, say=heard.say) == 0
    by_url = {found["url"]: found for found in heard.found}
    assert by_url[first.url] == {
        "url": first.url,
        "usb": "usb://0403:6001/A5%2F1",
        "product": "SAM",
        "driver": "ga467",
        "baud": 57_600,
        "sam_number": by_url[first.url]["sam_number"],
    }
    assert "driver" not in by_url[second.url]


KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")


@pytest.mark.parametrize(
    ("far_end", "baud", "found"),
    [
        (lambda: OsdpLine([OsdpReaderDevice(n, KEY) for n in (1, 2)]), 9_600, ("osdp", [1, 2])),
        (lambda: OsdpLine([OsdpReaderDevice(3, None)]), 115_200, ("osdp", [3])),
        (lambda: OsdpLine([OsdpReaderDevice(99, KEY)]), 9_600, ("osdp", "none of 0 to 7")),
        (lambda: ModbusBoard(unit=2), 19_200, ("relay-modbus", [2])),
        (lambda: ModbusBoard(unit=1, contacts=[True]), 9_600, ("relay-modbus", [1])),
    ],
    ids=["two osdp readers", "a new one at another speed", "one far away", "a board", "a board with contacts"],
)
def test_a_scan_names_who_answers_by_an_address(
    far_end: Callable[[], Device], baud: int, found: tuple[str, object]
) -> None:
    heard, device = Heard(lambda _: False), far_end()
    with PtyLine(device, baud=baud) as line:
        assert scan(heard.stop, ports=named([line.url]), say=heard.say) == 0
    (told,) = (one for one in heard.found if one["url"] == line.url)
    assert (told["driver"], told["baud"], told["addresses"]) == (found[0], baud, found[1])
    if isinstance(device, ModbusBoard):
        assert device.history == [], "nothing is switched"


def test_a_line_that_cannot_be_opened_is_not_scanned() -> None:
    with pytest.raises(LookupError, match="HOST:PORT"):
        named(["socket://somewhere"])


def test_settings_of_a_driver_are_given_as_words() -> None:
    _, settings = driver_and_settings("ga467", ["read=identity", "period_ms=500"], "/dev/ttyUSB0")
    assert settings == ga467.Settings(read="identity", period_ms=500)
    with pytest.raises(LookupError, match="period_ms"):
        driver_and_settings("ga467", ["period_ms=1"], "/dev/ttyUSB0")
    with pytest.raises(LookupError, match="PORT"):
        driver_and_settings("ga467", [], "socket://somewhere")
    with pytest.raises(LookupError, match="no driver"):
        driver_and_settings("ga468", [], "/dev/ttyUSB0")


@pytest.mark.parametrize(("was", "wanted"), [(115_200, 9_600), (9_600, 115_200), (38_400, 38_400)])
def test_a_module_is_set_to_another_speed_and_found_there(was: int, wanted: int) -> None:
    module, found = SamModule(), list[Found]()
    with PtyLine(module, baud=was) as line:
        module.respeed = line.respeed
        assert set_speed(line.url, wanted, threading.Event(), say=found.append) == 0
        assert found[-1] == {"event": "device_fact", "name": "speed", "value": str(wanted)}
        heard = Heard(lambda one: one.get("event") == "device_fact")
        assert try_line(ga467.DRIVER, line.url, ga467.Settings(), heard.stop, baud=wanted, say=heard.say) == 0
    assert set(module.commands) <= {b"\x11\xff", b"\x12\xff", b"\x20\x01", b"\x60" + bytes([BAUDS.index(wanted)])}


def test_a_module_that_takes_a_speed_and_does_not_keep_to_it_is_not_asked_for_ever() -> None:
    module, found = SamModule(), list[Found]()
    with PtyLine(module, baud=38_400) as line:  # it goes on at the old one
        assert set_speed(line.url, 9_600, threading.Event(), say=found.append) == 1
    assert found[-1]["code"] == "no_answer"
    assert module.commands[b"\x60\x04"] == 1


def test_a_module_that_refuses_or_is_not_there_is_said() -> None:
    module, found = SamModule(), list[Found]()
    module.refuse(b"\x60\x04", 0x21)
    with PtyLine(module) as line:
        assert set_speed(line.url, 9_600, threading.Event(), say=found.append) == 1
        assert found[-1]["code"] == "unsupported_command"
        module.power = False
        assert set_speed(line.url, 9_600, threading.Event(), say=found.append) == 1
        assert found[-1]["code"] == "no_answer"
