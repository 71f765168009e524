"""Cards and enrolments over time: issued, returned (退卡), replaced (补卡); ended for one of four reasons only."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from gateway.centre.living import Left, Residency
from gateway.centre.tokens import Tokens
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import cards, history, people, questions, streams
from gateway.store.queries.history import By
from rules.cases import NotPossible
from rules.model import Credential, Role
from rules.words import Question

ALONE_A_DAY = 5
"""So many residents' enrolments one person may end in a compound in a day; each further one needs a second person."""


STAFF_MONTHS = 6


class Ending(StrEnum):
    """Why a resident's enrolment may end. Registration, arrears and the end of a lease are no reasons."""

    CARD_RETURNED = "card_returned"
    MOVED_OUT = "moved_out"
    LOST = "lost"
    LEGAL_DOCUMENT = "legal_document"


class Cards:
    """Each act is in the transaction of the caller, and noted. LookupError: there is no such person or card here."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._residency = Residency(master)
        self._tokens = Tokens(master)

    def issue(
        self,
        connection: Connection,
        by: By,
        community: str,
        person: int,
        credential: Credential,
        *,
        replaces: int | None = None,
    ) -> int:
        """Issue a card to somebody enrolled here; the one that it `replaces` is returned or lost. Its id.

        Raises:
            NotPossible: somebody has this card.
        """
        enrolment = self._enrolment(connection, community, person)
        token = self._tokens.one(connection, community, credential)
        stands = people.credential(connection, community, token)
        if stands is not None and stands.returned_on is None and stands.person != person:
            raise NotPossible("this card is somebody else's here; it has to be returned first")
        old = self._card(connection, community, replaces) if replaces is not None else None
        if old is not None and old.person != enrolment.person:
            raise LookupError("this card is not theirs")
        row = {"community": community, "token": token, "person": person, "kind": credential.kind.value}
        row |= {"token_key": self._tokens.number(connection, community), "lost": False}
        row |= {"issued_on": by.today, "returned_on": None}
        ids = history.put(connection, by, t.credentials, [row | {"replaces": replaces}], ("community", "token"))
        if old is not None and not old.lost:
            self._give_back(connection, by, old)
        people.roster_is_stale(connection, community)
        return ids[(community, token)]

    def take_back(self, connection: Connection, by: By, community: str, card: int) -> None:
        """Note that a card was returned: it opens nothing more, and may be issued to somebody else."""
        self._give_back(connection, by, self._card(connection, community, card))
        people.roster_is_stale(connection, community)

    def mark_lost(self, connection: Connection, by: By, community: str, card: int, *, lost: bool) -> None:
        """Note that a card was reported lost (挂失), or was found: a lost one is refused from the next roster on."""
        history.change(connection, by, t.credentials, self._card(connection, community, card), {"lost": lost})
        people.roster_is_stale(connection, community)

    def end(self, connection: Connection, by: By, community: str, person: int, why: Ending, document: str = "") -> bool:
        """End somebody's enrolment with today; False where it waits for a second person, who says the same.

        Raises:
            NotPossible: it has ended, a legal document has no number, or the second person is the first.
        """
        row = self._enrolment(connection, community, person)
        if row.ended_on is not None:
            raise NotPossible("this enrolment has ended")
        if why is Ending.LEGAL_DOCUMENT and not document.strip():
            raise NotPossible("a legal document has a number")
        today = by.today
        said: dict[str, Any] = {"ended_why": why.value, "ended_document": document or None}
        first = row.ended_by if row.ended_why is not None else None
        if (
            first is None
            and row.role == Role.RESIDENT
            and cards.ended_today(connection, community, today) >= ALONE_A_DAY
        ):
            history.change(connection, by, t.enrolments, row, said | {"ended_by": by.actor})
            return False
        if first == by.actor:
            raise NotPossible("the second person has to be another one")
        signed = {"ended_by": first or by.actor, "ended_second": by.actor if first else None}
        history.change(connection, by, t.enrolments, row, said | signed | {"ended_on": today, "until": today})
        for card in cards.cards_of(connection, community, person) if why is Ending.CARD_RETURNED else ():
            self._give_back(connection, by, card)
        if why in (Ending.CARD_RETURNED, Ending.MOVED_OUT) and row.role == Role.RESIDENT:
            self._moves_out(connection, by, community, person, today, why)
        people.roster_is_stale(connection, community)
        return True

    def confirm_staff(self, connection: Connection, by: By, community: str, person: int, until: date) -> None:
        """Note to when a household confirms somebody who works for it (服务人员): six months at most.

        Raises:
            NotPossible: they are no service staff, or it is longer than that or over.
        """
        row = self._enrolment(connection, community, person)
        today = by.today
        if row.role != Role.STAFF:
            raise NotPossible("only service staff are confirmed by a household")
        if not today <= until <= _months_on(today, STAFF_MONTHS):
            raise NotPossible(f"a household confirms its service staff for up to {STAFF_MONTHS} months")
        history.change(connection, by, t.enrolments, row, {"confirmed_until": until, "until": until})
        questions.answered(connection, community, person, Question.SERVICE_ENDED, by.at)
        people.roster_is_stale(connection, community)

    def _moves_out(self, connection: Connection, by: By, community: str, person: int, today: date, why: Ending) -> None:
        left = Left.CARD_RETURNED if why is Ending.CARD_RETURNED else Left.DECLARED
        if self._residency.lives(connection, community, person):
            self._residency.moved_out(connection, by, community, person, today, left)

    def _give_back(self, connection: Connection, by: By, card: Any) -> None:
        if card.returned_on is not None:
            raise NotPossible("this card was returned")
        history.change(connection, by, t.credentials, card, {"returned_on": by.today})

    def _enrolment(self, connection: Connection, community: str, person: int) -> Any:
        if streams.community(connection, community, lock=True) is None:
            raise LookupError("there is no such community")
        row = cards.enrolment(connection, community, person)
        if row is None:
            raise LookupError("nobody of that number is enrolled here")
        return row

    def _card(self, connection: Connection, community: str, card: int) -> Any:
        row = cards.card(connection, community, card)
        if row is None:
            raise LookupError("there is no such card here")
        return row


def _months_on(day: date, months: int) -> date:
    """The same day so many months later; the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
