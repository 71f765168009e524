"""Which ports and card readers this machine has, and who answers on them."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from drivers import ga467, lines, pcsc, search
from drivers.api import DeviceFact, LinkLost, Noise, Online, ReaderEvent, StreamDriver
from drivers.lines import Port
from drivers.stream import StreamLink, local_ports
from gateway.decode import Found
from gateway.probe import HEARD, NOT_HEARD, Enough, Say, say

SCAN_S = 5.5
"""One round over all speeds of a SAM module, and its number."""


def scan(stop: threading.Event, *, ports: Iterable[Port] | None = None, say: Say = say) -> int:
    """Say which serial ports and PC/SC readers there are and what answers on them. Returns 0 when something does.

    A port is asked at each speed for a SAM module, then for OSDP readers and Modbus boards; none of these takes
    another's question for an order. What cannot be asked, an LCUS board or a scanner, answers nothing.
    """
    answers: list[Found] = []
    threads = [
        threading.Thread(target=lambda port=port: answers.append(_ask(port, stop)), name=f"scan {port.device}")
        for port in (local_ports() if ports is None else ports)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.sort(key=lambda found: str(found["url"]))
    answers += _card_readers(say)
    for found in answers:
        say(found)
    return HEARD if any("driver" in found for found in answers) else NOT_HEARD


def _ask(port: Port, stop: threading.Event) -> Found:
    found = _names(port)
    noise = _sam(port.device, found, stop)
    if not {"driver", "trouble"} & found.keys() and not stop.is_set():
        _search(port.device, found, stop)
    if noise and "driver" not in found:
        found["heard"] = f"{noise} bytes that are no answer of a device that can be asked"
    return found


def _sam(url: str, found: Found, stop: threading.Event) -> int:
    """Ask for a SAM module at each speed; return how many bytes came that are no answer of one."""
    made: list[ga467.SamReader] = []
    enough, sizes = Enough(stop), list[int]()

    def make(settings: ga467.Settings) -> ga467.SamReader:
        made.append(ga467.SamReader(settings))
        return made[-1]

    def heard(event: ReaderEvent) -> None:
        match event:
            case Noise(size):
                sizes.append(size)
            case Online():
                found.update({"driver": ga467.DRIVER.name, "baud": made[-1].baud})
            case DeviceFact(name, value):
                found[name] = value
                enough.set()

    driver = StreamDriver(ga467.DRIVER.name, ga467.Settings, make, ga467.BAUDS[0])
    timer = threading.Timer(SCAN_S, enough.set)
    timer.start()
    try:
        StreamLink(driver, url, ga467.Settings()).run(heard, enough)
    except LinkLost as error:
        found["trouble"] = str(error)
    timer.cancel()
    timer.join()
    return sum(sizes)


def _search(url: str, found: Found, stop: threading.Event) -> None:
    """Ask for what answers by an address; several may, on one line at one speed."""
    over, addresses = Enough(stop), set[int]()

    def heard(event: ReaderEvent) -> None:
        if event == search.OVER:
            over.set()
        elif isinstance(event, DeviceFact):
            baud, _, address = event.value.partition(" ")
            addresses.add(int(address))
            found.update({"driver": event.name, "baud": int(baud)})

    try:
        StreamLink(search.DRIVER, url, search.Settings()).run(heard, over)
    except LinkLost as error:
        found["trouble"] = str(error)
    if addresses:
        known = sorted(addresses - {search.BROADCAST})
        found["addresses"] = known or f"none of {search.ADDRESSES[0]} to {search.ADDRESSES[-1]}"


@dataclass(slots=True)
class _Line:
    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str | None = None
    location: str | None = None


def named(urls: Iterable[str]) -> list[Port]:
    """Lines as ports of which nothing but the URL is known.

    Raises:
        LookupError: one of them is none that can be opened.
    """
    try:
        for url in urls:
            lines.check(url)
    except ValueError as error:
        raise LookupError(str(error)) from error
    return [_Line(url) for url in urls]


def _names(port: Port) -> Found:
    """Under which URLs a port can be opened."""
    if port.vid is None or port.pid is None:
        return {"url": port.device}
    serial = f"/{quote(port.serial_number, safe='')}" if port.serial_number else f"?location={port.location}"
    return {"url": port.device, "usb": f"usb://{port.vid:04x}:{port.pid:04x}{serial}", "product": port.product}


def _card_readers(say: Say) -> list[Found]:
    try:
        return [{"url": f"{pcsc.SCHEME}{name}", "driver": "pcsc"} for name in pcsc.reader_names()]
    except LinkLost as error:
        say({"url": pcsc.SCHEME, "trouble": str(error)})
        return []
