"""The table of the bus: what fits goes through unchanged; what does not is refused without being quoted."""

import hashlib
import string
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import wire
from gateway.wire import Ack, Answer, Hello, Lost, Malformed, RosterPart, StationTopics, Status, SwipeRecord, Swipes

KINDS: tuple[type[Any], ...] = (Swipes, Hello, Lost, Status, Ack, RosterPart, wire.Announcement, wire.Alert, Answer)
EPOCH = "0123456789abcdef"
MARK = "my-secret"

words = st.text(string.ascii_lowercase + "_", min_size=1, max_size=32)
seqs = st.integers(1, 2**40)
records = st.builds(
    SwipeRecord,
    seq=seqs,
    at=st.integers(0, 2**53),
    mono=st.integers(0, 2**53),
    portal=words,
    reader=words,
    direction=st.sampled_from(["in", "out"]),
    verdict=st.sampled_from(["grant", "attend", "refuse"]),
    reasons=st.lists(words, min_size=1, max_size=8),
    kind=st.none() | words,
    token=st.none() | st.binary(min_size=16, max_size=16),
    flags=st.lists(words, max_size=8),
    recorded=st.booleans(),
    act=st.none()
    | st.builds(
        wire.GateAct, st.sampled_from(["hold_open", "hold_end", "visitor", "lost_card"]), st.integers(0, 2**53)
    ),
    dwelling=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    sealed=st.none() | st.binary(max_size=1024),
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


def sample(kind: type[Any]) -> dict[str, Any]:
    """A good payload of each kind, as plain values."""
    swipe = SwipeRecord(1, 1, 1, "east", "east-in", "in", "grant", ["enrolled"], token=b"0" * 16, sealed=b"s")
    good: dict[type[Any], Any] = {
        Swipes: Swipes(EPOCH, [swipe]),
        Hello: Hello(EPOCH, (EPOCH, 3), [wire.Held(EPOCH, 1, 3)], 1, "0.1.0"),
        Lost: Lost(EPOCH, [(1, 3)], "spool_full"),
        Status: Status("online", EPOCH, 1, 1, [wire.DeviceReport("east-in", True, 0, 0)]),
        Ack: Ack(EPOCH, 1, [wire.StreamAck(EPOCH, 3, [(5, 7)])]),
        RosterPart: RosterPart(1, 1, 2, b"data"),
        wire.Announcement: wire.Announcement("online", EPOCH),
        wire.Alert: wire.Alert("a", 1, "sent", "yuan", "east", "r1", "2026-11-20", None, "http://localhost/x"),
        Answer: Answer("a", "handled", "duty desk", "R-1", "note"),
    }
    plain: dict[str, Any] = msgspec.json.decode(wire.encode(good[kind]))
    return plain


@given(swipes=st.lists(records, min_size=1, max_size=5))
def test_swipes_go_through_unchanged(swipes: list[SwipeRecord]) -> None:
    message = Swipes(EPOCH, swipes)
    assert wire.decode(wire.encode(message), Swipes) == message


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_through_unchanged(kind: type[Any]) -> None:
    message = wire.decode(wire.encode(sample(kind)), kind)
    assert wire.decode(wire.encode(message), kind) == message


@pytest.mark.parametrize("kind", KINDS)
@given(value=json_values)
def test_json_of_another_shape_is_malformed(kind: type[Any], value: Any) -> None:
    with pytest.raises(Malformed):
        wire.decode(msgspec.json.encode(value), kind)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=200))
@example(data=b"[" * 100_000)
@example(data=b'{"a":' * 30_000)
@example(data=b"\xff\xfe")
@example(data=b"")
@example(data=b'{"epoch":"\\ud800"}')
def test_bytes_that_are_no_payload_are_malformed(kind: type[Any], data: bytes) -> None:
    with pytest.raises(Malformed):
        wire.decode(data, kind)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[type[Any], bytes, str]:
    """A good payload with one value, at any depth, replaced by one that holds a secret."""
    kind = draw(st.sampled_from(KINDS))
    plain = sample(kind)
    quoted = draw(st.sampled_from(["{}", "'{}'", "it's {}", "`{}`", "{}' - at `$.x`", '"{}"', "\n{}"])).format(MARK)
    place: Any = plain
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(st.sampled_from([quoted, [quoted], {quoted: quoted}, {"a": {quoted: [quoted]}}]))
        return kind, wire.encode(plain), quoted


def refusal(payload: bytes, kind: type[Any]) -> str:
    """All that a refusal prints, or "" when the payload is taken: where free text may stand, a secret may too."""
    try:
        wire.decode(payload, kind)
    except Malformed as error:
        return f"{error} {error.__cause__}"
    return ""


def _with_verdict(text: str) -> tuple[type[Any], bytes, str]:
    plain = sample(Swipes)
    plain["swipes"][0]["verdict"] = text
    return Swipes, wire.encode(plain), text


@given(case=spoiled())
@example(case=_with_verdict(f"it's {MARK}"))
@example(case=_with_verdict(f"{MARK}' - at `$.x`"))
@example(case=_with_verdict(f"' - at `$.{MARK}`"))
def test_a_refusal_says_where_and_never_what(case: tuple[type[Any], bytes, str]) -> None:
    kind, payload, _ = case
    said = refusal(payload, kind)
    assert MARK not in said
    assert len(said) <= 400


@pytest.mark.parametrize("number", ["1e400", "-1", "0.5", "9007199254740993", "9" * 400, "true", "null", "NaN", '"1"'])
def test_a_seq_is_a_whole_number_that_every_side_can_hold(number: str) -> None:
    payload = wire.encode(sample(Swipes)).decode().replace('"seq":1', f'"seq":{number}')
    with pytest.raises(Malformed):
        wire.decode(payload.encode(), Swipes)


@pytest.mark.parametrize("ranges", [[[3, 1]], [[0, 1]], [[1]], [[1, 2, 3]], [[1, 2]] * 1001])
@pytest.mark.parametrize("kind", [Lost, Ack])
def test_ranges_run_forwards_from_one_and_are_few(kind: type[Any], ranges: list[list[int]]) -> None:
    plain = sample(kind)
    (plain if kind is Lost else plain["streams"][0])["ranges"] = ranges
    with pytest.raises(Malformed):
        wire.decode(wire.encode(plain), kind)


@pytest.mark.parametrize(
    "over",
    [
        {"token": "AAAA"},
        {"sealed": "A" * 4000},
        {"reasons": []},
        {"reasons": ["x"] * 9},
        {"verdict": "open"},
        {"portal": ""},
        {"portal": "x" * 65},
        {"dwelling": "x" * 41},
        {"at": -1},
    ],
)
def test_a_swipe_keeps_to_its_bounds(over: dict[str, object]) -> None:
    plain = sample(Swipes)
    plain["swipes"][0].update(over)
    with pytest.raises(Malformed):
        wire.decode(wire.encode(plain), Swipes)


@pytest.mark.parametrize("epoch", ["", "0123456789ABCDEF", EPOCH + "0", EPOCH + "\n", EPOCH[:-1], " " + EPOCH[1:]])
def test_an_epoch_is_sixteen_hexadecimal_digits(epoch: str) -> None:
    with pytest.raises(Malformed):
        wire.decode(wire.encode({**sample(wire.Announcement), "epoch": epoch}), wire.Announcement)


def test_a_payload_beyond_the_bound_is_refused_unread() -> None:
    padded = wire.encode(sample(Answer)) + b" " * wire.MAX_PAYLOAD
    assert wire.decode(padded[: wire.MAX_PAYLOAD], Answer).actor == "duty desk"
    with pytest.raises(Malformed, match="bytes are more than"):
        wire.decode(padded, Answer)


@pytest.mark.parametrize(("community", "number"), [("yuan", 0), ("binhe-yuan", 10), ("a", 10), ("abc", 58)])
def test_the_partition_of_a_community_never_changes(community: str, number: int) -> None:
    """First byte of SHA-256, low six bits: "abc" has BA (FIPS 180-2, B.1)."""
    assert wire.partition(community) == number == hashlib.sha256(community.encode()).digest()[0] % 64


@given(community=words, station=words, leaf=st.sampled_from(wire.BY_STATION))
def test_a_topic_says_who_sent_it(community: str, station: str, leaf: str) -> None:
    topic = StationTopics(community, station)(leaf)
    assert wire.parse_topic(topic) == wire.Address(community, station, leaf)


@given(community=words, other=words)
def test_the_topic_of_another_partition_is_nobodys(community: str, other: str) -> None:
    parts = StationTopics(community, "s")("swipe").split("/")
    for wrong in {*map(str, range(65)), "", "00", "+", other, f"0{parts[3]}"} - {parts[3]}:
        assert wire.parse_topic("/".join([*parts[:3], wrong, *parts[4:]])) is None


@given(topic=st.text(max_size=60))
@example(topic="xq/v1/police//answer/x")
@example(topic="xq/v2/police/jiangwan/answer")
@example(topic="")
def test_any_other_topic_is_nobodys(topic: str) -> None:
    assert wire.parse_topic(topic) is None


def test_the_police_answer_on_a_topic_of_their_own() -> None:
    assert wire.parse_topic(wire.answer_topic("jiangwan")) == wire.Address("", "jiangwan", "answer")
