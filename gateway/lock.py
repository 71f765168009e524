"""One process at a time for one folder: a lock that the system itself lets go when its holder ends, however it ends."""

import fcntl
from pathlib import Path
from typing import IO


class AlreadyRunning(Exception):
    """Another process holds the lock."""


def hold(path: Path) -> IO[str]:
    """Take the lock at `path` for as long as the returned file is open.

    Raises:
        AlreadyRunning: another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = path.open("a", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise AlreadyRunning(f"already running: {path} is held by another process") from None
    return file
