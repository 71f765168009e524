"""What a watcher of a feed receives."""

import asyncio
import threading
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from gateway.web.feed import QUEUE, RING, Feed, encode


async def take(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def data_of(chunk: bytes) -> str:
    return "\n".join(line.removeprefix("data: ") for line in chunk.decode().splitlines() if line.startswith("data: "))


def resumed(feed: Feed, after: str, count: int) -> list[bytes]:
    async def main() -> list[bytes]:
        return (await take(feed.stream("zh", after), count + 1))[1:]

    return asyncio.run(main())


def test_an_event_published_in_another_thread_reaches_the_watcher_in_its_language() -> None:
    feed = Feed()

    async def main() -> list[bytes]:
        stream = feed.stream("en")
        await take(stream, 1)
        threading.Thread(target=feed.publish, args=("shown", lambda lang: f"hello {lang}")).start()
        return await take(stream, 1)

    (chunk,) = asyncio.run(main())
    assert chunk == f"id: {feed.last_id}\nevent: shown\ndata: hello en\n\n".encode()


def test_a_watcher_that_comes_back_receives_exactly_what_it_missed() -> None:
    feed = Feed()
    feed.publish("shown", "1")
    seen = feed.last_id
    feed.publish("shown", "2")
    feed.publish("shown", "3")
    assert [data_of(chunk) for chunk in resumed(feed, seen, 2)] == ["2", "3"]


def test_a_state_is_not_repeated_to_those_who_come_back() -> None:
    feed = Feed()
    seen = feed.last_id
    feed.publish("state", "old", keep=False)
    feed.publish("shown", "1")
    assert [data_of(chunk) for chunk in resumed(feed, seen, 1)] == ["1"]


def test_an_id_that_the_ring_no_longer_holds_asks_for_a_resync() -> None:
    feed = Feed()
    seen = feed.last_id
    for n in range(RING + 1):
        feed.publish("shown", str(n))
    assert resumed(feed, seen, 1) == [encode("resync", "1")]


@given(st.text(max_size=40))
def test_an_id_of_another_process_or_of_nobody_asks_for_a_resync(after: str) -> None:
    feed = Feed()
    expected = [] if not after else [encode("resync", "1")]
    assert resumed(feed, after, len(expected)) == expected


def test_a_slow_watcher_loses_the_oldest_and_is_told_so() -> None:
    feed = Feed()

    async def main() -> list[bytes]:
        stream = feed.stream("zh")
        await take(stream, 1)
        for n in range(QUEUE + 5):
            feed.publish("shown", str(n))
        return await take(stream, QUEUE + 1)

    first, *rest = asyncio.run(main())
    assert first == encode("resync", "1")
    assert [data_of(chunk) for chunk in rest] == [str(n) for n in range(5, QUEUE + 5)]


def test_a_quiet_stream_sends_comments() -> None:
    async def main() -> list[bytes]:
        return await take(Feed(keep_alive=0.01).stream("zh"), 3)

    assert asyncio.run(main())[1:] == [b":\n\n", b":\n\n"]


def test_closing_ends_streams_and_forgets_their_watchers() -> None:
    feed = Feed()

    async def main() -> list[bytes]:
        stream = feed.stream("zh")
        await take(stream, 1)
        threading.Thread(target=feed.close).start()
        return [chunk async for chunk in stream]

    assert asyncio.run(main()) == []
    assert feed.watchers == 0


def test_an_event_is_rendered_once_a_language_however_many_watch() -> None:
    feed = Feed()
    rendered: list[str] = []

    def render(lang: str) -> str:
        rendered.append(lang)
        return lang

    async def main() -> None:
        streams = [feed.stream(lang) for lang in ("zh", "zh", "en")]
        for stream in streams:
            await take(stream, 1)
        feed.publish("shown", render)
        for stream in streams:
            await take(stream, 1)

    asyncio.run(main())
    assert sorted(rendered) == ["en", "zh"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_data_can_forge_another_field_or_event(text: str) -> None:
    lines = encode("shown", text).decode().split("\n")
    assert lines[0] == "event: shown"
    assert lines[-2:] == ["", ""]
    assert all(line.startswith("data: ") for line in lines[1:-2])
    assert len(lines) >= 4
