"""New certificates for stations whose own are to end: asked for and given over the bus, in envelopes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from gateway import wire
from gateway.centre.stations import Peer
from gateway.keys import Master, NotAuthentic
from gateway.keys.certificates import Authority
from gateway.store.database import after_commit
from gateway.store.queries import fleet

PER_HOUR = 5
"""Certificates that one station is given in an hour: it needs one in sixteen months."""
_HOUR_MS = 3_600_000


class Certify:
    """Takes requests in the transaction of the caller; the answer goes out once that is committed."""

    def __init__(
        self,
        master: Master,
        send: Callable[[str, str, str, bytes], object],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._authority = Authority(master.authority_seed())
        self._send = send
        self._wall = wall

    def asked(self, connection: Connection, peer: Peer, payload: bytes) -> None:
        """Give a station the certificate that it asks for, in its own name and no other.

        Raises:
            Malformed: it is no request. NotAuthentic: it asks for another name, or the request is not its own.
            LookupError: it has asked too often, or is revoked or replaced since its message was opened.
        """
        asked = wire.decode(payload, wire.CertificateRequest)
        now = datetime.fromtimestamp(self._wall(), UTC)
        at = int(now.timestamp() * 1000)
        _still_enrolled(fleet.station(connection, peer.name, lock=True), peer)
        try:
            _not_too_often(fleet.certificates_since(connection, peer.name, at - _HOUR_MS))
            issued = self._authority.renew(asked.request, peer.name, now)
        except (NotAuthentic, LookupError) as error:
            self._tell(connection, peer, wire.Certificate("", str(error)))
            raise
        fleet.add_certificate(connection, issued, peer.generation, at)
        self._tell(connection, peer, wire.Certificate(issued.pem))

    def _tell(self, connection: Connection, peer: Peer, answer: wire.Certificate) -> None:
        after_commit(connection, lambda: self._say(peer, answer))

    def _say(self, peer: Peer, answer: wire.Certificate) -> None:
        self._send(peer.community, peer.name, "certificate", wire.encode(answer))


def _still_enrolled(row: Row[Any] | None, peer: Peer) -> None:
    """Whoever revokes or replaces it meanwhile waits, and finds the certificate that it is given here."""
    if row is None or row.revoked_at is not None:
        raise LookupError("a station that was revoked")
    if row.generation != peer.generation:
        raise LookupError("a box that was replaced")


def _not_too_often(given: int) -> None:
    if given >= PER_HOUR:
        raise LookupError("a station that asks for too many certificates")
