"""A box is lost, and the keys of its community's tokens change: nobody is locked out, no swipe loses its person."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from gateway import bundle, wire
from gateway.bundle import Roster
from gateway.centre import rosters
from gateway.centre.tokens import ROTATION_MS, Tokens, handed_out
from gateway.keys import seal
from gateway.store import tables as t
from gateway.store.queries import cards, tokens
from gateway.wire import SwipeRecord
from rules.model import Credential, CredentialKind, token_of
from tests.gateway.centre.office import (
    BY,
    EPOCH,
    EPOCH_2,
    MASTER,
    POLICY,
    STATION,
    STRANGER_DAYS,
    TENANT_DAYS,
    YUAN,
    Office,
    entry,
    moment,
    number,
    swipe,
)

A, B = number(1), number(2)
CARD = Credential(CredentialKind.CARD_UID, "04A1B2C3")
OF_A, OF_B = (Credential(CredentialKind.CITIZEN_ID, text) for text in (A, B))


def named(credential: Credential, key: int) -> bytes:
    return token_of(MASTER.token_key(YUAN, key), credential)


def rotate(office: Office) -> None:
    with office.database.write() as connection:
        Tokens(MASTER).rotate(connection, YUAN, office.casework.now())


def roster(office: Office) -> Roster:
    """The roster as it stands now, as a station reads it."""
    with office.database.write() as connection:
        made = rosters.build(connection, MASTER, POLICY, YUAN, office.casework.today(), office.casework.now())
    assert made is not None
    return bundle.unpack(made[1], MASTER.roster_public(), YUAN)


def shown(seq: int, credential: Credential, key: int, at: int, *, epoch: str = EPOCH, **over: Any) -> SwipeRecord:
    """A swipe of a credential that the roster does not hold by this key: its number is sealed."""
    said = msgspec.json.encode({"kind": credential.kind.value, "number": credential.number})
    blob = seal(MASTER.identity_public(), said, STATION, epoch, seq)
    values = {"kind": credential.kind.value, "token": named(credential, key), "key": key, "sealed": blob, "flags": []}
    return swipe(seq, None, at, **(values | over))


def waiting(office: Office) -> int:
    with office.database.read() as connection:
        return tokens.waiting(connection, YUAN)


def card_and_number(office: Office) -> None:
    office.enrol(entry(A, cards=((CARD.kind, CARD.number),)))


def test_numbers_have_new_tokens_at_once_and_cards_keep_theirs_until_they_are_shown(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    found = roster(office)
    assert (found.header.token_key_id, found.header.older_keys) == (2, [1])
    assert found.find(named(OF_A, 2)) is not None
    assert found.find(named(OF_A, 1)) is None, "the key that was lost finds nobody whose number is known"
    assert found.find(named(CARD, 1)) is not None
    assert waiting(office) == 1


def test_a_card_that_a_gate_is_shown_has_its_new_token_and_nothing_stays_of_its_number(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    office.take(shown(1, CARD, 2, moment(23)))
    found = roster(office)
    assert found.find(named(CARD, 2)) is not None
    assert found.find(named(CARD, 1)) is None
    (row,) = office.rows(t.swipes)
    assert (row.token, row.sealed) == (named(CARD, 2), None)
    assert waiting(office) == 0
    assert office.quarantined() == []


def test_a_card_that_has_its_new_token_makes_a_new_roster(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    roster(office)
    assert not stale(office)
    office.take(shown(1, CARD, 2, moment(23)))
    assert stale(office)


def stale(office: Office) -> bool:
    return {row.id: row.roster_stale for row in office.rows(t.communities)}[YUAN]


@pytest.mark.parametrize("how", ["listed", "lost", "replaced"])
def test_a_card_that_the_desk_is_told_has_its_new_token(office: Office, how: str) -> None:
    card_and_number(office)
    rotate(office)
    with office.database.write() as connection:
        if how == "lost":
            office.register.mark_lost(connection, BY, YUAN, CARD, lost=True)
    if how == "listed":
        card_and_number(office)
    if how == "replaced":
        office.enrol(entry(B, room="502室"))
        with office.database.write() as connection:
            _, bad = office.register.enrol(
                connection, BY, YUAN, [entry(B, room="502室", cards=((CARD.kind, CARD.number),))]
            )
        assert [one.problem for one in bad] == ["a credential of this row is somebody else's here"]
        return
    found = roster(office).find(named(CARD, 2))
    assert found is not None
    assert found.lost == (how == "lost")
    assert roster(office).find(named(CARD, 1)) is None


def test_what_is_sealed_for_another_card_or_by_nobody_gives_no_card_a_token(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    mine = Credential(CredentialKind.CARD_UID, "04FFFFFF")
    forged = msgspec.structs.replace(shown(1, CARD, 2, moment(23)), token=named(mine, 2))
    office.take(forged, msgspec.structs.replace(shown(2, CARD, 2, moment(23)), sealed=b"\x01" + bytes(80)))
    found = roster(office)
    assert found.find(named(mine, 2)) is None
    assert found.find(named(CARD, 1)) is not None
    assert waiting(office) == 1


def test_swipes_by_the_old_key_that_come_later_are_still_their_persons(office: Office) -> None:
    """One evening is stored before the key is changed, one waits in a spool, one is by the new key: three days."""
    (person,) = office.enrol(entry(A))
    office.import_register()
    days = [moment(*when) for when in TENANT_DAYS]
    office.take(swipe(1, A, days[0]))
    rotate(office)
    assert office.settle(office.swipes([swipe(1, A, days[2], token=named(OF_A, 2), key=2)], EPOCH_2))
    assert office.cases() == []
    office.take(swipe(2, A, days[1]))
    assert [(case.person, case.kind) for case in office.rows(t.cases)] == [(person, "collection")]


ORDERS = list(permutations(range(3)))


@pytest.mark.parametrize("order", ORDERS, ids=["".join(map(str, order)) for order in ORDERS])
def test_a_stranger_is_one_stranger_whatever_comes_first(small: Office, order: tuple[int, ...]) -> None:
    """By the old key before, by the old key from a spool, and by the new one: five days together."""
    small.import_register()
    at = [moment(*when) for when in STRANGER_DAYS]
    unknown = {"verdict": "attend", "reasons": ["unknown_credential"]}
    old = [shown(n, OF_B, 1, at[n - 1], **unknown) for n in (1, 2, 3, 4)]
    new = shown(1, OF_B, 2, at[4], epoch=EPOCH_2, **unknown)
    rotate(small)
    messages = [small.swipes(old[:2]), small.swipes(old[2:]), small.swipes([new], EPOCH_2)]
    for one in order:
        assert small.settle(messages[one])
    (case,) = small.rows(t.cases)
    assert (case.kind, case.token, case.person) == ("gate_query", named(OF_B, 2), None)
    assert {row.token for row in small.rows(t.swipes)} == {named(OF_B, 2)}
    for one in order:
        assert small.settle(messages[one]), "sent again"
    assert len(small.rows(t.swipes)) == 5
    assert small.rows(t.troubles) == [], "it is no clone"


def test_a_case_about_a_stranger_goes_on_under_the_new_token_and_becomes_the_persons(small: Office) -> None:
    small.import_register()
    unknown = {"verdict": "attend", "reasons": ["unknown_credential"]}
    small.take(*(shown(n, OF_B, 1, moment(*when), **unknown) for n, when in enumerate(STRANGER_DAYS, 1)))
    (case,) = small.rows(t.cases)
    rotate(small)
    assert small.settle(small.swipes([shown(1, OF_B, 2, moment(23), epoch=EPOCH_2, **unknown)], EPOCH_2))
    (same,) = small.rows(t.cases)
    assert (same.id, same.token) == (case.id, named(OF_B, 2))
    (person,) = small.enrol(entry(B))
    with small.database.read() as connection:
        owners = small.casework.subjects(connection, YUAN, [named(OF_B, 2)])
    assert owners[named(OF_B, 2)].person == person


def test_two_boxes_lost_one_after_the_other(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    rotate(office)
    found = roster(office)
    assert (found.header.token_key_id, found.header.older_keys) == (3, [2, 1])
    assert found.find(named(CARD, 1)) is not None
    with office.database.read() as connection:
        sent = handed_out(MASTER, YUAN, tokens.keys(connection, YUAN))
    assert [(one.number, one.key) for one in sent] == [(n, MASTER.token_key(YUAN, n)) for n in (3, 2, 1)]
    office.take(shown(1, CARD, 3, moment(23)))
    assert roster(office).find(named(CARD, 3)) is not None
    assert roster(office).find(named(OF_A, 3)) is not None


def test_a_rotation_ends_after_a_month_when_no_card_waits(office: Office) -> None:
    card_and_number(office)
    rotate(office)
    office.moment += timedelta(milliseconds=ROTATION_MS + 1)
    assert roster(office).header.older_keys == [1], "a card has not been shown"
    office.take(shown(1, CARD, 2, moment(23)))
    found = roster(office)
    assert (found.header.token_key_id, found.header.older_keys) == (2, [])
    assert found.find(named(CARD, 2)) is not None
    assert office.rows(t.retokened) == []


def test_what_is_listed_for_one_person_shows_no_card_twice(office: Office) -> None:
    (person,) = office.enrol(entry(A, cards=((CARD.kind, CARD.number),)))
    rotate(office)
    office.take(shown(1, CARD, 2, moment(23)))
    with office.database.read() as connection:
        assert len(cards.cards_of(connection, YUAN, person)) == 1


def test_without_a_rotation_no_key_is_sent() -> None:
    assert handed_out(MASTER, YUAN, tokens.Keys(1, 1)) == []
    keys = handed_out(MASTER, YUAN, tokens.Keys(2, 1))
    parts = [wire.decode(one, wire.RosterPart) for one in rosters.parts(1, bytes(70_000), keys)]
    assert [[one.number for one in part.keys] for part in parts] == [[2, 1], []]
    assert MASTER.token_key(YUAN, 2).hex() not in repr(parts[0])
