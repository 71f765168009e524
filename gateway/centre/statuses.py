"""What stations say of themselves: the newest word of the newest process is shown, and no older one that comes again.

A process counts its heartbeats. It says `stopped` itself, and its last will says `lost`: both hold of the process that
is shown and of no other.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway import wire
from gateway.centre.sorting import Batch, Said, Sorter
from gateway.store.queries import streams

AGAIN = "a status that is older than the one before"


def take(connection: Connection, batch: Batch, sorter: Sorter) -> list[Said]:
    """Keep what counts of the statuses of a batch. Returns the last of each station that does, and notes replays."""
    shown = streams.said_by(connection, sorted({one.peer.name for one in batch.statuses}))
    taken: dict[str, Said] = {}
    for one in batch.statuses:
        before = shown.get(one.peer.name)
        if not _counts(connection, one, before):
            if one.heard and before is not None and not _is_last(one.status, before):
                topic = wire.StationTopics(one.peer.community, one.peer.name)("status")
                batch.quarantine.append(sorter.aside(topic, 0, AGAIN))
            continue
        status = msgspec.to_builtins(one.status)
        if one.status.state != "online" and before is not None:
            status = {**before, "state": one.status.state}  # it says nothing else: the last report stays
        shown[one.peer.name], taken[one.peer.name] = status, one
        streams.station_said(connection, one.peer.name, batch.now if one.heard else None, status)
    return list(taken.values())


def _counts(connection: Connection, one: Said, before: Mapping[str, Any] | None) -> bool:
    status = one.status
    if before is None:
        return True
    if before["epoch"] == status.epoch:
        return status.state != "online" or status.heartbeat > before["heartbeat"]
    if status.state != "online":
        return False
    began = streams.began(connection, one.peer.name, (before["epoch"], status.epoch))
    if status.epoch not in began:
        return False  # a process says hello first, and is known by it
    return began[status.epoch] >= began.get(before["epoch"], 0)


def _is_last(status: wire.Status, before: Mapping[str, Any]) -> bool:
    """Whether it is the word that is shown, once more; or the will of a process that is not shown any more."""
    return status.state != "online" or (status.epoch, status.heartbeat) == (before["epoch"], before["heartbeat"])
