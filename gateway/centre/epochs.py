"""The epochs that a batch speaks of: locked, bounded in number, and in the order in which they began."""

import logging
from collections import defaultdict
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from gateway import wire
from gateway.centre.gaps import Trouble, trouble
from gateway.centre.sorting import Batch, Sorter
from gateway.centre.stations import Peer
from gateway.store.queries import streams
from gateway.store.queries.streams import Stream

log = logging.getLogger(__name__)

NEW_PER_HOUR = 1000
"""Epochs that one station may begin to speak of in an hour: one that starts again every 5 s all day needs fewer."""
TOO_MANY = "more new epochs than a station can begin in an hour"
_HOUR_MS = 3_600_000

Ledgers = dict[tuple[str, str], Stream]


def locked(connection: Connection, batch: Batch, sorter: Sorter) -> Ledgers:
    """The streams that a batch concerns, locked.

    What speaks of more new epochs than a station may have is taken out of the batch and noted as set aside: it is not
    settled, so the station sends it again.
    """
    keys = _keys(batch)
    known = streams.locked_streams(connection, sorted(keys))
    beyond = set()
    new = defaultdict(list)
    for key in keys:
        if key not in known:
            new[key[0]].append(key)
    for station, found in new.items():
        room = max(NEW_PER_HOUR - streams.new_since(connection, station, batch.now - _HOUR_MS), 0)
        beyond |= set(found[room:])
    if beyond:
        _take_out(batch, beyond, sorter)
    return {key: known.get(key, Stream(0, ())) for key in keys if key not in beyond}


def begun(batch: Batch) -> dict[tuple[str, str], int]:
    """The epochs that hellos tell of, in the order in which they began, as instants before now."""
    found: dict[tuple[str, str], int] = {}
    for peer, hello in batch.hellos:
        epochs = [hello.epoch, *(held.epoch for held in reversed(hello.spool))]
        for age, epoch in enumerate(epochs):
            found.setdefault((peer.name, epoch), batch.now - age)
    return found


def note_claims(ledgers: Ledgers, batch: Batch) -> None:
    """What a station says that it has recorded, so that what is missing can be counted before it arrives."""
    for peer, hello in batch.hellos:
        claims = [(held.epoch, held.last) for held in hello.spool]
        if hello.previous is not None:
            claims.append(hello.previous)
        for epoch, last in claims:
            stream = ledgers[peer.name, epoch]
            if last > stream.claimed:
                ledgers[peer.name, epoch] = replace(stream, claimed=last)


def check_chains(connection: Connection, ledgers: Ledgers, batch: Batch) -> None:
    """Notice a station that was restored from an image: a new epoch that knows nothing of the last one.

    That is looked at with the first hello of an epoch, whatever else of it came before.
    """
    for peer, hello in batch.hellos:
        stream = ledgers[peer.name, hello.epoch]
        if stream.greeted:
            continue  # it only connected again
        ledgers[peer.name, hello.epoch] = replace(stream, greeted=True)
        known = streams.epoch_before(connection, peer.name, hello.epoch)
        told = {held.epoch for held in hello.spool} | ({hello.previous[0]} if hello.previous else set())
        if known is not None and known not in told:
            log.warning("station %s does not know its last epoch: restored from an image?", peer.name)
            trouble(connection, peer.name, Trouble.RESTORED, batch.now)


def _keys(batch: Batch) -> list[tuple[str, str]]:
    """(station, epoch), each once: a station's own of now first, then those that it told of last."""
    keys = [(peer.name, hello.epoch) for peer, hello in batch.hellos]
    keys += [(peer.name, hello.previous[0]) for peer, hello in batch.hellos if hello.previous]
    keys += [(one.peer.name, one.epoch) for one in batch.swipes]
    keys += [(peer.name, epoch) for peer, epoch, _ in batch.refused]
    keys += [(peer.name, lost.epoch) for peer, lost in batch.lost]
    keys += [(peer.name, held.epoch) for peer, hello in batch.hellos for held in reversed(hello.spool)]
    return list(dict.fromkeys(keys))


def _take_out(batch: Batch, beyond: set[tuple[str, str]], sorter: Sorter) -> None:
    aside = {(one.peer.name, "swipes"): one.peer for one in batch.swipes if (one.peer.name, one.epoch) in beyond}
    aside |= {(peer.name, "lost"): peer for peer, lost in batch.lost if (peer.name, lost.epoch) in beyond}
    batch.swipes = [one for one in batch.swipes if (one.peer.name, one.epoch) not in beyond]
    batch.refused = [one for one in batch.refused if (one[0].name, one[1]) not in beyond]
    batch.lost = [one for one in batch.lost if (one[0].name, one[1].epoch) not in beyond]
    hellos, batch.hellos = batch.hellos, []
    for peer, hello in hellos:
        kept = _within(peer, hello, beyond)
        if kept is not hello:
            aside[peer.name, "hello"] = peer
        if kept is not None:
            batch.hellos.append((peer, kept))
    for (_, leaf), peer in aside.items():
        batch.quarantine.append(sorter.aside(wire.StationTopics(peer.community, peer.name)(leaf), 0, TOO_MANY))


def _within(peer: Peer, hello: wire.Hello, beyond: set[tuple[str, str]]) -> wire.Hello | None:
    """What may be taken of a hello."""
    if (peer.name, hello.epoch) in beyond:
        return None
    spool = [held for held in hello.spool if (peer.name, held.epoch) not in beyond]
    previous = hello.previous if hello.previous and (peer.name, hello.previous[0]) not in beyond else None
    if len(spool) == len(hello.spool) and previous == hello.previous:
        return hello
    return msgspec.structs.replace(hello, spool=spool, previous=previous)
