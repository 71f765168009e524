from collections import Counter
from datetime import UTC, date, datetime, time
from itertools import islice

import pytest
from hypothesis import given

from drivers import id_text
from rules import identity
from rules.model import CredentialKind
from simulators import compound, people, rhythm
from simulators.people import Tenure
from tests import strategies as some

TODAY = date(2026, 11, 23)
BINHE = compound.binhe(TODAY)
YANJIANG = compound.yanjiang(TODAY)
EVERYBODY = [*BINHE.residents, *BINHE.others, *YANJIANG.residents]


@given(number=some.citizen_numbers())
def test_two_ways_to_the_check_digit_agree(number: str) -> None:
    assert people.number_of(number[:17]) == number


def test_every_number_holds_and_none_can_be_a_real_persons() -> None:
    for person in EVERYBODY:
        assert identity.check(person.number, TODAY).valid
        assert person.number[:6] == people.REGION or person.cast in {"anna-mueller", "mr-huang"}


def test_everybodys_card_is_read_as_theirs() -> None:
    for person in EVERYBODY:
        card = id_text.parse(person.id_card().record())
        assert card.number == person.number
        assert card.name == (person.name or person.english_name)


def test_nobody_shares_a_number_a_card_or_a_key() -> None:
    for of_all in ([p.number for p in EVERYBODY], [p.key for p in EVERYBODY]):
        assert len(of_all) == len(set(of_all))
    cards = [p.card_uid for p in BINHE.residents if p.card_uid]
    assert len(cards) == len(set(cards))
    assert all(identity.canonical(CredentialKind.CARD_UID, uid) == uid for uid in cards)


def test_binhe_has_the_numbers_of_the_demonstration() -> None:
    assert len(BINHE.dwellings) == len({p.dwelling for p in BINHE.residents}) == 896
    assert len(BINHE.residents) == 2781
    assert sum(p.tenure is Tenure.TENANT for p in BINHE.residents) == 279
    assert Counter(p.tenure for p in BINHE.unregistered) == {Tenure.TENANT: 61, Tenure.LODGER: 22}


def test_yanjiang_is_small() -> None:
    assert (len(YANJIANG.dwellings), len(YANJIANG.unregistered)) == (60, 10)


@pytest.mark.parametrize(
    ("part", "age"),
    [("li-xiuying", 78), ("zhou-wei", 27), ("xiaoyu", 9), ("anna-mueller", 34), ("mr-huang", 51), ("auntie-wang", 49)],
)
def test_the_cast_is_of_the_age_of_their_part(part: str, age: int) -> None:
    assert BINHE.of_cast(part).age(TODAY) == age


def test_the_cast_is_who_they_are() -> None:
    assert BINHE.of_cast("li-xiuying").phone is None
    assert not BINHE.of_cast("zhou-wei").registered
    assert BINHE.of_cast("zhou-wei").since.weekday() == 1
    assert BINHE.of_cast("ms-liu").protected
    assert BINHE.of_cast("courier-chen") in BINHE.others
    with pytest.raises(KeyError):
        BINHE.of_cast("nobody")


def test_children_have_a_compound_card_and_no_telephone() -> None:
    children = [p for p in BINHE.residents if p.age(TODAY) < 13 and p.cast is None]
    assert len(children) > 100
    assert all(child.card_uid and child.phone is None and child.registered for child in children)


def test_the_same_seed_makes_the_same_people() -> None:
    assert compound.binhe(TODAY) == BINHE
    assert compound.binhe(TODAY, seed=9) != BINHE


def test_nothing_printed_holds_a_name_or_a_number() -> None:
    for person in EVERYBODY[:50]:
        printed = repr(person) + repr(person.id_card())
        assert person.number not in printed
        assert not person.name or person.name not in printed


def test_a_day_is_in_order_and_the_same_again() -> None:
    one = rhythm.day(YANJIANG, TODAY)
    assert one == rhythm.day(YANJIANG, TODAY)
    assert one != rhythm.day(YANJIANG, date(2026, 11, 22))
    assert [p.at for p in one] == sorted(p.at for p in one)
    assert {p.at.date() for p in one} == {TODAY}


def test_whoever_is_not_registered_comes_home_each_evening_with_their_identity_card() -> None:
    for on in (date(2026, 11, 20), date(2026, 11, 21), TODAY):
        home = [
            p
            for p in rhythm.day(YANJIANG, on, share=0.0)
            if p.person and not p.person.registered and p.inward and p.at.time() >= time(18)
        ]
        assert {p.person for p in home} == set(YANJIANG.unregistered)
        assert {p.medium for p in home} == {rhythm.Medium.ID_CARD}


def test_the_courier_comes_nine_times_a_day() -> None:
    visits = [p for p in rhythm.day(BINHE, TODAY, share=0.01) if p.person and p.person.cast == "courier-chen"]
    assert (len([p for p in visits if p.inward]), len(visits)) == (9, 18)


def test_the_flow_of_a_demonstration_keeps_its_pace_and_shows_everybody() -> None:
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)
    shown = list(islice(rhythm.flow(BINHE, start, 2.0), 500))
    assert shown == list(islice(rhythm.flow(BINHE, start, 2.0), 500))
    assert 800 < (shown[-1].at - start).total_seconds() < 1200
    assert {p.medium for p in shown} == set(rhythm.Medium)
    assert {p.person.cast for p in shown if p.person} > {"zhou-wei", "courier-chen", None}
    assert sum(bool(p.person and not p.person.registered) for p in shown) > 50
