"""A pcscd of the tests' own. A process can learn but once where the daemon is, so the place stays the same."""

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path

from simulators.pcscd import SOCKET_NAME, PrivatePcscd


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="pcscd-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def private_pcscd(slots: int) -> PrivatePcscd:
    """Start a daemon with so many virtual readers, called "Gate 00 00 00", "Gate 00 00 01", "Gate 01 00 00", ..."""
    daemon = PrivatePcscd(_folder(), slots)
    os.environ[SOCKET_NAME] = str(daemon.socket)
    return daemon


def reader_url(slot: int) -> str:
    return f"pcsc://Gate {slot // 2:02d} 00 {slot % 2:02d}"
