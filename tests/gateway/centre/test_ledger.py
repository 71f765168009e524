import time

from hypothesis import given
from hypothesis import strategies as st

from gateway.centre import ledger
from gateway.store.queries.streams import Stream

NEW = Stream(0, ())
seqs = st.lists(st.integers(1, 40), max_size=60)
ranges = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1])), max_size=8)


def settled(stream: Stream, up_to: int = 80) -> set[int]:
    return {seq for seq in range(1, up_to) if ledger.holds(stream, seq)}


@given(seqs=seqs, data=st.data())
def test_every_order_duplication_and_batching_gives_the_same_stream(seqs: list[int], data: st.DataObject) -> None:
    at_once, fresh = ledger.advance(NEW, seqs)
    assert fresh == set(seqs)
    stream, taken = NEW, []
    rest = data.draw(st.permutations([*seqs, *seqs[:5]]))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        stream, new = ledger.advance(stream, rest[:size])
        taken += sorted(new)
        rest = rest[size:]
    assert stream == at_once
    assert sorted(taken) == sorted(set(seqs)), "each is new exactly once"
    assert settled(stream) == set(seqs)


@given(covered=ranges, seqs=seqs)
def test_what_was_declared_lost_is_settled_like_what_was_stored(
    covered: list[tuple[int, int]], seqs: list[int]
) -> None:
    stream, _ = ledger.advance(ledger.cover(NEW, covered), seqs)
    expected = set(seqs) | {seq for first, last in covered for seq in range(first, last + 1)}
    assert settled(stream) == expected
    assert ledger.missing(stream) == max(expected, default=0) - len(expected)
    assert all(a[1] + 1 < b[0] for a, b in zip(stream.ranges, stream.ranges[1:], strict=False)), "ranges never touch"
    assert all(first > stream.upto + 1 for first, _ in stream.ranges)


def test_a_huge_range_costs_nothing() -> None:
    begun = time.perf_counter()
    stream = ledger.cover(NEW, [(2, 2**53)])
    assert (stream.upto, stream.ranges, ledger.missing(stream)) == (0, ((2, 2**53),), 1)
    assert ledger.holds(stream, 2**52)
    stream, _ = ledger.advance(stream, [1])
    assert (stream.upto, stream.ranges, ledger.missing(stream)) == (2**53, (), 0)
    assert time.perf_counter() - begun < 0.1


def test_a_claim_makes_what_has_not_come_countable() -> None:
    claimed = Stream(3, ((6, 7),), 10)
    assert ledger.missing(claimed) == 5
    assert ledger.missing(ledger.cover(claimed, [(4, 5)])) == 3


def test_a_range_that_ends_before_it_begins_settles_nothing() -> None:
    assert ledger.cover(Stream(3, ()), [(9, 5)]) == Stream(3, (), 3)


def test_holes_without_end_are_not_kept_and_nothing_is_forgotten() -> None:
    odd = range(1, 8 * ledger.MOST_RANGES, 2)
    stream, taken = NEW, set()
    for seq in odd:
        stream, fresh = ledger.advance(stream, [seq])
        taken |= fresh
    assert len(stream.ranges) <= ledger.MOST_RANGES
    assert settled(stream, odd[-1] + 1) == taken
    for seq in range(1, odd[-1] + 1):  # the station resends whatever is not acknowledged, oldest first
        stream, _ = ledger.advance(stream, [seq])
    assert (stream.upto, stream.ranges) == (odd[-1], ())


def test_a_batch_that_would_make_too_many_holes_is_taken_as_far_as_it_continues() -> None:
    batch = [1, 2, 3, *range(5, 4 * ledger.MOST_RANGES, 2)]
    stream, fresh = ledger.advance(NEW, batch)
    assert fresh == {1, 2, 3}
    assert stream.upto == 3
