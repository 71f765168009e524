import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import ascii_line, ga467, wiegand
from drivers.api import Driver, StreamDriver
from drivers.id_text import CardType, NotACardText, parse
from gateway.blanking import FROM, TO, blanked_text, blanks_for
from gateway.decode import Found, decode, event_of
from gateway.recording import TITLE, Recording, head, read
from simulators import sam
from simulators.ascii_line import id_12, length_xor, rdm6300, stx_hex
from simulators.sam import Card, card_reply, framed
from simulators.wiegand import w34

TODAY = date(2026, 11, 23)
CARDS = json.loads((Path(__file__).parents[1] / "vectors" / "cards.json").read_text("utf-8"))
FIND, READ = framed(bytes.fromhex("2001")), framed(bytes.fromhex("3001"))
SAM_NUMBER = framed(bytes.fromhex("00009005000300350433013717030000000000"))


def recorded(*pieces: tuple[str, bytes], driver: Driver = ga467.DRIVER, settings: object = None) -> str:
    settings = settings or driver.settings()
    recording, lines = Recording(blanks_for(driver, settings)), list(head(driver, settings))
    for step, (way, data) in enumerate(pieces):
        lines += recording.take(way, data, 10.0 + step)
    for way in (TO, FROM):
        lines += recording.take(way, b"", 10_000.0)
    return "\n".join(lines) + "\n"


def frames_of(text: str) -> str:
    found = read(text)
    assert found is not None
    return found.digits


def events(text: str) -> list[str]:
    found, _ = decode("ga467", text, reveal=True, today=TODAY)
    return [str(item["event"]) for item in found]


def test_a_recording_decodes_as_the_line_did() -> None:
    text = recorded((TO, FIND), (FROM, SAM_NUMBER), (TO, READ), (FROM, card_reply(bytes.fromhex(CARDS[0]["record"]))))
    assert events(text) == ["command", "device_fact", "command", "card_read"]
    assert [line.split(" ")[:2] for line in text.splitlines()[1:]] == [
        ["0.000", ">"],
        ["1.000", "<"],
        ["2.000", ">"],
        ["3.000", "<"],
    ]


@pytest.mark.parametrize("vector", CARDS, ids=lambda v: v["name"])
def test_nothing_of_the_person_is_in_it(vector: dict[str, str]) -> None:
    whole = card_reply(bytes.fromhex(vector["record"]))
    kept = bytes.fromhex(frames_of(recorded((FROM, whole))))
    assert len(kept) == len(whole)
    text = kept.decode("utf-16-le", "replace") + kept[1:].decode("utf-16-le", "replace")
    for secret in (vector["number"], vector["card_name"], vector["address"], vector["number"][6:14]):
        assert secret not in text or secret == "19000101"
    assert not any(kept[7 + 7 + 256 : -1])


@pytest.mark.parametrize("kind", list(sam.CardType))
def test_a_card_of_each_type_becomes_a_good_card_of_nobody_of_that_type(kind: sam.CardType) -> None:
    number = {"I": "USA110000010104", "Y": "911840190001010017", "J": "810000190001010026"}
    record = Card(number.get(kind, "511703190001010015"), "测试甲", type=kind, english_name="TEST PERSON").record()
    was, now = parse(record), parse(blanked_text(record))
    assert now.type is was.type
    assert (now.name, now.address) == ("", "")
    assert now.long_term
    assert {CardType.RESIDENT: "510099190001010019"}.get(now.type, now.number) == now.number


def test_a_text_that_could_not_be_trusted_stays_so() -> None:
    record = Card("511703190001010016", "测试甲").record()
    with pytest.raises(NotACardText):
        parse(blanked_text(record))
    assert events(recorded((FROM, card_reply(record)))) == ["reader_fault"]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (Card("511703190001010016", "测试甲"), "bad_number"),
        (Card("511703190001010015", "测试甲", valid_from="20201399"), "bad_text"),
        (Card("511703190001010015", "测试甲", valid_until="20209999"), "bad_text"),
        (Card("511703190001010015", "测试甲", valid_from="20200101", valid_until="20100101"), "bad_text"),
    ],
)
def test_a_text_that_could_not_be_trusted_decodes_as_the_same_fault(card: Card, code: str) -> None:
    reply = card_reply(card.record())
    for text in (reply.hex(), recorded((FROM, reply))):
        (found,), _ = decode("ga467", text, reveal=True, today=TODAY)
        assert found["code"] == code


def test_serials_of_chips_become_zeros_and_other_answers_lose_what_they_hold() -> None:
    text = recorded(
        (FROM, framed(bytes.fromhex("00009F11223344"))),
        (FROM, framed(bytes.fromhex("0000901122334455667788"))),
        (FROM, framed(bytes.fromhex("000090") + b"\x51" * 28)),
        (TO, framed(bytes.fromhex("3003") + b"\x51" * 4)),
        (FROM, framed(bytes.fromhex("000031"))),
    )
    assert frames_of(text) == "\n".join(
        framed(bytes.fromhex(body)).hex().upper()
        for body in ("00009F00000000", "0000900000000000000000", "000090" + "00" * 28, "300300000000", "000031")
    )


@given(before=st.binary(max_size=60), after=st.binary(max_size=60), cut=st.integers(1, 1294))
def test_of_bytes_in_no_frame_only_the_number_is_kept(before: bytes, after: bytes, cut: int) -> None:
    broken = card_reply(Card("511703190001010015", "测试甲").record())[:cut]
    text = recorded((FROM, before), (FROM, broken), (FROM, after))
    assert not frames_of(text)
    noise = [int(line.split()[3]) for line in text.splitlines() if line.endswith("that are no frame")]
    assert sum(noise) == len(before + broken + after)


@pytest.mark.parametrize("words", [(), (256, 1024, 1024), (256, 1024, 0)])
def test_replies_that_are_never_asked_for_lose_all_that_they_hold(words: tuple[int, ...]) -> None:
    lengths = b"".join(word.to_bytes(2, "big") for word in words)
    personal = b"7\0" * ((sum(words) or 280) // 2)
    text = recorded((FROM, framed(b"\x00\x00\x90" + lengths + personal)))
    found, _ = decode("ga467", text, reveal=True, today=TODAY)
    assert "not read" in str(found[0]["meaning"])
    body = bytes.fromhex(frames_of(text))[7:-1]
    assert not any(body[3 + len(lengths) :])


def test_other_text_is_no_recording() -> None:
    assert read("AAAAAA9669000311FFED") is None
    assert read("") is None


def codes(found: list[Found]) -> list[tuple[object, object]]:
    return [(item["event"], item.get("code")) for item in found]


def as_it_came(driver: StreamDriver, settings: object, data: bytes) -> list[tuple[object, object]]:
    reader: Any = driver.make(settings)
    return codes(
        [event_of(event, reveal=True) for at in (0.0, 99.0, 999.0) for event in reader.receive(data * (at == 0), at)]
    )


BITS = wiegand.Settings(also=(37,))
DECIMAL_8, DECIMAL_10 = wiegand.Settings(form="decimal-8"), wiegand.Settings(form="decimal-10")
CUT = b"0010110100000000101000100"
LINES: list[tuple[wiegand.Settings, bytes, bytes]] = [
    (BITS, b"00101101000000001010001000", b"00000000000000000000000010"),
    (BITS, b"26:0B40288", b"26:0000002"),
    (BITS, b"10101101000000001010001000", b"0" * 26),
    (BITS, w34(bytes.fromhex("04A1B2C3")).encode(), b"0" * 32 + b"10"),
    (BITS, w34(bytes(4)).encode(), b"0" * 33 + b"1"),
    (BITS, b"1" * 37, b"0" * 36 + b"1"),
    (BITS, CUT, b"0" * 25),
    (BITS, b"0101", b"0000"),
    (DECIMAL_8, b"090,00324", b"000,00002"),
    (DECIMAL_8, b"09000324", b"00000002"),
    (DECIMAL_10, b"0078750403", b"0000000002"),
    (DECIMAL_10, b"0000000000", b"0000000000"),
]


@pytest.mark.parametrize(("settings", "line", "nobody"), LINES)
def test_a_wiegand_line_is_recorded_as_that_of_nobody(settings: wiegand.Settings, line: bytes, nobody: bytes) -> None:
    text = recorded((FROM, line + b"\r\n"), driver=wiegand.DRIVER, settings=settings)
    assert bytes.fromhex(frames_of(text)) == nobody + b"\n"
    found, _ = decode("wiegand", text, reveal=True, today=TODAY)
    assert codes(found) == as_it_came(wiegand.DRIVER, settings, line + b"\n")


UID, EM = bytes.fromhex("A1B2C3"), bytes.fromhex("0A00D54BD3")
CODES: list[tuple[ascii_line.Settings, bytes, bytes]] = [
    (ascii_line.Settings(), b"13800138000\r\n", b"00000000000\n"),
    (ascii_line.Settings(suffix="crlf"), b"138001\r\n", b"000000\r\n"),
    (ascii_line.Settings(), " 二维码 https://x/1".encode() + b"\r", b"?" * 21 + b"\n"),
    (ascii_line.Settings("stx-hex"), stx_hex(UID), stx_hex(b"\0\0\1")),
    (ascii_line.Settings("stx-hex", order="reversed"), stx_hex(bytes(3)), stx_hex(bytes(3))),
    (ascii_line.Settings("rdm6300"), rdm6300(EM), rdm6300(bytes(4) + b"\1")),
    (ascii_line.Settings("id-12"), id_12(EM), id_12(bytes(4) + b"\1")),
    (ascii_line.Settings("length-xor"), length_xor(UID + UID + b"\1"), length_xor(bytes(6) + b"\1")),
    (ascii_line.Settings("length-xor"), length_xor(EM + UID + UID), length_xor(bytes(11))),
]


@pytest.mark.parametrize(("settings", "frame", "nobody"), CODES)
def test_a_code_is_recorded_as_that_of_nobody(settings: ascii_line.Settings, frame: bytes, nobody: bytes) -> None:
    text = recorded((FROM, frame), driver=ascii_line.DRIVER, settings=settings)
    assert bytes.fromhex(frames_of(text)) == nobody
    found, _ = decode("ascii-line", text, reveal=True, today=TODAY)
    assert codes(found) == as_it_came(ascii_line.DRIVER, settings, frame)


@given(st.binary(max_size=40), st.sampled_from([*{case[0] for case in LINES}]))
def test_whatever_a_wiegand_line_says_decodes_as_it_did(data: bytes, settings: wiegand.Settings) -> None:
    text = recorded((FROM, data + b"\n"), driver=wiegand.DRIVER, settings=settings)
    was = [event for event in as_it_came(wiegand.DRIVER, settings, data + b"\n") if event[0] != "noise"]
    found = decode("wiegand", text, reveal=True, today=TODAY)[0] if frames_of(text) else []
    assert [event for event in codes(found) if event[0] != "noise"] == was


@given(
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([case[1] for case in CODES]))), st.sampled_from(CODES)
)
def test_whatever_an_ascii_line_says_decodes_as_it_did(
    pieces: list[bytes], case: tuple[ascii_line.Settings, bytes, bytes]
) -> None:
    settings, frame, _ = case
    data = b"".join([*pieces, frame])
    text = recorded((FROM, data), driver=ascii_line.DRIVER, settings=settings)
    was = [event for event in as_it_came(ascii_line.DRIVER, settings, data) if event[0] != "noise"]
    found = decode("ascii-line", text, reveal=True, today=TODAY)[0] if frames_of(text) else []
    assert [event for event in codes(found) if event[0] != "noise"] == was


@given(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_any_two_cards_leave_the_same_bytes(one: int, other: int) -> None:
    binary = ascii_line.Settings("length-xor")

    def kept(number: int) -> list[str]:
        uid = number.to_bytes(4, "big")
        return [
            frames_of(recorded((FROM, w34(uid).encode() + b"\n"), driver=wiegand.DRIVER)),
            frames_of(recorded((FROM, length_xor(uid)), driver=ascii_line.DRIVER, settings=binary)),
            frames_of(recorded((FROM, f"{number:010d}\n".encode()), driver=ascii_line.DRIVER)),
        ]

    assert kept(one) == kept(other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{TITLE}wiegand\n0.000 < 300A\n", "another driver"),
        (f"{TITLE}ga467\n# settings [1]\n0.000 < 300A\n", "no table"),
        (f"{TITLE}ga467\n# settings {{\n0.000 < 300A\n", "Expecting"),
        (f'{TITLE}ga467\n# settings {{"nothing": 1}}\n0.000 < 300A\n', "no such setting"),
        (f"{TITLE}ga467\n# settings {'[' * 100_000}\n0.000 < 300A\n", "recursion"),
    ],
)
def test_a_recording_that_was_written_by_somebody_else_is_refused_in_one_sentence(text: str, why: str) -> None:
    (found,), status = decode("ga467", text, reveal=False, today=TODAY)
    assert (found["event"], status) == ("error", 2)
    assert why in str(found["error"])


def test_settings_of_a_sam_module_are_told_and_change_nothing_of_its_frames() -> None:
    text = recorded((TO, FIND), settings=ga467.Settings(period_ms=500))
    assert text.splitlines()[1] == '# settings {"period_ms": 500}'
    assert events(text) == ["command"]
