"""The closed words of the field: kinds, directions, verdicts, reasons, flags, roles, sources. Stable codes.

Event codes in brackets are BACnetAccessEvent (ASHRAE 135).
"""

from enum import IntEnum, StrEnum


class CredentialKind(StrEnum):
    """What kind of number a credential carries; the canonical form of each is in `identity.canonical`."""

    CITIZEN_ID = "citizen-id"
    PR_2017 = "pr-2017"
    ID_CHIP = "id-chip"
    CARD_UID = "card-uid"
    WIEGAND_26 = "wiegand-26"
    WIEGAND_N = "wiegand-n"
    EM = "em"
    VISITOR = "visitor"
    NO_NUMBER = "no-number"
    """Stands for somebody without a document number, and opens no gate: `identity.without_number`."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Verdict(StrEnum):
    """What the gate does: open, ask the guard, or say that this card cannot be used here."""

    GRANT = "grant"
    ATTEND = "attend"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why; stable codes. `BACNET_EVENT` maps those that have one."""

    ENROLLED = "enrolled"
    VISITOR = "visitor"
    OPEN_PORTAL = "open_portal"
    EXIT = "exit"
    MANUAL = "manual"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    ENROLMENT_EXPIRED = "enrolment_expired"
    OUT_OF_HOURS = "out_of_hours"
    PASSBACK = "passback"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    WRONG_PORTAL = "wrong_portal"
    CREDENTIAL_LOST = "credential_lost"


BACNET_EVENT: dict[Reason, int] = {
    Reason.MANUAL: 1,
    Reason.UNKNOWN_CREDENTIAL: 129,
    Reason.WRONG_PORTAL: 134,
    Reason.OUT_OF_HOURS: 136,
    Reason.PASSBACK: 138,
    Reason.TOO_MANY_ATTEMPTS: 140,
    Reason.CREDENTIAL_LOST: 143,
    Reason.ENROLMENT_EXPIRED: 152,
}


class Flag(StrEnum):
    """What registration adds to a verdict. It changes nothing at the gate."""

    UNREGISTERED = "unregistered"
    REGISTRATION_EXPIRED = "registration_expired"
    REGISTERED_ELSEWHERE = "registered_elsewhere"
    REGISTRATION_UNKNOWN = "registration_unknown"


class Role(IntEnum):
    """As what a credential is enrolled. The numbers are stored and sent."""

    RESIDENT = 0
    GUEST = 1
    VISITOR = 2
    STAFF = 3


class AgeBand(StrEnum):
    """In which of three ages someone is, where a rule asks; nothing finer leaves the centre."""

    CHILD = "0-15"
    ADULT = "16-59"
    SENIOR = "60+"


class Origin(StrEnum):
    """By which law somebody registers. The second and the third are two kinds; neither is ever called the other."""

    MAINLAND = "mainland"
    COMPATRIOT = "compatriot"
    """A resident of Hong Kong, Macao or Taiwan (港澳台居民)."""
    FOREIGNER = "foreigner"


class CaseKind(StrEnum):
    GATE_QUERY = "gate_query"
    COLLECTION = "collection"
    DEREGISTRATION = "deregistration"
    RECHECK = "recheck"


class Source(StrEnum):
    """Where a case came from; all six are shown on it."""

    PROPERTY = "property"
    LANDLORD = "landlord"
    SELF = "self"
    POLICE = "police"
    VISIT = "visit"
    GATE = "gate"


class MoveOutBy(StrEnum):
    """What says that somebody has moved out. Silence in swipes never does."""

    CARD_RETURNED = "card_returned"
    LEASE_ENDED = "lease_ended"
    LANDLORD = "landlord"
    DECLARATION = "declaration"
    VISIT = "visit"
    POLICE = "police"


class Question(StrEnum):
    """What the property is asked about someone. Whatever the answer, their card keeps working until they end it."""

    LEASE_ENDED = "lease_ended"
    """租期到期:续租还是搬离?"""
    SERVICE_ENDED = "service_ended"
    """服务人员确认到期:是否仍在服务?"""
