"""The station's roster on disk: two copies of the newest verified bundle, so that one damaged file costs nothing."""

import logging
import os
from collections.abc import Container
from pathlib import Path

from gateway import points
from gateway.bundle import Roster, unpack
from gateway.keys import NotAuthentic
from gateway.points import Point

log = logging.getLogger(__name__)

_COPIES = ("roster.1", "roster.2")


def save(folder: Path, data: bytes) -> None:
    """Write both copies, one after the other, each whole or not at all.

    Raises:
        OSError: the disk does not take them.
    """
    for name in _COPIES:
        partial = folder / f".{name}.partial"
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)
        points.reached(Point.ROSTER_HALF_KEPT)


def load(folder: Path, public: bytes, community: str, keys: Container[int]) -> Roster | None:
    """The newest copy that the centre signed for this community, by one of these token keys; or None."""
    found: list[Roster] = []
    for name in _COPIES:
        try:
            roster = unpack((folder / name).read_bytes(), public, community)
            if roster.header.token_key_id not in keys:
                raise NotAuthentic("its token key is not known here")  # noqa: TRY301
            found.append(roster)
        except FileNotFoundError:
            continue
        except (NotAuthentic, OSError) as error:
            log.warning("%s is not used: %s", name, error)
    return max(found, key=lambda roster: roster.header.issued, default=None)
