"""A register of so many people in a database of the centre, in compounds of 2,500, each with a card."""

import secrets
from datetime import date, timedelta

from sqlalchemy import Connection

from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.database import Database

A_COMPOUND = 2_500
TODAY = date.today()  # noqa: DTZ011 - a day on which all of this is of some days ago
_ROWS = 20_000


def fill(database: Database, master: Master, people: int, compounds: list[str]) -> list[list[bytes]]:
    """People, the first in `compounds` and the others elsewhere; the tokens of those in each of `compounds`."""
    number, name = master.hide("persons.number", "51009919000101001X"), master.hide("persons.name", "测试甲")
    tokens = [secrets.token_bytes(16) for _ in range(people)]
    places = compounds + [f"elsewhere-{n}" for n in range(max(0, people // A_COMPOUND - len(compounds)))]
    with database.write() as connection:
        known = set(connection.execute(t.communities.select().with_only_columns(t.communities.c.id)).scalars())
        made = [{"id": one, "name": one, "street": "测试街道", "police_station": "test"} for one in places]
        fresh = [one | {"portals": [], "register_as_of": TODAY} for one in made if one["id"] not in known]
        if fresh:
            connection.execute(t.communities.insert(), fresh)
        connection.execute(t.communities.update().values(register_as_of=TODAY))
        for first in range(0, people, _ROWS):
            part = range(first, min(first + _ROWS, people))
            ids = [(n + 1, places[min(n // A_COMPOUND, len(places) - 1)], tokens[n]) for n in part]
            _put(connection, ids, number, name)
    return [tokens[n * A_COMPOUND : (n + 1) * A_COMPOUND] for n in range(len(compounds))]


def _put(connection: Connection, ids: list[tuple[int, str, bytes]], number: bytes, name: bytes) -> None:
    since = TODAY - timedelta(60)
    person = {"kind": "citizen-id", "number": number, "name": name}
    connection.execute(t.persons.insert(), [person | {"id": n, "lookup": secrets.token_bytes(32)} for n, _, _ in ids])
    home = {"dwelling": None, "category": "floating", "since": since}
    connection.execute(
        t.residents.insert(),
        [
            home | {"community": place, "person": n, "source": "property", "confirmed_on": since, "employment": "none"}
            for n, place, _ in ids
        ],
    )
    connection.execute(
        t.enrolments.insert(), [home | {"community": place, "person": n, "role": 0} for n, place, _ in ids]
    )
    connection.execute(
        t.credentials.insert(),
        [
            {"community": place, "person": n, "kind": "citizen-id", "token": token, "token_key": 1}
            for n, place, token in ids
        ],
    )
    connection.execute(
        t.registrations.insert(),
        [
            {"person": n, "community": place, "since": since, "as_of": TODAY, "source": "import"}
            for n, place, _ in ids
            if n % 100 < 97
        ],
    )
