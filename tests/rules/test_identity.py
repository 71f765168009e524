import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import identity
from rules.identity import NumberKind, Problem, birth_of, canonical, check, mask
from rules.model import Credential, CredentialKind, Origin
from tests import strategies as some

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "numbers.json").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda v: v["source"])
def test_published_numbers_hold(vector: dict[str, str]) -> None:
    found = check(vector["number"], TODAY)
    assert (found.kind, found.problem) == (vector["kind"], None)
    assert found.birth == (vector["birth"] and date.fromisoformat(vector["birth"]))


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda v: v["problem"])
def test_published_bad_numbers_say_what_is_wrong(vector: dict[str, str]) -> None:
    assert check(vector["number"], TODAY).problem == vector["problem"]


@given(number=some.citizen_numbers(), place=st.integers(0, 17), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(number: str, place: int, digit: str) -> None:
    assert check(number).valid
    wrong = number[:place] + digit + number[place + 1 :]
    assert check(wrong).valid == (wrong == number)


@given(number=some.citizen_numbers(), place=st.integers(6, 16))
def test_two_neighbours_swapped_are_always_found(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert check(swapped).valid == (swapped == number)


@given(text=st.text(max_size=80))
def test_whatever_is_given_check_answers(text: str) -> None:
    found = check(text, TODAY)
    assert found.valid == (found.problem is None)


def test_a_birth_after_today_is_impossible_and_today_itself_is_not() -> None:
    number = "511703202611230" + "01"
    number += identity.check_digit(number)
    assert check(number, date(2026, 11, 23)).valid
    assert check(number, date(2026, 11, 22)).problem is Problem.DATE


def test_the_first_day_that_anybody_can_have_been_born() -> None:
    for day, valid in (("18800101", True), ("18791231", False)):
        first_17 = f"511703{day}001"
        assert check(first_17 + identity.check_digit(first_17)).valid is valid


def test_a_short_year_is_of_this_century_only_if_that_is_not_in_the_future() -> None:
    young = "USA511715010115"[:14]
    young += identity.passport_digit(young)
    assert check(young, TODAY).birth == date(2015, 1, 1)
    assert check("KAZ110090123105", TODAY).birth == date(1990, 12, 31)
    assert birth_of(Credential(CredentialKind.PR_2017, young)) is None
    assert birth_of(Credential(CredentialKind.PR_2017, young), TODAY) == date(2015, 1, 1)


def test_the_number_tells_the_birth_and_a_card_does_not() -> None:
    assert birth_of(Credential(CredentialKind.CITIZEN_ID, "511703190001010015")) == date(1900, 1, 1)
    assert birth_of(Credential(CredentialKind.CARD_UID, "5630F009")) is None


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (CredentialKind.CITIZEN_ID, " 51170319000101004x\n", "51170319000101004X"),
        (CredentialKind.CITIZEN_ID, "５１１７０３１９０００１０１００１５", "511703190001010015"),
        (CredentialKind.CITIZEN_ID, "951840190001010014", "951840190001010014"),
        (CredentialKind.CITIZEN_ID, "511703000101001", "511703190001010015"),
        (CredentialKind.PR_2017, "usa511700010115", "USA511700010115"),
        (CredentialKind.ID_CHIP, "10e4100102030405", "10E4100102030405"),
        (CredentialKind.CARD_UID, "5630f009", "5630F009"),
        (CredentialKind.CARD_UID, "8def9e", "8DEF9E"),
        (CredentialKind.WIEGAND_26, "000000", "000000"),
        (CredentialKind.WIEGAND_N, "37:1f", "37:000000001F"),
        (CredentialKind.EM, "13005d1da5", "13005D1DA5"),
        (CredentialKind.VISITOR, "12345678", "12345678"),
    ],
)
def test_each_kind_has_one_written_form(kind: CredentialKind, text: str, number: str) -> None:
    assert canonical(kind, text) == number
    assert canonical(kind, number) == number


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CredentialKind.CITIZEN_ID, "511703190001010016"),
        (CredentialKind.CITIZEN_ID, "USA511700010115"),
        (CredentialKind.CITIZEN_ID, "H12345678"),
        (CredentialKind.PR_2017, "511703190001010015"),
        (CredentialKind.ID_CHIP, "0000000000000000"),
        (CredentialKind.ID_CHIP, "10E41001020304"),
        (CredentialKind.CARD_UID, "00000000"),
        (CredentialKind.CARD_UID, "5630F0G9"),
        (CredentialKind.CARD_UID, "5630F00"),
        (CredentialKind.WIEGAND_26, "0000"),
        (CredentialKind.WIEGAND_N, "4:1F"),
        (CredentialKind.WIEGAND_N, "0:0"),
        (CredentialKind.WIEGAND_N, "1F"),
        (CredentialKind.EM, "0000000000"),
        (CredentialKind.VISITOR, "1234567"),
        (CredentialKind.VISITOR, "1234567A"),
        (CredentialKind.VISITOR, "1" * 21),
    ],
)
def test_what_is_no_such_number_is_refused_and_never_quoted(kind: CredentialKind, text: str) -> None:
    with pytest.raises(ValueError, match=str(kind)) as refused:
        canonical(kind, text)
    assert text not in str(refused.value)
    assert text not in repr(refused.value)


@given(
    kind=st.sampled_from(CredentialKind), text=st.text(max_size=80) | st.from_regex("[0-9A-F:]{0,30}", fullmatch=True)
)
def test_canonical_is_its_own_canonical_form_or_a_refusal(kind: CredentialKind, text: str) -> None:
    try:
        number = canonical(kind, text)
    except ValueError:
        return
    assert canonical(kind, number) == number


@given(number=st.text(min_size=1, max_size=40).filter(lambda n: n.strip("*")))
def test_a_mask_never_shows_the_whole_number(number: str) -> None:
    shown = mask(number)
    assert shown != number
    assert len(shown) == len(number)
    assert sum(a == b != "*" for a, b in zip(shown, number, strict=True)) <= 4


@pytest.mark.parametrize(
    ("number", "shown"), [("511703190001010015", "51" + "*" * 14 + "15"), ("12345678", "********"), ("", "")]
)
def test_what_a_mask_looks_like(number: str, shown: str) -> None:
    assert mask(number) == shown


@given(number=some.citizen_numbers())
def test_no_repr_holds_a_birth_date_or_a_number(number: str) -> None:
    found = check(number)
    assert found.birth is not None
    assert found.kind is NumberKind.CITIZEN
    assert str(found.birth.year) not in repr(found)
    assert number not in repr(found)


def test_whoever_has_no_number_is_told_by_birth_and_law_alone() -> None:
    kind, born = CredentialKind.NO_NUMBER, date(2026, 2, 28)
    for origin in Origin:
        number = identity.without_number(born, origin, "1a2b3c4d")
        one = Credential(kind, identity.canonical(kind, number))
        assert (identity.birth_of(one), identity.origin_of(one)) == (born, origin)
    for wrong in ("20260229M1A2B3C4D", "20260228X1A2B3C4D", "20260228M1A2B3C4", "510099190001010019", ""):
        with pytest.raises(identity.BadNumber):
            identity.canonical(kind, wrong)
