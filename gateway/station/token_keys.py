"""The keys by which this station makes tokens: the one of its enrolment, and those that came with rosters since.

They are kept sealed by the station's secret: whoever has the disk without the enrolment cannot test guesses by them.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from gateway.keys import Enrolled, Envelope, NotAuthentic, derive
from gateway.wire import TokenKey

log = logging.getLogger(__name__)

_FILE = "token-keys"


class TokenKeys:
    """The keys by number, known from the start on; handed from thread to thread by reference and never changed."""

    def __init__(self, folder: Path, enrolled: Enrolled) -> None:
        self._file = folder / _FILE
        self._envelope = Envelope(derive(enrolled.secret, "token keys"), enrolled.keys.key_id)
        self._own = {enrolled.token_key_id: enrolled.token_key}
        self._written = self._kept()
        self.known: Mapping[int, bytes] = self._own | self._written

    def with_those(self, keys: Iterable[TokenKey]) -> Mapping[int, bytes]:
        """The keys from now on, by what came with a roster: those that it no longer names are forgotten."""
        came = {one.number: one.key for one in keys}
        return self._own | (came or self._written)

    def keep(self, known: Mapping[int, bytes]) -> None:
        """Keep keys for the next start.

        Raises:
            OSError: the disk does not take them.
        """
        self.known = known
        if known == self._own | self._written:
            return
        said = msgspec.json.encode([TokenKey(number, key) for number, key in known.items()])
        partial = self._file.with_name(f".{_FILE}.partial")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._envelope.wrap(_FILE, said))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._file)
        self._written = dict(known)

    def _kept(self) -> dict[int, bytes]:
        try:
            said = self._envelope.unwrap(_FILE, self._file.read_bytes())
            return {one.number: one.key for one in msgspec.json.decode(said, type=list[TokenKey])}
        except FileNotFoundError:
            return {}
        except (OSError, NotAuthentic, msgspec.MsgspecError) as error:
            log.warning("%s is not used: %s", _FILE, error)
            return {}
