"""One process at a time for one folder: a lock that the system itself lets go when its holder ends, however it ends."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

_TAKES_NO_FILE = (errno.EROFS, errno.ENOSPC, errno.EDQUOT)


class AlreadyRunning(Exception):
    """Another process holds the lock."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at `path`. A disk that is full or cannot be written keeps nobody from holding it.

    Of a folder that cannot even be made there is nothing to hold, for anybody.

    Raises:
        AlreadyRunning: another process has it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        if error.errno not in _TAKES_NO_FILE:
            raise
        log.error("the data folder cannot be made: %s", error)  # noqa: TRY400 - the reason is all that helps
        yield
        return
    handle = _opened(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"already running: {path} is held by another process") from None
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """A descriptor of the file; where it cannot be written, to read it; where it cannot be made, of its folder."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        if error.errno not in _TAKES_NO_FILE:
            raise
        log.error("the data folder cannot be written: %s", error)  # noqa: TRY400 - the reason is all that helps
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path.parent, os.O_RDONLY)
