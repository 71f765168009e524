"""What the station shows of itself at the broker, and how it is renewed over the bus: the private key never travels."""

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway import wire
from gateway.keys import Enrolled, NotAuthentic
from gateway.keys.certificates import Identity, Request, check_dates_of, check_fits, request, span
from gateway.tls import Security
from gateway.trusted import TrustedTime

log = logging.getLogger(__name__)

ASK_EVERY_S = 60.0
"""A request without an answer is made again after so long, …"""
REFUSED_S = 3600.0
"""… and one that was refused after so long."""
WRITE_EVERY_S = 10.0
"""A certificate that the disk did not take is written again after so long."""


class Renewal:
    """Used by one thread, but for `security`. `say` puts a payload on the bus; False when nothing is connected.

    `folder` has a file for each generation: the newest certificate with its key. Whom to believe the enrolment says.
    """

    def __init__(
        self,
        folder: Path,
        enrolled: Enrolled,
        trusted: TrustedTime,
        say: Callable[[str, bytes], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enrolled = enrolled
        self._trusted = trusted
        self._say = say
        self._clock = clock
        self._file = folder / f"identity-{enrolled.generation}.pem"
        self._asked: Request | None = None
        self._next = 0.0
        self._unwritten = ""
        self._write_next = 0.0
        self._span = self._newest()
        identity = self._file if self._span is not None else None
        self.security = Security(enrolled.authority or None, identity, trusted.now, trusted.connected)

    @property
    def ends(self) -> datetime | None:
        """Until when the station's certificate is good; None where it has none."""
        return self._span[1] if self._span is not None else None

    def write(self) -> None:
        """Try again to write what a full or failing disk did not take: without it there is no connection."""
        if not self._unwritten or self._clock() < self._write_next:
            return
        self._keep(self._unwritten)

    def turn(self) -> None:
        """Ask for the next certificate from one third of the life on that remains."""
        if self._span is None or self._clock() < self._next:
            return
        begins, ends = self._span
        if self._trusted.now() < ends - (ends - begins) / 3:
            return
        self._asked = self._asked or request(self._enrolled.station)
        if self._say("renew", wire.encode(wire.CertificateRequest(self._asked.pem))):
            self._next = self._clock() + ASK_EVERY_S

    def take(self, answer: wire.Certificate) -> None:
        """Use a certificate from the next connection on.

        Raises:
            NotAuthentic: it was not asked for, is of another key or name, or is not good now. Nothing has changed.
        """
        asked = self._asked
        if asked is None:
            raise NotAuthentic("a certificate that was not asked for")
        if not answer.certificate:
            self._next = self._clock() + REFUSED_S
            log.error("the centre gives no new certificate: %s", answer.refused)
            return
        check_fits(answer.certificate, asked.key, self._enrolled.station)
        check_dates_of(answer.certificate, self._trusted.now())
        _write(self._file, Identity(answer.certificate, asked.key).pem)
        self._unwritten = ""
        self._span, self._asked = span(answer.certificate), None
        log.info("the certificate was renewed and is good until %s", f"{self._span[1]:%Y-%m-%d}")

    def _newest(self) -> tuple[datetime, datetime] | None:
        """Have the newest certificate of this box in its file: the one there, or its enrolment's. From when to when."""
        enrolled = self._enrolled
        if not enrolled.certificate:
            return None
        given = span(enrolled.certificate)
        try:
            kept = span(_read(self._file) or "")
        except NotAuthentic:
            kept = None
        if kept is not None and kept[1] >= given[1]:
            return kept
        self._keep(Identity(enrolled.certificate, enrolled.private_key).pem)
        return given

    def _keep(self, text: str) -> None:
        """Write the certificate now, or when the disk takes it: until then the gate works without the bus."""
        try:
            _write(self._file, text)
        except OSError as error:
            if not self._unwritten:
                log.error("%s cannot be written yet: %s", self._file.name, error.strerror)  # noqa: TRY400 - it helps
            self._unwritten = text
            self._write_next = self._clock() + WRITE_EVERY_S
        else:
            self._unwritten = ""


def _read(file: Path) -> str | None:
    """What a file holds; None where it cannot be read."""
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None


def _write(file: Path, text: str) -> None:
    """Replace a file of mode 0600, whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
