"""From what a station sent to what is kept of it: the row of a swipe, and the figures of a status."""

from typing import Any

from gateway import wire
from gateway.centre.sorting import Arrived
from gateway.metrics import Report


def row_of(one: Arrived, now: int, offset: int | None) -> dict[str, Any]:
    """A swipe received at `now`; `offset` puts the time right that a clock gave which was not synchronised."""
    swipe = one.swipe
    return {
        "community": one.peer.community,
        "station": one.peer.name,
        "epoch": one.epoch,
        "seq": swipe.seq,
        "at": at_of(one, offset),
        "said_at": None if offset is None else swipe.at,
        "mono": swipe.mono,
        "clock": swipe.clock,
        "received": now,
        "portal": swipe.portal,
        "reader": swipe.reader,
        "direction": swipe.direction,
        "kind": swipe.kind,
        "token": swipe.token,
        "verdict": swipe.verdict,
        "reasons": ",".join(swipe.reasons),
        "flags": ",".join(swipe.flags),
        "roster": swipe.roster,
        "policy": swipe.policy,
        "recorded": swipe.recorded,
        "unattended": swipe.unattended,
        "by_hand": swipe.by_hand,
        "sealed": swipe.sealed if swipe.act is None else None,
    }


def at_of(one: Arrived, offset: int | None) -> int:
    """When it was (ms, UTC)."""
    return one.swipe.at if offset is None else one.swipe.mono + offset


def report_of(status: wire.Status) -> Report:
    """What the metrics say of a station."""
    return Report(
        status.state == "online",
        {d.id: d.up for d in status.devices},
        {d.id: d.noise for d in status.devices},
        status.spool_depth,
        status.unrecorded,
        status.verdict_buckets,
        status.verdict_sum,
        status.refused,
    )
