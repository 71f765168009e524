"""What is found seldom: once within its time, of each key, and never a failure."""

import pytest

from gateway.centre.recent import Recent


def test_it_is_found_once_within_its_time_and_then_anew() -> None:
    now, asked = [100.0], []

    def find(key: str) -> int:
        asked.append(key)
        if key == "never":
            raise LookupError(key)
        return len(asked)

    recent = Recent(find, 10.0, lambda: now[0])
    assert (recent("a"), recent("a"), recent("b"), recent("a")) == (1, 1, 2, 1)
    now[0] += 9.9
    assert recent("a") == 1
    now[0] += 0.1
    assert (recent("a"), recent("a"), asked) == (3, 3, ["a", "b", "a"])
    for _ in range(2):
        with pytest.raises(LookupError):
            recent("never")
    assert asked.count("never") == 2


def test_what_is_kept_is_bounded() -> None:
    recent = Recent(lambda key: key, 10.0, lambda: 0.0)
    for key in range(1000):
        assert recent(key) == key
    assert len(recent._kept) <= 100
