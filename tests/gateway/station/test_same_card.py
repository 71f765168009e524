"""A card that lies on a reader while its line goes and comes back is one presentation."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.api import CardGone, CardRead, Credential, CredentialKind, Emit, LinkLost, ReaderEvent
from drivers.ga467 import DRIVER, Settings
from gateway.station import readers
from gateway.station.console.view import Health
from gateway.station.readers import Place, Supervised, open_driver
from simulators.line import PtyLine
from simulators.sam import Card, SamModule
from tests.waiting import until

ONE, TWO = (CardRead(Credential(CredentialKind.CARD_UID, f"04AABBC{n}")) for n in (1, 2))
GONE, UNSURE = CardGone(), CardGone(sure=False)
LOST = LinkLost("pulled")


class Scripted:
    """A line that says some events and is gone; after the last one it stays until it is stopped."""

    def __init__(self, sessions: list[Sequence[ReaderEvent]]) -> None:
        self._sessions = sessions

    def run(self, emit: Emit, stop: threading.Event) -> None:
        for event in self._sessions.pop(0):
            emit(event)
        if self._sessions:
            raise LOST
        stop.wait()


def heard(*sessions: Sequence[ReaderEvent], sees_lying: bool = True) -> list[str]:
    numbers: list[str] = []
    left = list(sessions)
    device = Supervised(
        Place("east", "reader", "gate", sees_lying=sees_lying),
        lambda: Scripted(left),
        heard=lambda _id, card, _mono: numbers.append(card.credential.number[-1]),
    )
    device.start()
    try:
        until(lambda: len(left) == 0 and device.view().health == "ok")
    finally:
        device.stop()
        device.join()
    assert device.view().reads == len(numbers)
    return numbers


@pytest.mark.parametrize(
    ("sessions", "numbers"),
    [
        ([[ONE, GONE, TWO], [TWO, GONE]], ["1", "2"]),
        ([[ONE, GONE, TWO], [TWO, GONE, TWO]], ["1", "2", "2"]),
        ([[ONE, GONE, TWO], [ONE, GONE]], ["1", "2", "1"]),
        ([[ONE, GONE, TWO, GONE], [TWO]], ["1", "2", "2"]),
        ([[ONE, GONE, TWO], [TWO], [TWO, GONE]], ["1", "2"]),
        ([[ONE], [ONE]], ["1"]),
        ([[ONE, UNSURE], [ONE]], ["1"]),
        ([[ONE], [GONE, ONE]], ["1", "1"]),
        ([[ONE], [ONE, ONE]], ["1", "1"]),
    ],
    ids=[
        "it lies",
        "lifted and laid again",
        "another",
        "it had gone",
        "two cuts",
        "the first since the start",
        "it may have gone",
        "none lay there",
        "only the first",
    ],
)
def test_a_card_that_lay_there_all_along_is_read_once(
    sessions: list[Sequence[ReaderEvent]], numbers: list[str]
) -> None:
    assert heard(*sessions) == numbers


def test_a_reader_that_speaks_only_when_a_card_is_presented_is_believed() -> None:
    assert heard([ONE, ONE], [ONE], sees_lying=False) == ["1", "1", "1"]


def test_a_card_that_comes_when_the_reader_has_long_been_back_was_laid_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "RETURN_S", 0.0)
    assert heard([ONE], [ONE]) == ["1", "1"]


def test_after_a_long_cut_it_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "SAME_S", 0.0)
    assert heard([ONE, GONE, TWO], [TWO, GONE]) == ["1", "2", "2"]


@contextmanager
def cut_line(module: SamModule, tty: Path) -> Iterator[tuple[PtyLine, list[ReaderEvent], list[CardRead]]]:
    """A module whose card was read and whose line is away, what the driver says from now on, and what is handed on."""
    said: list[ReaderEvent] = []
    handed: list[CardRead] = []
    with PtyLine(module, tty) as line:
        device = Supervised(
            Place("east", "reader", "gate", sees_lying=True),
            lambda: open_driver(DRIVER, line.url, Settings(period_ms=100), None),
            heard=lambda _id, card, _mono: handed.append(card),
            counted=lambda _id, event: said.append(event),
        )
        device.start()
        try:
            until(lambda: handed)
            line.cut()
            until(lambda: device.view().health is Health.DOWN)
            said.clear()
            yield line, said, handed
        finally:
            device.stop()
            device.join()


CARD = Card("511703190001010015", "测试甲")


def test_a_card_that_was_lifted_while_the_line_was_away_is_read_again_as_soon_as_it_is_laid(tmp_path: Path) -> None:
    module = SamModule()
    module.present(CARD)
    with cut_line(module, tmp_path / "tty") as (line, said, handed):
        module.lift()
        line.restore()
        until(lambda: CardGone() in said)
        module.present(CARD)
        until(lambda: len(handed) == 2)


def test_a_card_that_lies_on_a_module_which_lost_its_power_with_its_line_is_one_presentation(tmp_path: Path) -> None:
    module = SamModule()
    module.present(CARD)
    with cut_line(module, tmp_path / "tty") as (line, said, handed):
        module.present(CARD)  # without power it forgot that it had read it
        line.restore()
        until(lambda: any(isinstance(event, CardRead) for event in said))
        assert CardGone() not in said
    assert len(handed) == 1
