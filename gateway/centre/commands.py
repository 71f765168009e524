"""Commands to stations: noted with who gave them, sent to a station that is there, and answered or not.

A command binds itself to this moment of its station: its epoch, its last heartbeat, and a counter that the centre never
gives twice, whatever is restarted or put back from a backup.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from gateway import wire
from gateway.centre.stations import Peer
from gateway.store.database import Database
from gateway.store.queries import fleet
from rules.cases import NotPossible

HEARD_S = 20.0
"""A station that was not heard for so long is not there: a command would be too old when it came."""
UNANSWERED_MS = 20_000
"""After so long without an answer none is expected any more."""
_NOBODY = "there is no such station"


@dataclass(frozen=True, slots=True)
class Order:
    """What a station is to do, and who says so."""

    act: str
    target: str
    actor: str
    role: str


class Commands:
    """May be used from any thread. `send` puts a message to a station on the bus; False when it cannot."""

    def __init__(
        self,
        database: Database,
        send: Callable[[str, str, str, bytes], bool],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._send = send
        self._wall = wall

    def give(self, name: str, order: Order, may: Callable[[str], None]) -> Row[Any]:
        """Send a command to a station and note it; its row. `may` raises where the caller may not reach a community.

        Raises:
            LookupError: there is no such station, or not for the caller. NotPossible: it is not there to hear it.
        """
        now = int(self._wall() * 1000)
        with self._database.write() as connection:
            row = fleet.station(connection, name, lock=True)
            if row is None:
                raise LookupError(_NOBODY)
            may(row.community)
            status = row.status or {}
            if (
                row.revoked_at is not None
                or status.get("state") != "online"
                or now - (row.heard_at or 0) > HEARD_S * 1e3
            ):
                raise NotPossible("the station is not connected")
            counter = max(row.commands + 1, now)
            command = wire.Command(status["epoch"], counter, status["heartbeat"], order.act, order.target)  # type: ignore[arg-type]
            fleet.count_commands(connection, name, counter)
            number = fleet.add_command(connection, _row(row, command, order, now))
        sent = self._send(row.community, name, "command", wire.encode(command))
        with self._database.write() as connection:
            if not sent:
                fleet.answer_command(connection, name, counter, {"state": "not_sent", "answered": now})
            noted = fleet.command(connection, number)
        if noted is None:
            raise LookupError(_NOBODY)
        return noted

    def answered(self, connection: Connection, peer: Peer, payload: bytes) -> None:
        """Note what a station says became of a command.

        Raises:
            Malformed: it is no answer.
            LookupError: the command was never given, or was answered otherwise before: somebody sent it again.
        """
        reply = wire.decode(payload, wire.Reply)
        row = fleet.command_of(connection, peer.name, reply.counter)
        if row is None or row.epoch != reply.epoch:
            raise LookupError(f"an answer to a command that was never given: {reply.reason or reply.outcome}")
        if row.answered is None:
            values = {"state": reply.outcome, "reason": reply.reason, "seq": reply.seq}
            fleet.answer_command(connection, peer.name, reply.counter, values | {"answered": int(self._wall() * 1000)})
        elif (row.state, row.reason) != (reply.outcome, reply.reason):
            raise LookupError(f"the station {reply.outcome} a command that came to it again: {reply.reason}".rstrip())


def state_of(row: Any, now: int) -> str:
    """Where a command stands: sent, done, refused, not_sent, or unanswered when none is to be expected any more."""
    return "unanswered" if row.state == "sent" and now - row.issued > UNANSWERED_MS else str(row.state)


def _row(station: Any, command: wire.Command, order: Order, now: int) -> dict[str, Any]:
    return {
        "station": station.name,
        "community": station.community,
        "epoch": command.epoch,
        "counter": command.counter,
        "heartbeat": command.heartbeat,
        "act": order.act,
        "target": order.target,
        "actor": order.actor,
        "role": order.role,
        "issued": now,
        "state": "sent",
    }
