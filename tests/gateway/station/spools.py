"""Swipes of nobody, to fill a spool with."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway import wire
from gateway.station.keeping import Moment
from gateway.station.salvage import Work
from gateway.station.spool import Spool
from gateway.station.spool_reader import SpoolReader
from gateway.wire import SwipeRecord

CENTRE = "c" * 16
PAGE = 4096


def swipe(seq: int, at: int = 1_000, **over: Any) -> SwipeRecord:
    fields: dict[str, Any] = {"portal": "east", "reader": "east-in", "direction": "in", "verdict": "grant"}
    fields |= {"reasons": ["enrolled"], "token": b"t" * 16, **over}
    return SwipeRecord(seq=seq, at=at, mono=seq, **fields)


def fill(spool: Spool, count: int) -> None:
    spool.record([(swipe(seq), False) for seq in range(1, count + 1)])


def every(reader: SpoolReader) -> list[SwipeRecord]:
    """All that the spool holds and can be decoded, epoch by epoch."""
    return [one for info in reader.epochs() for one in reader.swipes(info, (1, 2**53), 2**30)]


def forget(spool: Spool, keep_ms: int = 0) -> int:
    """As an hour's look would find it `keep_ms` after what is settled now was settled. Returns how many went."""
    spool.forget(Moment(0, 0, "b" * 16), 2**50)
    return spool.forget(Moment(0, keep_ms, "b" * 16), keep_ms)


def does(spool: Spool) -> Callable[[Work], bool]:
    def do(work: Work) -> bool:
        work(spool)
        return True

    return do


def soil(path: Path, pages: range) -> None:
    """Overwrite pages of the file, as a dying card does."""
    data = bytearray(path.read_bytes())
    for page in pages:
        data[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


def without_checksums(path: Path, count: int) -> None:
    """A spool as the version before wrote it: epoch e…, so many swipes, and three more that are lost."""
    rows = (
        "(epoch INTEGER NOT NULL REFERENCES epochs(no), seq INTEGER NOT NULL, at INTEGER NOT NULL,"
        " record BLOB NOT NULL, late INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (epoch, seq)) STRICT, WITHOUT ROWID;"
    )
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.executescript(
            "CREATE TABLE epochs (no INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, started INTEGER NOT NULL,"
            " last INTEGER NOT NULL DEFAULT 0, upto INTEGER NOT NULL DEFAULT 0, ranges TEXT NOT NULL DEFAULT '[]',"
            " boot TEXT NOT NULL DEFAULT '') STRICT;"
            f"CREATE TABLE swipes {rows} CREATE TABLE plain {rows}"
            "CREATE TABLE lost (epoch INTEGER NOT NULL REFERENCES epochs(no), first INTEGER NOT NULL,"
            " last INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (epoch, first)) STRICT;"
            "CREATE TABLE centre (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL) STRICT;"
        )
        old.execute("INSERT INTO epochs VALUES (1, ?, 5, ?, 0, '[]', ?)", ("e" * 16, count + 3, "a" * 16))
        for seq in range(1, count + 1):
            old.execute("INSERT INTO swipes VALUES (1, ?, 1000, ?, 0)", (seq, wire.encode(swipe(seq))))
        old.execute("INSERT INTO lost VALUES (1, ?, ?, 'spool_full')", (count + 1, count + 3))
        old.commit()
