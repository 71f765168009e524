from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.apdu import CHIP_SERIAL, GET_UID, ID_CARD_ATRS, Answer, Result, here_i_am, identify, lamp
from drivers.api import CardRead, Credential, CredentialKind, ReaderFault, Remedy, Verdict

ID_CARDS = tuple(bytes.fromhex(atr) for atr in ID_CARD_ATRS)
CLASSIC = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
PERMIT = bytes.fromhex("3B8B80012070010000000007" + "1C615170")
STORAGE_TYPE_B = bytes.fromhex("3B8F8001804F0CA00000030607000000000000" + "6F")


def talk(atr: bytes, *answers: tuple[str, int]) -> tuple[list[bytes], Result]:
    """Run a dialogue against a transcript; what was asked, and what came of it."""
    dialogue, asked = identify(atr, ID_CARDS), []
    try:
        asked.append(next(dialogue))
        for data, status in answers:
            asked.append(dialogue.send(Answer(bytes.fromhex(data), status)))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError(f"it asks for more: {asked[-1].hex()}")


@pytest.mark.parametrize("atr", ID_CARDS)
def test_an_id_card_is_known_by_its_chip_serial(atr: bytes) -> None:
    asked, result = talk(atr, ("10e4100102030405", 0x9000))
    assert asked == [CHIP_SERIAL] == [bytes.fromhex("0036000008")]
    assert result == CardRead(Credential(CredentialKind.ID_CHIP, "10E4100102030405"))


@pytest.mark.parametrize("atr", [CLASSIC, PERMIT])
@pytest.mark.parametrize("uid", ["04A1B2C3", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6071829", "0800000000000001"[:14]])
def test_a_type_a_card_is_known_by_its_uid_as_sent_over_the_air(atr: bytes, uid: str) -> None:
    asked, result = talk(atr, (uid, 0x9000))
    assert asked == [GET_UID]
    assert result == CardRead(Credential(CredentialKind.CARD_UID, uid))


def test_a_reader_that_wants_the_length_is_given_it() -> None:
    asked, result = talk(CLASSIC, ("", 0x6C04), ("04A1B2C3", 0x9000))
    assert asked == [GET_UID, bytes.fromhex("FFCA000004")]
    assert result == CardRead(Credential(CredentialKind.CARD_UID, "04A1B2C3"))


@pytest.mark.parametrize(
    ("atr", "data", "status", "code", "remedy"),
    [
        (CLASSIC, "00000000", 0x9000, "zero_id", Remedy.CALL_TECHNICIAN),
        (CLASSIC, "", 0x9000, "zero_id", Remedy.CALL_TECHNICIAN),
        (ID_CARDS[0], "0000000000000000", 0x9000, "zero_id", Remedy.CALL_TECHNICIAN),
        (ID_CARDS[0], "10E41001020304", 0x9000, "bad_serial", Remedy.PRESENT_AGAIN),
        (ID_CARDS[0], "", 0x6D00, "card_refuses", Remedy.NOT_A_SUPPORTED_CARD),
        (CLASSIC, "08A1B2C3", 0x9000, "random_id", Remedy.NOT_A_SUPPORTED_CARD),
        (CLASSIC, "04A1B2", 0x9000, "bad_uid", Remedy.NOT_A_SUPPORTED_CARD),
        (CLASSIC, "", 0x6300, "card_unreadable", Remedy.PRESENT_AGAIN),
        (CLASSIC, "", 0x6A81, "card_refuses", Remedy.NOT_A_SUPPORTED_CARD),
    ],
)
def test_what_is_no_identity_is_refused_with_a_reason(
    atr: bytes, data: str, status: int, code: str, remedy: Remedy
) -> None:
    _, result = talk(atr, (data, status))
    assert isinstance(result, ReaderFault)
    assert (result.code, result.remedy) == (code, remedy)


def test_zeros_say_which_atr_to_configure() -> None:
    _, result = talk(PERMIT, ("00000000", 0x9000))
    assert isinstance(result, ReaderFault)
    assert PERMIT.hex().upper() in result.detail


def test_a_storage_card_of_another_technology_is_not_asked_at_all() -> None:
    assert talk(STORAGE_TYPE_B) == (
        [],
        ReaderFault("not_type_a", Remedy.NOT_A_SUPPORTED_CARD, "neither an ID card nor a type A card"),
    )


@given(
    atr=st.sampled_from([*ID_CARDS, CLASSIC]) | st.binary(max_size=33),
    answers=st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 0xFFFF)), min_size=2, max_size=2),
)
def test_whatever_a_card_answers_it_is_asked_twice_at_most_and_zeros_are_nobody(
    atr: bytes, answers: list[tuple[bytes, int]]
) -> None:
    _, result = talk(atr, *((data.hex(), status) for data, status in answers))
    if isinstance(result, CardRead):
        assert result.credential.number.strip("0")
    else:
        assert isinstance(result, ReaderFault)


@pytest.mark.parametrize("atr", [*ID_CARDS, CLASSIC, PERMIT])
def test_the_atrs_of_these_tests_hold_together(atr: bytes) -> None:
    assert reduce(xor, atr[1:]) == 0


@pytest.mark.parametrize(
    ("verdict", "acr122", "acr1281"),
    [
        (Verdict.GRANT, "FF0040AC0402010101", ["E00000290102", "E0000028010A"]),
        (Verdict.ATTEND, "FF0040FC0402010101", ["E00000290103", "E0000028010A"]),
        (Verdict.REFUSE, "FF00405C0402010201", ["E00000290101", "E00000280114"]),
    ],
)
def test_a_verdict_is_lit_in_its_own_colours(verdict: Verdict, acr122: str, acr1281: list[str]) -> None:
    one, two = lamp("acr122", verdict), lamp("acr1281", verdict)
    assert [command.hex().upper() for command in one.show] == [acr122]
    assert [command.hex().upper() for command in two.show] == acr1281
    assert [command.hex().upper() for command in two.clear] == ["E00000290100"]
    assert lamp("none", verdict).show == ()


def test_a_reader_that_is_looked_for_shows_no_verdict() -> None:
    for name in ("acr122", "acr1281"):
        assert here_i_am(name).show
        assert here_i_am(name).show not in [lamp(name, verdict).show for verdict in Verdict]
    assert here_i_am("acr1281").clear == lamp("acr1281", Verdict.GRANT).clear
    assert here_i_am("none").show == ()
