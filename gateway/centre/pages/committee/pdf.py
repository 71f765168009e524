"""A report on paper: A4 as PDF, its texts handed to typst as data, so that none of them is ever taken for markup."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import typst

from gateway.centre.pages.committee.report import Report

FONTS = ("Noto Serif CJK SC", "Noto Sans CJK SC")
"""Those that may be on the machine and have every character of a name, in this order."""
_LAYOUT = Path(__file__).with_name("report.typ")


class NoFont(Exception):
    """The machine has none of the fonts: the report would be boxes in place of characters."""


def pdf(report: Report) -> bytes:
    """The report as a PDF that says itself what it is, with its fonts inside.

    Raises:
        NoFont: no font with Chinese characters is installed.
    """
    fonts, font = _fonts()
    said = json.dumps(asdict(report) | {"font": font}, ensure_ascii=False)
    made = typst.Compiler(_LAYOUT, font_paths=fonts, sys_inputs={"report": said}).compile(format="pdf")
    if not isinstance(made, bytes):
        raise TypeError("a report is one document")
    return made


@cache
def _fonts() -> "tuple[typst.Fonts, str]":
    fonts = typst.Fonts()
    there = set(fonts.families())
    font = next((one for one in FONTS if one in there), None)
    if font is None:
        raise NoFont
    return fonts, font
