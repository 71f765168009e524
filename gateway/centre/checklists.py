"""核查清单: on each working day one signed list for each police station, and a page to print for each slip on it."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway.centre import particulars
from gateway.centre.lists import writing
from gateway.centre.particulars import Particulars
from gateway.centre.slip_words import LANG, MARK_CHANGED, MARK_NEW, SlipWords, digest
from gateway.keys import Master
from gateway.routes import FileRoute, Routes
from gateway.store.database import Database
from gateway.store.queries import checklists, history, slips
from gateway.store.queries.history import By
from gateway.web.page import Pages
from rules.judge import SATURDAY
from rules.model import CIVIL
from rules.policy import Policy

log = logging.getLogger(__name__)

MOST_MISSED = 10
"""So many working days that were missed are made up; whoever was away for longer asks for a list by hand."""
KEPT_DAYS = 30
"""Files are erased so many days after their day: the police have theirs."""
_SYSTEM = "system"


class Checklists:
    """`turn` is called often, by one thread. Files lie in `folder`/STATION/DAY, for their owner alone."""

    def __init__(
        self,
        database: Database,
        master: Master,
        routes: Routes,
        folder: Path,
        pages: Pages,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._master = master
        self._routes = routes
        self._folder = folder
        self._pages = pages
        self._words = SlipWords(pages.texts)
        self._now = now
        self._waits = False

    def turn(self, policy: Policy) -> list[Path]:
        """Make every list that is due, also those of days on which nobody was there to; where each lies."""
        try:
            with self._database.read() as connection:
                due = list(self._due(connection, policy))
            made = [self.make(station, day, _SYSTEM) for station, day in due]
        except OperationalError as error:
            if not self._waits:
                log.warning("the lists for the police wait for the database: %s", error.orig)
            self._waits = True
            return []
        self._waits = False
        return made

    def make(self, police_station: str, day: date, actor: str) -> Path:
        """Make the list of a day as things stand now, noted with who did it; the folder with its files.

        Raises:
            OSError: the files cannot be written: nothing is noted then.
        """
        target = self._folder / police_station / day.isoformat()
        police = self._routes.of(police_station)
        with self._database.write() as connection:
            found = self._slips(connection, police_station)
            marks = _marks(checklists.before(connection, police_station, day), found)
            rows = [self._words.headings(), *map(self._words.row, (said for _, said in found), marks)]
            made = datetime.fromtimestamp(self._now() / 1000, UTC)
            about = self._words.about(police.title or police.name, day, made, marks, rows, self._master.lists_public())
            book = writing.pages(list(zip(self._words.titles(), (rows, about), strict=True)))
            files = {list_name(police_station, day): book}
            files[f"{list_name(police_station, day)}.sig"] = self._master.sign_list(book)
            files |= {f"{said.slip}.html": self.page(police_station, day, said) for _, said in found}
            self._note(connection, By(actor, self._now()), police_station, day, found, digest(rows))
            _write(target, files)
        self._erase(target.parent, day)
        log.info("the list of %s for police station %s: %d slips", day, police_station, len(found))
        return target

    def file(self, police_station: str, day: date, name: str) -> bytes:
        """A file of a list that was made.

        Raises:
            LookupError: there is none, or it was erased.
        """
        try:
            return (self._folder / police_station / day.isoformat() / name).read_bytes()
        except FileNotFoundError:
            raise LookupError("there is no such file") from None

    def folder(self, police_station: str, day: date) -> Path:
        return self._folder / police_station / day.isoformat()

    def page(self, police_station: str, day: date, said: Particulars) -> bytes:
        """A slip to print on A4."""
        police = self._routes.of(police_station)
        values = {"station": police.title or police.name, "day": day.isoformat(), "lines": self._words.lines(said)}
        text = self._pages.render(LANG, "centre/slip.html", number=said.slip, sending=said.sending, **values)
        return text.encode()

    def _due(self, connection: Connection, policy: Policy) -> Iterator[tuple[str, date]]:
        """Each station with the days whose list is missing, the oldest first."""
        moment = datetime.fromtimestamp(self._now() / 1000, UTC).astimezone(CIVIL)
        for name in checklists.police_stations(connection):
            route = self._routes.of(name).file
            if route is None:
                continue
            newest = moment.date() if moment.time() >= route.at else moment.date() - timedelta(days=1)
            day = self._from(connection, name, route, moment.date())
            missing = []
            while day <= newest:
                missing += [(name, day)] if policy.gate.weekday(day) < SATURDAY else []
                day += timedelta(days=1)
            yield from missing[-MOST_MISSED:]

    def _from(self, connection: Connection, name: str, route: FileRoute, today: date) -> date:
        """The first day whose list may be missing; one that was asked for before its time is made again at its time."""
        last = checklists.last(connection, name)
        if last is None:
            return today
        day: date = last.day
        due = datetime.combine(day, route.at, CIVIL)
        return day if last.made < due.timestamp() * 1000 else day + timedelta(days=1)

    def _slips(self, connection: Connection, police_station: str) -> list[tuple[Any, Particulars]]:
        rows = slips.before_the_police(connection, police_station)
        return [(row, particulars.of(connection, self._master, row, row.community_name)) for row in rows]

    def _note(
        self,
        connection: Connection,
        by: By,
        police_station: str,
        day: date,
        found: Sequence[tuple[Any, Particulars]],
        of: str,
    ) -> None:
        rows = [{"slip": row.slip, "revision": row.revision, "community": row.community} for row, _ in found]
        values = {"police_station": police_station, "day": day, "made": by.at, "made_by": by.actor}
        checklists.put(connection, values | {"rows": rows, "digest": of})
        history.note(connection, by, "police_lists", [(0, None, {"made": [None, f"{police_station} {day}"]})])

    def _erase(self, folder: Path, day: date) -> None:
        """Erase the files of lists that are older than is kept."""
        oldest = (day - timedelta(days=KEPT_DAYS)).isoformat()
        for one in folder.iterdir():
            if one.name < oldest:
                shutil.rmtree(one, ignore_errors=True)


def list_name(police_station: str, day: date) -> str:
    """The name of a list's file."""
    return f"checklist-{police_station}-{day}.xlsx"


def _marks(before: Any, found: Sequence[tuple[Any, Particulars]]) -> list[str]:
    """What is new or has changed since the list before."""
    known = {one["slip"]: one["revision"] for one in before.rows} if before is not None else {}
    return [
        MARK_NEW if row.slip not in known else MARK_CHANGED if known[row.slip] != row.revision else ""
        for row, _ in found
    ]


def _write(target: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder of their own, for their owner alone: all of them or none."""
    for folder in (target.parent.parent, target.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))  # of mode 0700, and nobody else's
    for name, data in files.items():
        with os.fdopen(os.open(partial / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
