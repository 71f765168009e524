"""A card that lies on a reader while its line goes and comes back is one presentation."""

import threading
from collections.abc import Sequence

import pytest

from drivers.api import CardGone, CardRead, Credential, CredentialKind, Emit, LinkLost, ReaderEvent
from gateway.station import readers
from gateway.station.readers import Place, Supervised
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
