"""Sums of numbers that stations chose: exact in both dialects, where a plain sum of SQLite ends in an error."""

from typing import Any

from sqlalchemy import ColumnElement, func

_HALF = 2**27


def sums(number: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The columns from which `total` makes the sum of numbers from 0 to 2^54, of up to 2^36 rows."""
    return func.sum(number // _HALF).label("upper"), func.sum(number % _HALF).label("lower")


def total(upper: Any, lower: Any) -> int:
    """The sum, from what the columns gave; 0 where there was no row."""
    return int(upper or 0) * _HALF + int(lower or 0)
