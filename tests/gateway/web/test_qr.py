"""QR codes against those of an independent program, and read back bit by bit."""

import hashlib

import pytest

from gateway.web import qr

BY_QRCODE_8 = {
    "a": (21, "e8ab680854e4019c"),
    "https://centre.example/me?at=binhe-yuan": (29, "0acfecb698429c2e"),
    "x" * 150: (49, "9782fa7f0642d3e6"),
    "滨河苑" * 20: (53, "54d6fa3461e1e658"),
    "x" * 213: (57, "f8a692e420006d88"),
}
"""Text -> how wide its code is, and the beginning of the SHA-256 of its rows, as the Python package qrcode makes it."""


@pytest.mark.parametrize("text", BY_QRCODE_8)
def test_a_code_is_what_another_program_makes_of_the_text(text: str) -> None:
    modules = qr.encode(text)
    rows = "\n".join("".join("01"[dark] for dark in row) for row in modules)
    assert (len(modules), hashlib.sha256(rows.encode()).hexdigest()[:16]) == BY_QRCODE_8[text]


def test_the_picture_has_each_dark_module_inside_a_quiet_zone() -> None:
    modules = qr.encode("a")
    drawn = qr.path(modules)
    assert drawn.count("h1v1h-1z") == sum(map(sum, modules))
    assert drawn.startswith("M4 4h1")


def test_a_text_that_does_not_fit_is_refused() -> None:
    with pytest.raises(qr.TooLong):
        qr.encode("x" * 214)
