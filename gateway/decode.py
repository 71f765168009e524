"""What the drivers make of bytes that somebody pastes: one plain value for each thing on the line."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import cast

from drivers import ascii_line, ga467, id_text, sam_codes, sam_frames, wiegand
from drivers.api import (
    CardGone,
    CardRead,
    DeviceFact,
    FaultOver,
    Input,
    Noise,
    Online,
    OutputState,
    ReaderEvent,
    ReaderFault,
    ReaderProtocol,
)
from drivers.registry import settings_for
from drivers.sam_frames import Reply
from gateway import recording
from rules import identity

Found = dict[str, object]

READ, NOT_READ, WRONG_USE = 0, 1, 2
LONGEST_TEXT = 4_000_000
"""Digits and blanks that are looked at: more than a day of a busy line."""
LATER_S = 60.0
"""Beyond every deadline of the drivers."""

COMMANDS = {
    "10ff": "reset the module",
    "11ff": "status",
    "12ff": "read the module's number",
    "2001": "find a card",
    "2002": "select the card",
    "3001": "read text and photo",
    "3003": "read the newest address",
    "3005": "read the card management number",
    "3010": "read text, photo and fingerprint",
    "6000": "set 115200 baud",
    "6001": "set 57600 baud",
    "6002": "set 38400 baud",
    "6003": "set 19200 baud",
    "6004": "set 9600 baud",
    "61ff": "set the radio block size",
    "8020": "load firmware (vendor)",
    "a003": "vendor command",
    "dc00": "write the module's EEPROM (vendor)",
}


def decode(protocol: str, hex_text: str, *, reveal: bool, today: date) -> tuple[list[Found], int]:
    """Return what the bytes mean, and the exit code: 0 when something was read, 1 when not, 2 for wrong use.

    `hex_text` is a recording, or hexadecimal with blanks and line breaks as one likes. Numbers, names and addresses
    are masked unless `reveal`. `today` bounds birth dates.
    """
    decoder = DECODERS.get(protocol)
    if decoder is None:
        return [_wrong(f"no protocol {protocol!r}; known are {', '.join(DECODERS)}")], WRONG_USE
    try:
        recorded = recording.read(hex_text)
        if recorded is not None and recorded.driver != protocol:
            return [_wrong("this is a recording of another driver's line; its first line says of which")], WRONG_USE
        data = _bytes(hex_text if recorded is None else recorded.digits)
        if recorded is not None and recorded.settings and protocol in _RECORDED:
            found = _as_configured(protocol, recorded.settings, data, reveal)
        else:
            found = decoder(data, reveal, today)
    except (ValueError, RecursionError) as error:
        return [_wrong(str(error))], WRONG_USE
    read = any(item["event"] in {"card_read", "text"} or item.get("valid") is True for item in found)
    return found, READ if read else NOT_READ


def _wrong(why: str) -> Found:
    return {"event": "error", "error": why}


def _bytes(hex_text: str) -> bytes:
    """Raises ValueError that says where the text is no hexadecimal, without quoting it."""
    digits = "".join(hex_text[:LONGEST_TEXT].split())
    for place, char in enumerate(digits, 1):
        if char not in "0123456789abcdefABCDEF":
            raise ValueError(f"not hexadecimal: character {place} (blanks not counted)")
    if not digits:
        raise ValueError("no hexadecimal bytes were given")
    if len(digits) % 2:
        raise ValueError(f"not hexadecimal: {len(digits)} digits, an odd number")
    return bytes.fromhex(digits)


def _name(name: str, reveal: bool) -> str:
    return name if reveal else name[:1] + "*" * (len(name) - 1) if len(name) > 1 else "*" * len(name)


def _number(number: str, reveal: bool) -> str:
    return number if reveal else identity.mask(number)


def _card_fields(card: id_text.CardText, reveal: bool) -> Found:
    return {
        "type": str(card.type),
        "kind": str(ga467.credential_of(card).kind),
        "number": _number(card.number, reveal),
        "name": _name(card.name, reveal),
        "address": card.address if reveal else "*" * len(card.address),
        "valid_from": card.valid_from and card.valid_from.isoformat(),
        "valid_until": "long-term" if card.long_term else card.valid_until and card.valid_until.isoformat(),
    }


def _fault(fault: ReaderFault) -> Found:
    return {"event": "reader_fault", "code": fault.code, "remedy": str(fault.remedy), "detail": fault.detail}


def _noise(noise: Noise) -> Found:
    return {"event": "noise", "size": noise.size, "why": noise.why}


_NAMES: dict[type[ReaderEvent], str] = {
    CardGone: "card_gone",
    FaultOver: "fault_over",
    Online: "online",
    DeviceFact: "device_fact",
    OutputState: "output",
    Input: "input",
}


def event_of(event: ReaderEvent, *, reveal: bool) -> Found:
    """Return an event of a driver as a plain value; numbers masked unless `reveal`, names and addresses left out."""
    if isinstance(event, CardRead):
        return _card_read(event, reveal)
    if isinstance(event, ReaderFault):
        return _fault(event)
    if isinstance(event, Noise):
        return _noise(event)
    return {"event": _NAMES[type(event)]} | asdict(event)


def _card_read(event: CardRead, reveal: bool) -> Found:
    found: Found = {
        "event": "card_read",
        "kind": str(event.credential.kind),
        "number": _number(event.credential.number, reveal),
    }
    return found if event.raw_bits is None else found | {"bits": len(event.raw_bits)}


def _ga467(data: bytes, reveal: bool, _today: date) -> list[Found]:
    deframer = sam_frames.Deframer()
    items = deframer.feed(data, 0.0)
    for later in (LATER_S, 2 * LATER_S):
        items += deframer.feed(b"", later)
    return [_noise(item) if isinstance(item, Noise) else _frame(item, reveal) for item in items]


def _frame(frame: sam_frames.Frame, reveal: bool) -> Found:
    name = frame.body[:2].hex()
    if name in COMMANDS or frame.size < 3:
        meaning = COMMANDS.get(name, "unknown command")
        return {
            "event": "command",
            "command": name.upper(),
            "meaning": meaning,
            "allowed": frame.body[:2] in ga467.ALLOWED,
        }
    return _reply(frame, reveal)


def _reply(frame: sam_frames.Frame, reveal: bool) -> Found:
    code = frame.body[2]
    if code == sam_codes.DONE:
        return _good_reply(frame, reveal)
    if code == sam_codes.FOUND:
        return {"event": "reply", "status": "9F", "meaning": "card found"}
    if code == sam_codes.NO_CARD:
        return {"event": "reply", "status": "80", "meaning": "no card"}
    return _fault(sam_codes.fault(code)) | {"status": f"{code:02X}"}


def _good_reply(frame: sam_frames.Frame, reveal: bool) -> Found:
    kind = sam_frames.reply_of(frame)
    if kind is Reply.SAM_NUMBER:
        return {"event": "device_fact", "name": "sam_number", "value": sam_codes.number_text(frame.body[3:])}
    if kind is Reply.CARD or (kind is Reply.DONE and frame.size >= sam_frames.KEEP):
        return _card_reply(frame, reveal)
    return {"event": "reply", "status": "90", "meaning": _NEVER_READ.get(kind, kind.value)}


_NEVER_READ = {
    Reply.FINGERPRINT: "text, photo and fingerprint (30 10), which are never asked for: not read",
    Reply.ADDRESSES: "newest addresses (30 03), which are never asked for: not read",
    Reply.MANAGEMENT: "card management number (30 05), which is never asked for: not read",
}


def _card_reply(frame: sam_frames.Frame, reveal: bool) -> Found:
    event = ga467.read_card(frame, "number")
    if isinstance(event, ReaderFault):
        return _fault(event)
    return {"event": "card_read"} | _card_fields(id_text.parse(frame.body[7:263]), reveal)


def _id_text(data: bytes, reveal: bool, _today: date) -> list[Found]:
    try:
        return [{"event": "text"} | _card_fields(id_text.parse(data), reveal)]
    except id_text.NotACardText as error:
        detail = f"{len(data)} bytes" if error.problem == "size" else ""
        fault = _fault(sam_codes.bad_text(error.problem))
        return [fault | {"detail": f"{fault['detail']} ({detail})"}] if detail else [fault]


def _listen(reader: ReaderProtocol, data: bytes) -> list[ReaderEvent]:
    """What a reader makes of the bytes, when nothing follows them."""
    return reader.receive(data, 0.0) + reader.receive(b"", LATER_S) + reader.receive(b"", 2 * LATER_S)


def _as_configured(protocol: str, table: dict[str, object], data: bytes, reveal: bool) -> list[Found]:
    """What a recorded reader made of the bytes by its settings; frames of a SAM module are shown as always.

    Raises:
        ValueError: they are no settings of this driver.
    """
    driver = _RECORDED[protocol]
    settings = settings_for(driver, table)
    if driver is ga467.DRIVER:
        return _ga467(data, reveal, date.max)
    return [event_of(event, reveal=reveal) for event in _listen(cast(ReaderProtocol, driver.make(settings)), data)]


_RECORDED = {driver.name: driver for driver in (ga467.DRIVER, wiegand.DRIVER, ascii_line.DRIVER)}


def _wiegand(data: bytes, reveal: bool, _today: date) -> list[Found]:
    reader = wiegand.WiegandReader(wiegand.Settings())
    return [event_of(event, reveal=reveal) for event in _listen(reader, data + b"\n")]


def _ascii_line(data: bytes, reveal: bool, _today: date) -> list[Found]:
    """Try every frame and tell the one that reads a card; none does: what the framed or the plain reading says."""
    names: tuple[ascii_line.FrameName, ...] = (*ascii_line.SHAPES, "text")
    tried: dict[str, list[ReaderEvent]] = {}
    for name in names:
        ending = b"\n" if name == "text" else b""
        tried[name] = _listen(ascii_line.AsciiReader(ascii_line.Settings(frame=name)), data + ending)
        if any(isinstance(event, CardRead) for event in tried[name]):
            return [event_of(event, reveal=reveal) | {"frame": name} for event in tried[name]]
    best = "text" if 2 not in data else next((name for name in names if _understood(tried[name])), "stx-hex")
    return [event_of(event, reveal=reveal) | {"frame": best} for event in tried[best]]


def _understood(events: list[ReaderEvent]) -> bool:
    return any(isinstance(event, ReaderFault) for event in events)


def _id_number(data: bytes, reveal: bool, today: date) -> list[Found]:
    text = identity.tidy(data.decode("utf-8", "replace"))
    checked = identity.check(text, today)
    found: Found = {
        "event": "number",
        "valid": checked.valid,
        "kind": checked.kind and str(checked.kind),
        "number": _number(text, reveal),
    }
    if checked.problem is not None:
        found["problem"] = str(checked.problem)
    if reveal and checked.birth is not None:
        found["birth"] = checked.birth.isoformat()
    return [found]


DECODERS: dict[str, Callable[[bytes, bool, date], list[Found]]] = {
    "ga467": _ga467,
    "id-text": _id_text,
    "wiegand": _wiegand,
    "ascii-line": _ascii_line,
    "id-number": _id_number,
}
