import sys
from typing import Any

from drivers import osdp, osdp_line
from drivers.api import Online
from drivers.osdp_line import Said, Seat
from simulators.line import PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from tests.drivers.test_osdp import KEY, W26, eventually, running

SECRET = bytes.fromhex(KEY)


def card(seat: Seat, device: OsdpReaderDevice) -> Said:
    """Present a card until it is told: an answer that a busy machine delays is lost, and the card with it."""
    found: list[Said] = []

    def told() -> bool:
        while not seat.mail.empty():
            mail = seat.mail.get()
            if isinstance(mail, Said) and "data" in mail.event:
                found.append(mail)
        return bool(found)

    for _ in range(20):
        device.present(W26)
        if eventually(told):
            return found[0]
    raise AssertionError("it was not told")


def test_of_a_card_nothing_stays_behind_in_the_library() -> None:
    device = OsdpReaderDevice(5, SECRET)
    with PtyLine(OsdpLine([device])) as line:
        seat = osdp_line.join(osdp.library(), line.url, 9600, 5, SECRET)
        try:
            assert eventually(lambda: seat.secure)
            said = card(seat, device)
        finally:
            osdp_line.leave(seat)
    alone = {"data": bytes(bytearray(said.event["data"]))}
    assert sys.getrefcount(said.event["data"]) == sys.getrefcount(alone["data"])


class Remembering(OsdpReaderDevice):
    """A reader that keeps what it answered to questions for its state."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        super().__init__(5, SECRET)

    def _obey(self, command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        status, answer = super()._obey(command)
        if answer is not None:
            self.answers.append(answer)
        return status, answer


def test_an_answer_of_a_simulated_reader_is_still_there_after_the_library_gave_it_back() -> None:
    device = Remembering()
    with PtyLine(OsdpLine([device])) as line, running(f"{line.url}#5") as (run,):
        run.until(Online)
        assert eventually(lambda: bool(device.answers) and device.secure)  # which waits until it has worked
        alone = [dict(device.answers[0])]
        assert sys.getrefcount(device.answers[0]) > sys.getrefcount(alone[0])
