"""Many open pages in one process: `python -m tests.bench.watching URL TOKEN PAGES SECONDS`.

Each asks for a page as a browser does, then holds its stream open. The last line is a JSON list: of each page of the
overview, every moment (monotonic s) at which it came to show another count of swipes, and that count.
"""

import asyncio
import json
import re
import sys
import time
from urllib.parse import urlsplit

VIEWS = (("overview", "/admin"), ("cases", "/admin/cases"), ("overview", "/admin"), ("stations", "/admin/stations"))
"""Every second page is the overview."""
HELD = re.compile(r"保存中 ([\d,]+)")
_AFTER = re.compile(r"after=([0-9a-f]+-\d+)")

Seen = list[tuple[float, int]]


async def watch(host: str, port: int, token: str, view: tuple[str, str], seen: Seen) -> None:
    """Hold one page open and note what it comes to show; a `resync` asks for the part again."""
    name, path = view
    found = _AFTER.search(await _get(host, port, token, path))
    reader, writer = await _ask(host, port, token, f"/admin/stream?of={name}&after={found[1] if found else ''}")
    try:
        event = ""
        while line := (await reader.readline()).decode():
            if line.startswith("event: "):
                event = line[7:].strip()
            elif count := HELD.search(line):
                seen.append((time.monotonic(), int(count[1].replace(",", ""))))
            if line == "\n" and event == "resync":
                part = await _get(host, port, token, f"{path}?fragment=1")
                if count := HELD.search(part):
                    seen.append((time.monotonic(), int(count[1].replace(",", ""))))
            if line == "\n":
                event = ""
    finally:
        writer.close()


async def _get(host: str, port: int, token: str, path: str) -> str:
    reader, writer = await _ask(host, port, token, path)
    body = (await reader.read()).decode()
    writer.close()
    return body


async def _ask(host: str, port: int, token: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nAccept: text/html\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    return reader, writer


async def main() -> None:
    url, token, pages, seconds = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    seen: list[Seen] = [[] for _ in range(pages)]
    tasks = [
        asyncio.create_task(watch(url.hostname or "", url.port or 0, token, VIEWS[n % len(VIEWS)], seen[n]))
        for n in range(pages)
    ]
    await asyncio.wait(tasks, timeout=seconds)
    failed = [task.exception() for task in tasks if task.done() and task.exception() is not None]
    for task in tasks:
        task.cancel()
    if failed or any(task.done() for task in tasks):
        raise SystemExit(f"a page was not open to the end: {failed[:1]}")
    print(json.dumps([mine for n, mine in enumerate(seen) if VIEWS[n % len(VIEWS)][0] == "overview"]))


if __name__ == "__main__":
    asyncio.run(main())
