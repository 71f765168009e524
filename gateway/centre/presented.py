"""A card that was just laid on a reader and that the gate did not know: its seal is opened for whoever enrols it."""

import json
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.keys import Master, NotAuthentic
from gateway.store.queries import desk
from rules.identity import BadNumber, canonical
from rules.model import CredentialKind

SHOWN_MS = 5 * 60_000
"""A card counts as just shown for so long."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a card said. `name` only where a desk reader reads identities, else ""."""

    kind: CredentialKind
    number: str = field(repr=False)
    name: str = field(default="", repr=False)


def open_card(connection: Connection, master: Master, who: Who, community: str, swipe: int) -> Presented:
    """Open the seal of a card that was just shown in this community, and note it in the record of acts.

    Raises:
        LookupError: there is no such card, it was shown too long ago, or its seal does not open.
    """
    row = desk.shown_card(connection, community, swipe, who.at - SHOWN_MS)
    if row is None:
        raise LookupError("no such card was shown just now")
    try:
        said = json.loads(master.unseal(row.sealed, row.station, row.epoch, row.seq))
        kind = CredentialKind(said["kind"])
        card = Presented(kind, canonical(kind, str(said["number"])), str(said.get("name", "")))
    except (NotAuthentic, BadNumber, ValueError, KeyError, TypeError) as error:
        raise LookupError("what the card said cannot be read") from error
    audit.note(connection, who, "card.open", f"swipes/{swipe}", community=community, purpose="enrol")
    return card
