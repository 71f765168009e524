"""The far ends of a soak's lines, in a process of their own: python -m tests.soak.far_end FOLDER KIND[+KIND...]...

Each word is a line with its devices, which is at FOLDER/line-N. An order is a line of JSON on standard input: `cut` or
`restore` a line, or `present` a card to a device of it, or `lift` it.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from simulators.ascii_line import AsciiDevice
from simulators.line import Device, PtyLine
from simulators.osdp_pd import OsdpLine, OsdpReaderDevice
from simulators.sam import Card, SamModule
from simulators.wiegand import WiegandAdapter, w34

KEY = "00112233445566778899AABBCCDDEEFF"


class FarLine:
    """One line: its device, and what presenting a card to the reader at an address means there."""

    def __init__(self, kinds: list[str]) -> None:
        self._osdp = [OsdpReaderDevice(n, bytes.fromhex(KEY)) for n, kind in enumerate(kinds) if kind == "osdp"]
        plain: dict[str, Device] = {"sam": SamModule(), "wiegand": WiegandAdapter(), "ascii": AsciiDevice()}
        self.device: Device = OsdpLine(self._osdp) if self._osdp else plain[kinds[0]]

    def present(self, address: int, card: str) -> None:
        match self.device:
            case SamModule() as module:
                module.present(Card(card, "测试"))
            case WiegandAdapter() as adapter:
                adapter.present(w34(bytes.fromhex(card)))
            case AsciiDevice() as scanner:
                scanner.show(card)
            case OsdpLine():
                self._osdp[address].present(w34(bytes.fromhex(card)))

    def lift(self) -> None:
        if isinstance(self.device, SamModule):
            self.device.lift()


def main(folder: Path, lines: list[str]) -> None:
    with ExitStack() as stack:
        far = [FarLine(line.split("+")) for line in lines]
        ptys = [stack.enter_context(PtyLine(one.device, folder / f"line-{number}")) for number, one in enumerate(far)]
        print("ready", flush=True)
        for text in sys.stdin:
            order: dict[str, Any] = json.loads(text)
            line = order["line"]
            match order["do"]:
                case "cut":
                    ptys[line].cut()
                case "restore":
                    ptys[line].restore()
                case "present":
                    far[line].present(order["address"], order["card"])
                case "lift":
                    far[line].lift()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
