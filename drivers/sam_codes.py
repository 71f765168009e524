"""What a SAM module's third status byte (SW3) means, and what the person or the technician should do about it."""

import struct

from drivers.api import ReaderFault, Remedy

DONE = 0x90
FOUND = 0x9F
NO_CARD = 0x80

IDLE = frozenset({NO_CARD, 0x81, 0x34})
"""No card, not selected, none found yet: normal, begin again with find."""

ASK_AGAIN = frozenset({0x10, 0x11, 0x24, 0x47})
"""Something went wrong on the way, or only this once: the same command is worth a second try."""

STANDING = frozenset({0x21, 0x23, 0x60, 0x61, 0x66})
"""The module will answer so until a technician has done something, whatever else it still answers well."""

FAULTS: dict[int, tuple[str, Remedy, str]] = {
    0x10: ("line_checksum", Remedy.CALL_TECHNICIAN, "the module received a wrong checksum, twice"),
    0x11: ("line_length", Remedy.CALL_TECHNICIAN, "the module received a wrong length, twice"),
    0x21: ("unsupported_command", Remedy.CALL_TECHNICIAN, "the module does not know the command"),
    0x23: ("not_allowed", Remedy.CALL_TECHNICIAN, "the module may not carry out the command"),
    0x24: ("module_error", Remedy.CALL_TECHNICIAN, "the module reports an error it does not know"),
    0x31: ("card_refuses_module", Remedy.PRESENT_AGAIN, "the card could not authenticate the module"),
    0x32: ("card_not_authentic", Remedy.PRESENT_AGAIN, "the module could not authenticate the card"),
    0x33: ("card_not_verified", Remedy.PRESENT_AGAIN, "what the card holds could not be verified"),
    0x37: ("fingerprint", Remedy.CALL_TECHNICIAN, "the module speaks of a fingerprint, which is never read"),
    0x3F: ("information_length", Remedy.CALL_TECHNICIAN, "the module reports a wrong information length"),
    0x40: ("unknown_card_type", Remedy.NOT_A_SUPPORTED_CARD, "not an identity card"),
    0x41: ("card_unreadable", Remedy.PRESENT_AGAIN, "reading the card failed"),
    0x47: ("no_random_number", Remedy.PRESENT_AGAIN, "the card gave no random number, twice"),
    0x50: ("write_failed", Remedy.CALL_TECHNICIAN, "the module speaks of writing, which is never asked"),
    0x60: ("self_test_failed", Remedy.CALL_TECHNICIAN, "the module failed its self-test and takes no commands"),
    0x61: ("login_failed", Remedy.CALL_TECHNICIAN, "the module wants a login"),
    0x66: ("not_authorised", Remedy.CALL_TECHNICIAN, "the module is not authorised"),
    0x80: ("no_card", Remedy.PRESENT_AGAIN, "there is no card"),
    0x81: ("select_failed", Remedy.PRESENT_AGAIN, "the card cannot be selected"),
    0x34: ("no_card_yet", Remedy.PRESENT_AGAIN, "no card has been found yet"),
    0x91: ("no_such_content", Remedy.PRESENT_AGAIN, "the card does not hold what was asked"),
}


def fault(code: int) -> ReaderFault:
    """Say what a status byte other than success means."""
    known = FAULTS.get(code)
    if known is None:
        return ReaderFault(f"status_{code:02x}", Remedy.CALL_TECHNICIAN, f"the module answers {code:02X}")
    return ReaderFault(*known, stands=code in STANDING)


def bad_text(problem: str) -> ReaderFault:
    """Say what is wrong with a card's text; `problem` is a code of `drivers.id_text`."""
    if problem == "card_type":
        return ReaderFault("unknown_card_type", Remedy.NOT_A_SUPPORTED_CARD, "the card's type letter is not known")
    code = "bad_number" if problem.startswith("number") else "bad_text"
    return ReaderFault(code, Remedy.PRESENT_AGAIN, f"the card's text cannot be trusted: {problem}")


def number_text(data: bytes) -> str:
    """Print a module's 16-byte serial number as it is written on its label."""
    return "{:02d}.{:02d}-{:08d}-{:010d}-{:010d}".format(*struct.unpack("<HHIII", data[:16]))
