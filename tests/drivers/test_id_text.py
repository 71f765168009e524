import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.id_text import SIZE, CardType, NotACardText, parse
from simulators import people, sam

CARDS = json.loads((Path(__file__).parents[1] / "vectors" / "cards.json").read_text(encoding="utf-8"))
NUMBER = "511703190001010015"
PLAIN = sam.Card(NUMBER, "测试甲", "测试路1号")


def changed(offset: int, new: bytes) -> bytes:
    record = PLAIN.record()
    return record[:offset] + new + record[offset + len(new) :]


@pytest.mark.parametrize("vector", CARDS, ids=lambda v: v["name"])
def test_published_records_are_read(vector: dict[str, Any]) -> None:
    card = parse(bytes.fromhex(vector["record"]))
    assert (card.number, card.name, card.address) == (vector["number"], vector["card_name"], vector["address"])
    assert card.type == vector["type"]
    assert card.valid_from == date.fromisoformat(vector["valid_from"])
    assert card.valid_until == (vector["valid_until"] and date.fromisoformat(vector["valid_until"]))
    assert card.long_term == (vector["valid_until"] is None)


def test_a_permanent_residents_card_of_2017() -> None:
    made = sam.Card("USA511700010115", "", type=sam.CardType.PR_2017, english_name="TEST, ANNA", valid_until="20300101")
    card = parse(made.record())
    assert (card.type, card.number, card.name) == (CardType.PR_2017, "USA511700010115", "TEST, ANNA")
    assert (card.address, card.valid_until) == ("", date(2030, 1, 1))


def test_a_permanent_residents_card_of_2023_and_its_english_name_in_two_pieces() -> None:
    english = "TEST WITH A NAME THAT IS THIRTY FIVE CHARACTER"
    assert len(english) == 46
    made = sam.Card("951840190001010014", "", type=sam.CardType.PR_2023, english_name=english, valid_until="20300101")
    card = parse(made.record())
    assert (card.type, card.name) == (CardType.PR_2023, english)


def test_the_chinese_name_goes_before_the_english_one() -> None:
    made = sam.Card(
        "951840190001010014", "测试", type=sam.CardType.PR_2023, english_name="TEST", valid_until="20300101"
    )
    assert parse(made.record()).name == "测试"


@pytest.mark.parametrize("name", ["𠮷田㐂", "\ue000\ue815", "阿依古丽·买买提", "龘"])
def test_rare_characters_survive(name: str) -> None:
    assert parse(sam.Card(NUMBER, name).record()).name == name


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert parse(changed(0, b"\x00\xd8")).name == "\ufffd试甲"


@pytest.mark.parametrize("char", ["\n", "\0", "\x85", "\u2028", "\u2029", "\u202e", "\u200b"])
def test_a_character_that_nobody_sees_cannot_break_or_turn_a_line_later(char: str) -> None:
    assert parse(changed(2, char.encode("utf-16-le"))).name == "测\ufffd甲"


def test_padding_with_zeros_is_cut_as_well() -> None:
    assert parse(changed(6, bytes(24))).name == "测试甲"


@pytest.mark.parametrize("letter", [b" \x00", b"\x00\x00", b"0\x00"])
def test_a_resident_card_has_a_blank_for_its_type(letter: bytes) -> None:
    assert parse(changed(248, letter)).type is CardType.RESIDENT


def test_the_29th_of_february_ten_years_on_is_the_28th() -> None:
    assert parse(sam.Card(NUMBER, "测试", valid_until="20300229").record()).valid_until == date(2030, 2, 28)
    assert parse(sam.Card(NUMBER, "测试", valid_until="20280229").record()).valid_until == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"", "size"),
        (PLAIN.record()[:-1], "size"),
        (PLAIN.record() + b" ", "size"),
        (changed(248, b"Q\x00"), "card_type"),
        (changed(122, "511703190001010016".encode("utf-16-le")), "number_check_digit"),
        (changed(122, "511703190002300015".encode("utf-16-le")), "number_date"),
        (changed(122, b"\x20\x00" * 18), "number_length"),
        (changed(122, people.number_of("51170320300101001").encode("utf-16-le")), "number_date"),
        (changed(122, "810000190001010026".encode("utf-16-le")), "number_characters"),
        (changed(188, "2020010A".encode("utf-16-le")), "validity"),
        (changed(204, "20201301".encode("utf-16-le")), "validity"),
        (changed(204, "永远".encode("utf-16-le")), "validity"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_a_code(record: bytes, problem: str) -> None:
    with pytest.raises(NotACardText) as refused:
        parse(record)
    assert refused.value.problem == problem


@given(record=st.binary(min_size=SIZE, max_size=SIZE))
def test_random_records_are_refused_and_nothing_else_is_raised(record: bytes) -> None:
    with pytest.raises(NotACardText):
        parse(record)


@given(name=st.binary(min_size=30, max_size=30), address=st.binary(min_size=70, max_size=70))
def test_whatever_stands_for_name_and_address_the_number_is_read(name: bytes, address: bytes) -> None:
    record = bytearray(PLAIN.record())
    record[0:30], record[52:122] = name, address
    card = parse(bytes(record))
    assert card.number == NUMBER
    assert card.name.encode() + card.address.encode() is not None
    assert NUMBER not in repr(card)
