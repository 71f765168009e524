"""What an OSDP reader says of cards and keys, as credentials: raw bits, and codes typed on its keypad."""

from collections.abc import Iterator

from drivers import wiegand
from drivers.api import CardRead, Credential, CredentialKind, Noise, ReaderEvent, ReaderFault, Remedy
from rules.identity import BadNumber, canonical

KEYS_S = 10.0
LONGEST_CODE = 20


class Keypad:
    """Keys as they are pressed: a code of 8 digits or more, ended by # (or 0D), is a visitor's; * (or 7F) clears."""

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0.0

    def press(self, keys: bytes, now: float) -> Iterator[ReaderEvent]:
        """Take keys; yield a read, or how many were in vain."""
        if now - self._at > KEYS_S:
            yield from self._clear("keys without an end")
        self._at = now
        for key in keys.decode("ascii", "replace"):
            if "0" <= key <= "9" and len(self._digits) < LONGEST_CODE:
                self._digits += key
            elif key in "#\r" and len(self._digits) >= 8:
                code, self._digits = self._digits, ""
                yield _card(CredentialKind.VISITOR, code)
            else:
                yield from self._clear("keys that are no code")

    def _clear(self, why: str) -> Iterator[ReaderEvent]:
        if self._digits:
            yield Noise(len(self._digits), why)
        self._digits = ""


def _card(kind: CredentialKind, text: str, bits: str | None = None) -> ReaderEvent:
    try:
        return CardRead(Credential(kind, canonical(kind, text)), raw_bits=bits)
    except BadNumber:
        return ReaderFault("bad_number", Remedy.NOT_A_SUPPORTED_CARD, "this number is no identity")


def raw_card(data: bytes, length: int, settings: wiegand.Settings, *, parity: bool) -> ReaderEvent:
    """Return what a raw card means. Without Wiegand `parity`, 32, 56 or 80 bits are a UID of 4, 7 or 10 bytes."""
    if not 0 < length <= min(8 * len(data), wiegand.LONGEST_BITS):
        return Noise(len(data), "a card of impossible length")
    bits = "".join(f"{byte:08b}" for byte in data)[:length]
    if not parity and length in (32, 56, 80):
        return _card(CredentialKind.CARD_UID, wiegand.uid(data[: length // 8], settings.order), bits)
    return wiegand.card_of(bits, settings)
