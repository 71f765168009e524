"""The policy in force, as the rulebook has it; in profile `compound` a changed file is a new version by itself.

A wrong file is said once and not taken. In profile `district` a changed file waits to be proposed and approved.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.centre.rulebook import Profile, Rulebook, Standing, begins, checked
from gateway.store.database import Database
from gateway.store.queries import rulebook
from rules.policy import Policy, PolicyError, departures

__all__ = ["Policies", "begins", "read"]

log = logging.getLogger(__name__)

BY_FILE = "the policy file"


class Policies:
    """Used by many threads; `look` by one.

    Raises:
        PolicyError: there is no policy that could be used, or the file is wrong in profile `compound`.
    """

    def __init__(
        self,
        database: Database,
        path: Path,
        *,
        profile: Profile = "compound",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._path = path
        self.book = Rulebook(profile, wall=wall)
        self._stamp = self._mark()
        self._begin()
        with database.read() as connection:
            self._key = self.book.key(connection)
            self._standing = self.book.standing(connection)
        self._warn()

    @property
    def policy(self) -> Policy:
        return self._standing.policy

    @property
    def text(self) -> str:
        return self._standing.text

    @property
    def since(self) -> datetime:
        return self._standing.since

    def current(self) -> Policy:
        return self._standing.policy

    def upcoming(self) -> Policy | None:
        """The policy that is approved and comes into force next."""
        following = self._standing.upcoming
        return following[1] if following is not None else None

    def look(self) -> bool:
        """Take a changed file, and what the rulebook says now. False while the old policy stays in force.

        Raises:
            OperationalError: the database does not answer; the next look sees the same.
        """
        stamp = self._mark()
        if stamp != self._stamp:
            self._take_changed()
            self._stamp = stamp
        with self.database.read() as connection:
            key = self.book.key(connection)
            if key == self._key:
                return False
            found = self._loaded(key, lambda: self.book.standing(connection))
        if found is None:
            return False
        changed = found.policy.version != self.policy.version
        self._standing = found
        if changed:
            log.info("policy %d is in force", self.policy.version)
            self._warn()
        elif (following := self.upcoming()) is not None:
            log.info("policy %d will be in force from %s", following.version, following.effective_from)
        return changed

    def _loaded(self, key: tuple[int, tuple[int, ...]], standing: Callable[[], Standing]) -> Standing | None:
        """What is in force; None, and said once, where a stored text is one that this program cannot use."""
        self._key = key
        try:
            return standing()
        except PolicyError as error:
            log.error("the approved policy cannot be used: %s", "; ".join(error.mistakes))  # noqa: TRY400 - it says all
            return None

    def _begin(self) -> None:
        """Put what the file says into the rulebook, where that has to be."""
        with self.database.write() as connection:
            newest = rulebook.highest(connection)
            if newest == 0:
                self.book.install(connection, read(self._path)[0])
            elif self.book.profile == "compound":
                text, policy = read(self._path)
                if policy.version > newest:
                    self.book.take(connection, text, BY_FILE)
                elif (row := rulebook.version(connection, policy.version)) is None or row.text != text:
                    log.error("the policy file was not taken: version %d must be above %d", policy.version, newest)

    def _take_changed(self) -> None:
        try:
            text, policy = read(self._path)
            with self.database.write() as connection:
                known = rulebook.version(connection, policy.version)
                if known is not None and known.text == text:
                    return
                if self.book.profile == "district":
                    log.warning("the policy file has changed: gateway rules propose %s", self._path)
                    return
                self.book.take(connection, text, BY_FILE)
        except PolicyError as error:
            log.error("the changed policy was not taken: %s", "; ".join(error.mistakes))  # noqa: TRY400

    def _warn(self) -> None:
        for what in departures(self.policy):
            log.warning("the policy asks for less than the product's safeguards: %s", what)

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
    return text, checked(text)
