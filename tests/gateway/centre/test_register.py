"""The register: rows that are taken, rows that come back without being quoted, and lists that come in parts."""

import threading
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.imports import CHUNK, Imports
from gateway.centre.persons import Identity, Persons
from gateway.centre.register import BadRow
from gateway.store import tables as t
from gateway.store.database import Database
from rules.model import CredentialKind, Role
from tests.gateway.centre.office import (
    BY,
    MASTER,
    OTHER,
    TODAY,
    YUAN,
    Office,
    entry,
    number,
    registration,
    tenant,
    token,
)
from tests.gateway.store.databases import copied
from tests.waiting import until

A, B, C = number(1), number(2), number(3)
SOMEBODY_ELSES = "a credential of this row is somebody else's here"
LONG_AGO = TODAY - timedelta(days=30)
NAMES = ["李四", "𠮷𡈼", "阿依古丽·买买提", "Müller-Ørsted, Anna María José " * 3, "ﾊﾝｶｸ", "O'Brien"]


def enrol(office: Office, *entries: Any) -> tuple[list[int], list[BadRow]]:
    with office.database.write() as connection:
        return office.register.enrol(connection, BY, YUAN, entries)


def names(office: Office) -> list[str]:
    return [MASTER.show("persons.name", row.name) for row in office.rows(t.persons)]


BAD = {
    "a wrong check digit": ({"number": A[:-1] + ("0" if A[-1] != "0" else "1")}, "check_digit"),
    "a day that does not exist": ({"number": number(1)[:10] + "1332" + "001X"}, "date"),
    "too short": ({"number": "51009919000"}, "length"),
    "a portal that is not there": ({"portals": ("east", "moon-gate")}, "portal"),
    "an end before its beginning": ({"since": TODAY, "until": TODAY - timedelta(days=1)}, "ends before"),
    "a card that is all zeros": ({"cards": ((CredentialKind.CARD_UID, "00000000"),)}, "characters"),
    "a visitor's code with letters": ({"kind": CredentialKind.VISITOR, "number": "12AB5678"}, "characters"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_row_with(small: Office, why: str) -> None:
    over, problem = BAD[why]
    bad = entry(str(over.get("number", C)), **{k: v for k, v in over.items() if k != "number"})
    ids, not_taken = enrol(small, entry(A), bad, entry(B))
    assert len(ids) == 2, "the others are taken"
    ((row, told),) = [(one.row, one.problem) for one in not_taken]
    assert row == 1
    assert problem in told
    assert bad.number not in told
    assert "测试" not in told
    assert bad.number not in repr(bad)


def test_the_same_number_twice_in_a_list_is_taken_once(small: Office) -> None:
    ids, bad = enrol(small, entry(A), entry(A.lower()), entry(f" {A} "))
    assert (len(ids), [one.row for one in bad]) == (1, [1, 2])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_as_it_went_in(small: Office, name: str) -> None:
    enrol(small, entry(A, name=name))
    assert names(small) == [name]


def test_enrolling_again_changes_and_never_doubles(office: Office) -> None:
    first, _ = enrol(office, entry(A, until=date(2026, 12, 1)), entry(B, room="502室"))
    again, _ = enrol(office, entry(A, name="测试乙", until=date(2027, 1, 1)), entry(B, room="503室"))
    assert first == again
    assert [len(office.rows(table)) for table in (t.persons, t.enrolments, t.credentials)] == [2, 2, 2]
    assert names(office) == ["测试甲", "测试甲"], "a list changes no known name"
    assert [row.until for row in office.rows(t.enrolments)] == [date(2027, 1, 1), None]


CARD = (CredentialKind.CARD_UID, "04a1b2c3")
CODE = (CredentialKind.VISITOR, "12345678")


def holder(office: Office, kind: CredentialKind = CredentialKind.CARD_UID, text: str = "04A1B2C3") -> int:
    owners: dict[bytes, int] = {row.token: row.person for row in office.rows(t.credentials)}
    return owners[token(text, kind=kind)]


def test_no_list_takes_a_card_from_somebody_who_has_it(office: Office) -> None:
    (first,), _ = enrol(office, entry(A, cards=(CARD,)))
    ids, bad = enrol(office, entry(C), entry(B, cards=(CARD,)))
    assert (len(ids), [(one.row, one.problem) for one in bad]) == (1, [(1, SOMEBODY_ELSES)])
    assert holder(office) == first
    assert len(office.rows(t.persons)) == 2, "nothing of the row is taken"


def test_a_card_that_two_people_of_one_list_name_stays_with_the_first(small: Office) -> None:
    _, bad = enrol(small, entry(A, cards=(CARD, CARD)), entry(B), entry(C, cards=((CARD[0], "04A1B2C3"),)))
    assert [(one.row, one.problem) for one in bad] == [(2, SOMEBODY_ELSES)]
    assert holder(small) == small.rows(t.persons)[0].id


def test_a_visitors_code_and_a_card_of_the_same_number_are_one_credential(small: Office) -> None:
    _, bad = enrol(small, entry(CODE[1], kind=CODE[0]), entry(A, cards=(CODE,)))
    assert [one.row for one in bad] == [1]
    enrol(small, entry(B, cards=((CODE[0], "87654321"),)))
    _, bad = enrol(small, entry("87654321", kind=CODE[0]))
    assert [one.problem for one in bad] == [SOMEBODY_ELSES]


def test_enrolling_again_with_the_same_cards_changes_nothing(office: Office) -> None:
    again = [enrol(office, entry(A, cards=(CARD, CODE)), entry(B)) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0][1] == []
    assert len(office.rows(t.credentials)) == 4


def test_the_same_card_may_be_another_persons_in_another_community(small: Office) -> None:
    small.enrol(entry(A, cards=(CARD,)))
    small.enrol(entry(B, cards=(CARD,)), community=OTHER)
    assert len({row.person for row in small.rows(t.credentials)}) == 2


@pytest.mark.parametrize(("ends", "moves"), [(TODAY - timedelta(days=1), True), (TODAY, False)])
def test_a_card_is_free_for_the_next_once_its_holders_enrolment_has_ended(
    small: Office, ends: date, moves: bool
) -> None:
    imports = Imports(small.database, small.register, small.casework)
    imports.enrol(BY, YUAN, [entry(A, since=LONG_AGO, until=ends, cards=(CARD,))])
    taken, bad = imports.enrol(BY, YUAN, [entry(B, cards=(CARD,))])
    assert (taken, len(bad)) == (int(moves), int(not moves))
    assert (holder(small) == small.rows(t.persons)[0].id) is not moves


def test_a_list_in_chunks_says_what_it_would_say_in_one(office: Office) -> None:
    imports = Imports(office.database, office.register, office.casework)
    people = [entry(number(seq), since=LONG_AGO) for seq in range(2 * CHUNK + 5)]
    people[3] = entry(number(3), cards=(CARD,))
    people[7] = entry(A[:-1] + ("0" if A[-1] != "0" else "1"))
    people[CHUNK] = entry(number(CHUNK), cards=(CARD,))
    people[CHUNK + 1] = entry(number(0))
    taken, bad = imports.enrol(BY, YUAN, people)
    assert (taken, [one.row for one in bad]) == (2 * CHUNK + 2, [7, CHUNK, CHUNK + 1])
    names = [registration(number(seq)) for seq in range(2 * CHUNK + 1)]
    taken, bad = imports.register(BY, YUAN, TODAY, [*names, registration(number(1))], complete=False)
    assert (taken, [one.row for one in bad]) == (2 * CHUNK + 1, [2 * CHUNK + 1])
    assert office.cases() == []
    imports.register(BY, YUAN, TODAY, names, complete=True)
    assert len(office.rows(t.registrations)) == 2 * CHUNK + 1
    assert len(office.cases()) == 4, "whom the whole list does not name"


def test_a_complete_list_without_rows_is_taken_in_chunks_too(small: Office) -> None:
    small.enrol(entry(A, since=LONG_AGO))
    imports = Imports(small.database, small.register, small.casework)
    assert imports.register(BY, YUAN, TODAY, [], complete=True) == (0, [])
    assert [case[1] for case in small.cases()] == ["collection"]


def test_whoever_waits_to_write_gets_a_turn_between_the_chunks_of_a_list(template: Path, tmp_path: Path) -> None:
    office = Office(Database(copied(template, tmp_path)))
    imports = Imports(office.database, office.register, office.casework)
    people = [entry(number(seq)) for seq in range(2 * CHUNK)]
    seen: list[int] = []

    def write() -> None:
        with office.database.write() as connection:
            seen.append(len(connection.execute(t.enrolments.select()).all()))

    threads = [threading.Thread(target=imports.enrol, args=(BY, YUAN, people)), threading.Thread(target=write)]
    with office.database.write():
        for place, thread in enumerate(threads, 1):
            thread.start()
            until(partial(waiting, office, place), what="the writer in the queue")
    for thread in threads:
        thread.join()
    office.database.close()
    assert seen == [CHUNK]


def waiting(office: Office, number: int) -> bool:
    return office.database._turns.waiting == number


def test_no_list_takes_the_mark_of_a_protected_person_away(office: Office) -> None:
    (person, _) = office.enrol(entry(A), entry(B))
    office.protect(person)
    enrol(office, entry(A, name="测试乙"), entry(B))
    office.import_register(registration(A), registration(B))
    assert [row.protected for row in office.rows(t.persons)] == [True, False]


def known_as(office: Office) -> list[str]:
    return [MASTER.show("persons.name", row.name) for row in office.rows(t.persons)]


def said_otherwise(office: Office) -> list[tuple[str, str, str]]:
    return [(row.community, MASTER.show("names.name", row.name), row.said_by) for row in office.rows(t.names)]


def test_no_list_changes_a_known_name_and_a_reviewer_decides(office: Office) -> None:
    office.enrol(entry(A, name="阿依古丽·买买提"))
    office.enrol(entry(A, name="阿依古丽•买买提 "))
    assert said_otherwise(office) == [], "the dot is written in several ways"
    office.enrol(entry(A, name="测试乙"), community=OTHER)
    office.import_register(registration(A, name="测试丙"))
    assert known_as(office) == ["阿依古丽·买买提"]
    assert said_otherwise(office) == [(OTHER, "测试乙", BY.actor), (YUAN, "测试丙", BY.actor)]
    persons = Persons(MASTER)
    other, here = (row.id for row in office.rows(t.names))
    with office.database.write() as connection:
        with pytest.raises(LookupError):
            persons.rename(connection, BY, YUAN, other, take=True)
        persons.rename(connection, BY, OTHER, other, take=False)
        persons.rename(connection, BY, YUAN, here, take=True)
    assert known_as(office) == ["测试丙"]
    assert said_otherwise(office) == []
    assert [(row.community, list(row.changes)) for row in office.rows(t.history)[-2:]] == [
        (OTHER, ["other_name"]),
        (YUAN, ["name"]),
    ]


def test_whoever_has_seen_the_document_corrects_a_name_that_no_other_community_knows(office: Office) -> None:
    def seen(name: str, phone: str, community: str = YUAN) -> None:
        one = Identity(CredentialKind.CITIZEN_ID, A, name, phone)
        with office.database.write() as connection:
            Persons(MASTER).put(connection, BY, community, [one], seen=True)

    office.enrol(entry(A))
    seen("测试乙", "13800000001")
    assert (known_as(office), said_otherwise(office)) == (["测试乙"], [])
    before = office.rows(t.persons)[0].phone_lookup
    office.enrol(entry(A, name="测试乙"), community=OTHER)
    seen("测试丙", "13800000002", OTHER)
    assert (known_as(office), said_otherwise(office)) == (["测试乙"], [(OTHER, "测试丙", BY.actor)])
    assert office.rows(t.persons)[0].phone_lookup == before, "nor is the phone of somebody whom another one knows"


def test_an_unknown_community_is_refused(small: Office) -> None:
    with small.database.write() as connection, pytest.raises(LookupError):
        small.register.enrol(connection, BY, "moon-yuan", [entry(A)])
    with small.database.write() as connection, pytest.raises(LookupError):
        small.register.register(connection, BY, "moon-yuan", TODAY, [registration(A)], complete=True)


def test_a_list_that_is_not_complete_opens_nothing(office: Office) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.import_register(registration(B), complete=False)
    office.take(*tenant(A))
    assert office.cases() == []
    office.import_register(registration(C), complete=True)
    assert [case[1] for case in office.cases()] == ["collection"]


def test_a_complete_list_without_rows_says_that_nobody_is_registered(office: Office) -> None:
    office.enrol(entry(A, since=LONG_AGO))
    office.import_register()
    assert [case[1] for case in office.cases()] == ["collection"]
    assert next(row.register_as_of for row in office.rows(t.communities) if row.id == YUAN) == TODAY


def test_whom_a_newer_complete_list_no_longer_names_is_registered_through_the_day_before(office: Office) -> None:
    week_ago = TODAY - timedelta(days=7)
    office.enrol(entry(A, since=LONG_AGO), entry(B, since=LONG_AGO, room="502室"))
    office.import_register(registration(A), registration(B), as_of=week_ago)
    office.import_register(registration(A), as_of=TODAY, complete=False)
    assert [row.until for row in office.rows(t.registrations)] == [None, None], "parts of a list end nothing"
    office.import_register(as_of=TODAY)
    assert {row.until for row in office.rows(t.registrations)} == {None, TODAY - timedelta(days=1)}
    office.import_register(registration(A), registration(B), as_of=TODAY)
    assert [row.until for row in office.rows(t.registrations)] == [None, None], "said again, it holds again"


def test_what_the_police_answered_stays_though_their_list_does_not_have_it_yet(small: Office) -> None:
    (person,) = small.enrol(entry(A, since=LONG_AGO))
    with small.database.write() as connection:
        small.register.registered_by_answer(connection, BY, YUAN, person, TODAY - timedelta(days=2), "HZ-1")
    small.import_register()
    assert [(row.until, row.source) for row in small.rows(t.registrations)] == [(None, "answer")]
    assert small.cases() == []


def test_the_day_up_to_which_the_register_is_known_never_goes_back(small: Office) -> None:
    small.import_register(as_of=TODAY)
    small.import_register(as_of=TODAY - timedelta(days=3))
    assert next(row.register_as_of for row in small.rows(t.communities) if row.id == YUAN) == TODAY


def test_two_communities_have_different_tokens_for_one_person(small: Office) -> None:
    small.enrol(entry(A))
    small.enrol(entry(A), community=OTHER)
    assert len({row.person for row in small.rows(t.credentials)}) == 1
    assert len({row.token for row in small.rows(t.credentials)}) == 2


SHORTER: list[dict[str, Any]] = [
    {"until": date(2027, 5, 31)},
    {"role": Role.VISITOR},
    {"role": Role.STAFF},
    {"since": date(2027, 1, 1)},
    {"portals": ()},
]


@pytest.mark.parametrize("over", SHORTER)
def test_no_list_ends_or_shortens_a_residents_enrolment(office: Office, over: dict[str, Any]) -> None:
    enrol(office, entry(A, until=date(2027, 6, 1)), entry(B))
    ids, bad = enrol(office, entry(A, **over), entry(B, room="502室"))
    assert [(one.row, one.problem) for one in bad] == [
        (0, "a resident's enrolment is not ended or shortened by a list")
    ]
    assert len(ids) == 1
    assert {(row.until, row.role) for row in office.rows(t.enrolments)} == {(date(2027, 6, 1), 0), (None, 0)}
