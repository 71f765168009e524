"""How often one address may do something: so many at once, one more as time passes, and others are not held up."""

from gateway.web import limits
from gateway.web.limits import Limit


def test_so_many_at_once_then_one_each_time_it_has_filled() -> None:
    now = [0.0]
    limit = Limit(3, 60.0, clock=lambda: now[0])
    assert [limit.allow("a") for _ in range(4)] == [True, True, True, False]
    assert limit.wait_s("a") == 60
    assert limit.allow("b"), "another address is not held up"
    now[0] = 59.9
    assert not limit.allow("a")
    now[0] = 60.0
    assert [limit.allow("a"), limit.allow("a")] == [True, False]
    now[0] = 10_000.0
    assert [limit.allow("a") for _ in range(4)] == [True, True, True, False]


def test_what_is_remembered_is_bounded() -> None:
    limit = Limit(1, 60.0, clock=lambda: 0.0)
    for i in range(limits.MOST + 5):
        assert limit.allow(str(i))
    assert len(limit._spent) == limits.MOST
    assert not limit.allow(str(limits.MOST + 4))
    assert limit.allow("0"), "the one longest unseen was forgotten"
