"""The station's roster on disk: two copies of the newest verified bundle, so that one damaged file costs nothing."""

import contextlib
import logging
import os
from pathlib import Path

from gateway.bundle import Roster, unpack
from gateway.keys import NotAuthentic

log = logging.getLogger(__name__)

_COPIES = ("roster.1", "roster.2")


def save(folder: Path, data: bytes) -> None:
    """Write both copies, one after the other, each whole or not at all."""
    for name in _COPIES:
        partial = folder / f".{name}.partial"
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)


def load(folder: Path, public: bytes, community: str) -> Roster | None:
    """The newest copy that the centre signed for this community, or None."""
    found: list[Roster] = []
    for name in _COPIES:
        with contextlib.suppress(FileNotFoundError):
            try:
                found.append(unpack((folder / name).read_bytes(), public, community))
            except NotAuthentic as error:
                log.warning("%s was set aside: %s", name, error)
    return max(found, key=lambda roster: roster.header.version, default=None)
