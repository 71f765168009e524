"""A control panel that others wrote (PyPI osdp 1.6) on a line, run by the Python of its own environment.

    osdp_peer.py TTY ADDRESS plain|secure SECONDS

It waits so long at most until the reader is there, asks it who it is, tells it something, and says `ready`; then it
says what comes, each as a line of JSON, until it has heard a card and keys.
"""

import json
import sys
import threading
import time
from typing import Any

import osdp  # the package of that environment, and not libosdp's

MASTER = bytes(range(16))


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


class Panel(osdp.ControlPanel):
    def __init__(self) -> None:
        super().__init__(MASTER)
        self.card = threading.Event()
        self.keys = threading.Event()

    def on_raw_card_data_reply_received(self, address: int, raw_card_data: Any) -> None:
        say(card=raw_card_data.data.hex().upper(), bits=raw_card_data.bit_count, address=address)
        self.card.set()

    def on_keypad_data_reply_received(self, address: int, keypad_data: Any) -> None:
        say(keys=keypad_data.data.decode("ascii"), address=address)
        self.keys.set()


def main(tty: str, address: int, secure: bool, patience_s: float) -> None:
    panel = Panel()
    bus = panel.start_connection(osdp.SerialPortOsdpConnection(tty, 9600))
    panel.add_device(bus, address, True, secure)
    device = panel._buses[bus]._configured_devices[address]
    end = time.monotonic() + patience_s
    while time.monotonic() < end and not _stands(panel, bus, device, secure):
        time.sleep(0.02)
    key = osdp.calculate_scbk(MASTER, device.cuid).hex().upper() if device.cuid else ""
    say(online=panel.is_online(bus, address), secure=device.is_security_established, default=device.is_scbkd, key=key)
    identity = panel.id_report(bus, address)
    say(serial=identity.serial_number, vendor=bytes(identity.vendor_code).hex().upper())
    say(capabilities=len(panel.device_capabilities(bus, address).capabilities))
    steady = (osdp.PermanentReaderControlCode.Nop, 0, 0, osdp.LedColor.Black, osdp.LedColor.Black)
    start = osdp.TemporaryReaderControlCode.SetTemporaryAndStartTimer
    green = osdp.ReaderLedControl(0, 0, start, 2, 2, osdp.LedColor.Green, osdp.LedColor.Black, 20, *steady)
    say(led=panel.reader_led_control(bus, address, osdp.ReaderLedControls([green])))
    pulse = osdp.OutputControlCode.TemporaryStateOnResumePermanentState
    say(output=panel.output_control(bus, address, osdp.OutputControls([osdp.OutputControl(0, pulse, 30)])))
    say(ready=True)
    panel.card.wait(patience_s)
    panel.keys.wait(patience_s)
    panel.shutdown()


def _stands(panel: Panel, bus: Any, device: Any, secure: bool) -> bool:
    if not panel.is_online(bus, device.address):
        return False
    return not secure or (device.is_security_established and not device.is_scbkd)


main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "secure", float(sys.argv[4]))
