"""Charts as SVG made on the server: numbers and days alone stand in them, and their colours come from the sheet."""

import math
from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 68, 16, 14, 28
_FULL = 100.0
_LINES = 4
_SVG = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_ACROSS = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
_LINE = Markup('<polyline class="line-1" points="{}"/>')
_DOT = Markup('<circle class="fill-1" cx="{}" cy="{}" r="3.5"/>')
_TEXT = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0)


def line(points: Sequence[tuple[date, float | None]], target: float | None = None, label: str = "") -> Markup:
    """Per cent by day: a line that is broken where a value is not shown, and the target across it."""
    values = [value for _, value in points if value is not None]
    known = values + ([target] if target is not None else [])
    lowest, step = _scale(min(known, default=0.0), max(known, default=_FULL))
    top = lowest + step * math.ceil((max(known, default=_FULL) - lowest) / step or 1)
    parts = _grid(lowest, top, step)
    if target is not None:
        parts.append(_across("target-line", _y(target, lowest, top)))
    for run in _runs(points):
        where = [(_x(i, len(points)), _y(value, lowest, top)) for i, value in run]
        if len(where) > 1:
            parts.append(_LINE.format(" ".join(f"{x},{y}" for x, y in where)))
        parts += [_DOT.format(x, y) for x, y in where]
    for i, place in _marks(len(points)):
        parts.append(_TEXT.format(_x(i, len(points)), HEIGHT - 8, place, f"{points[i][0]:%m-%d}"))
    return _SVG.format(WIDTH, HEIGHT, label, Markup("").join(parts))


def _across(kind: str, at: float) -> Markup:
    return _ACROSS.format(kind, LEFT, WIDTH - RIGHT, at, at)


def _scale(low: float, high: float) -> tuple[float, float]:
    """Where the axis begins, and a step of which four or so fit."""
    span = max(high - low, 1.0)
    step = next((one for one in _STEPS if span / one <= _LINES), _STEPS[-1])
    return max(0.0, math.floor(low / step) * step - (step if low % step == 0 and low else 0.0)), step


def _grid(lowest: float, top: float, step: float) -> list[Markup]:
    parts = []
    for i in range(round((top - lowest) / step) + 1):
        at = _y(lowest + i * step, lowest, top)
        parts += [
            _across("rule" if i else "axis", at),
            _TEXT.format(LEFT - 8, at + 4, "end", f"{lowest + i * step:g}%"),
        ]
    return parts


def _runs(points: Sequence[tuple[date, float | None]]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for i, (_, value) in enumerate(points):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((i, value))
    return [run for run in runs if run]


def _marks(count: int) -> list[tuple[int, str]]:
    """Which points are named below the axis, and how the name stands to its point."""
    if count <= 1:
        return [(0, "middle")] * count
    middle = [(count // 2, "middle")] if count > 2 else []
    return [(0, "start"), *middle, (count - 1, "end")]


def _x(i: int, count: int) -> float:
    if count <= 1:
        return (LEFT + WIDTH - RIGHT) / 2
    return round(LEFT + 8 + i * (WIDTH - RIGHT - LEFT - 16) / (count - 1), 1)


def _y(value: float, lowest: float, top: float) -> float:
    return round(TOP + (top - value) * (HEIGHT - BOTTOM - TOP) / (top - lowest), 1)
