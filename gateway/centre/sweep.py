"""The sweep: everyone is judged again when a civil day begins, when the policy changes, and when the program starts.

With the first one of a month some of last month's dismissals are drawn, to be looked at again.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date

from sqlalchemy.exc import OperationalError

from gateway.centre import blind
from gateway.centre.casework import Casework
from gateway.centre.gate_acts import FORGET_MS
from gateway.centre.policies import Policies
from gateway.store.database import Database
from gateway.store.queries import gate_acts
from gateway.store.queries.casefile import Subject

log = logging.getLogger(__name__)

AT_ONCE = 100
"""People judged in one transaction: the intake never waits long for a sweep."""


class Sweep:
    """Used by one thread. `swept` is called after each sweep."""

    def __init__(self, database: Database, casework: Casework, policies: Policies, swept: Callable[[], None]) -> None:
        self._database = database
        self._casework = casework
        self._policies = policies
        self._done = swept
        self._swept: date | None = None
        self._waits = False

    def turn(self) -> bool:
        """Sweep if it is due; whether it was. A database that is away is asked again at the next turn."""
        try:
            if self._policies.look():
                self._swept = None
            today = self._casework.today()
            if self._swept == today:
                return False
            self._run()
        except OperationalError as error:
            if not self._waits:
                log.warning("the sweep waits for the database: %s", error.orig)
            self._waits = True
            return False
        self._waits = False
        self._swept = today
        self._done()
        return True

    def _run(self) -> None:
        with self._database.write() as connection:
            blind.draw_month(connection, self._casework.today(), self._casework.now())
            gate_acts.forget_names(connection, self._casework.now() - FORGET_MS)
        with self._database.read() as connection:
            subjects = self._casework.to_sweep(connection)
        for start in range(0, len(subjects), AT_ONCE):
            chunk = subjects[start : start + AT_ONCE]
            if not self._judge(chunk):
                for subject in chunk:
                    self._judge([subject])

    def _judge(self, subjects: Sequence[Subject]) -> bool:
        try:
            with self._database.write() as connection:
                self._casework.judge(connection, subjects)
        except OperationalError:
            raise
        except Exception:  # one person's row that cannot be judged must not keep the others from it
            log.exception("%d of the people swept could not be judged together", len(subjects))
            return False
        return True
