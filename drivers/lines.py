"""Where a line is: device paths and pyserial's URLs as they are, and `usb://` looked up anew at each opening.

    usb://1a86:7523                    the one adapter with this vendor and product number, in hexadecimal
    usb://0403:6001/A50285BI           the same with its serial number, percent-encoded where need be
    usb://1a86:7523?location=1-1.2     the one in this socket, for adapters that have no serial number
    usb://0403:6001?product=SAM        whose product name has this part

An adapter that was unplugged comes back under another name (ttyUSB0, ttyUSB1) but with the same numbers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from drivers.api import LinkLost

SCHEME = "usb://"
_HOSTS = ("socket", "rfc2217")
_PLAIN = ("loop", "spy", "alt", "hwgrep")
"""Other schemes of pyserial, which are its own affair."""
_FORM = re.compile(r"usb://([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?:/([^/?]+))?(?:\?(.+))?")


class Port(Protocol):
    """A serial port that the machine has now; None where it says nothing of it."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    product: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class Adapter:
    """What of a USB adapter is asked for; None is not asked."""

    vid: int
    pid: int
    serial: str | None = None
    product: str | None = None
    location: str | None = None

    def is_it(self, port: Port) -> bool:
        """Whether a port is of such an adapter."""
        return (
            (port.vid, port.pid) == (self.vid, self.pid)
            and self.serial in (None, port.serial_number)
            and self.location in (None, port.location)
            and (self.product is None or self.product.casefold() in (port.product or "").casefold())
        )

    def __str__(self) -> str:
        more = (f"serial {self.serial}", f"product {self.product}", f"location {self.location}")
        return ", ".join([f"{self.vid:04x}:{self.pid:04x}", *(one for one in more if not one.endswith(" None"))])


def parse(url: str) -> Adapter:
    """Return the adapter that a `usb://` URL asks for.

    Raises:
        ValueError: it is no such URL.
    """
    form = _FORM.fullmatch(url)
    if form is None:
        raise ValueError("a USB line is usb://VENDOR:PRODUCT[/SERIAL][?product=...&location=...], four hex digits each")
    more = dict(parse_qsl(form[4] or "", keep_blank_values=True))
    if unknown := sorted(more.keys() - {"product", "location"}):
        raise ValueError(f"a USB line is asked for by product or location, not by {', '.join(unknown)}")
    serial = unquote(form[3]) if form[3] else None
    return Adapter(int(form[1], 16), int(form[2], 16), serial, more.get("product"), more.get("location"))


def check(url: str) -> None:
    """See that a line is of a kind that can be opened.

    Raises:
        ValueError: it is not, and what is wrong.
    """
    scheme, mark, _ = url.partition("://")
    if not url.strip():
        raise ValueError("url: it is empty")
    if not mark:
        return
    if url.startswith(SCHEME):
        parse(url)
    elif scheme in _HOSTS:
        _host_and_port(url, scheme)
    elif scheme not in _PLAIN:
        raise ValueError(f"url: no line is of the kind {scheme}://; there are a device's path, socket, rfc2217 and usb")


def _host_and_port(url: str, scheme: str) -> None:
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname and parts.port)
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"url: it is {scheme}://HOST:PORT")


def resolve(url: str, ports: Iterable[Port]) -> str:
    """Return what can be opened now: the device of a `usb://` URL among `ports`; any other URL as it is.

    Raises:
        LinkLost: no such adapter is plugged in, or more than one.
        ValueError: it begins like a USB line and is none.
    """
    if not url.startswith(SCHEME):
        return url
    wanted = parse(url)
    found = sorted(port.device for port in ports if wanted.is_it(port))
    if not found:
        raise LinkLost(f"no USB adapter {wanted} is plugged in")
    if len(found) > 1:
        raise LinkLost(f"{len(found)} USB adapters are {wanted}: {', '.join(found)}; name one by serial or location")
    return found[0]
