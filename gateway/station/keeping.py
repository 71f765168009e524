"""How long settled swipes stay: by when the centre settled them, never by the time that the swipes themselves bear.

Now and then what is settled is noted with the moment. A note comes of age by the monotonic clock within one running of
the machine, and by the wall clock beyond it, if that was synchronised both times: one that starts in 1970 ages nothing.
"""

import sqlite3
import time
from dataclasses import dataclass

from gateway.ranges import Range
from gateway.station.clock import SYNCED, boot_id, clock_state
from gateway.station.cover import Cover
from gateway.station.spool_file import TABLES, EpochRow, epoch_rows, lost_rows
from gateway.station.spool_reader import ranges_of


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant by both clocks, in milliseconds. `boot` names the running of the machine that `mono` counts in."""

    wall: int
    mono: int
    boot: str = ""
    synced: bool = False

    def age(self, now: "Moment") -> int:
        """For how long this has been past, as far as that is sure."""
        if self.boot and self.boot == now.boot:
            return now.mono - self.mono
        return now.wall - self.wall if self.synced and now.synced else 0


def this_moment() -> Moment:
    return Moment(int(time.time() * 1000), int(time.monotonic() * 1000), boot_id(), clock_state() == SYNCED)


def forget(writer: sqlite3.Connection, own: int, now: Moment, keep_ms: int) -> int:
    """Note what is settled now; delete what is noted for `keep_ms`, and epochs of which nothing is left but that.

    The epoch `own`, the one before it and the last before it with a swipe stay: hello tells of them. So does the last
    of which anything is deleted here: a centre that heard of none since holds it for the last, and asks where it is.
    """
    gone = 0
    rows = epoch_rows(writer)
    aged = {row.no: _of_age(writer, row, now, keep_ms) for row in rows}
    before = [row for row in rows if row.no < own]
    stay = {own, *(row.no for row in before[-1:]), *([row.no for row in before if row.last][-1:])}
    stay |= set([no for no, old in aged.items() if old.spans][-1:])
    for row in rows:
        settled, old = Cover(row.upto, ranges_of(row.ranges)), aged[row.no]
        if settled.spans:
            _note(writer, row, now)
        gone += sum(_delete(writer, row.no, *part) for span in old.spans for part in _within(span, settled.spans))
        if row.no == own:
            continue
        for lost in lost_rows(writer, "WHERE epoch = ?", (row.no,)):
            if old.holds_all(lost.first, lost.last) and settled.holds_all(lost.first, lost.last):
                writer.execute("DELETE FROM lost WHERE epoch = ? AND first = ?", (row.no, lost.first))
        if row.no not in stay and old.holds_all(1, row.last) and _is_empty(writer, row.no):
            for table, key in (("epochs", "no"), ("names", "no"), ("settled", "epoch")):
                writer.execute(f"DELETE FROM {table} WHERE {key} = ?", (row.no,))
    return gone


def _of_age(writer: sqlite3.Connection, row: EpochRow, now: Moment, keep_ms: int) -> Cover:
    """What has been settled for so long; of the notes that say so, the last is kept."""
    found = Cover()
    for id_, moment, upto, ranges in _notes(writer, row.no):
        if moment.age(now) >= keep_ms:
            writer.execute("DELETE FROM settled WHERE epoch = ? AND id < ?", (row.no, id_))
            found = Cover(upto, ranges_of(ranges))
    return found


def _note(writer: sqlite3.Connection, row: EpochRow, now: Moment) -> None:
    """Note what is settled of an epoch, where it is more than was noted last, or that note can never come of age."""
    last = _notes(writer, row.no)[-1:]
    if last and last[0][2:] == (row.upto, row.ranges):
        moment = last[0][1]
        if moment.synced or moment.boot == now.boot != "":
            return
        writer.execute("DELETE FROM settled WHERE id = ?", (last[0][0],))
    values = (row.no, now.wall, now.mono, now.boot, now.synced, row.upto, row.ranges)
    writer.execute(
        "INSERT INTO settled (epoch, wall, mono, boot, synced, upto, ranges) VALUES (?, ?, ?, ?, ?, ?, ?)", values
    )


def _notes(writer: sqlite3.Connection, no: int) -> list[tuple[int, Moment, int, str]]:
    query = "SELECT id, wall, mono, boot, synced, upto, ranges FROM settled WHERE epoch = ? ORDER BY id"
    return [
        (id_, Moment(wall, mono, boot, bool(synced)), upto, ranges)
        for id_, wall, mono, boot, synced, upto, ranges in writer.execute(query, (no,)).fetchall()
    ]


def _within(span: Range, ranges: tuple[Range, ...]) -> list[Range]:
    """The parts of a span that ranges hold."""
    return [(max(span[0], first), min(span[1], last)) for first, last in ranges if first <= span[1] and last >= span[0]]


def _delete(writer: sqlite3.Connection, no: int, first: int, last: int) -> int:
    query = "DELETE FROM {} WHERE epoch = ? AND seq BETWEEN ? AND ?"
    return sum(writer.execute(query.format(table), (no, first, last)).rowcount for table in TABLES)


def _is_empty(writer: sqlite3.Connection, no: int) -> bool:
    return not any(
        writer.execute(f"SELECT 1 FROM {table} WHERE epoch = ? LIMIT 1", (no,)).fetchone()
        for table in (*TABLES, "lost")
    )
