import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from queue import Queue
from typing import Any

import pytest

from drivers import pcsc, pcsc_watch
from drivers.api import CardGone, CardRead, LinkLost, Online, ReaderEvent, ReaderFault, Verdict
from drivers.pcsc_watch import Seen, Slot
from drivers.registry import BadSettings, find, settings_for
from gateway.station.readers import Place, Supervised
from simulators.card import CLASSIC, ID_CARD_ELSEWHERE, PERMIT, id_card, type_a
from simulators.conformance import check_native
from simulators.pcscd import PrivatePcscd
from tests.daemon import private_pcscd, reader_url
from tests.waiting import until

real = [pytest.mark.real("pcscd"), pytest.mark.xdist_group("pcscd")]


def needs_pcscd(test: Callable[..., None]) -> Callable[..., None]:
    for mark in real:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivatePcscd]:
    with private_pcscd(16) as running:
        yield running


class Running:
    """A reader on a thread of its own; leaving the block ends it and lifts its card."""

    def __init__(self, slot: int, settings: pcsc.Settings) -> None:
        self.reader = pcsc.PcscReader(reader_url(slot), settings)
        self.events: Queue[ReaderEvent] = Queue()
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.reader.run(self.events.put, self.stop)
        except LinkLost as error:
            self.error = error

    def until(self, *kinds: type[ReaderEvent]) -> ReaderEvent:
        while not isinstance(event := self.events.get(timeout=5.0), kinds):
            pass
        return event

    def number(self) -> str:
        read = self.until(CardRead, ReaderFault)
        assert isinstance(read, CardRead), read
        return read.credential.number


@contextmanager
def running(daemon: PrivatePcscd, slot: int, settings: pcsc.Settings | None = None) -> Iterator[Running]:
    run = Running(slot, settings or pcsc.Settings())
    run.thread.start()
    try:
        run.until(Online)
        yield run
    finally:
        run.stop.set()
        run.thread.join()
        daemon.lift(slot)


@needs_pcscd
def test_the_pcsc_reader_passes_the_entrance_exam(daemon: PrivatePcscd) -> None:
    card = type_a(bytes.fromhex("04A1B2C3"))
    check_native(
        lambda: pcsc.PcscReader(reader_url(0), pcsc.Settings()), lambda: daemon.put(0, card), lambda: daemon.lift(0)
    )
    assert daemon.commands(0)


@needs_pcscd
def test_id_cards_and_permits_are_read_on_many_readers_at_once_each_by_what_is_its_own(daemon: PrivatePcscd) -> None:
    with running(daemon, 2) as two, running(daemon, 9) as nine, running(daemon, 15) as fifteen:
        daemon.put(2, id_card(bytes.fromhex("10E4100102030405")))
        daemon.put(9, id_card(bytes.fromhex("10E4100102030499"), ID_CARD_ELSEWHERE))
        daemon.put(15, type_a(bytes.fromhex("04A1B2C3D4E5F6"), PERMIT))
        assert two.number() == "10E4100102030405"
        assert nine.number() == "10E4100102030499"
        assert fifteen.number() == "04A1B2C3D4E5F6"


@needs_pcscd
def test_two_id_cards_one_after_the_other_are_two_though_their_atr_is_the_same(daemon: PrivatePcscd) -> None:
    with running(daemon, 4) as run:
        numbers = [f"10E41001020304{n:02X}" for n in range(3)]
        for number in numbers:
            daemon.put(4, id_card(bytes.fromhex(number)))
            assert run.number() == number
        daemon.lift(4)
        assert isinstance(run.until(CardGone, CardRead), CardGone)
    assert run.error is None


@needs_pcscd
@pytest.mark.parametrize(
    ("slot", "uid", "atr", "code"),
    [
        (5, bytes(4), CLASSIC, "zero_id"),
        (12, b"\x08\x01\x02\x03", CLASSIC, "random_id"),
        (13, b"\x04" * 5, PERMIT, "bad_uid"),
    ],
    ids=["zeros", "random", "size"],
)
def test_what_is_no_identity_is_a_fault_with_its_reason(
    daemon: PrivatePcscd, slot: int, uid: bytes, atr: bytes, code: str
) -> None:
    with running(daemon, slot) as run:
        daemon.put(slot, type_a(uid, atr))
        fault = run.until(ReaderFault, CardRead)
        assert isinstance(fault, ReaderFault)
        assert fault.code == code


@needs_pcscd
def test_an_atr_of_another_reader_make_is_configured_and_gives_the_chip_serial(daemon: PrivatePcscd) -> None:
    with running(daemon, 6, pcsc.Settings(id_card_atrs=(CLASSIC.hex(),))) as run:
        daemon.put(6, id_card(bytes.fromhex("10E4100102030405"), CLASSIC))
        assert run.number() == "10E4100102030405"


@needs_pcscd
def test_a_card_that_another_program_holds_is_a_clear_fault(daemon: PrivatePcscd) -> None:
    scard = pcsc.library()
    name = reader_url(7).removeprefix(pcsc.SCHEME)
    daemon.put(7, type_a(bytes.fromhex("04A1B2C3")))
    with pcsc._context(scard) as context:
        held = None
        while held is None:  # until the daemon has seen the card
            result, card, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_ANY)
            held = card if result == scard.SCARD_S_SUCCESS else None
        with running(daemon, 7) as run:
            fault = run.until(ReaderFault, CardRead)
        scard.SCardDisconnect(held, scard.SCARD_LEAVE_CARD)
    assert isinstance(fault, ReaderFault)
    assert fault.code == "card_in_use"


@needs_pcscd
def test_a_lamp_that_the_reader_does_not_have_disturbs_nothing(daemon: PrivatePcscd) -> None:
    with running(daemon, 8, pcsc.Settings(lamp="acr122")) as run:
        run.reader.signal(Verdict.GRANT)
        daemon.put(8, type_a(bytes.fromhex("04A1B2C3")))
        run.reader.signal(Verdict.REFUSE)
        assert run.number() == "04A1B2C3"
        assert run.reader.identify()
    assert run.error is None
    assert not run.reader.identify()


def test_a_reader_without_a_lamp_or_that_is_away_cannot_be_found() -> None:
    assert not pcsc.PcscReader("pcsc://", pcsc.Settings()).identify()
    assert not pcsc.PcscReader("pcsc://", pcsc.Settings(lamp="acr122")).identify()


@needs_pcscd
def test_a_daemon_that_is_killed_is_said_once_and_reading_goes_on_when_it_is_back(
    daemon: PrivatePcscd, caplog: pytest.LogCaptureFixture
) -> None:
    heard: Queue[CardRead] = Queue()
    devices = [
        Supervised(
            Place(f"gate-{slot}", "reader", "gate", sees_lying=True),
            lambda slot=slot: pcsc.PcscReader(reader_url(slot), pcsc.Settings()),
            heard=lambda _id, card, _mono: heard.put(card),
        )
        for slot in (10, 11)
    ]
    caplog.set_level("INFO", "gateway.station.readers")
    for device in devices:
        device.start()
    try:
        daemon.put(10, type_a(bytes.fromhex("04A1B2C3")))
        assert heard.get(timeout=5.0).credential.number == "04A1B2C3"
        daemon.lift(10)
        for round_ in range(2):
            daemon.kill()
            _wait_for(caplog, "is down", 2 * (round_ + 1))
            daemon.start()
            daemon.put(11, id_card(bytes.fromhex(f"10E41001020304{round_:02X}")))
            assert heard.get(timeout=2.0).credential.number == f"10E41001020304{round_:02X}"
            daemon.lift(11)
            _wait_for(caplog, "is back", 2 * (round_ + 1))
    finally:
        for device in devices:
            device.stop()
        for device in devices:
            device.join()
        daemon.lift(10)
        daemon.lift(11)
    for device in devices:
        said = [text for text in caplog.messages if device.place.id in text and "pcsc_reader" not in text]
        assert len(said) == 4
        assert all(("down" in before) != ("down" in after) for before, after in pairwise(said))


def _wait_for(caplog: pytest.LogCaptureFixture, words: str, times: int) -> None:
    waited = threading.Event()
    for _ in range(500):
        if sum(words in text for text in caplog.messages) >= times:
            return
        waited.wait(0.01)
    raise AssertionError(f"{words!r} was not said {times} times: {caplog.messages}")


@needs_pcscd
@pytest.mark.parametrize(("slot", "swapped"), [(3, True), (14, False)])
def test_a_card_that_is_laid_while_the_daemon_starts_again_too_quickly_to_be_missed_is_read(
    daemon: PrivatePcscd, monkeypatch: pytest.MonkeyPatch, slot: int, swapped: bool
) -> None:
    one, other = (id_card(bytes.fromhex(f"10E41001020304{n:02X}")) for n in (1, 2))
    heard: Queue[str] = Queue()
    read: list[ReaderEvent] = []
    device = Supervised(
        Place(f"gate-{slot}", "reader", "gate", sees_lying=True),
        lambda: pcsc.PcscReader(reader_url(slot), pcsc.Settings()),
        heard=lambda _id, card, _mono: heard.put(card.credential.number),
        counted=lambda _id, event: read.append(event) if isinstance(event, CardRead) else None,
    )
    device.start()
    try:
        daemon.put(slot, one)  # counted as often in the next life of the daemon as the other
        assert heard.get(timeout=5.0) == "10E4100102030401"
        monkeypatch.setattr(pcsc_watch, "RETRY_S", 3.0)
        daemon.kill()
        if swapped:
            daemon.put(slot, other)
        daemon.start()
        until(lambda: len(read) == 2)
        if swapped:
            assert heard.get(timeout=10.0) == "10E4100102030402"
        daemon.lift(slot)
        daemon.put(slot, one)
        assert heard.get(timeout=10.0) == "10E4100102030401"
        assert heard.empty()
    finally:
        device.stop()
        device.join()
        daemon.lift(slot)


@needs_pcscd
def test_a_reader_on_which_nothing_lies_says_so_when_it_is_opened(daemon: PrivatePcscd) -> None:
    with running(daemon, 8) as run:
        assert isinstance(run.until(CardGone, CardRead), CardGone)


@needs_pcscd
def test_a_reader_that_is_unplugged_is_lost_and_reads_again_when_it_is_back(daemon: PrivatePcscd) -> None:
    with running(daemon, 1) as run:
        pcsc_watch._running[0]._publish(slots("Gate 00 00 00"))  # vpcd cannot be unplugged: what the watcher would see
        run.thread.join(5.0)
        assert isinstance(run.error, LinkLost)
        assert str(run.error) == "the reader was unplugged"
    with running(daemon, 1) as again:
        daemon.put(1, type_a(bytes.fromhex("04A1B2C3")))
        assert again.number() == "04A1B2C3"


@needs_pcscd
def test_a_reader_that_is_not_there_is_lost_and_the_others_are_named(
    daemon: PrivatePcscd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcsc, "PATIENCE_S", 0.5)
    with pytest.raises(LinkLost, match=r"no reader 'ACR122'; there are: Gate 00 00 00"):
        pcsc.PcscReader("pcsc://ACR122", pcsc.Settings()).run(lambda _: None, threading.Event())
    assert len(pcsc.reader_names()) == 16


def slots(*names: str) -> Seen:
    return Seen({name: Slot(life=1, present=False, count=0, mute=False, atr=b"") for name in names})


@pytest.mark.parametrize(
    ("wanted", "names", "chosen"),
    [
        ("Gate 00", ["Gate 00", "Gate 00 SAM"], "Gate 00"),
        ("acr122", ["ACS ACR122U 00 00", "Other"], "ACS ACR122U 00 00"),
        ("", ["The only one"], "The only one"),
    ],
)
def test_a_reader_is_chosen_by_its_name_or_by_a_part_that_is_its_own(
    wanted: str, names: list[str], chosen: str
) -> None:
    assert pcsc.choose(wanted, slots(*names)) == chosen


@pytest.mark.parametrize(
    ("wanted", "seen", "said"),
    [
        ("Gate", slots("Gate 1", "Gate 2"), "2 readers have 'Gate' in their name: Gate 1, Gate 2"),
        ("", slots(), "there are: none"),
        ("Gate", Seen({}, "the service is away"), "the service is away"),
    ],
)
def test_a_reader_that_cannot_be_chosen_is_a_lost_link_that_says_why(wanted: str, seen: Seen, said: str) -> None:
    with pytest.raises(LinkLost, match=said):
        pcsc.choose(wanted, seen)


def test_without_pyscard_the_reader_is_down_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    driver = find("pcsc")
    assert driver is importlib.import_module("drivers.pcsc").DRIVER
    with pytest.raises(LinkLost, match=r"pip install 'xiaoqu-gateway\[pcsc\]'"):
        pcsc.PcscReader("pcsc://any", settings_for(driver, {})).run(lambda _: None, threading.Event())


@pytest.mark.parametrize(
    "table", [{"id_card_atrs": ["xyz"]}, {"id_card_atrs": ["3B"]}, {"id_card_atrs": ["3B" * 34]}, {"lamp": "disco"}]
)
def test_settings_that_mean_nothing_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(BadSettings):
        settings_for(pcsc.DRIVER, table)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="pcsc://"):
        pcsc.PcscReader("/dev/ttyUSB0", pcsc.Settings())
