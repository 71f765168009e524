import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import ascii_line, wiegand
from drivers.api import CardRead, Credential, CredentialKind, Noise, ReaderEvent, ReaderFault, ReaderProtocol
from drivers.ascii_line import AsciiReader
from drivers.framing import LONGEST
from drivers.wiegand import WiegandReader
from simulators import ascii_line as ascii_devices
from simulators.conformance import check_stream, meaning
from simulators.wiegand import WiegandAdapter, w26, w34
from tests import strategies as some

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "lines.json").read_text(encoding="utf-8"))
FORMS: tuple[Literal["bits", "decimal-8", "decimal-10"], ...] = ("bits", "decimal-8", "decimal-10")
MAKERS: list[Callable[[], ReaderProtocol]] = [
    *(lambda form=form: WiegandReader(wiegand.Settings(form=form)) for form in FORMS),
    *(lambda name=name: AsciiReader(ascii_line.Settings(frame=name)) for name in (*ascii_line.SHAPES, "text")),
]


def wiegand_of(line: bytes, settings: wiegand.Settings | None = None) -> list[ReaderEvent]:
    return WiegandReader(settings or wiegand.Settings()).receive(line, 0.0)


@pytest.mark.parametrize("vector", VECTORS["wiegand"], ids=lambda v: v["source"])
@pytest.mark.parametrize("counted", [False, True])
def test_published_wiegand_frames(vector: dict[str, str], counted: bool) -> None:
    adapter = WiegandAdapter(counted=counted)
    adapter.present(vector["bits"])
    credential = Credential(CredentialKind(vector["kind"]), vector["number"])
    assert wiegand_of(adapter.to_send(0.0)) == [CardRead(credential, raw_bits=vector["bits"])]


@pytest.mark.parametrize("vector", VECTORS["wiegand_bad"], ids=lambda v: v["source"])
def test_published_bad_wiegand_frames_are_never_a_card(vector: dict[str, str]) -> None:
    events = wiegand_of(vector["line"].encode() + b"\r\n")
    assert not any(isinstance(event, CardRead) for event in events)
    assert bool(events) == bool(vector["line"])


@pytest.mark.parametrize(("facility", "number"), [(256, 0), (0, 65536), (-1, 0)])
def test_what_does_not_fit_26_bits_cannot_be_made(facility: int, number: int) -> None:
    with pytest.raises(ValueError, match="8 bits"):
        w26(facility, number)


@given(facility=st.integers(0, 255), number=st.integers(0, 65535), flipped=st.integers(0, 25))
def test_every_w26_is_read_and_one_flipped_bit_never_is(facility: int, number: int, flipped: int) -> None:
    bits = w26(facility, number)
    (event,) = wiegand_of(bits.encode() + b"\n")
    assert isinstance(event, CardRead)
    assert event.credential.number == f"{facility:02X}{number:04X}"
    other = bits[:flipped] + ("1" if bits[flipped] == "0" else "0") + bits[flipped + 1 :]
    (event,) = wiegand_of(other.encode() + b"\n")
    assert isinstance(event, ReaderFault)


@given(raw=st.binary(min_size=4, max_size=4).filter(any))
def test_every_order_of_a_uid_comes_to_the_same_card(raw: bytes) -> None:
    line, turned = w34(raw).encode() + b"\r", w34(raw[::-1]).encode() + b"\r"
    (one,) = wiegand_of(line)
    (two,) = wiegand_of(turned, wiegand.Settings(order="reversed"))
    assert isinstance(one, CardRead)
    assert isinstance(two, CardRead)
    assert one.credential == two.credential


@pytest.mark.parametrize("line", [b"09000324\n", b"090,00324\r\n", b"090 00324\r"])
def test_a_decimal_w26_is_the_same_card_as_its_bits(line: bytes) -> None:
    (one,) = wiegand_of(line, wiegand.Settings(form="decimal-8"))
    (two,) = wiegand_of(b"00101101000000001010001000\n")
    assert isinstance(one, CardRead)
    assert isinstance(two, CardRead)
    assert one.credential == two.credential
    assert one.raw_bits == (two.raw_bits or "")[1:-1]


@given(raw=st.binary(min_size=4, max_size=4).filter(any))
def test_a_decimal_uid_forward_or_reversed_is_the_same_card_as_its_bits(raw: bytes) -> None:
    (bits,) = wiegand_of(w34(raw).encode() + b"\n")
    assert isinstance(bits, CardRead)
    for order, sent in (("as-sent", raw), ("reversed", raw[::-1])):
        line = f"{int.from_bytes(sent, 'big'):010d}\r\n".encode()
        (one,) = wiegand_of(line, wiegand.Settings(order=order, form="decimal-10"))  # type: ignore[arg-type]
        assert isinstance(one, CardRead)
        assert one.credential == bits.credential


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("decimal-8", b"25600000"), ("decimal-8", b"00065536"), ("decimal-8", b"0900032"),
        ("decimal-10", b"4294967296"), ("decimal-10", b"123456789"), ("decimal-10", b"26:0B40288"),
    ],
)  # fmt: skip
def test_a_decimal_number_that_no_frame_holds_is_no_card(form: str, line: bytes) -> None:
    (event,) = wiegand_of(line + b"\n", wiegand.Settings(form=form))  # type: ignore[arg-type]
    assert isinstance(event, Noise)


def test_a_uid_of_zeros_is_no_identity() -> None:
    (event,) = wiegand_of(w34(bytes(4)).encode() + b"\n")
    assert isinstance(event, ReaderFault)


@pytest.mark.parametrize(("form", "line"), [("decimal-8", b"00000000"), ("decimal-10", b"0000000000")])
def test_a_decimal_number_of_zeros_is_no_identity(form: str, line: bytes) -> None:
    (event,) = wiegand_of(line + b"\n", wiegand.Settings(form=form))  # type: ignore[arg-type]
    assert isinstance(event, ReaderFault)
    assert event.code == "bad_number"


@pytest.mark.parametrize("length", [1, 12, 24, 25, 27, 32, 33, 35, 37, 256])
def test_another_length_is_read_only_where_it_is_meant_and_then_as_it_is(length: int) -> None:
    bits = "1" * length
    (event,) = wiegand_of(bits.encode() + b"\n")
    assert isinstance(event, ReaderFault)
    assert event.code == "wiegand_length"
    (event,) = wiegand_of(bits.encode() + b"\n", wiegand.Settings(also=(length,)))
    assert isinstance(event, CardRead)
    assert (event.credential.kind, event.raw_bits) == (CredentialKind.WIEGAND_N, bits)


@pytest.mark.parametrize("length", [0, 4, 8, 26, 34, 257])
def test_a_length_that_cannot_be_another_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="also"):
        wiegand.Settings(also=(length,))


@pytest.mark.parametrize(
    "line", [b"0101\n", b"00000001\n", b"26:FFFFFFF\n", b"0:0\n", b"999:1\n", b"26:\n", b"hello\n"]
)
def test_keys_and_rubbish_are_noise(line: bytes) -> None:
    (event,) = wiegand_of(line)
    assert isinstance(event, Noise)


@pytest.mark.parametrize("vector", VECTORS["ascii"], ids=lambda v: v["frame"])
def test_published_ascii_frames(vector: dict[str, str]) -> None:
    reader = AsciiReader(ascii_line.Settings(frame=vector["frame"]))
    credential = Credential(CredentialKind(vector["kind"]), vector["number"])
    assert reader.receive(bytes.fromhex(vector["hex"]), 0.0) == [CardRead(credential)]


@pytest.mark.parametrize("vector", VECTORS["ascii"][:4], ids=lambda v: v["frame"])
def test_a_frame_with_any_bit_flipped_is_never_another_card(vector: dict[str, str]) -> None:
    wire = bytes.fromhex(vector["hex"])
    for place in range(len(wire) * 8):
        soiled = bytearray(wire)
        soiled[place // 8] ^= 1 << place % 8
        events = AsciiReader(ascii_line.Settings(frame=vector["frame"])).receive(bytes(soiled), 0.0)
        assert all(not isinstance(e, CardRead) or e.credential.number == vector["number"] for e in events)


@pytest.mark.parametrize("frame", list(ascii_devices.FRAMES))
def test_a_simulated_reader_is_read(frame: str) -> None:
    device = ascii_devices.AsciiDevice(frame)
    code = "8DEF9E" if frame == "stx-hex" else "13005D1DA5"
    device.show(code)
    (event,) = AsciiReader(ascii_line.Settings(frame=frame)).receive(device.to_send(0.0), 0.0)
    assert isinstance(event, CardRead)
    assert event.credential.number == code


@pytest.mark.parametrize(
    ("suffix", "wire", "codes"),
    [
        ("any", b"12345678\r\n87654321\n", 2),
        ("cr", b"12345678\r87654321\r", 2),
        ("lf", b"12345678\n87654321\n", 2),
        ("crlf", b"12345678\r\n87654321\r\n", 2),
        ("crlf", b"12345678\r", 0),
    ],
)
def test_the_suffix_of_a_scanner_is_a_setting(suffix: str, wire: bytes, codes: int) -> None:
    events = AsciiReader(ascii_line.Settings(suffix=suffix)).receive(wire, 0.0)
    assert sum(isinstance(e, CardRead) for e in events) == codes


@pytest.mark.parametrize("text", ["1234567", "http://example.org/", "姓名", "1" * 30])
def test_a_code_that_is_no_visitors_code_is_refused_and_not_quoted(text: str) -> None:
    (event,) = AsciiReader(ascii_line.Settings()).receive(text.encode() + b"\r\n", 0.0)
    assert isinstance(event, ReaderFault)
    assert text not in repr(event)


SAMPLES = [
    w26(90, 324).encode() + b"\r\n",
    b"090,00324\r\n",
    b"0078750403\r\n",
    *(
        bytes.fromhex(next(v["hex"] for v in VECTORS["ascii"] if v["frame"] == name))
        for name in (*ascii_line.SHAPES, "text")
    ),
]


@pytest.mark.parametrize(("make", "sample"), list(zip(MAKERS, SAMPLES, strict=True)))
def test_every_line_driver_passes_the_entrance_exam(make: Callable[[], ReaderProtocol], sample: bytes) -> None:
    check_stream(make, sample)
    assert meaning(make().receive(sample, 0.0))


@pytest.mark.parametrize(("make", "sample"), list(zip(MAKERS, SAMPLES, strict=True)))
@given(data=st.data())
def test_any_cut_of_any_stream_gives_the_same_events(
    make: Callable[[], ReaderProtocol], sample: bytes, data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.binary(max_size=40) | st.just(sample) | some.mutated(st.just(sample)), max_size=6))
    stream = b"".join(parts)
    whole, cut = make(), make()
    pieces = [event for piece in data.draw(some.cuts(stream)) for event in cut.receive(piece, 0.0)]
    assert pieces == whole.receive(stream, 0.0)
    assert cut.receive(b"", 9.0) == whole.receive(b"", 9.0)


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_held_back_is_bounded_and_given_up_in_time(make: Callable[[], ReaderProtocol]) -> None:
    reader = make()
    for byte in (b"\x02", b"1", b"0"):
        for _ in range(3000):
            reader.receive(byte, 0.0)
            held = getattr(reader, "_cutter", None) or reader._lines
            assert held.held <= LONGEST
    reader.receive(b"", 9.0)
    assert held.held == 0
