from collections.abc import Callable

import pytest

from drivers import ga467, relay
from drivers.api import CardRead, Credential, CredentialKind, OutputProtocol, ReaderEvent, Verdict
from simulators.conformance import check_output, check_polled, check_stream
from simulators.line import Device
from simulators.sam import Card, SamModule

CARD = Card("511703190001010015", "测试甲")


def lay_a_card(device: Device) -> None:
    assert isinstance(device, SamModule)
    device.present(CARD)


@pytest.mark.parametrize("rereads", [False, True])
def test_the_sam_reader_passes_the_entrance_exam(rereads: bool) -> None:
    modules: list[SamModule] = []

    def far_end() -> SamModule:
        modules.append(SamModule(rereads=rereads))
        return modules[-1]

    check_polled(lambda: ga467.SamReader(ga467.Settings()), far_end, lay_a_card)
    assert len(modules) == 7
    assert all(module.commands for module in modules)


@pytest.mark.parametrize("channel", [1, 4])
def test_the_relay_passes_the_entrance_exam(channel: int) -> None:
    made: list[OutputProtocol] = []

    def make() -> OutputProtocol:
        made.append(relay.LcusRelay(relay.LcusSettings(channel=channel)))
        return made[-1]

    check_output(make)
    assert made


class Hasty:
    """A reader that cuts its buffer one step too early."""

    def __init__(self) -> None:
        self.rest = b""

    def receive(self, data: bytes, now: float) -> list[ReaderEvent]:  # noqa: ARG002
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.rest = self.rest[-8:]
        return [CardRead(Credential(CredentialKind.VISITOR, line.hex())) for line in lines[-1:]]

    def to_send(self, now: float) -> bytes:  # noqa: ARG002
        return b""

    def signal(self, verdict: Verdict) -> None:
        """Nothing."""


class StuckOpen(relay.LcusRelay):
    def open(self, seconds: float, now: float) -> None:
        super().open(seconds + 30, now)


@pytest.mark.parametrize(
    ("exam", "fault"),
    [
        (lambda: check_stream(Hasty, b"1234567890\n"), "byte by byte"),
        (lambda: check_stream(Hasty, b"nothing"), "means nothing"),
        (lambda: check_output(lambda: StuckOpen(relay.LcusSettings())), "no end"),
        (lambda: check_polled(Hasty, SamModule, lay_a_card), "means nothing"),
    ],
)
def test_a_driver_with_a_fault_does_not_pass(exam: Callable[[], None], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        exam()
