"""Parts of pages that change by themselves: whoever has one open is sent what changed of it, and nothing else.

    something changed ── run ──▶ each open part rendered once a language ──▶ pieces compared ──▶ one event to its feed

A piece is a `tr`, `p` or `dl` whose first attribute is its id and that holds none of its own kind; pieces that follow
each other are a run. Pieces are replaced, put in and taken out by htmx's out-of-band swaps; whatever else changes, the
browser is told to ask for the whole part again.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response

from gateway.web.feed import RESYNC, Feed
from gateway.web.page import lang_of
from gateway.web.site import events
from gateway.web.texts import LANGUAGES

log = logging.getLogger(__name__)

CHANGED = "changed"
EVERY_S = 5.0
"""What nothing announces, such as a station that falls silent, is seen after so long."""
PAUSE_S = 0.2
"""So long nothing is rendered after it was …"""
_SPARE = 3
"""… and never before so many times as long have passed as it took."""
_PIECE = re.compile(r'<(tr|p|dl) id="([\w-]+)".*?</\1>', re.DOTALL)

Render = Callable[[str, str], str]
"""The live part of a page, by the page's name and the language."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A rendered part: what stands around its runs, and of each run the pieces by their ids."""

    around: tuple[str, ...]
    runs: tuple[Mapping[str, str], ...]


def pieces(html: str) -> Pieces:
    """A rendered part taken to pieces."""
    around, runs = [""], list[dict[str, str]]()
    end = 0
    for found in _PIECE.finditer(html):
        between = html[end : found.start()]
        if not runs or between.strip():
            around[-1] += between
            runs.append({})
            around.append("")
        runs[-1][found[2]] = found[0]
        end = found.end()
    around[-1] += html[end:]
    return Pieces(tuple(around), tuple(runs))


def difference(old: Pieces, new: Pieces) -> str | None:
    """What turns the old part into the new one, as out-of-band swaps; None where pieces alone do not."""
    if old.around != new.around or len(old.runs) != len(new.runs):
        return None
    swaps = []
    for before, after in zip(old.runs, new.runs, strict=True):
        kept = [name for name in after if name in before]
        if not kept or kept != [name for name in before if name in after]:
            return None  # all of them new, or in another order
        swaps += [_swap(before[name], name, "delete") for name in before if name not in after]
        swaps += [_swap(after[name], name, "true") for name in kept if after[name] != before[name]]
        place = f"beforebegin:#{kept[0]}"
        for name, html in after.items():
            if name not in before:
                swaps.append(_put_in(html, place))
            if name in before or place.startswith("after"):
                place = f"afterend:#{name}"
    return "".join(swaps)


def _swap(html: str, name: str, how: str) -> str:
    opening = html.index(f'id="{name}"') + len(f'id="{name}"')
    body = html[opening:] if how != "delete" else f"></{html[1 : html.index(' ')]}>"
    return _apart(f'{html[:opening]} hx-swap-oob="{how}"{body}')


def _put_in(html: str, place: str) -> str:
    around = "tbody" if html.startswith("<tr") else "div"
    return _apart(f'<{around} data-new hx-swap-oob="{place}">{html}</{around}>')


def _apart(html: str) -> str:
    """A row may stand alone in a template of its own only (HTML, 4.12.3)."""
    return f"<template>{html}</template>" if html.startswith(("<tr", "<tbody")) else html


@dataclass(slots=True)
class _Part:
    feed: Feed
    html: str = ""
    last: Pieces | None = None
    """What its watchers were brought to; None while nobody watches."""


class Live:
    """`changed` may be called by any thread and never blocks; `run` renders in the one that calls it."""

    def __init__(self, render: Render, views: Collection[str]) -> None:
        self._render = render
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._parts = {(view, lang): _Part(Feed(watched=self._wake.set)) for view in views for lang in LANGUAGES}

    def changed(self) -> None:
        """Something that pages show may have changed."""
        self._wake.set()

    def watched(self, view: str) -> int:
        """How many have a part open."""
        return sum(part.feed.watchers for (name, _), part in self._parts.items() if name == view)

    def page(self, view: str, lang: str) -> tuple[str, str]:
        """A part as it stands, and the id of the event that brought it there: what a stream goes on after."""
        part = self._parts[view, lang]
        with self._lock:
            if part.last is not None:
                return part.html, part.feed.last_id
            after = part.feed.last_id
        return self._render(view, lang), after

    def stream(self, request: Request, view: str) -> Response:
        """The events of a part.

        Raises:
            LookupError: there is no such part.
        """
        if (view, lang_of(request)) not in self._parts:
            raise LookupError(view)
        return events(self._parts[view, lang_of(request)].feed, request)

    def run(self, stop: threading.Event) -> None:
        """Send what changed until `stop`."""
        while not stop.is_set():
            self._wake.wait(EVERY_S)
            self._wake.clear()
            began = time.monotonic()
            try:
                self.turn()
            except OperationalError as error:
                log.warning("open pages wait for the database: %s", error.orig)
            except Exception:  # open pages wait for the next look
                log.exception("open pages could not be told")
            stop.wait(max(PAUSE_S, _SPARE * (time.monotonic() - began)))

    def turn(self) -> None:
        """Bring every part that somebody watches to what it is now."""
        for (view, lang), part in self._parts.items():
            if not part.feed.watchers:
                part.last = None
                continue
            html = self._render(view, lang)
            if part.last is not None and html == part.html:
                continue
            new = pieces(html)
            told = difference(part.last, new) if part.last is not None else None
            with self._lock:
                part.html, part.last = html, new
                part.feed.publish(CHANGED if told is not None else RESYNC, told or "1")

    def close(self) -> None:
        """End every stream, and let `run` come to its end."""
        for part in self._parts.values():
            part.feed.close()
        self._wake.set()
