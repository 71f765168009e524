"""What is wrong in how devices are described or joined is said before anything starts, all of it at once."""

from typing import Any

import pytest

from gateway.settings import Portal, Reader, Settings, SettingsError
from gateway.station.devices import drivers_of

KEY = "00112233445566778899AABBCCDDEEFF"


def reader(name: str, driver: str, url: str, speed: int | None = None, **settings: Any) -> Reader:
    return Reader(id=name, portal="east", direction="in", driver=driver, url=url, baud=speed, settings=settings)


def mistakes(*readers: Reader, portals: tuple[Portal, ...] = ()) -> list[str]:
    try:
        drivers_of(Settings.model_construct(readers=readers, outputs=(), portals=portals))
    except SettingsError as error:
        return error.mistakes
    return []


@pytest.mark.parametrize(
    ("driver", "url", "said"),
    [
        ("osdp", "/dev/ttyUSB0", "url: an OSDP reader's is LINE#ADDRESS"),
        ("osdp", "/dev/ttyUSB0#127", "url: an OSDP reader's is LINE#ADDRESS"),
        ("osdp", "carrier://pigeon#1", "url: no line is of the kind carrier://"),
        ("pcsc", "ACR122", "url: a PC/SC reader's begins with pcsc://"),
        ("pcsc", "pcsc:/ACR122", "url: a PC/SC reader's begins with pcsc://"),
        ("ga467", "carrier-pigeon://coop", "url: no line is of the kind carrier-pigeon://"),
        ("ga467", "pcsc://ACR122", "url: no line is of the kind pcsc://"),
        ("ga467", "socket://host", "url: it is socket://HOST:PORT"),
        ("ga467", "socket://:4001", "url: it is socket://HOST:PORT"),
        ("ga467", "socket://[:4001", "url: it is socket://HOST:PORT"),
        ("ga467", "rfc2217://host:99999", "url: it is rfc2217://HOST:PORT"),
        ("ga467", "usb://somewhere", "a USB line is usb://"),
        ("ga467", " ", "url: it is empty"),
    ],
)
def test_a_line_that_can_never_be_opened_is_a_mistake(driver: str, url: str, said: str) -> None:
    settings = {"key": KEY} if driver == "osdp" else {}
    (mistake,) = mistakes(reader("in-1", driver, url, **settings))
    assert mistake.startswith(f"in-1: {said}")


@pytest.mark.parametrize(
    ("driver", "url"),
    [
        ("osdp", "/dev/ttyUSB0#0"),
        ("osdp", "usb://0403:6001/A5#1"),
        ("osdp", "socket://127.0.0.1:4001#1"),
        ("pcsc", "pcsc://"),
        ("ga467", "/dev/serial/by-id/usb-1"),
        ("ga467", "socket://[::1]:4001"),
        ("ga467", "rfc2217://host:4001"),
    ],
)
def test_every_form_of_a_line_is_taken(driver: str, url: str) -> None:
    assert mistakes(reader("in-1", driver, url, **({"key": KEY} if driver == "osdp" else {}))) == []


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (("osdp", "/dev/a#1", {"key": KEY}), ("osdp", "/dev/a#1", {"key": KEY}), "address 1 on /dev/a is that of one"),
        (
            ("osdp", "/dev/a#1", {"key": KEY}),
            ("osdp", "/dev/a#2", {"key": KEY, "baud": 115200}),
            "115200 baud, but one on the same line has 9600 baud",
        ),
        (("osdp", "/dev/a#1", {"key": KEY}), ("ga467", "/dev/a", {}), "its line is that of one, /dev/a"),
        (("ga467", "/dev/a", {}), ("wiegand", "/dev/a", {}), "its line is that of one, /dev/a"),
        (("pcsc", "pcsc://ACR", {}), ("pcsc", "pcsc://ACR", {}), "its line is that of one, pcsc://ACR"),
    ],
)
def test_two_that_cannot_be_on_one_line_are_a_mistake(
    one: tuple[str, str, dict[str, Any]], other: tuple[str, str, dict[str, Any]], said: str
) -> None:
    pair = [reader(name, driver, url, **more) for name, (driver, url, more) in (("one", one), ("other", other))]
    assert mistakes(*pair) == [f"other: {said}"]


def test_osdp_readers_share_a_line_by_their_addresses() -> None:
    assert mistakes(*(reader(f"in-{n}", "osdp", f"/dev/a#{n}", key=KEY) for n in range(4))) == []


@pytest.mark.parametrize(("seconds", "wrong"), [(25.5, False), (25.6, True), (60, True)])
def test_a_pulse_that_an_osdp_reader_cannot_keep_is_a_mistake(seconds: float, wrong: bool) -> None:
    east = Portal(id="east", name="E", attended="never", unattended="grant", opener="in-1", pulse_seconds=seconds)
    found = mistakes(reader("in-1", "osdp", "/dev/a#1", key=KEY), portals=(east,))
    said = "portal 'east': pulse_seconds: the relay of 'in-1' closes for 25.5 s at most"
    assert found == ([said] if wrong else [])


def test_every_mistake_is_said_at_once() -> None:
    found = mistakes(
        reader("a", "telepathy", "/dev/a"),
        reader("b", "osdp", "/dev/b", key="short"),
        reader("c", "ga467", "carrier://c", period_ms=1),
        reader("d", "pcsc", "pcsc://", speed=9600),
        reader("e", "osdp", "/dev/e#1", key=KEY),
        reader("f", "osdp", "/dev/e#1", key=KEY),
    )
    assert [line.partition(":")[0] for line in found] == ["a", "b", "b", "c", "c", "d", "f"]
