"""TLS 1.3 to the broker: who it is, who we are, and dates held against the trusted time instead of the clock.

OpenSSL checks the chain, the name and the signatures; its check of dates is switched off, since it asks the machine's
clock, and done here before the first byte of MQTT is sent.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.keys import NotAuthentic
from gateway.keys.certificates import check_dates

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Security:
    """What a connection is secured by. `identity` is a file, `authority` one or PEM; without it, the system's.

    `now` is the time that certificates must be good at; `good` is told that time, and from when until when they are.
    """

    authority: Path | str | None = None
    identity: Path | None = None
    now: Callable[[], datetime] | None = None
    good: Callable[[datetime, datetime, datetime], None] = lambda _now, _begins, _ends: None


def context_of(security: Security) -> ssl.SSLContext:
    """A context for one connection, from the files as they are now.

    Raises:
        OSError, ssl.SSLError: a file cannot be read or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a name that is checked, a certificate that is required
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if isinstance(security.authority, str):
        context.load_verify_locations(cadata=security.authority)
    elif security.authority is not None:
        context.load_verify_locations(security.authority)
    else:
        context.load_default_certs()
    if security.identity is not None:
        context.load_cert_chain(security.identity)
    if security.now is not None:
        context.verify_flags |= _NO_CHECK_TIME
    context.sslsocket_class = _careful(security)
    return context


def _careful(security: Security) -> type[ssl.SSLSocket]:
    """A socket whose handshake ends only with certificates that are good now; one that fails is closed."""

    class Careful(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
                if security.now is not None:
                    now = security.now()
                    security.good(now, *check_dates(_chain(self), now))
            except NotAuthentic as error:
                self.close()
                raise ssl.SSLError(1, f"the broker's certificate is refused: {error}") from error
            except OSError:
                self.close()
                raise

    return Careful


def _chain(sock: Any) -> list[bytes]:
    """The verified chain, DER, from the broker's certificate to the authority's.

    Public since Python 3.13; before it the same question is put to the object underneath.
    """
    if hasattr(sock, "get_verified_chain"):
        return list(sock.get_verified_chain())
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in sock._sslobj.get_verified_chain()]  # noqa: SLF001
