"""Our simulated OSDP readers answer a control panel that others wrote: in clear, in install mode, on their own key."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.osdp import library
from simulators.line import PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice

PYTHON = Path(__file__).parents[2] / ".venv/osdp-peer/bin/python"
SCRIPT = Path(__file__).with_name("osdp_peer.py")
BITS = "00101101000000001010001000"

pytestmark = pytest.mark.real("osdp-peer")


@contextmanager
def peer(line: PtyLine, address: int, mode: str, patience_s: float = 20.0) -> Iterator[subprocess.Popen[str]]:
    """The other panel, which says things on its standard output."""
    command = [PYTHON, "-I", SCRIPT, line.url, str(address), mode, str(patience_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    return (json.loads(line) for line in process.stdout)


def talk(device: OsdpReaderDevice, mode: str) -> list[dict[str, Any]]:
    """All that the other panel says: of the reader, then of a card and keys."""
    found: list[dict[str, Any]] = []
    with PtyLine(OsdpLine([device])) as line, peer(line, device.address, mode) as process:
        for one in said(process):
            found.append(one)
            if "ready" in one:
                device.present(BITS)
                device.press("138#")
        assert process.wait(timeout=20.0) == 0
    return found


def check(device: OsdpReaderDevice, found: list[dict[str, Any]]) -> None:
    flat = {key: value for one in found for key, value in one.items()}
    assert (flat["online"], flat["led"], flat["output"]) == (True, True, True)
    assert flat["serial"] == 0x1000 + device.address
    assert flat["capabilities"] >= 5
    assert (flat["card"], flat["bits"], flat["keys"]) == ("2D00A200", 26, "138#")
    assert {library().CMD_LED, library().CMD_OUTPUT} <= {one["command"] for one in device.told}


def test_in_clear() -> None:
    device = OsdpReaderDevice(0x11, None)
    found = talk(device, "plain")
    assert not found[0]["secure"]
    check(device, found)


def test_a_new_reader_is_given_a_key_in_install_mode_and_speaks_on_it_from_then_on() -> None:
    device = OsdpReaderDevice(0x11, None)
    found = talk(device, "secure")
    assert (found[0]["secure"], found[0]["default"]) == (True, False)
    assert {key.hex().upper() for key in device.keys_set} == {found[0]["key"]}
    check(device, found)
    again = OsdpReaderDevice(0x11, device.key)
    found = talk(again, "secure")
    assert (found[0]["secure"], found[0]["default"]) == (True, False)
    assert again.keys_set == []
    check(again, found)


def test_a_reader_with_another_key_is_not_taken_over() -> None:
    device = OsdpReaderDevice(0x11, bytes(range(100, 116)))
    with PtyLine(OsdpLine([device])) as line, peer(line, 0x11, "secure", patience_s=3.0) as process:
        assert not next(said(process))["secure"]
    assert device.keys_set == []
