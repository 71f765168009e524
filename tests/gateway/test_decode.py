import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sam_frames import encode
from gateway.decode import DECODERS, decode
from simulators.sam import Card, CardType, card_reply
from simulators.wiegand import w26

VECTORS = Path(__file__).parents[1] / "vectors"
CARDS = json.loads((VECTORS / "cards.json").read_text(encoding="utf-8"))
SAM = json.loads((VECTORS / "sam.json").read_text(encoding="utf-8"))
LINES = json.loads((VECTORS / "lines.json").read_text(encoding="utf-8"))
NUMBERS = json.loads((VECTORS / "numbers.json").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 23)
CARD = Card("511703190001010015", "测试甲", "测试路1号")


def events(protocol: str, hex_text: str, reveal: bool = False) -> tuple[list[str], int]:
    found, code = decode(protocol, hex_text, reveal=reveal, today=TODAY)
    return [str(item["event"]) for item in found], code


@pytest.mark.parametrize("vector", CARDS, ids=lambda v: v["name"])
@pytest.mark.parametrize("protocol", ["ga467", "id-text"])
def test_a_card_is_shown_masked_unless_asked_otherwise(vector: dict[str, str], protocol: str) -> None:
    record = bytes.fromhex(vector["record"])
    wire = (card_reply(record) if protocol == "ga467" else record).hex(" ")
    (shown,), code = decode(protocol, wire, reveal=False, today=TODAY)
    assert code == 0
    assert shown["event"] == ("card_read" if protocol == "ga467" else "text")
    for secret in (vector["number"], vector["card_name"], vector["address"]):
        assert secret not in json.dumps(shown, ensure_ascii=False)
    (plain,), _ = decode(protocol, wire, reveal=True, today=TODAY)
    assert (plain["number"], plain["name"], plain["address"]) == (
        vector["number"],
        vector["card_name"],
        vector["address"],
    )


def test_a_whole_trace_is_told_in_order_commands_included() -> None:
    find, found = "AAAAAA96690003200122", "AAAAAA9669000800009F0000000097"
    select, selected = "AAAAAA96690003200221", "AAAAAA9669000C00009000000000000000009C"
    read = "AAAAAA96690003300132"
    trace = "\n".join([find, found, select, selected, read, card_reply(CARD.record()).hex()])
    assert events("ga467", trace) == (["command", "reply", "command", "reply", "command", "card_read"], 0)


@pytest.mark.parametrize("vector", SAM["commands"], ids=lambda v: v["name"])
def test_every_command_is_named_and_the_dangerous_ones_are_marked(vector: dict[str, str]) -> None:
    (found,), code = decode("ga467", vector["frame"], reveal=False, today=TODAY)
    assert code == 1
    assert found["event"] == "command"
    assert found["meaning"] != "unknown command"
    assert found["allowed"] == (vector["body"] not in {"3010", "3003", "3005"})


@pytest.mark.parametrize("vector", SAM["vendor"], ids=lambda v: v["name"])
def test_vendor_commands_are_never_allowed(vector: dict[str, str]) -> None:
    (found,), _ = decode("ga467", vector["frame"], reveal=False, today=TODAY)
    assert (found["event"], found["allowed"]) == ("command", False)


@pytest.mark.parametrize("vector", SAM["bad"], ids=lambda v: v["name"])
def test_broken_frames_are_noise(vector: dict[str, str]) -> None:
    assert events("ga467", vector["frame"]) == (["noise"], 1)


@pytest.mark.parametrize("vector", SAM["replies"], ids=lambda v: v["name"])
def test_every_reply_means_something(vector: dict[str, str]) -> None:
    (kind,), code = events("ga467", vector["frame"])
    assert kind in {"reply", "device_fact", "reader_fault"}
    assert code == 1


def never_read(*lengths: int, rest: bytes = b"") -> bytes:
    """A good reply with such length words, whose content is one letter over and over."""
    words = b"".join(length.to_bytes(2, "big") for length in lengths)
    return encode(b"\x00\x00\x90" + words + "测".encode("utf-16-le") * (sum(lengths) // 2) + rest)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (never_read(256, 1024, 1024), "fingerprint (30 10)"),
        (never_read(256, 1024, 512), "fingerprint (30 10)"),
        (never_read(256, 1024, 0), "fingerprint (30 10)"),
        (never_read(rest=bytes(70)), "addresses (30 03)"),
        (never_read(rest="路".encode("utf-16-le") * 140), "addresses (30 03)"),
        (never_read(rest=bytes(28)), "management number (30 05)"),
    ],
)
def test_replies_that_are_never_asked_for_are_named_and_not_read(frame: bytes, said: str) -> None:
    (found,), code = decode("ga467", frame.hex(), reveal=True, today=TODAY)
    assert (found["event"], code) == ("reply", 1)
    assert said in str(found["meaning"])
    assert str(found["meaning"]).endswith("never asked for: not read")
    assert "测" not in str(found)


def test_a_cut_frame_is_noise_and_the_next_one_is_read() -> None:
    whole = card_reply(CARD.record())
    assert events("ga467", whole[:700].hex()) == (["noise"], 1)
    assert events("ga467", (whole[:700] + whole).hex()) == (["noise", "card_read"], 0)


def test_a_number_that_does_not_hold_is_a_fault_not_a_card() -> None:
    wire = card_reply(Card("511703190001010016", "测试").record()).hex()
    (found,), code = decode("ga467", wire, reveal=True, today=TODAY)
    assert (found["event"], found["code"], code) == ("reader_fault", "bad_number", 1)


def test_a_text_of_the_wrong_size_says_so() -> None:
    (found,), code = decode("id-text", "00", reveal=False, today=TODAY)
    assert (found["event"], code) == ("reader_fault", 1)
    assert "1 bytes" in str(found["detail"])


def test_all_four_types_of_text_are_told_apart() -> None:
    made = [
        CARD,
        Card("810000190001010026", "测试", type=CardType.HMT_PERMIT, valid_until="20250101"),
        Card("USA511700010115", "", type=CardType.PR_2017, english_name="TEST", valid_until="20300101"),
        Card("951840190001010014", "", type=CardType.PR_2023, english_name="TEST", valid_until="20300101"),
    ]
    types = [decode("id-text", card.record().hex(), reveal=False, today=TODAY)[0][0]["type"] for card in made]
    assert types == ["resident", "hmt-permit", "pr-2017", "pr-2023"]


@pytest.mark.parametrize("vector", LINES["ascii"], ids=lambda v: v["frame"])
def test_the_frame_of_an_ascii_reader_is_found_out(vector: dict[str, str]) -> None:
    (found,), code = decode("ascii-line", vector["hex"], reveal=True, today=TODAY)
    assert (found["event"], found["frame"], found["number"], code) == (
        "card_read",
        vector["frame"],
        vector["number"],
        0,
    )


@pytest.mark.parametrize("hex_text", ["02 38 44 45 46 39 45 30 34 04", "68 65 6C 6C 6F 0D"])
def test_an_ascii_line_that_is_no_code_is_not_read(hex_text: str) -> None:
    found, code = decode("ascii-line", hex_text, reveal=False, today=TODAY)
    assert code == 1
    assert found


@pytest.mark.parametrize("ending", ["", "\r", "\n", "\r\n"])
def test_a_wiegand_line_is_read_with_or_without_its_end(ending: str) -> None:
    wire = (w26(90, 324) + ending).encode().hex()
    (found,), code = decode("wiegand", wire, reveal=True, today=TODAY)
    assert (found["number"], found["kind"], found["bits"], code) == ("5A0144", "wiegand-26", 26, 0)
    assert events("wiegand", (w26(90, 324)[:-1] + "1" + ending).encode().hex()) == (["reader_fault"], 1)


def test_a_short_number_is_masked_whole() -> None:
    (found,), _ = decode("wiegand", w26(90, 324).encode().hex(), reveal=False, today=TODAY)
    assert found["number"] == "******"


@pytest.mark.parametrize("vector", NUMBERS["valid"] + NUMBERS["bad"], ids=lambda v: v["source"])
def test_numbers_are_judged(vector: dict[str, str]) -> None:
    wire = (vector["number"] + "\r\n").encode().hex()
    (found,), code = decode("id-number", wire, reveal=False, today=TODAY)
    valid = "problem" not in vector
    assert (found["valid"], code) == (valid, 0 if valid else 1)
    assert found.get("problem") == vector.get("problem")
    assert not vector["number"] or vector["number"] not in json.dumps(found)


@pytest.mark.parametrize(
    ("text", "said"), [("0x31", "character 2"), ("313", "odd"), ("", "no hexadecimal"), (" \n", "no")]
)
@pytest.mark.parametrize("protocol", sorted(DECODERS))
def test_what_is_no_hexadecimal_is_wrong_use_and_says_where(protocol: str, text: str, said: str) -> None:
    (found,), code = decode(protocol, text, reveal=False, today=TODAY)
    assert (found["event"], code) == ("error", 2)
    assert said in str(found["error"])


def test_an_unknown_protocol_is_wrong_use_and_names_the_known_ones() -> None:
    (found,), code = decode("ga468", "00", reveal=False, today=TODAY)
    assert code == 2
    assert "ga467" in str(found["error"])


@given(protocol=st.sampled_from(sorted(DECODERS)), data=st.binary(min_size=1, max_size=600))
def test_whatever_is_pasted_is_answered_in_plain_values(protocol: str, data: bytes) -> None:
    found, code = decode(protocol, data.hex(), reveal=False, today=TODAY)
    assert code in {0, 1}
    assert all(item["event"] for item in json.loads(json.dumps(found)))
