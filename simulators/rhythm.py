"""Who presents what, and when: out to work, home in the evening, couriers all day. Seeded, plain data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from random import Random

from simulators.compound import Compound
from simulators.people import Person

CHINA = timezone(timedelta(hours=8))


class Medium(StrEnum):
    """What is presented, which decides the reader that can read it."""

    ID_CARD = "id_card"
    COMPOUND_CARD = "compound_card"
    VISITOR_CODE = "visitor_code"


@dataclass(frozen=True, slots=True)
class Presentation:
    """One person before one reader. `person` is None for a visitor with a code, which `code` then is."""

    at: datetime
    medium: Medium
    inward: bool
    person: Person | None = None
    code: str | None = field(default=None, repr=False)


def day(compound: Compound, on: date, seed: int = 0, share: float = 1.0) -> list[Presentation]:
    """Return a civil day's presentations in order of time; only a `share` of the registered residents goes out.

    Everybody who is not registered comes home in the evening, so that a case about them can ripen.
    """
    random = Random(f"{seed}/{compound.id}/{on.isoformat()}")
    found: list[Presentation] = []
    for person in compound.residents:
        if not person.registered or random.random() < share * 0.8:
            found += _out_and_home(person, on, random)
    for other in compound.others:
        found += _courier(other, on, random) if other.cast == "courier-chen" else _helper(other, on, random)
    for code in random.sample(compound.visitor_codes, k=min(3, len(compound.visitor_codes))):
        at = _about(on, time(15), 180, random)
        found.append(Presentation(at, Medium.VISITOR_CODE, inward=True, code=code))
    return sorted(found, key=lambda presentation: presentation.at)


def _about(on: date, around: time, minutes: float, random: Random) -> datetime:
    """Return a moment of that day, mostly within so many minutes of a time."""
    base = datetime.combine(on, around, CHINA)
    moved = base + timedelta(minutes=random.gauss(0, minutes / 2))
    first = datetime.combine(on, time(0), CHINA)
    return min(max(moved, first), first + timedelta(days=1, seconds=-1))


def medium_of(person: Person) -> Medium:
    """Return what this person mostly presents: the compound card where they have one."""
    return Medium.ID_CARD if person.card_uid is None else Medium.COMPOUND_CARD


def _out_and_home(person: Person, on: date, random: Random) -> list[Presentation]:
    medium = Medium.ID_CARD if not person.registered else medium_of(person)
    out = _about(on, time(7, 50), 80, random)
    home = _about(on, time(19, 30) if not person.registered else time(18, 30), 100, random)
    if not person.registered:
        home = max(home, datetime.combine(on, time(18, 5), CHINA))
    return [
        Presentation(out, medium, inward=False, person=person),
        Presentation(home, medium, inward=True, person=person),
    ]


def _courier(person: Person, on: date, random: Random) -> list[Presentation]:
    """Nine visits a day, each a few minutes long."""
    found = []
    for hour in (9, 10, 11, 12, 14, 16, 17, 18, 20):
        came = _about(on, time(hour), 20, random)
        left = came + timedelta(minutes=random.randint(4, 9))
        found.append(Presentation(came, Medium.ID_CARD, inward=True, person=person))
        found.append(Presentation(left, Medium.ID_CARD, inward=False, person=person))
    return found


def _helper(person: Person, on: date, random: Random) -> list[Presentation]:
    came, left = _about(on, time(8), 15, random), _about(on, time(17, 30), 15, random)
    medium = medium_of(person)
    return [
        Presentation(came, medium, inward=True, person=person),
        Presentation(left, medium, inward=False, person=person),
    ]


def flow(compound: Compound, start: datetime, pace_s: float, seed: int = 0) -> Iterator[Presentation]:
    """Return an endless stream from `start` on, one presentation in about `pace_s` seconds.

    Among registered residents come, again and again, the cast, somebody who is not registered, a visitor with a code,
    and a courier whom the guard lets in.
    """
    random = Random(f"{seed}/{compound.id}/flow")
    cast = [person for person in (*compound.residents, *compound.others) if person.cast is not None]
    unknown = list(compound.unregistered)
    couriers = [person for person in compound.others if person.cast == "courier-chen"]
    at = start
    while True:
        at += timedelta(seconds=pace_s * random.uniform(0.5, 1.5))
        turn, inward = random.random(), random.random() < 0.6
        if turn < 0.1:
            code = random.choice(compound.visitor_codes)
            yield Presentation(at, Medium.VISITOR_CODE, inward=True, code=code)
            continue
        crowd = compound.residents
        for share, some in ((0.2, cast), (0.3, couriers), (0.45, unknown)):
            if turn < share and some:
                crowd = tuple(some)
                break
        person = random.choice(crowd)
        medium = medium_of(person) if person.registered else Medium.ID_CARD
        yield Presentation(at, medium, inward=inward, person=person)
