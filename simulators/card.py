"""Contactless cards for pcscd's virtual readers (vpcd): being connected to a slot is the card lying on that reader.

Every message is two bytes of length, big-endian, and a body. A body of one byte from vpcd is a control: 0 off, 1 on,
2 reset, 4 "your ATR?", the only one that is answered, and how a reader looks whether a card is there. A longer one is a
command to the card.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

FIRST_PORT = 35963
"""Where Debian's vpcd listens for the card of its first slot; one port for each slot."""
AGAIN_S = 0.05
UNSEEN_S = 5.0
"""pcscd looks at a virtual reader every 0.4 s, and after a program has let a card go."""
QUIET_S = 0.1
"""A look comes after so long without a word; the same question within a dialogue is no look."""
OFF, ON, RESET, YOUR_ATR = b"\x00", b"\x01", b"\x02", b"\x04"

ID_CARD = bytes.fromhex("3B888001D10386050080800058")
ID_CARD_ELSEWHERE = bytes.fromhex("3B8F8001804F0CA00000030607FFB00000000020")
CLASSIC = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
PERMIT = bytes.fromhex("3B8B80012070010000000007" + "1C615170")


@dataclass(frozen=True, slots=True)
class ContactlessCard:
    """What a card says of itself. `serial` is an ID card's chip serial; its PUPI, which stands for a UID, is zero."""

    atr: bytes
    uid: bytes = field(repr=False)
    serial: bytes | None = field(default=None, repr=False)

    def answer(self, command: bytes) -> bytes:
        """Return the answer to a command, status included."""
        if command[:4] == b"\xff\xca\x00\x00":
            return self.uid + b"\x90\x00"
        if command == b"\x00\x36\x00\x00\x08" and self.serial is not None:
            return self.serial + b"\x90\x00"
        return b"\x6d\x00"


def id_card(serial: bytes, atr: bytes = ID_CARD) -> ContactlessCard:
    """Return a second-generation ID card."""
    return ContactlessCard(atr, bytes(4), serial)


def type_a(uid: bytes, atr: bytes = CLASSIC) -> ContactlessCard:
    """Return a compound card, or a residence permit (`PERMIT`)."""
    return ContactlessCard(atr, uid)


class CardSlot:
    """One virtual reader. A card that was put there stays, also while the daemon is away."""

    def __init__(
        self,
        port: int = FIRST_PORT,
        host: str = "127.0.0.1",
        answer: Callable[[ContactlessCard, bytes], bytes | None] = ContactlessCard.answer,
    ) -> None:
        """`answer` is what a card says to a command; None when it leaves in the middle."""
        self._address = host, port
        self._answer = answer
        self._lying: _Lying | None = None
        self.commands: list[bytes] = []
        """Every command that reached a card here."""
        self.answered_at = 0.0
        """When a card here last answered one, in monotonic seconds."""

    def put(self, card: ContactlessCard) -> None:
        """Lay a card on the reader, as soon as the one that lies there has gone."""
        self.lift()
        self._lying = _Lying(self._address, lambda command: self._asked(card, command), card.atr, self._lying)
        self._lying.start()

    def lift(self) -> None:
        """Take the card away: it has gone when the reader looks next. Does not wait for that."""
        if self._lying is not None:
            self._lying.leave()

    def _asked(self, card: ContactlessCard, command: bytes) -> bytes | None:
        self.commands.append(command)
        said = self._answer(card, command)
        self.answered_at = time.monotonic()
        return said


class _Lying(threading.Thread):
    """One card on the reader, from when the one `before` has gone until it leaves.

    It hangs up when the reader looks. A line that ends at another time, such as when the card is switched off, is not
    missed by pcscd: it takes the next card for the same.
    """

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[bytes], bytes | None],
        atr: bytes,
        before: "_Lying | None",
    ) -> None:
        super().__init__(name="card", daemon=True)
        self._address = address
        self._answer = answer
        self._atr = atr
        self._before = before
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._leaving = threading.Event()

    def leave(self) -> None:
        self._leaving.set()

    def run(self) -> None:
        if self._before is not None:
            self._before.go()
            self._before = None
        while not self._leaving.is_set():
            with suppress(OSError), socket.create_connection(self._address, timeout=5.0) as line:
                line.settimeout(None)
                with self._lock:
                    self._line = line
                self._talk(line)
            with self._lock:
                self._line = None
            self._leaving.wait(AGAIN_S)

    def go(self) -> None:
        """Wait until it has gone; at a reader that does not look any more it goes all the same."""
        self.join(UNSEEN_S)
        with self._lock:
            if self._line is not None:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)
        self.join()

    def _talk(self, line: socket.socket) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before, heard = b"", 0.0
        while head := _exactly(line, 2):
            body = _exactly(line, int.from_bytes(head, "big"))
            now = time.monotonic()
            if body == YOUR_ATR:
                if self._leaving.is_set() and before not in (OFF, ON, RESET) and now - heard >= QUIET_S:
                    return
                _say(line, self._atr)
            elif len(body) > 1:
                if (said := self._answer(body)) is None:
                    return
                _say(line, said)
            before, heard = body, now


def _exactly(line: socket.socket, size: int) -> bytes:
    """Read so many bytes; b"" when the line ended. vpcd writes in small pieces: each is acknowledged at once."""
    data = b""
    while len(data) < size:
        piece = line.recv(size - len(data))
        if not piece:
            return b""
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        data += piece
    return data


def _say(line: socket.socket, body: bytes) -> None:
    line.sendall(len(body).to_bytes(2, "big") + body)
