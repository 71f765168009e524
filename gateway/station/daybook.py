"""What the spool still holds of a stretch of time, for the pages of the console: newest first, and never in the way."""

import contextlib
from collections.abc import Generator

from gateway.station.spool_reader import Source, SpoolReader
from gateway.wire import SwipeRecord

_AT_ONCE = 1000


class Daybook:
    """From any thread; each question has a connection of its own, which cannot write."""

    def __init__(self, spool: Source) -> None:
        self._spool = spool

    def between(self, since: int, until: int) -> Generator[SwipeRecord]:
        """The records from `since` to before `until` (ms, UTC), newest first.

        It stops where a whole page of records is older: a clock that was put right may hide a few before that.

        Raises:
            sqlite3.Error: the spool cannot be read now.
        """
        with contextlib.closing(SpoolReader(self._spool)) as reader:
            for info in reversed(reader.epochs()):
                last = info.last
                while last >= max(info.first, 1):
                    first = max(info.first, last - _AT_ONCE + 1)
                    found = reader.swipes(info, (first, last), _AT_ONCE)
                    yield from (one for one in reversed(found) if since <= one.at < until)
                    if found and max(one.at for one in found) < since:
                        return
                    last = first - 1
