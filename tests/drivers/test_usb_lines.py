from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import LinkLost
from drivers.lines import Adapter, parse, resolve


@dataclass
class Plugged:
    device: str
    vid: int | None = 0x1A86
    pid: int | None = 0x7523
    serial_number: str | None = None
    product: str | None = None
    location: str | None = None


FTDI = Plugged("/dev/ttyUSB0", 0x0403, 0x6001, "A50285BI", "FT232R SAM adapter", "1-1.1")
TWIN = Plugged("/dev/ttyUSB3", 0x0403, 0x6001, "A50285BJ", "FT232R USB UART", "1-1.4")
CHEAP = Plugged("/dev/ttyUSB1", location="1-1.2", product="USB Serial")
OTHER_CHEAP = Plugged("/dev/ttyUSB2", location="1-1.3", product="USB Serial")
ONBOARD = Plugged("/dev/ttyS0", None, None)
PORTS = [FTDI, CHEAP, OTHER_CHEAP, ONBOARD, TWIN]


@pytest.mark.parametrize("url", ["/dev/ttyS0", "socket://reader:4001", "rfc2217://reader:4001", "loop://", ""])
def test_any_other_line_is_opened_as_it_is(url: str) -> None:
    assert resolve(url, PORTS) == url


@pytest.mark.parametrize(
    ("url", "device"),
    [
        ("usb://0403:6001/A50285BI", "/dev/ttyUSB0"),
        ("usb://0403:6001/A50285BJ", "/dev/ttyUSB3"),
        ("usb://0403:6001?product=sam", "/dev/ttyUSB0"),
        ("usb://1A86:7523?location=1-1.3", "/dev/ttyUSB2"),
        ("usb://1a86:7523?location=1-1.2&product=serial", "/dev/ttyUSB1"),
    ],
)
def test_an_adapter_is_found_by_its_numbers(url: str, device: str) -> None:
    assert resolve(url, PORTS) == device


def test_an_adapter_that_comes_back_under_another_name_is_found_again() -> None:
    url = "usb://0403:6001/A50285BI"
    with pytest.raises(LinkLost, match=r"no USB adapter 0403:6001, serial A50285BI is plugged in"):
        resolve(url, [CHEAP, ONBOARD])
    again = Plugged("/dev/ttyUSB7", 0x0403, 0x6001, "A50285BI")
    assert resolve(url, [CHEAP, again]) == "/dev/ttyUSB7"


def test_two_that_fit_are_not_guessed_between() -> None:
    with pytest.raises(LinkLost, match=r"2 USB adapters are 1a86:7523: /dev/ttyUSB1, /dev/ttyUSB2; name one"):
        resolve("usb://1a86:7523", PORTS)


@pytest.mark.parametrize(
    "url",
    ["usb://", "usb://1a86", "usb://1a86:752", "usb://1a86:7523/", "usb://1a86:7523/a/b", "usb://1a86:7523?colour=red"],
)
def test_what_begins_like_a_usb_line_and_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a USB line is"):
        resolve(url, PORTS)


def test_serial_numbers_with_odd_characters_are_percent_encoded() -> None:
    assert parse("usb://0403:6001/A%2F5%3F") == Adapter(0x0403, 0x6001, "A/5?")


@given(text=st.text(max_size=60))
def test_no_url_does_anything_but_resolve_or_say_why(text: str) -> None:
    try:
        assert resolve("usb://" + text, PORTS).startswith("/dev/")
    except (LinkLost, ValueError) as error:
        said = str(error)
    else:
        said = "USB"
    assert "USB" in said
