"""What is fuzzed: each takes any bytes and lets nothing escape but what its contract names.

The first byte of an input of a stream is how it is cut; the rest is what arrives. Each stream must mean the same cut so
and in one piece, and hold no more than a little of it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Literal

from drivers import (
    apdu,
    ascii_line,
    ga467,
    ga467_setup,
    id_text,
    osdp_cards,
    osdp_wire,
    relay,
    relay_modbus,
    search,
    wiegand,
)
from drivers.api import CardRead, Driver, Noise, OutputProtocol, ReaderFault, ReaderProtocol
from drivers.sam_frames import MAX_HELD, Deframer, Frame, reply_of
from gateway import recording, wire
from gateway.blanking import FROM, TO, blanks_for
from gateway.bundle import Header, pack, unpack
from gateway.decode import decode
from gateway.keys import Master, NotAuthentic
from rules.model import GatePolicy

VECTORS = Path(__file__).parents[1] / "vectors"
MASTER = Master(bytes(range(32)))
PUBLIC = MASTER.roster_public()
MESSAGES = (
    wire.Swipes, wire.Hello, wire.Lost, wire.Status, wire.Ack, wire.RosterPart, wire.Announcement, wire.Alert,
    wire.Answer,
)  # fmt: skip

Protocol = ReaderProtocol | OutputProtocol


def _cut(data: bytes, step: int) -> Iterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


def _held(protocol: Protocol) -> int:
    """Bytes that a protocol keeps of what arrived."""
    cutters = ("_deframer", "_lines", "_cutter", "_frames")
    return sum(getattr(protocol, name).held for name in cutters if hasattr(protocol, name))


def _meaning(make: Callable[[], Protocol], pieces: list[bytes]) -> list[object]:
    protocol = make()
    protocol.to_send(0.0)
    events: list[object] = []
    for piece in pieces:
        events += protocol.receive(piece, 0.0)
        assert _held(protocol) <= MAX_HELD
    events += protocol.receive(b"", 60.0)
    return [event for event in events if not isinstance(event, Noise)]


def _stream(make: Callable[[], Protocol], data: bytes) -> None:
    step, data = 1 + data[0] % 16 if data else 1, data[1:]
    assert _meaning(make, [data]) == _meaning(make, list(_cut(data, step)))


def run_ga467(data: bytes) -> None:
    """A deframer holds 512 bytes at most; a reader that is asked goes on asking whatever is answered."""
    _stream(lambda: ga467.SamReader(ga467.Settings()), data)
    deframer, reader = Deframer(), ga467.SamReader(ga467.Settings(read="identity"))
    change = ga467_setup.SpeedChange(ga467_setup.Settings(9_600))
    for step, piece in enumerate(_cut(data[1:], 1 + data[0] % 64 if data else 1)):
        for item in deframer.feed(piece, step * 0.05):
            if isinstance(item, Frame):
                reply_of(item)
        assert deframer.held <= MAX_HELD
        for one in (reader, change):
            one.to_send(step * 0.05)
            one.receive(piece, step * 0.05)


def run_id_text(data: bytes) -> None:
    with suppress(id_text.NotACardText):
        id_text.parse(data)
    with suppress(id_text.NotACardText):
        id_text.parse(data[:256].ljust(256, b"\x20"))


def run_wiegand(data: bytes) -> None:
    forms: tuple[Literal["bits", "decimal-8", "decimal-10"], ...] = ("bits", "decimal-8", "decimal-10")
    form = forms[data[0] % 3] if data else "bits"
    _stream(lambda: wiegand.WiegandReader(wiegand.Settings(form=form)), data[1:])


def run_ascii_line(data: bytes) -> None:
    frames: tuple[ascii_line.FrameName, ...] = ("text", "stx-hex", "rdm6300", "id-12", "length-xor")
    frame = frames[data[0] % 5] if data else "text"
    _stream(lambda: ascii_line.AsciiReader(ascii_line.Settings(frame=frame)), data[1:])


def run_apdu(data: bytes) -> None:
    """Cards may answer anything: a dialogue ends after two commands at most, in a card or a fault."""
    size = data[0] % 33 if data else 0
    atr, answers = data[1 : 1 + size], list(_cut(data[1 + size :], 12))
    for listed in ((), (atr,)):
        result = _asked(apdu.identify(atr, listed), [*answers, b"", b""])
        assert isinstance(result, CardRead | ReaderFault)


def _asked(dialogue: apdu.Dialogue, answers: list[bytes]) -> object:
    try:
        next(dialogue)
        for answer in answers:
            dialogue.send(apdu.Answer(answer[2:], int.from_bytes(answer[:2], "big")))
    except StopIteration as end:
        return end.value
    return None


def run_relay_lcus(data: bytes) -> None:
    """The board's echo means nothing: what is sent follows from what was asked alone."""
    deaf, talked_to = (relay.LcusRelay(relay.LcusSettings()) for _ in range(2))
    for step, piece in enumerate(_cut(data, 4)):
        now = step * 0.3
        if piece[0] % 4 == 0:
            deaf.open(piece[-1] / 16, now)
            talked_to.open(piece[-1] / 16, now)
        assert deaf.to_send(now) == talked_to.to_send(now)
        assert deaf.receive(b"", now) == talked_to.receive(piece, now)


def run_relay_modbus(data: bytes) -> None:
    _stream(lambda: relay_modbus.ModbusRelay(relay_modbus.Settings(inputs=9)), data)
    board = relay_modbus.ModbusRelay(relay_modbus.Settings(inputs=9))
    for step, piece in enumerate(_cut(data[1:], 1 + data[0] % 16 if data else 1)):
        board.to_send(step * 0.1)
        board.receive(piece, step * 0.1)
        assert _held(board) <= MAX_HELD
    board.receive(b"", 60.0)


def run_osdp(data: bytes) -> None:
    """What a reader may say inside the secure channel: raw cards and keys."""
    osdp_cards.raw_card(data[2:], int.from_bytes(data[:2], "little"), wiegand.Settings(), parity=bool(len(data) % 2))
    pad = osdp_cards.Keypad()
    for piece in _cut(data, 5):
        list(pad.press(piece, 0.0))


def run_osdp_wire(data: bytes) -> None:
    """What is seen of answers in passing is the same however they arrive; nothing is kept of them."""
    step, data = 1 + data[0] % 16 if data else 1, data[1:]
    assert _answered([data]) == _answered(list(_cut(data, step)))


def _answered(pieces: list[bytes]) -> list[osdp_wire.Answer]:
    line = osdp_wire.Wire()
    line.write(search.who_are_you(1))
    found: list[osdp_wire.Answer] = []
    for piece in pieces:
        line.inbox += piece
        line.read(osdp_wire.HELD)
        assert line.held <= MAX_HELD
        found += line.answers()
    return found


def run_recording(data: bytes) -> None:
    """A recording of any bytes decodes, whatever it is of; one that somebody else wrote is understood or refused."""
    step, data = 1 + data[0] % 16 if data else 1, data[1:]
    today = date(2026, 11, 23)
    for driver in (ga467.DRIVER, wiegand.DRIVER, ascii_line.DRIVER):
        for way in (TO, FROM):
            assert _blanked(driver, way, [data]) == _blanked(driver, way, list(_cut(data, step)))
        decode(
            driver.name,
            recording.TITLE + driver.name + "\n" + data.decode("utf-8", "replace"),
            reveal=True,
            today=today,
        )


def _blanked(driver: Driver, way: str, pieces: list[bytes]) -> list[bytes]:
    blanks = blanks_for(driver, driver.settings())
    found = [item for piece in [*pieces, b""] for item in blanks.take(way, piece, 0.0)]
    found += [item for later in (60.0, 120.0) for item in blanks.take(way, b"", later)]
    return [item for item in found if isinstance(item, bytes)]


def run_search(data: bytes) -> None:
    """Whoever answers whatever: the search goes on, and names somebody only by a whole answer."""
    looking = search.Search(search.Settings())
    for step, piece in enumerate(_cut(data, 16)):
        looking.to_send(step * 0.05)
        looking.receive(piece, step * 0.05)
    found = search.osdp_answer(data)
    assert found is None or bytes([0x53, found | 0x80]) in data
    assert not search.modbus_answer(data, 1) or b"\x01\x02" in data or b"\x01\x82" in data


def run_wire(data: bytes) -> None:
    kind = MESSAGES[data[0] % len(MESSAGES)] if data else wire.Hello
    with suppress(wire.Malformed):
        wire.decode(data[1:], kind)
    wire.parse_topic(data.decode("utf-8", "replace"))


def run_bundle(data: bytes) -> None:
    """What the right key signed may still be of another version; what it did not is not believed at all."""
    for signature in (b"", MASTER.sign(data)):
        try:
            roster = unpack(data + signature, PUBLIC, "yuan")
        except NotAuthentic:
            continue
        assert len(roster) >= 0


def _vectors(name: str) -> Iterator[bytes]:
    """Every hexadecimal text of a file of vectors."""

    def hexes(value: object) -> Iterator[bytes]:
        if isinstance(value, str):
            with suppress(ValueError):
                yield bytes.fromhex(value)
            yield value.encode()
        elif isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                yield from hexes(one)

    return hexes(json.loads((VECTORS / name).read_text("utf-8")))


def _numbers() -> Iterator[bytes]:
    yield from _vectors("lines.json")
    yield from (b"09000324", b"090,00324", b"0078750403")


def _bundle() -> bytes:
    header = Header(1, "yuan", 0, None, 1, ["east"], [], GatePolicy())
    return pack(header, [], MASTER.sign)[:-64]


def _cards() -> Iterator[bytes]:
    """An ATR with its length before it, and answers of twelve bytes, the status first."""
    for name in apdu.ID_CARD_ATRS:
        atr = bytes.fromhex(name)
        yield bytes([len(atr)]) + atr + b"\x90\x00" + bytes(range(8)) + b"\0\0" + b"\x6c\x08" + bytes(10)
    yield b"\x00\x90\x00\x04\xa1\xb2\xc3"


def _modbus() -> Iterator[bytes]:
    off = relay_modbus.write_coil(1, 0, on=False)
    read = b"\x01\x02\x02\x01\x00"
    yield off + read + relay_modbus.crc(read)
    yield b"\x01\x85\x02" + relay_modbus.crc(b"\x01\x85\x02")


def _answers() -> Iterator[bytes]:
    body = bytes.fromhex("538514000445") + bytes(12)
    yield body + osdp_wire.crc(body)
    yield from _modbus()


def _recordings() -> Iterator[bytes]:
    yield b'\x03# settings {"frame": "rdm6300", "also": [37]}\n0.000 < 3133383030313338303030\n'
    yield from (b"\x0f" + one for one in _vectors("sam.json"))
    yield from (b"\x02" + one + b"\n" for one in _numbers())


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "ga467": (run_ga467, lambda: (b"\x0f" + one for one in _vectors("sam.json"))),
    "id_text": (run_id_text, lambda: _vectors("cards.json")),
    "wiegand": (run_wiegand, lambda: (bytes([n, 3]) + one + b"\r\n" for one in _numbers() for n in range(3))),
    "ascii_line": (run_ascii_line, lambda: (bytes([i, 2]) + one for one in _vectors("lines.json") for i in range(5))),
    "apdu": (run_apdu, _cards),
    "relay_lcus": (run_relay_lcus, lambda: iter([b"\x00\x00\x00\x20" * 9, b"\xa0\x01\x01\xa2"])),
    "relay_modbus": (run_relay_modbus, lambda: (b"\x07" + one for one in _modbus())),
    "search": (run_search, _answers),
    "osdp": (run_osdp, lambda: iter([b"\x1a\x00\x2d\x00\xa2\x00", b"13800138000#"])),
    "osdp_wire": (run_osdp_wire, lambda: (b"\x07" + one for one in _answers())),
    "recording": (run_recording, _recordings),
    "wire": (run_wire, lambda: iter([b'\x01{"epoch":"0123456789abcdef","ranges":[[1,2]]}', b"\x00[]"])),
    "bundle": (run_bundle, lambda: iter([_bundle()])),
}


def seeds(name: str) -> list[bytes]:
    """The inputs that a target begins with."""
    return sorted(set(TARGETS[name][1]()))
