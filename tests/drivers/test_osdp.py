import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import osdp, osdp_cards, osdp_install, osdp_line, osdp_settings, osdp_wire, wiegand
from drivers.api import (
    CardRead,
    CredentialKind,
    DeviceFact,
    FaultOver,
    Input,
    LinkLost,
    Noise,
    Online,
    OutputState,
    ReaderEvent,
    ReaderFault,
    Remedy,
    Verdict,
)
from drivers.osdp_wire import Wire
from drivers.registry import BadSettings, settings_for
from drivers.stream import Transport
from simulators.conformance import check_native
from simulators.line import PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.tcp import TcpLine
from simulators.wiegand import w34
from tests.waiting import until

KEY = "00112233445566778899AABBCCDDEEFF"
OTHER = "FFEEDDCCBBAA99887766554433221100"
W26 = "00101101000000001010001000"
UID = bytes.fromhex("04A1B2C3")


class Running:
    """A reader on a thread of its own."""

    def __init__(self, url: str, settings: osdp_settings.Settings | None = None) -> None:
        self.reader = osdp.OsdpReader(url, settings or osdp_settings.Settings(key=KEY))
        self.events: Queue[ReaderEvent] = Queue()
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.reader.run(self.events.put, self.stop)
        except (LinkLost, ValueError) as error:
            self.error = error

    def until(self, *kinds: type[ReaderEvent]) -> Any:
        while not isinstance(event := self.events.get(timeout=5.0), kinds):
            pass
        return event

    def told(self, act: Callable[[], None], wanted: Callable[[ReaderEvent], bool]) -> ReaderEvent:
        """Act until that is told: an answer that a busy machine delays is lost, and what it told with it."""
        for _ in range(20):
            act()
            with suppress(Empty):
                while not wanted(event := self.events.get(timeout=1.0)):
                    pass
                return event
        raise AssertionError("it was not told")

    def reads(self, device: OsdpReaderDevice, bits: str, number: str) -> CardRead:
        """Present a card until it is read."""

        def wanted(event: ReaderEvent) -> bool:
            assert not isinstance(event, ReaderFault) or event.code == "late_card"
            return isinstance(event, CardRead) and event.credential.number == number

        read = self.told(lambda: device.present(bits), wanted)
        assert isinstance(read, CardRead)
        return read

    def end(self) -> None:
        self.stop.set()
        self.thread.join()


@contextmanager
def running(*urls: str, settings: osdp_settings.Settings | None = None) -> Iterator[list[Running]]:
    runs = [Running(url, settings) for url in urls]
    for run in runs:
        run.thread.start()
    try:
        yield runs
    finally:
        for run in runs:
            run.end()


def devices(*addresses: int, key: str = KEY) -> list[OsdpReaderDevice]:
    return [OsdpReaderDevice(address, bytes.fromhex(key)) for address in addresses]


def eventually(true: Callable[[], bool]) -> bool:
    waited = threading.Event()
    return any(true() or waited.wait(0.01) for _ in range(500))


def test_a_card_on_an_encrypted_line_is_read_with_its_raw_bits_and_the_reader_says_who_it_is() -> None:
    (device,) = devices(5)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#5") as (run,):
        assert run.until(Online, CardRead) == Online()
        fact = run.until(DeviceFact)
        assert (fact.name, fact.value) == (
            "osdp_identity",
            "vendor 00CAFE model 1 version 1 serial 4101 firmware 1.2.3",
        )
        assert device.secure
        read = run.reads(device, W26, "5A0144")
        assert (read.credential.kind, read.credential.number) == (CredentialKind.WIEGAND_26, "5A0144")
        assert read.raw_bits == W26
        run.reads(device, w34(UID), UID.hex().upper())


def test_the_osdp_reader_passes_the_entrance_exam() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line:
        check_native(
            lambda: osdp.OsdpReader(f"{line.url}#1", osdp_settings.Settings(key=KEY)),
            lambda: device.present(W26),
            lambda: None,
            tells_gone=False,
        )


def test_a_visitor_code_is_typed_and_shorter_ones_are_none() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(Online)
        device.press("123#")
        assert run.until(Noise, CardRead).size == 3
        device.press("13800")
        device.press("138000#")
        read = run.until(Noise, CardRead)
        assert (read.credential.kind, read.credential.number) == (CredentialKind.VISITOR, "13800138000")


def test_verdicts_reach_lamp_buzzer_and_text_and_no_relay() -> None:
    (device,) = devices(1)
    with (
        PtyLine(OsdpLine([device])) as line,
        running(f"{line.url}#1", settings=osdp_settings.Settings(key=KEY)) as (run,),
    ):
        lib = osdp.library()
        run.until(DeviceFact)
        run.reader.signal(Verdict.GRANT)
        assert eventually(lambda: any(c["command"] == lib.CMD_TEXT for c in device.told))
        commands = {c["command"]: c for c in device.told}
        assert commands[lib.CMD_TEXT]["data"] == "请通行"
        assert commands[lib.CMD_LED]["on_color"] == lib.LED_COLOR_GREEN
        device.told.clear()
        run.reader.signal(Verdict.ATTEND)
        assert eventually(lambda: sum(c["command"] == lib.CMD_TEXT for c in device.told) == 2)
        assert [c["data"] for c in device.told if c["command"] == lib.CMD_TEXT] == ["请稍候", "门岗马上为您开门"]
        assert lib.CMD_OUTPUT not in {c["command"] for c in device.told}


@pytest.mark.parametrize(("seconds", "told"), [(0.01, 1), (4.5, 45), (25.5, 255), (26.0, 255), (60.0, 255)])
def test_its_relay_closes_for_as_long_as_it_can_be_told_and_never_for_ever(seconds: float, told: int) -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(DeviceFact)
        assert run.reader.open(seconds)
        assert eventually(lambda: any("output_no" in c for c in device.told))
        assert [c["timer_count"] for c in device.told if "output_no" in c] == [told]


def test_its_relay_is_switched_for_as_long_as_was_asked_and_it_can_be_found_by_its_lamp() -> None:
    (device,) = devices(1)
    with (
        PtyLine(OsdpLine([device])) as line,
        running(f"{line.url}#1", settings=osdp_settings.Settings(key=KEY, output=1)) as (run,),
    ):
        lib = osdp.library()
        run.until(DeviceFact)
        assert run.reader.open(4.5)
        assert eventually(lambda: any(c["command"] == lib.CMD_OUTPUT for c in device.told))
        (relay,) = (c for c in device.told if c["command"] == lib.CMD_OUTPUT)
        assert (relay["output_no"], relay["timer_count"]) == (1, 45)
        assert run.until(OutputState, ReaderFault) == OutputState(1, on=True, confirmed=True)
        device.told.clear()
        assert run.reader.identify()
        assert eventually(lambda: {lib.CMD_LED, lib.CMD_BUZZER} <= {c["command"] for c in device.told})
        assert lib.CMD_OUTPUT not in {c["command"] for c in device.told}
    assert not run.reader.open(4.5)
    assert not run.reader.identify()


def test_a_reader_that_may_neither_blink_nor_beep_cannot_be_found() -> None:
    (device,) = devices(1)
    dark = osdp_settings.Settings(key=KEY, led=False, buzzer=False)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1", settings=dark) as (run,):
        run.until(DeviceFact)
        assert not run.reader.identify()


def test_two_readers_share_a_line_and_the_restart_of_one_does_not_disturb_the_other() -> None:
    first, second = devices(1, 2)
    with (
        PtyLine(OsdpLine([first, second])) as line,
        running(f"{line.url}#1", f"{line.url}#2") as (one, two),
    ):
        one.until(DeviceFact)
        two.until(DeviceFact)
        second.restart()
        for _ in range(3):
            first.present(W26)
            assert one.until(CardRead, DeviceFact, ReaderFault).credential.number == "5A0144"
        assert two.until(Online, ReaderFault) == Online()
        two.reads(second, w34(UID), UID.hex().upper())
        two.end()
        first.present(W26)
        assert one.until(CardRead, DeviceFact, ReaderFault).credential.number == "5A0144"
        with running(f"{line.url}#2") as (again,):
            again.until(Online)
            first.present(W26)
            assert one.until(CardRead, DeviceFact, ReaderFault).credential.number == "5A0144"
        assert one.error is None


def test_a_reader_that_answers_nothing_is_lost_and_its_neighbour_is_not() -> None:
    (first,) = devices(1)
    with PtyLine(OsdpLine([first])) as line, running(f"{line.url}#1", f"{line.url}#2") as (one, two):
        one.until(Online)
        two.thread.join(osdp.SILENT_S + 3)
        assert isinstance(two.error, LinkLost)
        one.reads(first, W26, "5A0144")


def test_two_lines_are_two_and_a_line_that_is_cut_is_lost_for_its_readers_only() -> None:
    (first,), (second,) = devices(1), devices(1)
    with (
        PtyLine(OsdpLine([first])) as line,
        TcpLine(OsdpLine([second])) as other,
        running(f"{line.url}#1", f"{other.url}#1") as (one, two),
    ):
        one.until(Online)
        two.until(Online)
        line.cut()
        one.thread.join(3)
        assert isinstance(one.error, LinkLost)
        two.reads(second, W26, "5A0144")


@pytest.mark.parametrize("held", [OTHER, None])
def test_a_wrong_key_is_said_once_and_never_repaired(held: str | None) -> None:
    device = OsdpReaderDevice(1, bytes.fromhex(held) if held else None)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        fault = run.until(ReaderFault, Online)
        assert (fault.code, fault.remedy) == ("key_mismatch", Remedy.CALL_TECHNICIAN)
        run.thread.join(osdp.SILENT_S + 0.5)  # it is not asked meanwhile, and is not gone for that
        run.end()
        assert run.error is None
    assert run.events.empty()
    assert device.keys_set == []


def test_a_new_reader_gets_its_key_only_when_that_is_asked_for() -> None:
    device = OsdpReaderDevice(1, None)
    with PtyLine(OsdpLine([device])) as line:
        assert osdp_install.install(f"{line.url}#1", KEY, threading.Event())
        assert set(device.keys_set) == {bytes.fromhex(KEY)}
        with running(f"{line.url}#1") as (run,):
            assert run.until(Online, ReaderFault) == Online()


def test_install_mode_ends_by_itself_and_gives_no_key_to_a_reader_that_has_another() -> None:
    (device,) = devices(1, key=OTHER)
    with PtyLine(OsdpLine([device])) as line:
        assert not osdp_install.install(f"{line.url}#1", KEY, threading.Event(), seconds=1.5)
    assert device.keys_set == []


def test_tamper_and_power_are_faults_that_stand_until_they_are_over() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(DeviceFact)
        device.local(tamper=True)
        assert run.until(ReaderFault).code == "tamper"
        device.local(tamper=True, power=True)
        assert run.until(ReaderFault).code == "power"
        device.local(power=True)
        assert run.until(FaultOver, ReaderFault) == FaultOver("tamper")
        device.local()
        assert run.until(FaultOver, ReaderFault) == FaultOver("power")


def test_a_tamper_alarm_that_stood_before_anybody_listened_is_told_at_once() -> None:
    (device,) = devices(1)
    device.local(tamper=True)
    device.restart()  # what it kept to tell is gone; what is so remains
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        fault = run.until(ReaderFault)
        assert (fault.code, fault.stands) == ("tamper", True)


def inputs(run: Running) -> list[Input]:
    """The next that is told of two contacts."""
    return [run.until(Input), run.until(Input)]


OPEN = [Input(0, closed=False), Input(1, closed=False)]
FIRST_SHUT = [Input(0, closed=True), Input(1, closed=False)]
TWO = osdp_settings.Settings(key=KEY, inputs=2)


def test_contacts_are_told_at_once_and_again_behind_a_tamper_alarm() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line:
        with running(f"{line.url}#1", settings=TWO) as (run,):
            assert inputs(run) == OPEN
            device.contacts(True, False)
            assert run.until(Input) == Input(0, closed=True)
            device.local(tamper=True)
            assert run.until(ReaderFault, Input).stands
            assert inputs(run) == FIRST_SHUT
        with running(f"{line.url}#1", settings=TWO) as (run,):
            assert inputs(run) == FIRST_SHUT


def test_contacts_are_told_when_they_move_and_only_those_that_are_followed() -> None:
    (device,) = devices(1)
    one_input = osdp_settings.Settings(key=KEY, inputs=1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1", settings=one_input) as (run,):
        assert run.until(Input) == Input(0, closed=False)
        device.contacts(True, True)
        assert run.until(Input) == Input(0, closed=True)
        device.contacts(True, False)
        device.contacts(False, False)
        assert run.until(Input) == Input(0, closed=False)


def test_a_reader_that_refuses_to_say_how_it_is_is_asked_twice_and_then_left_in_peace() -> None:
    (device,) = devices(1)
    local, contacts = osdp.library().STATUS_REPORT_LOCAL, osdp.library().STATUS_REPORT_INPUT
    device.refuses |= {local, contacts}
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1", settings=TWO) as (run,):
        until(lambda: device.asked[local] and device.asked[contacts])
        run.told(lambda: device.contacts(True, False), lambda event: event == Input(0, closed=True))
        run.told(lambda: device.contacts(False, False), lambda event: event == Input(0, closed=False))
        for _ in range(2 * osdp.ASKED + 1):
            asked = device.asked.copy()
            run.told(device.restart, lambda event: isinstance(event, DeviceFact) and event.name == "contacts")
            run.reads(device, W26, "5A0144")
            if device.asked == asked:
                return
    raise AssertionError("it is asked at each beginning")


def test_what_was_presented_while_the_line_was_cut_opens_nothing_and_what_comes_afterwards_is_read() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line:
        with running(f"{line.url}#1") as (run,):
            run.until(Online)
            line.cut()
            run.thread.join(3)
        device.present(W26)
        device.press("13800138000#")
        line.restore()
        with running(f"{line.url}#1") as (run,):
            assert run.until(Noise, CardRead, ReaderFault, Online).size == 12
            assert run.until(CardRead, ReaderFault, Online) == Online()
            fault = run.until(ReaderFault, CardRead)
            assert (fault.code, fault.remedy) == ("late_card", Remedy.PRESENT_AGAIN)
            assert eventually(lambda: any(c.get("data") == "请重新刷卡" for c in device.told))
            run.reads(device, w34(UID), UID.hex().upper())
            device.press("13800138000#")
            assert run.until(CardRead, ReaderFault, Noise).credential.number == "13800138000"


def test_a_card_kept_by_a_reader_that_was_silent_for_a_while_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_line, "AWAY_S", 0.5)  # libosdp asks again a second after an answer that did not come
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1", settings=TWO) as (run,):
        assert inputs(run) == OPEN
        device.powered = False
        assert eventually(lambda: device.missed > 0)
        device.present(W26)
        device.contacts(True, True)
        device.contacts(True, False)
        device.powered = True
        assert run.until(CardRead, ReaderFault, Input) == Input(0, closed=True)
        assert run.until(CardRead, ReaderFault, Input).code == "late_card"
        monkeypatch.setattr(osdp_line, "AWAY_S", 60.0)
        run.reads(device, w34(UID), UID.hex().upper())


def test_a_card_kept_while_answers_were_lost_for_a_moment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_line, "AWAY_S", 60.0)
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(DeviceFact)
        device.powered = False
        device.present(W26)
        assert eventually(lambda: device.missed > 0)
        device.powered = True
        assert run.until(CardRead, ReaderFault).credential.number == "5A0144"


def test_a_card_at_a_reader_that_begins_afresh_quickly_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(DeviceFact)
        monkeypatch.setattr(osdp_line, "AWAY_S", 60.0)
        device.restart()
        device.present(W26)
        assert run.until(CardRead, ReaderFault).credential.number == "5A0144"


def test_a_card_kept_while_the_gateway_itself_was_held_up_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_line, "AWAY_S", 0.5)
    (device,) = devices(1)
    held_up, go_on = threading.Event(), threading.Event()
    go_on.set()

    def hear(wire: Wire, transport: Transport) -> None:
        if wire.inbox and not go_on.is_set():  # an answer is here, to what was asked before
            held_up.set()
            go_on.wait()
        osdp_wire.hear(wire, transport)

    monkeypatch.setattr(osdp_line, "hear", hear)
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
        run.until(Online)
        (seat,) = osdp_line._open[line.url]._seats
        go_on.clear()
        try:
            assert held_up.wait(5.0)
            device.present(W26)
            assert eventually(lambda: time.monotonic() - seat.attended > osdp_line.AWAY_S)
        finally:
            go_on.set()
        assert run.until(CardRead, ReaderFault).code == "late_card"
        monkeypatch.setattr(osdp_line, "AWAY_S", 60.0)
        run.reads(device, w34(UID), UID.hex().upper())


def test_a_reader_that_always_has_something_to_say_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_line, "EMPTYING_S", 0.5)
    (device,) = devices(1)
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.01):
            device.present(W26)

    talking = threading.Thread(target=chatter)
    talking.start()
    try:
        with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#1") as (run,):
            assert run.until(CardRead, ReaderFault, Online) == Online()
            assert run.until(CardRead, ReaderFault).code == "late_card"
            assert run.until(CardRead).credential.number == "5A0144"
    finally:
        stop.set()
        talking.join()


def test_whoever_comes_to_a_line_that_has_ended_is_told_so_at_once() -> None:
    line = osdp_line.Line(osdp.library(), "/dev/nowhere-at-all", 9600)
    try:
        assert eventually(lambda: not line.alive)
        seat = line.sit(1, bytes.fromhex(KEY))
        mail = seat.mail.get_nowait()
        assert isinstance(mail, osdp_line.Ended)
        assert "cannot open" in mail.why
    finally:
        line.close()


def test_nothing_is_open_after_the_last_reader_has_left() -> None:
    (device,) = devices(1)
    with PtyLine(OsdpLine([device])) as line:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with running(f"{line.url}#1") as (run,):
                run.until(Online)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_without_libosdp_the_reader_is_down_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osdp_sys", None)
    with pytest.raises(LinkLost, match=r"pip install 'xiaoqu-gateway\[osdp\]'"):
        osdp.OsdpReader("/dev/null#1", osdp_settings.Settings(key=KEY)).run(lambda _: None, threading.Event())


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"key": osdp_settings.DEFAULT_KEY.hex()},
        {"key": "00" * 16},
        {"key": KEY[:-1]},
        {"key": KEY, "key_file": "here"},
        {"key_file": "/nowhere/at/all"},
        {"key": KEY, "grant": "十一个汉字的欢迎词太长了"},
        {"key": KEY, "output": 16},
        {"key": KEY, "inputs": 17},
        {"key": KEY, "baud": 1200},
    ],
)
def test_settings_that_cannot_be_are_refused_without_saying_a_key(table: dict[str, Any]) -> None:
    with pytest.raises(BadSettings) as refused:
        settings_for(osdp.DRIVER, table)
    assert osdp_settings.DEFAULT_KEY.hex() not in str(refused.value)


def test_a_key_is_read_from_a_file_and_never_printed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n", "ascii")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ValueError, match="others may read it"):
        osdp_settings.Settings(key_file=str(tmp_path / "key"))
    (tmp_path / "key").chmod(0o600)
    settings = osdp_settings.Settings(key_file=str(tmp_path / "key"))
    assert settings.secret() == bytes.fromhex(KEY)
    assert KEY not in repr(osdp_settings.Settings(key=KEY))


@pytest.mark.parametrize("url", ["/dev/ttyUSB0", "#1", "/dev/ttyUSB0#", "/dev/ttyUSB0#127", "/dev/ttyUSB0#x"])
def test_a_url_without_an_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="LINE#ADDRESS"):
        osdp.split_url(url)


@pytest.mark.parametrize(
    ("data", "length", "parity", "number"),
    [
        ("04A1B2C3", 32, False, "04A1B2C3"),
        ("04A1B2C3D4E5F6", 56, False, "04A1B2C3D4E5F6"),
        ("04A1B2C3", 32, True, "32:04A1B2C3"),
        ("2D00A200", 26, True, "5A0144"),
    ],
)
def test_raw_cards_become_credentials(data: str, length: int, parity: bool, number: str) -> None:
    read = osdp_cards.raw_card(bytes.fromhex(data), length, wiegand.Settings(also=(32,)), parity=parity)
    assert isinstance(read, CardRead)
    assert read.credential.number == number


@given(data=st.binary(max_size=64), length=st.integers(-1, 600), parity=st.booleans())
def test_no_raw_card_raises(data: bytes, length: int, parity: bool) -> None:
    event = osdp_cards.raw_card(data, length, wiegand.Settings(), parity=parity)
    assert isinstance(event, CardRead | Noise | ReaderFault)


@given(keys=st.lists(st.binary(max_size=30)))
def test_no_keys_raise_and_only_digits_become_a_code(keys: list[bytes]) -> None:
    pad = osdp_cards.Keypad()
    for now, some in enumerate(keys):
        for event in pad.press(some, float(now)):
            assert isinstance(event, Noise) or (isinstance(event, CardRead) and event.credential.number.isdigit())
