"""Fan-out from worker threads to the watchers of server-sent events on an event loop.

    worker thread ── publish ──▶ ring of the last events ──▶ one bounded queue a watcher ──▶ text/event-stream

A watcher that falls behind loses its oldest events and is told so by one `resync` event; one that comes back with the
id of its last event gets what it missed from the ring, or `resync` when the ring no longer reaches that far.
Format: WHATWG HTML, 9.2 Server-sent events.
"""

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

KEEP_ALIVE_S = 15.0
"""A comment is sent after so long without an event, so that proxies and dead lines are noticed."""
QUEUE = 100
"""Events that wait for one watcher; the page shows fewer rows than this, so older ones are of no use to it."""
RING = 200
"""Events kept for those who come back."""
WATCHERS = 500
"""Streams open at once. A compound has a few posts, a district some two hundred pages."""
RETRY_MS = 1000
"""How long a browser waits before it connects again."""
RESYNC = "resync"

Render = Callable[[str], str]
"""What an event says in a language: called once for each language that somebody watches in."""


def encode(name: str, data: str, event_id: str = "") -> bytes:
    """One event as it stands on the wire. Browsers drop an event without data, hence at least one data line."""
    lines = [f"id: {event_id}"] if event_id else []
    lines.append(f"event: {name}")
    lines.extend(f"data: {line}" for line in data.splitlines() or [""])
    return ("\n".join(lines) + "\n\n").encode()


class Event:
    """A published event. Rendered on the event loop only, at most once a language."""

    __slots__ = ("_data", "_rendered", "name", "position")

    def __init__(self, name: str, position: int | None, data: str | Render) -> None:
        self.name = name
        self.position = position
        self._data = data
        self._rendered: dict[str, bytes] = {}

    def bytes_in(self, lang: str, event_id: str) -> bytes:
        if lang not in self._rendered:
            text = self._data if isinstance(self._data, str) else self._data(lang)
            self._rendered[lang] = encode(self.name, text, event_id)
        return self._rendered[lang]


class _Watcher:
    """One open stream: its queue is filled under the feed's lock, its wake-up belongs to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.queue: deque[Event] = deque()
        self.behind = False
        self._loop = loop
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        if len(self.queue) == QUEUE:
            self.queue.popleft()
            self.behind = True
        self.queue.append(event)
        self.wake()

    def wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def woken(self, within: float) -> bool:
        """False when nothing came within so many seconds."""
        try:
            await asyncio.wait_for(self._wake.wait(), within)
        except TimeoutError:
            return False
        self._wake.clear()
        return True


class Feed:
    """Events by name to whoever watches. `publish` and `close` may be called from any thread and never block.

    `watched` is called when somebody begins to watch; it may not block either.
    """

    def __init__(self, *, keep_alive: float = KEEP_ALIVE_S, watched: Callable[[], None] = lambda: None) -> None:
        self._keep_alive = keep_alive
        self._watched = watched
        self._boot = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._ring: deque[Event] = deque(maxlen=RING)
        self._position = 0
        self._watchers: set[_Watcher] = set()
        self._closed = False

    @property
    def last_id(self) -> str:
        """Id of the newest kept event: what a page that is rendered now should resume after."""
        return self._id(self._position)

    @property
    def full(self) -> bool:
        """Whether no further stream should be opened now."""
        return len(self._watchers) >= WATCHERS

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def publish(self, name: str, data: str | Render, *, keep: bool = True) -> None:
        """Send an event to every watcher. `keep=False` is for states, of which only the newest matters."""
        with self._lock:
            if keep:
                self._position += 1
            event = Event(name, self._position if keep else None, data)
            if keep:
                self._ring.append(event)
            for watcher in self._watchers:
                watcher.put(event)

    def close(self) -> None:
        """End every stream at once, and every later one at its start."""
        with self._lock:
            self._closed = True
            for watcher in self._watchers:
                watcher.wake()

    async def stream(self, lang: str, after: str = "", first: Iterable[bytes] = ()) -> AsyncIterator[bytes]:
        """What one watcher receives, beginning with `first`; `after` is the id of the last event it has."""
        watcher = _Watcher(asyncio.get_running_loop())
        with self._lock:
            missed = self._missed(after)
            watcher.behind = missed is None
            for event in missed or ():
                watcher.put(event)
            self._watchers.add(watcher)
        self._watched()
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            for chunk in first:
                yield chunk
            while not self._closed:
                for chunk in self._take(watcher, lang):
                    yield chunk
                if not await watcher.woken(self._keep_alive):
                    yield b":\n\n"
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def _id(self, position: int) -> str:
        return f"{self._boot}-{position}"

    def _missed(self, after: str) -> list[Event] | None:
        """The events since `after`; none without it; None when they are not all in the ring."""
        if not after:
            return []
        boot, _, text = after.partition("-")
        if boot != self._boot or not (text.isascii() and text.isdigit() and len(text) < 19):
            return None
        position = int(text)
        oldest = self._position - len(self._ring)
        if not oldest <= position <= self._position:
            return None
        return list(self._ring)[position - oldest :]

    def _take(self, watcher: _Watcher, lang: str) -> list[bytes]:
        with self._lock:
            events, watcher.queue = watcher.queue, deque()
            behind, watcher.behind = watcher.behind, False
        chunks = [encode(RESYNC, "1")] if behind else []
        chunks.extend(event.bytes_in(lang, self._id(event.position) if event.position else "") for event in events)
        return chunks
