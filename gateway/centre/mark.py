"""A mark outside the database, by which a database that was put back from a backup is known.

It is written after what it says was committed, so it never runs ahead of a database that only stopped, however it
stopped. A database that is behind it, or that has another epoch, is an older one: stations must send again.
"""

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from gateway import points
from gateway.points import Point
from gateway.store.database import Database
from gateway.store.queries import streams

log = logging.getLogger(__name__)

_EPOCH = "centre_epoch"
_MOST_BYTES = 1000


class State(msgspec.Struct, frozen=True):
    """How far a database is: its epoch, the highest id of a swipe, and the sum of what its streams have settled."""

    epoch: str
    swipes: int
    settled: int

    def is_behind(self, other: "State") -> bool:
        """Whether this database cannot be the one that `other` was read from, at the same time or later."""
        return self.epoch != other.epoch or self.swipes < other.swipes or self.settled < other.settled


class Mark:
    """The mark of one centre, a small file. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: State | None = None

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
        """Write how far the database is, where that changed. A file that cannot be written is logged."""
        with database.read() as connection:
            now = _state(connection, streams.get_setting(connection, _EPOCH) or "")
        if now == self._last:
            return
        try:
            _write(self._path, msgspec.json.encode(now))
        except OSError as error:
            log.error("the mark of the database cannot be written: %s", error.strerror)  # noqa: TRY400 - it says all
            return
        self._last = now
        points.reached(Point.MARK_WRITTEN)

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
