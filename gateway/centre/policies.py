"""The policy in force: read from its file, and read again when the file changes; a wrong one is said and not taken."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rules.model import CIVIL
from rules.policy import Policy, PolicyError, departures, parse
from rules.rehearse import run_tests

log = logging.getLogger(__name__)


class PolicyFile:
    """The policy in the file at `path`. Used by many threads; `look` by one.

    Raises:
        PolicyError: the file cannot be used; every mistake at once.
    """

    def __init__(self, path: Path, *, wall: Callable[[], float] = time.time) -> None:
        self._path = path
        self._wall = wall
        self._waiting: tuple[str, Policy] | None = None
        self.text, self.policy = read(path)
        self._stamp = self._mark()
        self.since = self._now()
        for what in departures(self.policy):
            log.warning("the policy asks for less than the product's safeguards: %s", what)

    def current(self) -> Policy:
        return self.policy

    def upcoming(self) -> Policy | None:
        """The policy that has been taken and is not in force yet."""
        waiting = self._waiting
        return waiting[1] if waiting is not None else None

    def look(self) -> bool:
        """Take what a changed file says, from its time on. False while the old policy stays in force.

        A file that cannot be used, or whose version does not rise, is not taken; that is said once.
        """
        stamp = self._mark()
        if stamp != self._stamp:
            self._stamp = stamp
            self._waiting = self._read_changed()
        if self._waiting is None or begins(self._waiting[1]) > self._now():
            return False
        (self.text, self.policy), self._waiting = self._waiting, None
        self.since = self._now()
        log.info("policy %d is in force", self.policy.version)
        for what in departures(self.policy):
            log.warning("the policy asks for less than the product's safeguards: %s", what)
        return True

    def _read_changed(self) -> tuple[str, Policy] | None:
        try:
            text, policy = read(self._path)
            if text == self.text:
                return None
            if policy.version <= self.policy.version:
                raise PolicyError((f"version: must rise with every change; {self.policy.version} is in force",))  # noqa: TRY301
        except PolicyError as error:
            log.error("the changed policy was not taken: %s", "; ".join(error.mistakes))  # noqa: TRY400
            return None
        if begins(policy) > self._now():
            log.info("policy %d will be in force from %s", policy.version, policy.effective_from)
        return text, policy

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def _mark(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size


def begins(policy: Policy) -> datetime:
    """The moment from which a policy holds."""
    moment = policy.effective_from
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=CIVIL)


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
