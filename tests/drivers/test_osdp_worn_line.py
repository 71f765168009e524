import pytest

from drivers import osdp
from drivers.api import Online, ReaderFault
from drivers.osdp_wire import Wire, crc
from simulators.line import PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from tests.drivers.test_osdp import KEY, running

SECURITY = 0x08


class Garbling:
    """A line on which no answer of a handshake comes through whole."""

    def __init__(self, line: OsdpLine) -> None:
        self._line = line
        self.garbled = 0

    def receive(self, data: bytes, now: float) -> None:
        self._line.receive(data, now)

    def to_send(self, now: float) -> bytes:
        said = self._line.to_send(now)
        at = said.find(0x53)
        if at < 0 or not said[at + 4] & SECURITY:
            return said
        self.garbled += 1
        return said[:-1] + bytes([said[-1] ^ 0x5A])


def test_a_line_that_garbles_is_not_taken_for_a_wrong_key_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp, "CHANNEL_S", 2.5)
    worn = Garbling(OsdpLine([OsdpReaderDevice(5, bytes.fromhex(KEY))]))
    with PtyLine(worn) as line, running(f"{line.url}#5") as (run,):
        run.thread.join(15.0)
        assert not run.thread.is_alive()
    assert "garbles" in str(run.error)
    assert worn.garbled > 1
    assert not [event for event in run.events.queue if isinstance(event, ReaderFault | Online)]


def framed(body: bytes) -> bytes:
    return body + crc(body)


def answer(*said: int) -> bytes:
    return framed(bytes([0x53, 0x85, 7 + len(said), 0, 0x04, *said]))


CCRYPT, RMAC, NAK, PDID = 0x76, 0x78, 0x41, 0x45


@pytest.mark.parametrize(
    ("question", "said", "shook"),
    [
        (0x76, b"", False),
        (0x76, answer(CCRYPT), True),
        (0x76, answer(CCRYPT)[:-1] + b"?", False),
        (0x76, answer(PDID), False),
        (0x76, answer(NAK, 1), False),
        (0x76, answer(NAK, 2), False),
        (0x76, answer(NAK, 4), False),
        (0x76, answer(NAK), True),
        (0x76, answer(NAK, 5), True),
        (0x77, answer(NAK, 6), True),
        (0x77, answer(RMAC), True),
        (0x77, answer(CCRYPT), False),
        (0x60, answer(NAK, 6), False),
        (0x60, answer(0x40), False),
    ],
)
def test_a_key_is_spoken_of_by_whole_answers_to_the_handshake_alone(question: int, said: bytes, shook: bool) -> None:
    wire = Wire()
    wire.shook.add(5)
    wire.write(framed(bytes([0x53, 5, 8, 0, 0x04, question])))
    wire.inbox += said
    wire.read(100)
    assert (5 in wire.shook) is shook
