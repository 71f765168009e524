"""What the kernel saw: a swipe was on the disk before the first byte of its verdict was written to the relay."""

import base64
import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Site

pytestmark = [pytest.mark.real("mosquitto", "strace"), pytest.mark.timeout(180), pytest.mark.xdist_group("e2e")]

SHOWN = 12
_BEGUN = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<file>\d+),? ?(?P<said>[^)]*)")
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. fdatasync resumed>")
_ON = b"\xa0\x01\x01\xa2"


def _bytes_of(said: str) -> bytes:
    return bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", said)))


def _steps(trace: Path, files: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """("written", bytes) to the spool's log, ("synced", b"") when that is on disk, ("opened", b"") of the relay.

    A write counts from its beginning, a sync from its end. `files` are names by descriptor.
    """
    syncing = ""
    for line in trace.read_text("ascii").splitlines():
        if found := _BEGUN.match(line):
            name, said = files.get(found["file"], ""), _bytes_of(found["said"])
            if name.endswith("spool.sqlite3-wal") and found["call"] == "fdatasync":
                syncing = found["thread"]
            elif name.endswith("spool.sqlite3-wal"):
                yield "written", said
            elif name.startswith("/dev/pts/") and said.startswith(_ON):
                yield "opened", b""
        elif (found := _RESUMED.match(line)) is None or found["thread"] != syncing:
            continue
        if syncing and line.endswith("= 0"):
            syncing = ""
            yield "synced", b""


def _open_files(pid: int) -> dict[str, str]:
    """Names by descriptor; a socket may be closed while they are read."""
    files = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            files[link.name] = str(link.readlink())
    return files


def test_each_verdict_is_written_after_the_disk_has_the_swipe(tmp_path: Path) -> None:
    with Site(tmp_path, codes=SHOWN) as site:
        site.enrol_visitors()
        assert site.station.process is not None
        pid = site.station.process.pid
        files = _open_files(pid)
        trace = tmp_path / "trace"
        watch = ["strace", "-f", "-xx", "-s", "8192", "-e", "trace=write,pwrite64,fdatasync", "-o", str(trace)]
        tracer = subprocess.Popen([*watch, "-p", str(pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            waiting = [site.token(site.show()) for _ in range(SHOWN)]
        finally:
            tracer.terminate()
            tracer.communicate(timeout=20)
    written, on_disk, opened = b"", b"", 0
    for step, data in _steps(trace, files):
        if step == "written":
            written += data
        elif step == "synced":
            on_disk += written
            written = b""
        else:
            token = waiting[opened]
            assert token in on_disk or base64.b64encode(token) in on_disk, f"verdict {opened} came before its record"
            opened += 1
    assert opened == SHOWN
