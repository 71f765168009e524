"""The design holds what it says: contrast in both schemes, the same colours named in both, no colour outside them."""

import re
from pathlib import Path

import pytest

from gateway.web.page import STATIC

DOC = Path(__file__).resolve().parents[3] / "docs" / "design.md"
COLOUR = re.compile(r"(--[a-z0-9-]+):\s*(#[0-9a-f]{6})\b")
TEXT, MARK = 4.5, 3.0
PAIRS = (
    ("ink", "ground sheet soft", TEXT),
    ("quiet", "ground sheet soft", TEXT),
    ("accent", "ground sheet soft", TEXT),
    ("on-accent", "accent", TEXT),
    ("info", "info-wash sheet", TEXT),
    ("good", "good-wash sheet soft", TEXT),
    ("warn", "warn-wash sheet soft", TEXT),
    ("bad", "bad-wash sheet soft", TEXT),
    ("on-grant", "grant", TEXT),
    ("on-attend", "attend", TEXT),
    ("on-refuse", "refuse", TEXT),
    ("edge", "ground sheet", MARK),
    ("focus", "ground sheet", MARK),
    *((f"series-{n}", "sheet", MARK) for n in range(1, 6)),
)


def colours(sheet: str) -> dict[str, str]:
    """The colours that a sheet's `:root` outside any media query names."""
    root = re.search(r"^:root \{(.*?)^\}", (STATIC / sheet).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert root is not None
    return {name[2:]: value for name, value in COLOUR.findall(root[1])}


LIGHT = colours("xq.css")
DARK = {**LIGHT, **colours("dark.css")}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def rows() -> list[tuple[str, str, float, float, float]]:
    return [
        (name, on, contrast(LIGHT[name], LIGHT[on]), contrast(DARK[name], DARK[on]), need)
        for name, grounds, need in PAIRS
        for on in grounds.split()
    ]


def test_black_on_white_is_twenty_one_to_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("name", "on", "light", "dark", "need"), rows(), ids=str)
def test_text_and_marks_stand_out_in_both_schemes(name: str, on: str, light: float, dark: float, need: float) -> None:
    assert light >= need
    assert dark >= need


def test_the_figures_that_the_document_gives_are_those_of_the_sheets() -> None:
    said = DOC.read_text("utf-8").split("<!-- contrast -->")[1].split("<!-- /contrast -->")[0]
    lines = ["| Text or mark | On | Light | Dark |", "|---|---|---|---|"]
    lines += [f"| `{name}` | `{on}` | {light:.1f} | {dark:.1f} |" for name, on, light, dark, _ in rows()]
    assert said.strip().splitlines() == lines


def test_the_dark_sheet_replaces_colours_that_exist_and_does_nothing_else() -> None:
    text = (STATIC / "dark.css").read_text("utf-8")
    assert colours("dark.css").keys() <= LIGHT.keys()
    assert text.count("{") == 1


@pytest.mark.parametrize("sheet", ["xq.css", "gate.css"])
def test_no_rule_names_a_colour_of_its_own(sheet: str) -> None:
    text = (STATIC / sheet).read_text("utf-8")
    screen = text.split("@media print")[0]
    rules = re.sub(r"^:root \{.*?^\}", "", screen, flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"#[0-9a-f]{3,8}\b(?![^{]*\{)", rules) == []
