"""What holds for every test: how many examples, what it may leave behind, and which parts of the machine it needs."""

import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from simulators import pcscd

CI = os.environ.get("CI") == "true"

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if CI else "dev"))

OURS = ("rules", "drivers", "gateway", "simulators")

ENDING_S = 2.0
"""A thread that was told to stop may take this long to be gone."""

LASTING = ("AnyIO worker thread", "ThreadPoolExecutor-", "asyncio_")
"""Threads of pools that end with their loop or the interpreter: idle between two tests, and not ours to stop."""


def _program(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def _may_mount() -> bool:
    """Whether this user may have mounts of their own."""
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "true"]
    return _program("unshare") and subprocess.run(command, capture_output=True, check=False).returncode == 0


PARTS: dict[str, Callable[[], bool]] = {
    "mosquitto": lambda: _program("mosquitto"),
    "mosquitto_sub": lambda: _program("mosquitto_sub"),
    "chromium": lambda: _program("chromium"),
    "pcscd": lambda: find_spec("smartcard") is not None and pcscd.available(),
    "mounts": _may_mount,
    "strace": lambda: _program("strace"),
    "faketime": lambda: _program("faketime"),
    "osdp-peer": (Path(__file__).parents[1] / ".venv/osdp-peer/installed").exists,
    "schemathesis": (Path(__file__).parents[1] / ".venv/schemathesis/installed").exists,
    "postgres": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
}


def missing_parts(item: pytest.Item) -> list[str]:
    """The parts that this test names by `@pytest.mark.real("part", ...)` and the machine does not have.

    Raises:
        pytest.UsageError: a part that nobody knows how to look for.
    """
    named = [part for mark in item.iter_markers("real") for part in mark.args]
    if unknown := set(named) - PARTS.keys():
        raise pytest.UsageError(f"{item.nodeid}: real parts are {sorted(PARTS)}, not {sorted(unknown)}")
    return [part for part in named if not PARTS[part]()]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run what is marked long, too (make test-security)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked long, unless it is asked for."""
    long = [] if config.getoption("--long") else [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if missing := missing_parts(item):
        pytest.skip(f"not on this machine: {', '.join(missing)} (make test installs what it may)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test of a real part that is skipped, for whatever reason, has failed."""
    report = yield
    if CI and report.skipped and item.get_closest_marker("real"):
        report.outcome = "failed"
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"skipped in CI, where every real part must be there: {why}"
    return report


class _Strict(logging.Handler):
    """Words every record, so that a call whose arguments do not fit its text fails the test."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()


def _still_running(before: set[threading.Thread]) -> list[str]:
    left = [one for one in threading.enumerate() if one not in before and not one.name.startswith(LASTING)]
    for thread in left:
        thread.join(ENDING_S)
    return [thread.name for thread in left if thread.is_alive()]


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    strict = _Strict()
    levels = {name: logging.getLogger(name).level for name in OURS}
    for name in OURS:
        logging.getLogger(name).addHandler(strict)
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    for name, level in levels.items():
        logging.getLogger(name).removeHandler(strict)
        logging.getLogger(name).setLevel(level)
    left = _still_running(before)
    assert not left, f"threads still running: {left}"
