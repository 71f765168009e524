"""A simulated card against the words of vpcd's protocol, said by hand."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulators.card import CLASSIC, ID_CARD, CardSlot, ContactlessCard, id_card, type_a


@contextmanager
def laid(card: ContactlessCard) -> Iterator[tuple[socket.socket, CardSlot, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as reader:
        reader.settimeout(5.0)
        slot = CardSlot(reader.getsockname()[1])
        slot.put(card)
        line, _ = reader.accept()
        line.settimeout(5.0)
        try:
            with line:
                yield line, slot, reader
        finally:
            slot.lift()


def asked(line: socket.socket, body: bytes) -> bytes:
    line.sendall(len(body).to_bytes(2, "big") + body)
    size = int.from_bytes(line.recv(2), "big")
    return line.recv(size)


@pytest.mark.parametrize(
    ("card", "atr", "uid", "serial"),
    [
        (id_card(bytes.fromhex("10E4100102030405")), ID_CARD, "000000009000", "10E41001020304059000"),
        (type_a(bytes.fromhex("04A1B2C3")), CLASSIC, "04A1B2C39000", "6D00"),
    ],
    ids=["id card", "compound card"],
)
def test_a_card_answers_what_is_its_own(card: ContactlessCard, atr: bytes, uid: str, serial: str) -> None:
    with laid(card) as (line, slot, _):
        for control in (1, 2, 0):  # on, reset, off: never answered
            line.sendall(bytes([0, 1, control]))
        assert asked(line, b"\x04") == atr
        assert asked(line, bytes.fromhex("FFCA000000")) == bytes.fromhex(uid)
        assert asked(line, bytes.fromhex("0036000008")) == bytes.fromhex(serial)
        assert asked(line, bytes.fromhex("00A40000026002")) == bytes.fromhex("6D00")
        assert len(slot.commands) == 3


def test_a_card_that_lies_there_is_there_again_when_the_reader_is_and_gone_when_lifted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulators.card.QUIET_S", 0.0)
    with laid(type_a(b"\x04abc")) as (line, slot, reader):
        line.close()
        again, _ = reader.accept()
        with again:
            again.settimeout(5.0)
            assert asked(again, b"\x04") == CLASSIC
            slot.lift()
            again.sendall(b"\x00\x01\x04")
            assert again.recv(1) == b""


def test_a_card_leaves_when_the_reader_looks_and_the_next_one_comes_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.card.QUIET_S", 60.0)
    with laid(type_a(b"\x04abc")) as (line, slot, reader):
        slot.put(id_card(bytes.fromhex("10E4100102030405")))
        assert asked(line, bytes.fromhex("FFCA000000")) == b"\x04abc\x90\x00"
        assert asked(line, b"\x04") == CLASSIC  # a moment ago it spoke
        monkeypatch.setattr("simulators.card.QUIET_S", 0.0)
        for order in (0, 1, 2):
            line.sendall(bytes([0, 1, order]))
            assert asked(line, b"\x04") == CLASSIC
        assert asked(line, bytes.fromhex("FFCA000000")) == b"\x04abc\x90\x00"
        reader.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            reader.accept()
        line.sendall(b"\x00\x01\x04")
        assert line.recv(1) == b""
        reader.settimeout(5.0)
        again, _ = reader.accept()
        with again:
            assert asked(again, b"\x04") == ID_CARD


def test_a_card_goes_from_a_reader_that_looks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.card.UNSEEN_S", 0.05)
    with laid(type_a(b"\x04abc")) as (line, slot, reader):
        slot.put(id_card(bytes.fromhex("10E4100102030405")))
        assert line.recv(1) == b""
        again, _ = reader.accept()
        with again:
            assert asked(again, b"\x04") == ID_CARD
