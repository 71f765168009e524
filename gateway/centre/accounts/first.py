"""The first run: whoever can read a file of this machine makes the administrators, once; then this is closed."""

import hmac
import logging
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.centre.accounts.book import Accounts, NotAllowed
from gateway.centre.audit import Who
from gateway.keys import read_secret, write_secret
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from rules.roles import THREE, Role

log = logging.getLogger(__name__)

ORDER = (Role.ADMINISTRATOR, Role.SECURITY, Role.AUDITOR)


class FirstRun:
    """Open while there is no account. Its code stands in `file`, of mode 0600, until the administrators are made."""

    def __init__(
        self, database: Database, book: Accounts, file: Path, now: Callable[[], int], *, district: bool
    ) -> None:
        self._database = database
        self._book = book
        self._file = file
        self._now = now
        self._district = district
        self._code = self._begin()

    @property
    def open(self) -> bool:
        return bool(self._code)

    def make(self, code: str, names: Sequence[str]) -> list[tuple[str, str]]:
        """Make the administrators: in a district three people, elsewhere one owner. Each name with its invitation.

        Raises:
            NotAllowed: the code is wrong ("invitation"), or names are missing, taken or the same.
        """
        if not self._code or not hmac.compare_digest(code.encode(), self._code.encode()):
            raise NotAllowed("invitation")
        given = [name for name in names if name]
        if len(set(given)) != (len(THREE) if self._district else 1):
            raise NotAllowed("name")
        who = Who("first run", "", self._now())
        with self._database.write() as connection:
            if rows.count(connection):
                raise NotAllowed("invitation")
            held = [(role,) for role in ORDER] if self._district else [ORDER]
            made = [
                (name, self._book.add(connection, who, name, "", roles))
                for name, roles in zip(given, held, strict=True)
            ]
        self._code = ""
        self._file.unlink(missing_ok=True)
        return made

    def _begin(self) -> str:
        with self._database.read() as connection:
            if rows.count(connection):
                self._file.unlink(missing_ok=True)
                return ""
        if not self._file.exists():
            write_secret(self._file, secrets.token_urlsafe(18))
        log.info("there is no account yet: open /setup and give the code in %s", self._file)
        return read_secret(self._file)
