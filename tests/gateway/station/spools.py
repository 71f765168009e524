"""Swipes of nobody, to fill a spool with."""

from typing import Any

from gateway.station.spool import Spool
from gateway.station.spool_reader import SpoolReader
from gateway.wire import SwipeRecord

CENTRE = "c" * 16


def swipe(seq: int, at: int = 1_000, **over: Any) -> SwipeRecord:
    fields: dict[str, Any] = {"portal": "east", "reader": "east-in", "direction": "in", "verdict": "grant"}
    fields |= {"reasons": ["enrolled"], "token": b"t" * 16, **over}
    return SwipeRecord(seq=seq, at=at, mono=seq, **fields)


def fill(spool: Spool, count: int) -> None:
    spool.record([(swipe(seq), False) for seq in range(1, count + 1)])


def every(reader: SpoolReader) -> list[SwipeRecord]:
    """All that the spool holds and can be decoded, epoch by epoch."""
    return [one for info in reader.epochs() for one in reader.swipes(info, (1, 2**53), 2**30)]
