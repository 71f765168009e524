import re
from datetime import date
from pathlib import Path
from threading import Event, Thread

from drivers.api import CardRead, ReaderEvent, Verdict
from drivers.registry import find, settings_for
from drivers.stream import StreamLink
from gateway.decode import decode
from simulators.conformance import check_stream
from simulators.line import PtyLine
from tests.drivers import acme_reader

SOURCE = Path(acme_reader.__file__)
PAGE = Path(__file__).parents[2] / "docs" / "drivers.md"


def test_the_page_on_drivers_shows_this_driver_word_for_word() -> None:
    assert f"```python\n{SOURCE.read_text('utf-8')}```\n" in PAGE.read_text("utf-8")


def test_a_whole_driver_is_one_file_of_less_than_60_lines() -> None:
    assert len(SOURCE.read_text("utf-8").splitlines()) < 60


def test_it_passes_the_entrance_exam() -> None:
    sample = b"\x020A1B2C3D4E\x03"
    (read,) = acme_reader.AcmeReader(acme_reader.Settings()).receive(sample, 0.0)
    assert isinstance(read, CardRead)
    assert read.credential.number == "0A1B2C3D4E"
    check_stream(lambda: acme_reader.AcmeReader(acme_reader.Settings()), sample)


def test_the_trace_of_an_idle_module_on_the_page_is_a_true_one() -> None:
    trace = re.findall("^[<>] ([0-9A-F]+) ", PAGE.read_text("utf-8"), re.MULTILINE)
    found, _ = decode("ga467", "".join(trace), reveal=False, today=date(2026, 11, 23))
    assert [item["event"] for item in found] == ["command", "reply", "command", "device_fact", "command", "reply"]
    assert [item.get("meaning") for item in found][-2:] == ["find a card", "no card"]


class Turnstile:
    """The far end: shows one card at once, and a second one when its lamp turns green."""

    def __init__(self) -> None:
        self.heard = b""
        self.cards = [b"\x020A1B2C3D4E\x03"]

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002
        self.heard += data
        if b"G" in data:
            self.cards.append(b"\x02FFFFFFFFFF\x03")

    def to_send(self, now: float) -> bytes:  # noqa: ARG002
        return self.cards.pop(0) if self.cards else b""


def test_it_is_found_by_its_file_and_runs_on_a_real_line() -> None:
    driver = find("tests.drivers.acme_reader:DRIVER")
    assert driver is acme_reader.DRIVER
    turnstile, stop = Turnstile(), Event()
    turnstile.cards, held = [], turnstile.cards
    numbers: list[str] = []
    with PtyLine(turnstile) as line:
        link = StreamLink(driver, line.url, settings_for(driver, {"lamp": "two-colour"}))

        def heard(event: ReaderEvent) -> None:
            if not isinstance(event, CardRead):
                turnstile.cards.extend(held)  # the line is open
                return
            numbers.append(event.credential.number)
            if len(numbers) == 1:
                link.signal(Verdict.GRANT)
            else:
                stop.set()

        thread = Thread(target=link.run, args=(heard, stop))
        thread.start()
        thread.join(10.0)
        assert not thread.is_alive()
    assert numbers == ["0A1B2C3D4E", "FFFFFFFFFF"]
    assert turnstile.heard == b"G"
