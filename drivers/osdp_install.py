"""Install mode: a new OSDP reader, which still holds the default key, is given a key of its own. Never by itself."""

import os
import time
from collections.abc import Mapping
from threading import Event
from typing import Any

from drivers.osdp import library, split_url
from drivers.osdp_line import RETRY_S
from drivers.osdp_settings import checked_key
from drivers.osdp_wire import Wire, description, exchange, hear
from drivers.stream import Transport, opened

INSTALL_S = 300.0


def install(url: str, key: str, stop: Event, *, baud: int = 9600, seconds: float = INSTALL_S) -> bool:
    """Give a new reader, which still holds the default key, a key of its own; True when it holds it.

    The only place where the default key is spoken. It ends by itself after `seconds`, five minutes at most. The line
    must not be in use by a running station.

    Raises:
        LinkLost: there is no libosdp, or the line cannot be opened, or is gone.
        ValueError: no such URL, or a key that protects nothing.
    """
    osdp, (line, address), secret = library(), split_url(url), checked_key(key)
    until = time.monotonic() + min(seconds, INSTALL_S)
    osdp.set_loglevel(osdp.LOG_EMERG)
    pulled, pushed = os.pipe()
    try:
        with opened(line, baud, pulled) as transport:
            return _installed(osdp, transport, address, secret, until, stop)
    finally:
        os.close(pulled)
        os.close(pushed)


def _installed(osdp: Any, transport: Transport, address: int, key: bytes, until: float, stop: Event) -> bool:
    """Whether the reader took the key: first in install mode, then proved by a channel on the new key alone."""
    for flag in (osdp.FLAG_INSTALL_MODE, osdp.FLAG_ENFORCE_SECURE):
        wire = Wire()
        panel = osdp.ControlPanel([description(address, key, flag | osdp.FLAG_ENABLE_NOTIFICATION, wire)])
        asked = time.monotonic()
        holds: list[bool] = []
        panel.set_event_callback(lambda _index, event, holds=holds: _note(osdp, event, holds))
        while not holds:
            now = time.monotonic()
            if stop.is_set() or now >= until:
                return False
            if now - asked > RETRY_S and not panel.sc_status():
                panel.disable_pd(0) if panel.is_pd_enabled(0) else panel.enable_pd(0)
                asked = now
            hear(wire, transport)
            exchange(panel, wire, transport)
    return True


def _note(osdp: Any, event: Mapping[str, Any], holds: list[bool]) -> int:
    """Note that a channel stands on the reader's own key: `arg1` says that it is the default one."""
    notified = event["event"] == osdp.EVENT_NOTIFICATION and event["type"] == osdp.EVENT_NOTIFICATION_SC_STATUS
    if notified and event["arg0"] and not event["arg1"]:
        holds.append(True)
    return 0
