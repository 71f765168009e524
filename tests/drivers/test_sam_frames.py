import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Noise
from drivers.sam_frames import FRAME_S, KEEP, MAX_HELD, Deframer, Frame, encode
from simulators.sam import Card, card_reply
from tests import strategies as some

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sam.json").read_text(encoding="utf-8"))
CARD = card_reply(Card("511703190001010015", "测试甲").record())
NO_CARD = bytes.fromhex("AAAAAA9669000400008084")


def frames_of(items: list[Frame | Noise]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def all_of(stream: bytes) -> list[Frame]:
    deframer = Deframer()
    return frames_of(deframer.feed(stream, 0.0) + deframer.feed(b"", 9.0) + deframer.feed(b"", 18.0))


@pytest.mark.parametrize("vector", VECTORS["commands"] + VECTORS["replies"], ids=lambda v: v["name"])
def test_published_frames_are_cut_out_and_made_again(vector: dict[str, str]) -> None:
    wire, body = bytes.fromhex(vector["frame"]), bytes.fromhex(vector["body"])
    assert Deframer().feed(wire, 0.0) == [Frame(body, len(body))]
    assert encode(body) == wire


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda v: v["name"])
def test_published_frames_with_wrong_checksums_are_noise(vector: dict[str, str]) -> None:
    wire = bytes.fromhex(vector["frame"])
    assert Deframer().feed(wire, 0.0) == [Noise(len(wire), "wrong checksum")]


@given(data=st.data(), frames=st.lists(some.sam_frames, max_size=4), noise=st.binary(max_size=200))
def test_where_the_stream_is_cut_does_not_matter(data: st.DataObject, frames: list[bytes], noise: bytes) -> None:
    stream = noise + b"".join(frames)
    deframer = Deframer()
    pieces = [item for cut in data.draw(some.cuts(stream)) for item in deframer.feed(cut, 0.0)]
    assert pieces == Deframer().feed(stream, 0.0)


@given(frames=st.lists(some.sam_frames, min_size=1, max_size=4))
def test_every_frame_of_a_clean_stream_is_found(frames: list[bytes]) -> None:
    assert [frame.body for frame in all_of(b"".join(frames))] == [frame[7:-1][:KEEP] for frame in frames]


@given(
    stream=st.binary(max_size=3000)
    | some.mutated(st.just(CARD))
    | st.lists(some.mutated(some.sam_frames)).map(b"".join)
)
def test_nothing_raises_and_what_is_held_is_bounded(stream: bytes) -> None:
    deframer = Deframer()
    for byte in stream:
        deframer.feed(bytes([byte]), 0.0)
        assert deframer.held <= MAX_HELD
    deframer.feed(b"", 9.0)
    assert deframer.held == 0


@given(noise=st.binary(max_size=200))
def test_a_card_behind_noise_is_found(noise: bytes) -> None:
    assert CARD[7:-1][:KEEP] in [frame.body for frame in all_of(noise + CARD + CARD)]


def test_no_byte_of_the_photo_is_ever_held() -> None:
    deframer = Deframer()
    secret = bytes(range(1, 200)) * 5
    frame = encode(b"\x00\x00\x90\x01\x00\x04\x00" + bytes(256) + secret)
    deframer.feed(frame[:-1], 0.0)
    assert deframer.held == KEEP
    (whole,) = deframer.feed(frame[-1:], 0.0)
    assert isinstance(whole, Frame)
    assert whole == Frame(b"\x00\x00\x90\x01\x00\x04\x00" + bytes(256), 263 + len(secret))


def test_the_checksum_covers_the_photo() -> None:
    soiled = bytearray(CARD)
    soiled[-2] ^= 1
    assert all_of(bytes(soiled)) == []


def test_a_frame_that_stops_half_way_is_given_up_and_the_next_is_read() -> None:
    deframer = Deframer()
    assert deframer.feed(CARD[:700], 0.0) == []
    assert deframer.feed(b"", FRAME_S) == []
    assert deframer.feed(b"", FRAME_S + 0.01) == [Noise(700, "unfinished frame")]
    assert deframer.feed(NO_CARD, FRAME_S + 0.02) == [Frame(b"\x00\x00\x80", 3)]


def test_a_frame_that_breaks_off_does_not_swallow_the_next() -> None:
    assert all_of(CARD[:700] + CARD) == all_of(CARD)


def test_a_preamble_in_the_photo_is_only_a_photo() -> None:
    photo = bytes(300) + bytes.fromhex("AAAAAA9669") + bytes(719)
    frame = encode(CARD[7:270] + photo)
    assert all_of(frame) == [Frame(CARD[7:270], 263 + 1024)]


@pytest.mark.parametrize(("length", "why"), [(2, "impossible length"), (2401, "impossible length")])
def test_an_impossible_length_is_not_waited_for(length: int, why: str) -> None:
    head = bytes.fromhex("AAAAAA9669") + length.to_bytes(2, "big")
    assert Deframer().feed(head, 0.0) == [Noise(7, why)]


def test_a_third_preamble_byte_too_many_is_no_obstacle() -> None:
    assert all_of(b"\xaa" + NO_CARD) == [Frame(b"\x00\x00\x80", 3)]


def test_an_inserted_zero_spoils_only_its_own_frame() -> None:
    assert all_of(bytes.fromhex("AAAAAA009669000400008084") + NO_CARD) == [Frame(b"\x00\x00\x80", 3)]
