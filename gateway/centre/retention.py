"""Deletes what has been kept for its time, once a civil day, reports what it deleted, and signs the record of acts.

The periods are the policy's. Of passes, cases and slips what can be counted stays; of visitors and seals nothing does.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway.centre.audit import sign_head
from gateway.centre.casework import Casework
from gateway.centre.lawful import KEPT_MS
from gateway.keys import Master
from gateway.store.database import Database
from gateway.store.queries import audit, lawful, streams
from gateway.store.queries import retention as rows

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Rows deleted in one transaction: the intake never waits long for it."""
_DAY_MS = 86_400_000
_QUARANTINE_DAYS = 90


class Retention:
    """Used by one thread. Once `stop` is set it breaks off between two transactions; the next run goes on."""

    def __init__(
        self, database: Database, master: Master, casework: Casework, stop: threading.Event | None = None
    ) -> None:
        self._database = database
        self._master = master
        self._casework = casework
        self._stop = stop or threading.Event()
        self._done: date | None = None

    def turn(self) -> bool:
        """Run if it is due; whether it did. A database that is away is asked again at the next turn."""
        today = self._casework.today()
        if self._done == today:
            return False
        try:
            self.run()
        except OperationalError as error:
            log.warning("the retention waits for the database: %s", error.orig)
            return False
        self._done = None if self._stop.is_set() else today
        return True

    def run(self) -> dict[str, int]:
        """Delete what is over its time; how many of each."""
        policy, now = self._casework.policy(), self._casework.now()
        kept = policy.retention
        cut = {
            name: now - days * _DAY_MS
            for name, days in (
                ("passes", kept.passes_days),
                ("seals", kept.sealed_days),
                ("visitors", kept.visitors_days),
                ("cases", max(kept.identity_days, policy.collection.quiet_days)),
                ("acts", kept.audit_days),
                ("quarantine", _QUARANTINE_DAYS),
            )
        }
        counts = {
            "passes": self._passes(cut["passes"]),
            "seals": self._parts(lambda c: rows.old_seals(c, cut["seals"], AT_ONCE), rows.drop_seals),
            "visitors": self._visitors(cut["visitors"]),
            "cases": self._parts(lambda c: rows.old_cases(c, cut["cases"], AT_ONCE), rows.forget_cases),
        }
        with self._database.write() as connection:
            counts["acts"] = audit.delete_before(connection, cut["acts"])
            counts["quarantine"] = rows.forget_quarantine(connection, cut["quarantine"])
            counts["lawful"] = lawful.forget_files(connection, now - KEPT_MS)
            report = {"started": now, "finished": self._casework.now(), "policy": policy.version, "deleted": counts}
            sign_head(connection, self._master, now)
            rows.note_run(connection, report | {"before": cut})
        if any(counts.values()):
            self._database.tidy()
            log.info("retention: %s", ", ".join(f"{count} {name}" for name, count in counts.items() if count))
        return counts

    def _parts(
        self, find: Callable[[Connection], Sequence[Any]], forget: Callable[[Connection, Sequence[Any]], None]
    ) -> int:
        count = 0
        while not self._stop.is_set():
            with self._database.read() as connection:
                found = find(connection)
            if not found:
                break
            with self._database.write() as connection:
                forget(connection, found)
            count += len(found)
        return count

    def _passes(self, before: int) -> int:
        """Only what is counted by days already; each part goes on where the one before it ended."""
        after = 0

        def find(connection: Connection) -> list[int]:
            nonlocal after
            tallied = int(streams.get_setting(connection, streams.TALLIED) or 0)
            found = rows.old_passes(connection, before, after, tallied, AT_ONCE)
            after = found[-1] if found else after
            return found

        return self._parts(find, rows.delete_passes)

    def _visitors(self, before: int) -> int:
        return self._parts(
            lambda c: rows.old_visitors(c, before, AT_ONCE),
            lambda c, found: rows.delete_visitors(c, [one.id for one in found], [one.person for one in found]),
        )
