"""A list on its way: kept encrypted, checked without changing anything, then taken when somebody says so."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway.centre.casework import Casework
from gateway.centre.lists.forms import FORMS, HEADING_WITHIN, Entry, Kind, Layout, Trouble, layout_of, understood
from gateway.centre.lists.sheet import NotASheet, Row, rows_of
from gateway.centre.lists.takers import List, Taken, Takers
from gateway.keys import Master, NotAuthentic
from gateway.store.database import Database
from gateway.store.queries import history, lists, streams
from gateway.store.queries.casefile import Subject
from gateway.store.queries.history import By
from rules.cases import NotPossible

log = logging.getLogger(__name__)

CHUNK = 200
"""Rows taken in one transaction: the intake never waits long for a list."""
NOTED = 5_000
"""Rows of which it is said what is wrong, or what they would change; the others are counted."""
KEPT_MS = 86_400_000
"""A list that nobody takes is deleted after a day."""
_LOOK_EVERY_S = 1.0
_JUDGED = frozenset({Kind.RESIDENTS, Kind.REGISTRATIONS, Kind.RECEIPTS, Kind.PUSHES})


class _Undo(Exception):
    """A part was looked at; nothing of it stays."""


class Runs:
    """Lists come in by `receive` and `take`, from any thread; `run` works on them on a thread of its own.

    A list that was being taken when the program ended goes on where it was.
    """

    def __init__(
        self,
        database: Database,
        master: Master,
        takers: Takers,
        casework: Casework,
        folder: Path,
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._master = master
        self._takers = takers
        self._casework = casework
        self._folder = folder
        self._changed = changed
        self._look = threading.Event()
        self._files = threading.Lock()
        """Held while a file is there and its row is not yet, so that nobody takes it for nobody's."""

    def receive(
        self, by: By, community: str, kind: Kind, data: bytes, *, as_of: date | None = None, complete: bool = False
    ) -> int:
        """Keep a list and have it checked; its number.

        Raises:
            LookupError: there is no such community. OSError: the disk does not take it.
            NotPossible: a list of visitors that was taken already.
        """
        with self._files, self._database.write() as connection:
            if streams.community(connection, community) is None:
                raise LookupError("there is no such community")
            values: dict[str, Any] = {"community": community, "kind": kind.value, "actor": by.actor, "started": by.at}
            values |= {"as_of": as_of, "complete": complete, "state": "waiting", "dropped": []}
            values["digest"] = hashlib.sha256(data).hexdigest()
            if kind is Kind.VISITORS and lists.was_taken(connection, community, values["digest"]):
                raise NotPossible("this list was taken already: its visitors would get a second code")
            number = lists.begin(connection, values)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._path(number)
            path.write_bytes(self._master.hide("imports.file", data))
            path.chmod(0o600)
        self._look.set()
        return number

    def take(self, number: int, by: By) -> None:
        """Have the good rows of a checked list taken.

        Raises:
            NotPossible: it is not checked, or was taken.
        """
        with self._database.write() as connection:
            values = {"state": "taking", "rows": 0, "good": 0, "bad": 0, "fresh": 0, "changed": 0, "actor": by.actor}
            if not lists.change(connection, number, "checked", values):
                raise NotPossible("this list is not checked yet, or was taken already")
            lists.forget_rows(connection, number)
        self._look.set()

    def wake(self) -> None:
        """Have `run` look now, at what waits and whether it shall stop."""
        self._look.set()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                while not stop.is_set() and self.turn(stop):
                    pass
                self._forget_old()
            except OperationalError as error:
                log.warning("lists wait for the database: %s", error.orig)
            except Exception:  # one list that cannot be worked on must not stop the others for good
                log.exception("a list could not be worked on")
            self._look.wait(_LOOK_EVERY_S)
            self._look.clear()

    def turn(self, stop: threading.Event) -> bool:
        """Work on the oldest list that waits; False when there is none."""
        with self._database.read() as connection:
            waiting = lists.in_state(connection, ("waiting", "checking", "taking"))
        if not waiting:
            return False
        run = waiting[0]
        try:
            self._work(run, stop, dry=run.state != "taking")
        except NotASheet as error:
            self._end(run.id, "refused", problem=error.code)
        except (NotAuthentic, FileNotFoundError):
            self._end(run.id, "refused", problem="file_is_gone")
        except OperationalError:
            raise
        except Exception:  # one list that cannot be worked on must not stand before all others for ever
            log.exception("list %d", run.id)
            self._end(run.id, "refused", problem="failed")
        return True

    def _work(self, run: Any, stop: threading.Event, *, dry: bool) -> None:
        kind = Kind(run.kind)
        data = self._master.show_bytes("imports.file", self._path(run.id).read_bytes())
        layout, rows = _headed(kind, rows_of(data))
        self._note_layout(run.id, layout, dry=dry)
        if layout.missing:
            raise NotASheet("missing_columns")
        one = self._list(run)
        by = By(run.actor, self._casework.now(), f"list {run.id}")
        done = 0 if dry else run.rows
        skipped = list(islice(rows, done))  # what was taken before the program ended
        self._remember(kind, one, layout, skipped)
        chunk = list(islice(rows, CHUNK))
        while chunk and not stop.is_set():
            following = list(islice(rows, CHUNK))
            self._part(run.id, kind, by, one, layout, chunk, dry=dry, last=not following)
            chunk = following
        if stop.is_set() and chunk:
            return
        if not dry and kind in _JUDGED:
            self._sweep_where_complete(one)
        self._end(run.id, "checked" if dry else "taken")

    def _part(
        self, number: int, kind: Kind, by: By, one: List, layout: Layout, chunk: Sequence[Row], *, dry: bool, last: bool
    ) -> None:
        entries, wrong = _entries(layout, chunk)
        said: list[dict[str, Any]] = []
        counts: dict[str, int] = {}
        try:
            with self._database.write() as connection:
                one.troubled = one.troubled or bool(wrong)
                mark = lists.newest_change(connection)
                taken = self._takers.take(connection, by, kind, one, entries, last=last)
                taken.wrong += wrong
                said, counts = _said(taken, lists.touched(connection, mark, by.actor), entries, dry=dry)
                counts |= {"rows": len(chunk), "bad": len({t.row for t in taken.wrong}), "good": len(taken.about)}
                _undo(dry)
                self._judge(connection, kind, one.community, taken.persons)
                self._note(connection, number, said, counts)
        except _Undo:
            with self._database.write() as connection:
                self._note(connection, number, said, counts)
        if not dry:
            self._changed()

    def _note(self, connection: Connection, number: int, said: list[dict[str, Any]], counts: dict[str, int]) -> None:
        lists.count(connection, number, **counts)
        room = NOTED - lists.noted(connection, number)
        lists.add_rows(connection, number, said[: max(room, 0)])

    def _judge(self, connection: Connection, kind: Kind, community: str, persons: Sequence[int]) -> None:
        if kind in _JUDGED:
            self._casework.judge(connection, [Subject(community, person, None) for person in persons])

    def _sweep_where_complete(self, one: List) -> None:
        """After a complete list everyone whom it may concern is judged again."""
        if not one.complete:
            return
        with self._database.read() as connection:
            subjects = self._casework.to_sweep(connection)
        for start in range(0, len(subjects), CHUNK):
            with self._database.write() as connection:
                self._casework.judge(connection, subjects[start : start + CHUNK])

    def _remember(self, kind: Kind, one: List, layout: Layout, rows: Sequence[Row]) -> None:
        """Know again whom the part named that was taken before, so that none is taken twice."""
        if rows and kind is Kind.REGISTRATIONS:
            one.so_far.rows += len(rows)
        entries, _ = _entries(layout, rows)
        self._takers.remember(one, entries)

    def _list(self, run: Any) -> List:
        with self._database.read() as connection:
            community = streams.community(connection, run.community)
        if community is None:
            raise LookupError("there is no such community")
        today = self._casework.today()
        as_of = run.as_of or community.base_date or today
        return List(run.community, community.police_station, today, as_of, run.complete, troubled=run.bad > 0)

    def _note_layout(self, number: int, layout: Layout, *, dry: bool) -> None:
        values: dict[str, Any] = {"dropped": list(layout.dropped), "unknown": list(layout.unknown)}
        if dry:
            values |= {"state": "checking", "rows": 0, "good": 0, "bad": 0, "fresh": 0, "changed": 0}
        with self._database.write() as connection:
            lists.change(connection, number, None, values)
            if dry:
                lists.forget_rows(connection, number)
                missing = [{"row": 0, "column": name, "code": "missing_column"} for name in layout.missing]
                lists.add_rows(connection, number, missing)

    def _end(self, number: int, state: str, *, problem: str | None = None) -> None:
        with self._database.write() as connection:
            lists.change(
                connection, number, None, {"state": state, "finished": self._casework.now(), "problem": problem}
            )
        if state != "checked":
            self._path(number).unlink(missing_ok=True)
        self._changed()

    def _forget_old(self) -> None:
        """Delete lists that nobody took within a day, and files that are nobody's."""
        now = self._casework.now()
        with self._files, self._database.read() as connection:
            kept = {run.id: run for run in lists.in_state(connection, ("waiting", "checking", "checked", "taking"))}
            for path in self._folder.glob("*.list"):
                if not path.stem.isdigit() or int(path.stem) not in kept:
                    path.unlink(missing_ok=True)
        for run in kept.values():
            if run.state == "checked" and run.started < now - KEPT_MS:
                self._end(run.id, "refused", problem="not_taken_in_time")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.list"


def _undo(dry: bool) -> None:
    if dry:
        raise _Undo


def _headed(kind: Kind, rows: Iterator[Row]) -> tuple[Layout, Iterator[Row]]:
    """The layout by the row of headings that fits best among the first ones, and the rows below it."""
    first = list(islice(rows, HEADING_WITHIN))
    layouts = [layout_of(FORMS[kind], cells) for _, cells in first]
    best = max(range(len(first)), key=lambda i: len(layouts[i].columns), default=None)
    if best is None or not layouts[best].columns:
        raise NotASheet("no_headings")
    return layouts[best], _chained(first[best + 1 :], rows)


def _chained(first: Sequence[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from first
    yield from rest


def _entries(layout: Layout, rows: Sequence[Row]) -> tuple[list[Entry], list[Trouble]]:
    """The entries of rows in which nothing is wrong, and all that is wrong in the others."""
    good: list[Entry] = []
    wrong: list[Trouble] = []
    for number, cells in rows:
        entry, found = understood(layout, number, cells)
        wrong += found
        if not found:
            good.append(entry)
    return good, wrong


def _said(
    taken: Taken, touched: Sequence[tuple[Any, str, list[str]]], entries: Sequence[Entry], *, dry: bool
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What is said of the rows, in order, and how many are new and how many change something."""
    changes: dict[Any, set[str]] = {}
    created: set[Any] = set()
    for about, table, columns in touched:
        if columns == list(history.CREATED):
            created.add(about) if table != "persons" else None
        else:
            changes.setdefault(about, set()).update(f"{table}.{column}" for column in columns)
    said: list[dict[str, Any]] = [
        {"row": one.row, "column": one.column, "code": one.code, "fields": None} for one in (*taken.wrong, *taken.noted)
    ]
    fresh = changed = 0
    for entry in entries:
        about = taken.about.get(entry.row)
        if about is None:
            continue
        fresh += about in created
        changed += about in changes and about not in created
        if about in changes and about not in created:
            said.append({"row": entry.row, "column": "", "code": "changes", "fields": sorted(changes[about])})
    if not dry:
        said += [{"row": row, "column": "", "code": "code", "fields": [code]} for row, code in taken.codes.items()]
    return sorted(said, key=lambda one: int(one["row"])), {"fresh": fresh, "changed": changed}
