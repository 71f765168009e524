"""What a slip rests on when it is proposed, as counts and versions; the days of anybody's passes are not among them."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.store.queries import people, slips
from rules.acts import Grounds
from rules.model import CredentialKind

LOOK_BACK_MS = 30 * 86_400_000
"""Passes are kept for no longer."""


class Match(StrEnum):
    """How it is known that this person lives there, the surest first."""

    DOCUMENT = "document"
    """The number of their own document was read at the gate."""
    CHIP = "chip"
    """The chip of an ID card was read that was bound to them at a desk."""
    CARD = "card"
    """A card of the compound that was given to them: it may have been lent."""
    TOLD = "told"
    """By what somebody said; no pass was needed."""


_KINDS = (
    (Match.DOCUMENT, {CredentialKind.CITIZEN_ID, CredentialKind.PR_2017}),
    (Match.CHIP, {CredentialKind.ID_CHIP}),
)


def stated(connection: Connection, case: Any, because: Grounds, now: int) -> dict[str, Any]:
    """What is kept on the slip: plain JSON values."""
    tokens = people.tokens_of(connection, case.community, case.person)
    kinds, roster = slips.read_at_the_gate(connection, case.community, tokens, now - LOOK_BACK_MS)
    arithmetic = case.because
    days = len(arithmetic["on"])
    return {
        "match": _match(kinds if days else set()).value,
        "policy": because.policy_version,
        "roster": roster,
        "register_as_of": because.register_as_of.isoformat(),
        "days": days,
        "evenings": arithmetic["evenings"],
        "window_days": arithmetic["window_days"],
        "unregistered_since": arithmetic["unregistered_since"],
    }


def _match(kinds: set[str]) -> Match:
    if not kinds:
        return Match.TOLD
    return next((match for match, of in _KINDS if kinds & of), Match.CARD)
