"""Every step of a swipe's life is reached at one place of the code, and reaching it does nothing by itself."""

import re
from collections import Counter
from pathlib import Path

import gateway
from gateway import points
from gateway.points import Point

_REACHED = re.compile(r"points\.reached\(Point\.([A-Z_]+)\)")


def test_each_point_is_reached_at_one_place() -> None:
    source = Path(gateway.__file__).parent
    found = Counter(name for path in source.rglob("*.py") for name in _REACHED.findall(path.read_text("utf-8")))
    assert found == dict.fromkeys(Point.__members__, 1)


def test_a_point_does_nothing_by_itself() -> None:
    assert [points.reached(point) for point in Point] == [None] * len(Point)
