"""What turns a part of a page into what it is now, as out-of-band swaps."""

import re

import pytest

from gateway.web.live import difference, pieces


def page(*rows: tuple[str, str], head: str = "h", around: str = "") -> str:
    body = "".join(f'<tr id="{name}"><td>{text}</td></tr>\n' for name, text in rows)
    return f'<p id="head" class="x">{head}</p>\n<table>{around}<tbody>\n{body}</tbody></table>'


def told(old: str, new: str) -> list[tuple[str, str]] | None:
    """What is done, and to which piece."""
    found = difference(pieces(old), pieces(new))
    if found is None:
        return None
    put = [(how, one) for how, one in re.findall(r'data-new hx-swap-oob="([^"]+)"><\w+ id="([^"]+)"', found)]
    return put + [(how, one) for one, how in re.findall(r'id="([^"]+)" hx-swap-oob="([^"]+)"', found)]


A, B, C, D = (("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"))


@pytest.mark.parametrize(
    ("new", "swaps"),
    [
        (page(A, B, C), []),
        (page(A, ("b", "9"), C), [("true", "b")]),
        (page(A, B, C, head="g"), [("true", "head")]),
        (page(A, C), [("delete", "b")]),
        (page(D, A, B, C), [("beforebegin:#a", "d")]),
        (page(A, D, B, C), [("afterend:#a", "d")]),
        (page(A, B, C, D), [("afterend:#c", "d")]),
        (page(("x", "7"), D, A, B, C), [("beforebegin:#a", "x"), ("beforebegin:#a", "d")]),
        (page(A, D, ("x", "7"), B, C), [("afterend:#a", "d"), ("afterend:#d", "x")]),
        (page(C, B, A), None),
        (page(D), None),
        (page(), None),
        (page(A, B, C, around="<thead></thead>"), None),
    ],
)
def test_pieces_are_replaced_put_in_and_taken_out_and_else_the_whole_is_asked_for(
    new: str, swaps: list[tuple[str, str]] | None
) -> None:
    assert told(page(A, B, C), new) == swaps
