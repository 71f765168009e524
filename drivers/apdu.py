"""What is said to a contactless card, as dialogues without I/O: a generator yields commands and is sent the answers.

    00 36 00 00 08    chip serial of a second-generation ID card     -> 8 bytes, 90 00
    FF CA 00 00 00    UID of a type A card, asked of the reader      -> 4, 7 or 10 bytes, 90 00

Every ID card is type B and has the same all-zero PUPI, which is what `FF CA` gives for it: never an identity. The chip
serial is read without authentication; nothing else of an ID card or of a residence permit is asked for.
Source: PC/SC part 3 (GET DATA, and the ATR of storage cards); ACS manuals (lamp, buzzer); public drivers for 00 36.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass, field
from typing import Literal

from drivers.api import CardRead, Credential, CredentialKind, ReaderFault, Remedy, Verdict

CHIP_SERIAL = bytes.fromhex("0036000008")
GET_UID = bytes.fromhex("FFCA000000")
ID_CARD_ATRS = (
    "3B888001D10386050080800058",
    "3B868001804F03F001003A",
    "3B8F8001804F0CA00000030607FFB00000000020",
)
"""As three readers build it for a second-generation ID card; another reader may build another."""

_STORAGE_CARD = bytes.fromhex("804F0CA000000306")
_TYPE_A = 3
_UID_SIZES = (4, 7, 10)
_RANDOM = 0x08


@dataclass(frozen=True, slots=True)
class Answer:
    """What a card answers: data, and the two status bytes as one number."""

    data: bytes = field(repr=False)
    status: int


Result = CardRead | ReaderFault
Dialogue = Generator[bytes, Answer, Result]


def identify(atr: bytes, id_card_atrs: Collection[bytes]) -> Dialogue:
    """Find out who was presented, by the one command that suits the card."""
    if atr in id_card_atrs:
        return (yield from _id_card())
    if not _may_be_type_a(atr):
        return ReaderFault("not_type_a", Remedy.NOT_A_SUPPORTED_CARD, "neither an ID card nor a type A card")
    return (yield from _uid(atr))


def _id_card() -> Dialogue:
    answer = yield CHIP_SERIAL
    if answer.status != 0x9000:
        return _refused(answer)
    if len(answer.data) != 8:
        return ReaderFault("bad_serial", Remedy.PRESENT_AGAIN, f"the chip serial has {len(answer.data)} bytes, not 8")
    if not any(answer.data):
        return ReaderFault("zero_id", Remedy.CALL_TECHNICIAN, "the reader gives only zeros", of_card=True)
    return CardRead(Credential(CredentialKind.ID_CHIP, answer.data.hex().upper()))


def _uid(atr: bytes) -> Dialogue:
    answer = yield GET_UID
    if answer.status >> 8 == 0x6C:  # wrong length; the right one is in the second byte
        answer = yield GET_UID[:-1] + bytes([answer.status & 0xFF])
    if answer.status != 0x9000:
        return _refused(answer)
    data = answer.data
    if not any(data):  # all zeros come of ID cards only, whose ATR is that of every other ID card
        known = atr.hex().upper()
        why = f"only zeros; if this is an ID card, add {known} to id_card_atrs"
        return ReaderFault("zero_id", Remedy.CALL_TECHNICIAN, why, of_card=True)
    if len(data) not in _UID_SIZES:
        return ReaderFault("bad_uid", Remedy.NOT_A_SUPPORTED_CARD, f"a UID has 4, 7 or 10 bytes, not {len(data)}")
    if len(data) == 4 and data[0] == _RANDOM:
        return ReaderFault(
            "random_id", Remedy.NOT_A_SUPPORTED_CARD, "the card draws another number each time it is presented"
        )
    return CardRead(Credential(CredentialKind.CARD_UID, data.hex().upper()))


def _refused(answer: Answer) -> ReaderFault:
    if answer.status == 0x6300:
        return ReaderFault("card_unreadable", Remedy.PRESENT_AGAIN, "the card did not finish its answer")
    return ReaderFault("card_refuses", Remedy.NOT_A_SUPPORTED_CARD, f"the card answers {answer.status:04X}")


def _may_be_type_a(atr: bytes) -> bool:
    """Whether the ATR leaves it open: only that of a storage card names the technology."""
    return atr[4:12] != _STORAGE_CARD or atr[12:13] == bytes([_TYPE_A])


LampName = Literal["none", "acr122", "acr1281"]
_ACR1281_DARK = bytes.fromhex("E00000290100")


@dataclass(frozen=True, slots=True)
class Lamp:
    """What tells a person the verdict: commands to the reader now, and those that put it out a moment later."""

    show: tuple[bytes, ...] = ()
    clear: tuple[bytes, ...] = ()


def lamp(name: LampName, verdict: Verdict) -> Lamp:
    """Return the reader's own commands: green for grant, both colours for attend, red for refuse; one beep or two.

    `acr122`: FF 00 40, colours and beeps in one command that ends by itself. `acr1281`: E0 00 00 29 lamps, 28 buzzer.
    """
    red, green = verdict is not Verdict.GRANT, verdict is not Verdict.REFUSE
    beeps = 2 if verdict is Verdict.REFUSE else 1
    if name == "acr122":
        blink = red << 4 | green << 5 | red << 6 | green << 7
        final = 0b0000_1100  # both lamps are set to off at the end
        return Lamp((bytes([0xFF, 0x00, 0x40, blink | final, 4, 2, 1, beeps, 1]),))
    if name == "acr1281":
        lights = bytes.fromhex("E000002901") + bytes([red | green << 1])
        buzzer = bytes.fromhex("E000002801") + bytes([10 * beeps])
        return Lamp((lights, buzzer), (_ACR1281_DARK,))
    return Lamp()


def here_i_am(name: LampName) -> Lamp:
    """Return the commands by which one finds a reader among others: both colours and a long or repeated beep."""
    if name == "acr122":
        return Lamp((bytes([0xFF, 0x00, 0x40, 0b1111_1100, 4, 3, 3, 5, 1]),))
    if name == "acr1281":
        return Lamp((bytes.fromhex("E00000290103"), bytes.fromhex("E00000280164")), (_ACR1281_DARK,))
    return Lamp()
