import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.id_text import CardType, NotACardText, parse
from gateway.decode import decode
from gateway.recording import FROM, TITLE, TO, Recording, blanked_text, frames_of
from simulators import sam
from simulators.sam import Card, card_reply, framed

TODAY = date(2026, 11, 23)
CARDS = json.loads((Path(__file__).parents[1] / "vectors" / "cards.json").read_text("utf-8"))
FIND, READ = framed(bytes.fromhex("2001")), framed(bytes.fromhex("3001"))
SAM_NUMBER = framed(bytes.fromhex("00009005000300350433013717030000000000"))


def recorded(*pieces: tuple[str, bytes]) -> str:
    recording, lines = Recording(), [TITLE]
    for step, (way, data) in enumerate(pieces):
        lines += recording.take(way, data, 10.0 + step)
    for way in (TO, FROM):
        lines += recording.take(way, b"", 10_000.0)
    return "\n".join(lines) + "\n"


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
    kept = bytes.fromhex((frames_of(recorded((FROM, whole))) or "").replace("\n", ""))
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
    lines = list(Recording().take(FROM, framed(b"\x00\x00\x90" + lengths + personal), 0.0))
    found, _ = decode("ga467", frames_of("\n".join([TITLE, *lines])) or "", reveal=True, today=TODAY)
    assert "not read" in str(found[0]["meaning"])
    body = bytes.fromhex(lines[0].split()[-1])[7:-1]
    assert not any(body[3 + len(lengths) :])


def test_other_text_is_no_recording() -> None:
    assert frames_of("AAAAAA9669000311FFED") is None
    assert frames_of("") is None
