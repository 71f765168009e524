"""Two synthetic compounds and those who live there: 滨河苑, large, and 沿江苑, small. Plain data.

滨河苑: 896 households, 2,781 residents, of them 279 tenants; 83 are not registered, 61 tenants and 22 lodgers.
沿江苑: 60 households; 10 residents are not registered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from simulators.people import Dwelling, People, Person, Tenure
from simulators.sam import CardType

DISTRICT, STREET = "示例区", "江湾街道"


@dataclass(frozen=True, slots=True)
class Compound:
    """A compound, its dwellings, its residents, and those who come and go without living there."""

    id: str
    name: str
    dwellings: tuple[Dwelling, ...]
    residents: tuple[Person, ...]
    others: tuple[Person, ...]
    visitor_codes: tuple[str, ...]
    """Codes that the property has given out and that are good."""

    @property
    def unregistered(self) -> tuple[Person, ...]:
        """Residents whom the register does not know."""
        return tuple(person for person in self.residents if not person.registered)

    def of_cast(self, part: str) -> Person:
        """Return who plays a part. Raises KeyError when nobody does."""
        for person in (*self.residents, *self.others):
            if person.cast == part:
                return person
        raise KeyError(part)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many there are of what."""

    id: str
    name: str
    buildings: int
    units: int
    floors: int
    rooms: int
    residents: int
    tenants: int
    lodgers: int
    unregistered_tenants: int
    unregistered_lodgers: int


BINHE = _Plan("binhe", "滨河苑", 14, 2, 16, 2, 2781, 279, 64, 61, 22)
YANJIANG = _Plan("yanjiang", "沿江苑", 2, 1, 15, 2, 173, 24, 4, 8, 2)


def binhe(today: date, seed: int = 1) -> Compound:
    """Return 滨河苑 with its cast, as it stands on `today`."""
    return _build(BINHE, today, seed, _cast_of_binhe)


def yanjiang(today: date, seed: int = 2) -> Compound:
    """Return 沿江苑, small and without a cast."""
    return _build(YANJIANG, today, seed, lambda _people, _today: ([], []))


Cast = tuple[list[Person], list[Person]]


def _build(plan: _Plan, today: date, seed: int, cast: Callable[[People, date], Cast]) -> Compound:
    people, random = People(seed, today), Random(seed)
    dwellings = tuple(_dwellings(plan))
    named, others = cast(people, today)
    tenures = _tenures(plan, named)
    homes = _homes(dwellings, len(tenures), named, random)
    residents = list(named)
    for place, ((tenure, registered), home) in enumerate(zip(tenures, homes, strict=True)):
        residents.append(_resident(people, random, today, f"{plan.id}-{place:04d}", tenure, registered, home))
    codes = tuple(f"{random.randrange(10**7, 10**8)}" for _ in range(20))
    return Compound(plan.id, plan.name, dwellings, tuple(residents), tuple(others), codes)


def _dwellings(plan: _Plan) -> Iterator[Dwelling]:
    for building in range(1, plan.buildings + 1):
        for unit in range(1, plan.units + 1):
            for floor in range(1, plan.floors + 1):
                for room in range(1, plan.rooms + 1):
                    yield Dwelling(building, unit, f"{floor}{room:02d}")


def _tenures(plan: _Plan, named: list[Person]) -> list[tuple[Tenure, bool]]:
    """Tenure and registration of everybody without a name, so that with the cast the numbers come out right."""
    owners = plan.residents - plan.tenants - plan.lodgers
    wanted = {
        (Tenure.TENANT, False): plan.unregistered_tenants,
        (Tenure.LODGER, False): plan.unregistered_lodgers,
        (Tenure.TENANT, True): plan.tenants - plan.unregistered_tenants,
        (Tenure.LODGER, True): plan.lodgers - plan.unregistered_lodgers,
        (Tenure.OWNER, True): owners,
    }
    for person in named:
        if person.tenure is not None:
            wanted[person.tenure, person.registered] -= 1
    return [what for what, count in wanted.items() for _ in range(count)]


def _homes(dwellings: tuple[Dwelling, ...], count: int, named: list[Person], random: Random) -> list[Dwelling]:
    """A home for each of `count` people in the order of `_tenures`, so that nobody's home stands empty.

    Tenants come first and fill the first dwellings of a shuffled list, lodgers and owners share the rest.
    """
    taken = {person.dwelling for person in named}
    free = [dwelling for dwelling in dwellings if dwelling not in taken]
    random.shuffle(free)
    first = free[: min(len(free), count)]
    homes = [*first, *(random.choice(first) for _ in range(count - len(first)))]
    return sorted(homes, key={dwelling: place for place, dwelling in enumerate(free)}.__getitem__)


def _resident(
    people: People, random: Random, today: date, key: str, tenure: Tenure, registered: bool, home: Dwelling
) -> Person:
    youngest, oldest = (19, 58) if not registered else random.choice([(3, 13), (14, 60), (18, 60), (20, 60), (60, 88)])
    born, sex = people.born(youngest, oldest), random.choice("12")
    child = oldest < 14
    stay = random.randint(8, 90) if not registered else random.randint(200, 4000)
    return Person(
        key=key,
        name=people.name(),
        number=people.number(born, sex),
        born=born,
        sex=sex,
        dwelling=home,
        tenure=tenure,
        registered=registered,
        since=today - timedelta(days=stay),
        phone=None if child else people.phone(),
        card_uid=people.card_uid() if child or random.random() < 0.4 else None,
    )


def _cast_of_binhe(people: People, today: date) -> Cast:
    """USERS of the demonstration, all invented."""

    def person(part: str, name: str, years: int, sex: str, home: Dwelling | None, tenure: Tenure | None) -> Person:
        born = people.born(years, years + 1)
        number = people.number(born, sex)
        since = today - timedelta(days=900)
        return Person(part, name, number, born, sex, home, tenure, True, since, people.phone(), None, cast=part)

    tuesday = today - timedelta(days=(today.weekday() - 1) % 7)
    anna_born, huang_born = people.born(34, 35), people.born(51, 52)
    residents = [
        replace(person("li-xiuying", "李秀英", 78, "2", Dwelling(3, 1, "202"), Tenure.OWNER), phone=None),
        replace(
            person("zhou-wei", "周伟", 27, "1", Dwelling(5, 2, "1101"), Tenure.TENANT), registered=False, since=tuesday
        ),
        person("landlord-he", "何房东", 56, "1", Dwelling(5, 1, "901"), Tenure.OWNER),
        replace(
            person("anna-mueller", "", 34, "2", Dwelling(8, 1, "1502"), Tenure.TENANT),
            born=anna_born,
            number=people.number(anna_born, "2", "951276"),
            card_type=CardType.PR_2023,
            english_name="MUELLER, ANNA",
        ),
        replace(
            person("mr-huang", "黄先生", 51, "1", Dwelling(2, 2, "701"), Tenure.TENANT),
            born=huang_born,
            number=people.number(huang_born, "1", "810000"),
            card_type=CardType.HMT_PERMIT,
        ),
        replace(person("xiaoyu", "小雨", 9, "2", Dwelling(3, 2, "502"), Tenure.OWNER), card_uid=people.card_uid()),
        person("ayiguli", "阿依古丽·买买提", 31, "2", Dwelling(11, 1, "302"), Tenure.TENANT),
        replace(person("ms-liu", "刘女士", 38, "2", Dwelling(9, 2, "1202"), Tenure.OWNER), protected=True),
    ]
    others = [
        person("courier-chen", "陈骑手", 24, "1", None, None),
        replace(person("auntie-wang", "王阿姨", 49, "2", None, None), card_uid=people.card_uid()),
    ]
    return residents, others
