"""Two records of one person: found, made one, and parted again as they were."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.centre.merging import Merging, Twin
from gateway.store import tables as t
from gateway.store.queries import merging as rows
from gateway.store.queries import people
from rules.cases import NotPossible
from rules.model import CredentialKind
from tests.gateway.centre.office import BY, MASTER, OTHER, TODAY, YUAN, Office, entry, number, registration, token

A, B, C = number(1), number(2), number(3)
PERMIT = "CHN110101010119"
LONG_AGO = TODAY - timedelta(days=60)
MERGING = Merging(MASTER)
WATCHED = (t.enrolments, t.credentials, t.registrations, t.residents, t.cases, t.leases)


def twins(office: Office) -> list[Twin]:
    with office.database.read() as connection:
        return MERGING.twins(connection, YUAN)


def merge(office: Office, kept: int, gone: int) -> int:
    with office.database.write() as connection:
        return MERGING.merge(connection, BY, kept, gone)


def whose(office: Office) -> list[list[tuple[int, Any]]]:
    """Whose each row is, table by table."""
    return [
        [(row.id, row.tenant if table is t.leases else row.person) for row in office.rows(table)] for table in WATCHED
    ]


def test_the_same_name_with_the_same_phone_is_a_candidate_and_alone_it_is_none(office: Office) -> None:
    phone = {"phone": "13800000000"}
    office.enrol(
        entry(A, **phone), entry(B, room="502室", **phone), entry(C, room="503室"), entry(number(4), name="测试乙")
    )
    first, second, *_ = [row.id for row in office.rows(t.persons)]
    assert twins(office) == [Twin(first, second, "phone")]


def test_two_people_who_are_told_apart_are_no_candidates_any_more(office: Office) -> None:
    phone = {"phone": "13800000000"}
    office.enrol(entry(A, **phone), entry(B, room="502室", **phone))
    first, second = [row.id for row in office.rows(t.persons)]
    with office.database.write() as connection:
        MERGING.tell_apart(connection, BY, second, first)
        MERGING.tell_apart(connection, BY, first, second)
        with pytest.raises(NotPossible, match="one person"):
            MERGING.tell_apart(connection, BY, first, first)
    assert twins(office) == []
    assert len(office.rows(t.told_apart)) == 1
    office.enrol(entry(C, room="503室", **phone))
    third = office.rows(t.persons)[-1].id
    assert twins(office) == [Twin(first, third, "phone"), Twin(second, third, "phone")]


def test_what_is_of_one_goes_to_the_other_and_back(office: Office) -> None:
    kept, gone = office.enrol(entry(A, since=LONG_AGO), entry(B, room="502室", since=LONG_AGO))
    office.import_register(registration(B), as_of=TODAY)
    before = whose(office)
    number_of_merge = merge(office, kept, gone)
    with office.database.read() as connection:
        assert token(B) in people.tokens_of(connection, YUAN, kept)
        assert people.registrations(connection, kept, YUAN) != []
    assert twins(office) == []
    with office.database.write() as connection:
        MERGING.undo(connection, BY, number_of_merge)
        with pytest.raises(NotPossible, match="parted already"):
            MERGING.undo(connection, BY, number_of_merge)
    assert whose(office) == before
    assert [row.merged_into for row in office.rows(t.persons)] == [None, None]
    noted = [row.changes for row in office.rows(t.history) if row.subject == "persons" and "merged_into" in row.changes]
    assert noted == [{"merged_into": [None, kept]}, {"merged_into": [kept, None]}]


def test_a_list_that_names_the_one_that_is_gone_means_the_one_that_was_kept(office: Office) -> None:
    card = ((CredentialKind.CARD_UID, "04A1B2C3"),)
    kept, gone = office.enrol(entry(A), entry(B, room="502室", cards=card))
    merge(office, kept, gone)
    with office.database.write() as connection:
        ids, bad = office.register.enrol(connection, BY, YUAN, [entry(B, room="504室", cards=card)])
    assert (ids, bad) == ([kept], [])
    office.import_register(registration(B), as_of=TODAY)
    assert {row.person for row in office.rows(t.registrations)} == {kept}


def test_a_name_that_a_thousand_have_is_looked_through_all_the_same(small: Office) -> None:
    small.enrol(*(entry(number(i), room=f"{i // 2}室", phone="13800000000" if i < 30 else "") for i in range(1, 1000)))
    found = twins(small)
    assert len(found) == len(set(found)) == 200
    assert {one.why for one in found} == {"phone"}


def test_one_record_is_no_two_and_none_goes_twice(small: Office) -> None:
    one, two, three = small.enrol(entry(A), entry(B, room="502室"), entry(C, room="503室"))
    with pytest.raises(NotPossible, match="one record"):
        merge(small, one, one)
    with pytest.raises(LookupError):
        merge(small, one, 999)
    merge(small, one, two)
    with pytest.raises(NotPossible, match="already"):
        merge(small, two, three)
    with pytest.raises(NotPossible, match="already"):
        merge(small, three, two)
    with pytest.raises(NotPossible, match="the one to keep"):
        merge(small, three, one)


def test_a_protected_record_makes_the_other_one_protected(small: Office) -> None:
    one, two = small.enrol(entry(A), entry(B, room="502室"))
    small.protect(two)
    number_of_merge = merge(small, one, two)
    assert [row.protected for row in small.rows(t.persons)] == [True, True]
    with small.database.write() as connection:
        MERGING.undo(connection, BY, number_of_merge)
    assert [row.protected for row in small.rows(t.persons)] == [False, True]


def test_both_rosters_are_built_again(small: Office) -> None:
    (one,) = small.enrol(entry(A))
    (two,) = small.enrol(entry(B), community=OTHER)
    with small.database.write() as connection:
        for community in (YUAN, OTHER):
            people.roster_is_fresh(connection, community)
    merge(small, one, two)
    assert [row.roster_stale for row in small.rows(t.communities)] == [True, True]


def test_every_column_that_says_whose_a_row_is_is_known_to_merging() -> None:
    known = {(table.name, column) for table, column in rows._OF_A_PERSON} | {
        ("persons", "merged_into"),
        ("merges", "kept"),
        ("merges", "gone"),
        ("told_apart", "first"),
        ("told_apart", "second"),
    }
    named = {
        (table.name, column.name)
        for table in t.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table is t.persons
    }
    assert named == known
