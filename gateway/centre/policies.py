"""The policy in force: read from its file, and read again when the file changes; a wrong one is said and not taken."""

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

from rules.policy import Policy, PolicyError, departures, parse
from rules.rehearse import run_tests

log = logging.getLogger(__name__)


class PolicyFile:
    """The policy in the file at `path`.

    Raises:
        PolicyError: the file cannot be used; every mistake at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.text, self.policy = read(path)
        self._stamp = self._mark()
        self.since = datetime.now(UTC)
        for what in departures(self.policy):
            log.warning("the policy asks for less than the product's safeguards: %s", what)

    def current(self) -> Policy:
        return self.policy

    def look(self) -> bool:
        """Take a changed file; False when it did not change or cannot be used (the old policy stays in force)."""
        stamp = self._mark()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            text, policy = read(self._path)
        except PolicyError as error:
            log.error("the changed policy was not taken: %s", "; ".join(error.mistakes))  # noqa: TRY400
            return False
        with self._lock:
            self.text, self.policy, self.since = text, policy, datetime.now(UTC)
        log.info("policy %d is in force", policy.version)
        return True

    def _mark(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size


def read(path: Path) -> tuple[str, Policy]:
    """The text and the policy of a file whose own tests pass.

    Raises:
        PolicyError: it cannot be read, has mistakes, or one of its tests fails.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError((f"{path}: {error}",)) from error
    policy = parse(text)
    if failures := run_tests(policy):
        raise PolicyError(tuple(f"test {f.name!r}: expected {f.expected}, got {f.got}" for f in failures))
    return text, policy
