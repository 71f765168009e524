"""What a spool drops when it is full, in order: settled swipes, then plain ones, then the oldest of all others.

Nothing here is asked at the gate: a verdict is given and shown whether or not it can be kept.
"""

import sqlite3
from collections.abc import Collection, Sequence

from gateway.station.spool_file import TABLES
from gateway.station.spool_reader import EpochInfo
from gateway.wire import SwipeRecord

DROPS_FIRST = ("exit", "open_portal")
"""Reasons whose swipes are plain unless the configuration says otherwise."""
AT_ONCE = 1000
"""Swipes dropped in one transaction, so that no commit waits long behind it."""


def is_plain(swipe: SwipeRecord, reasons: Collection[str]) -> bool:
    """Whether least is lost with this swipe: granted for one of `reasons`, and neither flag, seal nor act on it."""
    marked = swipe.flags or swipe.sealed is not None or swipe.act is not None
    return swipe.verdict == "grant" and swipe.reasons[0] in reasons and not marked


def drop(writer: sqlite3.Connection, epochs: Sequence[EpochInfo]) -> dict[int, list[int]] | None:
    """Delete at most `AT_ONCE` swipes, the first that the order names. Returns those that were not settled, by epoch.

    None when there is nothing to delete.
    """
    if drop_settled(writer, epochs):
        return {}
    for table in TABLES:
        for info in epochs:
            query = f"SELECT seq FROM {table} WHERE epoch = ? ORDER BY seq LIMIT ?"
            if seqs := [seq for (seq,) in writer.execute(query, (info.no, AT_ONCE))]:
                _delete(writer, table, info.no, seqs[0], seqs[-1])
                return {info.no: seqs}
    return None


def drop_settled(writer: sqlite3.Connection, epochs: Sequence[EpochInfo]) -> int:
    """Delete at most `AT_ONCE` of the swipes that the centre has settled, oldest first. Returns how many."""
    for info in epochs:
        for first, last in info.cover.spans:
            for table in TABLES:
                query = (
                    f"SELECT max(seq), count(*) FROM (SELECT seq FROM {table}"
                    " WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?)"
                )
                highest, count = writer.execute(query, (info.no, first, last, AT_ONCE)).fetchone()
                if count:
                    _delete(writer, table, info.no, first, highest)
                    return int(count)
    return 0


def _delete(writer: sqlite3.Connection, table: str, no: int, first: int, last: int) -> None:
    query = f"DELETE FROM {table} WHERE epoch = ? AND seq BETWEEN ? AND ?"
    writer.execute(query, (no, first, last))
