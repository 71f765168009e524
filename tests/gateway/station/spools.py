"""Swipes of nobody, to fill a spool with."""

from typing import Any

from gateway.station.spool import Spool
from gateway.wire import SwipeRecord

CENTRE = "c" * 16


def swipe(seq: int, at: int = 1_000, **over: Any) -> SwipeRecord:
    fields: dict[str, Any] = {"portal": "east", "reader": "east-in", "direction": "in", "verdict": "grant"}
    fields |= {"reasons": ["enrolled"], "token": b"t" * 16, **over}
    return SwipeRecord(seq=seq, at=at, mono=seq, **fields)


def fill(spool: Spool, count: int) -> None:
    spool.record([(swipe(seq), False) for seq in range(1, count + 1)])
