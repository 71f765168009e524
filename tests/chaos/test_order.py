"""What the kernel saw: the spool's bytes were on the disk before the verdict's bytes were written to the relay."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.site import Site

pytestmark = [pytest.mark.real("mosquitto", "strace"), pytest.mark.timeout(180), pytest.mark.xdist_group("e2e")]

_CALL = re.compile(r"^(?P<thread>\d+) (?:(?P<name>\w+)\((?P<begun>.*)|<\.\.\. (?P<resumed>\w+) resumed>(?P<rest>.*))$")
_ON = r"\xa0\x01\x01\xa2"
_OFF = r"\xa0\x01\x00\xa1"


@dataclass(frozen=True)
class Call:
    """One system call in the order of its end; `text` are its arguments and its result."""

    name: str
    text: str


def calls(trace: Path) -> Iterator[Call]:
    """The calls of a trace, each where it ended: two threads' calls may overlap."""
    begun: dict[str, str] = {}
    for line in trace.read_text("utf-8", "replace").splitlines():
        found = _CALL.match(line)
        if found is None:
            continue
        thread = found["thread"]
        if found["name"] and line.endswith("<unfinished ...>"):
            begun[thread] = found["begun"]
        elif found["name"]:
            yield Call(found["name"], found["begun"])
        else:
            yield Call(found["resumed"], begun.pop(thread, "") + found["rest"])


def test_each_verdict_is_written_after_the_disk_has_the_swipe(tmp_path: Path) -> None:
    shown = 12
    with Site(tmp_path, codes=shown) as site:
        site.enrol_visitors()
        assert site.station.process is not None
        trace = tmp_path / "trace"
        watched = "trace=write,fdatasync,fsync,read"
        command = ["strace", "-f", "-y", "-xx" if False else "-x", "-e", watched, "-o", str(trace)]
        tracer = subprocess.Popen(
            [*command, "-p", str(site.station.process.pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        for _ in range(shown):
            site.show()
        tracer.terminate()
        tracer.communicate(timeout=20)
    scanner, spool = (tmp_path / "line-scanner-east").name, "spool.sqlite3-wal"
    print(trace.read_text()[-3000:], scanner, spool, sys.argv[:0])
    assert False
