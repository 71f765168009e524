"""What a technician says of an OSDP reader, and its key: one of its own, or it is not used."""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

DEFAULT_KEY = b"0123456789:;<=>?"
"""SCBK-D of the standard: known to everybody, so it protects nothing."""
Baud = Literal[9600, 19200, 38400, 57600, 115200, 230400]
BAUDS: tuple[int, ...] = get_args(Baud)
LONGEST_TEXT = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """`key` is the reader's own SCBK, 32 hexadecimal digits, or `key_file` holds it.

    `order` and `also` are those of Wiegand cards. `grant`, `attend`, `refuse`, `again` are shown, a line break begins
    the next row; "" shows nothing. `output`, counted from 0, is the relay that opens a portal whose opener is this
    reader. `inputs` contacts are followed from the first one on.
    """

    key: str = field(default="", repr=False)
    key_file: str = ""
    baud: Baud = 9600
    order: Literal["as-sent", "reversed"] = "as-sent"
    also: tuple[int, ...] = ()
    led: bool = True
    buzzer: bool = True
    grant: str = "请通行"
    attend: str = "请稍候\n门岗马上为您开门"
    refuse: str = "此卡不可用\n请到门岗"
    again: str = "请重新刷卡"
    output: int = 0
    inputs: int = 0

    def __post_init__(self) -> None:
        self.secret()
        for name in ("grant", "attend", "refuse", "again"):
            rows = getattr(self, name).split("\n")
            if any(len(row.encode()) > LONGEST_TEXT for row in rows):
                raise ValueError(f"{name}: a row has at most {LONGEST_TEXT} bytes of UTF-8, ten Chinese characters")
        if not 0 <= self.output <= 15:
            raise ValueError("output: must be between 0 and 15")
        if not 0 <= self.inputs <= 16:
            raise ValueError("inputs: must be between 0 and 16")

    def secret(self) -> bytes:
        """Return the key.

        Raises:
            ValueError: there is none, or one that protects nothing.
        """
        if bool(self.key) == bool(self.key_file):
            raise ValueError("key: give key or key_file, one of them; a reader is never used without a key of its own")
        return checked_key(self.key or _read_key(self.key_file))


def _read_key(path: str) -> str:
    try:
        shared = Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        text = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("key_file: cannot be read") from None
    if shared:
        raise ValueError("key_file: others may read it; run chmod 600 on it")
    return text


def checked_key(text: str) -> bytes:
    """Return a key from its 32 hexadecimal digits.

    Raises:
        ValueError: it is none, or one that everybody knows.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{32}", text):
        raise ValueError("key: must be 32 hexadecimal digits")
    key = bytes.fromhex(text)
    if key == DEFAULT_KEY or len(set(key)) == 1:
        raise ValueError("key: this one is known to everybody; draw one at random for each reader")
    return key
