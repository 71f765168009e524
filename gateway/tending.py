"""What `gateway run` does for its running broker: hands on new accounts, cuts off who is revoked, notes refusals."""

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError, OperationalError

from gateway import broker, enrolling
from gateway.brokerlog import BrokerLog, Refusal
from gateway.keys import Master
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.queries import fleet, streams
from gateway.supervisor import Supervisor

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
RENEW_EVERY_S = 86_400.0
"""How often it is looked whether the broker's own certificate must be renewed."""
PATIENCE_S = 0.5
"""A database that is locked for longer is tried again at the next look: the children must not wait for it."""
_MOST_WAITING = 1000


class Tending:
    """`heard` is given every line of the broker's log; `turn` is called often, by the supervisor's thread."""

    def __init__(
        self, database: Database, master: Master, settings: Settings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._master = master
        self._settings = settings
        self._clock = clock
        self._folder = settings.data / "broker"
        self._log = BrokerLog()
        self._waiting: list[tuple[Refusal, int]] = []
        self._seen = self._stamps()
        self._look = 0.0
        self._renew = clock() + RENEW_EVERY_S
        self.heard = self._log.heard

    def turn(self, supervisor: Supervisor) -> None:
        """Do what is due."""
        now = self._clock()
        if now < self._look:
            return
        self._look = now + LOOK_EVERY_S
        if now >= self._renew:
            self._renew = now + RENEW_EVERY_S
            self._renew_certificate()
        self._hand_on(supervisor)
        self._note()

    def _hand_on(self, supervisor: Supervisor) -> None:
        """Files that another command wrote are taken at once. Who is revoked may be connected: all must come again."""
        before, self._seen = self._seen, self._stamps()
        if before[broker.REVOKED] != self._seen[broker.REVOKED]:
            supervisor.restart("broker")
        elif before != self._seen:
            supervisor.signal("broker", signal.SIGHUP)

    def _renew_certificate(self) -> None:
        try:
            enrolling.hand_on(self._database, self._master, self._settings)
        except (OSError, DBAPIError) as error:
            log.error("the broker's files cannot be renewed: %s", error)  # noqa: TRY400 - the reason says it

    def _note(self) -> None:
        """Put refusals where messages that were set aside are shown."""
        self._waiting = [*self._waiting, *self._log.take()][-_MOST_WAITING:]
        if not self._waiting:
            return
        now = int(time.time() * 1000)
        try:
            with self._database.write() as connection:
                known = {row.name for row in fleet.peers(connection)}
                streams.add_quarantine(connection, [_row(one, count, known, now) for one, count in self._waiting])
        except OperationalError as error:
            log.warning("refusals of the broker wait for the database: %s", error.orig)
            return
        for refusal, count in self._waiting:
            log.warning("%s (%s, %d times)", refusal.reason, refusal.account or "nobody known", count)
        self._waiting = []

    def _stamps(self) -> dict[str, float]:
        return {name: _changed(self._folder / name) for name in (broker.ACCESS, broker.IDENTITY, broker.REVOKED)}


def _row(refusal: Refusal, count: int, known: set[str], now: int) -> dict[str, object]:
    return {
        "received": now,
        "topic": refusal.topic,
        "station": refusal.account if refusal.account in known else None,
        "reason": f"{refusal.reason}{f' ({count} times)' if count > 1 else ''}"[:200],
        "size": refusal.size,
    }


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0.0
