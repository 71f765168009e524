"""A mark outside the database, by which a database that was put back from a backup is known.

It is written after what it says was committed, so it never runs ahead of a database that only stopped, however it
stopped. A database that is behind it, or that has another epoch, is an older one: stations must send again. The same
holds of one that is put back while the centre runs, which is known at the next thing to settle.
"""

import contextlib
import logging
import os
import secrets
import tempfile
import threading
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from gateway import points
from gateway.points import Point
from gateway.store.database import Database, after_commit
from gateway.store.queries import streams

log = logging.getLogger(__name__)

_EPOCH = "centre_epoch"
_MOST_BYTES = 1000


class Older(Exception):
    """The database is an older one than the centre has settled in: only a centre that starts anew may go on."""


class State(msgspec.Struct, frozen=True):
    """How far a database is: its epoch, the highest id of a swipe, and the sum of what its streams have settled."""

    epoch: str
    swipes: int
    settled: int

    def is_behind(self, other: "State") -> bool:
        """Whether this database cannot be the one that `other` was read from, at the same time or later."""
        return self.epoch != other.epoch or self.swipes < other.swipes or self.settled < other.settled


class Mark:
    """The mark of one centre, a small file. May be used from any thread, but `seen` and `settled` from one alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._last: State | None = None
        self._older = False
        self._seen: tuple[str, int] | None = None
        """Epoch and highest id of a swipe, as this process has last committed or read them."""

    def epoch(self, database: Database) -> str:
        """The centre's epoch: random once, and again when the database is behind the mark or the mark is no mark.

        Without a mark the database is taken as it is.
        """
        with database.write() as connection:
            known = streams.get_setting(connection, _EPOCH)
            if known is None or self._alarms(_state(connection, known)):
                known = secrets.token_hex(8)
                streams.set_setting(connection, _EPOCH, known)
        self.keep(database)  # after the commit: between the two, a crash costs one more epoch and no swipe
        return known

    def keep(self, database: Database) -> None:
        """Write how far the database is, where that changed. A file that cannot be written is logged.

        Raises:
            Older: the database is behind what was written last, or `seen` found that. The next start draws a new epoch.
        """
        with self._lock:
            self._keep(database)

    def seen(self, connection: Connection) -> None:
        """At the begin of a transaction that settles: make sure that this is the database of the transaction before.

        Raises:
            Older: it is an older one; nothing may be settled in it. The next start draws a new epoch.
        """
        now = _known(connection)
        if self._seen is not None and (now[0] != self._seen[0] or now[1] < self._seen[1]):
            with self._lock:
                raise self._distrust(now[1], self._seen[1])

    def settled(self, connection: Connection) -> None:
        """At the end of such a transaction: remember how far the database is then, once it is committed."""
        after_commit(connection, partial(setattr, self, "_seen", _known(connection)))

    def _keep(self, database: Database) -> None:
        if self._older:
            raise Older
        with database.read() as connection:
            now = _state(connection, streams.get_setting(connection, _EPOCH) or "")
        if now == self._last:
            return
        if self._last is not None and now.is_behind(self._last):
            raise self._distrust(now.swipes, self._last.swipes)
        try:
            _write(self._path, msgspec.json.encode(now))
        except OSError as error:
            log.error("the mark of the database cannot be written: %s", error.strerror)  # noqa: TRY400 - it says all
            return
        self._last = now
        points.reached(Point.MARK_WRITTEN)

    def _distrust(self, swipes: int, before: int) -> Older:
        """Leave a mark that no database fits: the file may be older than what was settled last."""
        if not self._older:
            log.error("the database is older than it was (swipe %d, was %d): the centre starts anew", swipes, before)
        self._older = True
        try:
            _write(self._path, msgspec.json.encode(State("", 0, 0)))
        except OSError as error:
            log.error("the mark of the database cannot be written: %s", error.strerror)  # noqa: TRY400 - it says all
        return Older()

    def _alarms(self, now: State) -> bool:
        try:
            with self._path.open("rb") as file:
                marked = msgspec.json.decode(file.read(_MOST_BYTES), type=State)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("%s is no mark of a database: stations are asked to send again", self._path.name)
            return True
        if now.is_behind(marked):
            log.warning(
                "the database is older than it was (swipe %d, was %d): stations are asked to send again",
                now.swipes,
                marked.swipes,
            )
            return True
        return False


def _known(connection: Connection) -> tuple[str, int]:
    return streams.get_setting(connection, _EPOCH) or "", streams.highest(connection)


def _state(connection: Connection, epoch: str) -> State:
    return State(epoch, *streams.extent(connection))


def _write(path: Path, data: bytes) -> None:
    """Replace a file, whole or not at all."""
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(partial).unlink()
