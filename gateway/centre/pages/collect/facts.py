"""What a case's page shows to grid worker and reviewer alike: where, who (masked), visits, what was typed."""

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request

from gateway.centre import visiting
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.typed import Typed
from gateway.store.queries import casefile, people
from rules.identity import mask, mask_name


def place_of(connection: Connection, dwelling: int) -> str:
    """A dwelling as one says it."""
    return " ".join(part for part in people.dwelling(connection, dwelling) if part)


def facts_of(
    desk: Desk, request: Request, connection: Connection, row: Any, form: Typed | None, again: Again | None
) -> dict[str, Any]:
    """The values of a template for a case; with what was wrong and what was typed, where something was."""
    person = casefile.person(connection, row.person) if row.person is not None else None
    values = {
        "row": row,
        "place": place_of(connection, row.dwelling) if row.dwelling else "",
        "person": mask_name(desk.master.show("persons.name", person.name)) if person is not None else "",
        "number": mask(desk.master.show("persons.number", person.number)) if person is not None else "",
        "visits": [
            (one, [(role, mask_name(name)) for role, name in visiting.who_came(desk.master, one)])
            for one in casefile.visits(connection, row.id)
        ],
        "because": desk.because(request, row),
        "late": row.due is not None and row.due < desk.casework.today(),
    }
    return values | desk.again(request, again, form)
