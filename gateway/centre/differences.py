"""What a reviewer sees of what was collected: the fields that differ from what stood before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from gateway.centre import deskwork
from gateway.keys import Master
from gateway.store import tables as t
from gateway.store.queries import casefile, homes
from rules.cases import CaseState, NotPossible
from rules.identity import mask_name

_HIDDEN = {("persons", "name"), ("persons", "phone"), ("residents", "employer")}
_SHOWN = {
    "persons": ("name", "phone"),
    "residents": ("dwelling", "category", "relation", "stay", "hukou", "since", "employment", "employer"),
}
FIELDS = tuple(name for names in _SHOWN.values() for name in names)
"""What is compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field with what stood before and what was collected; `before` None where nothing did."""

    name: str
    before: str | None = field(repr=False)
    after: str | None = field(repr=False)


def of(connection: Connection, master: Master, case: int, who: str, now: int) -> list[Difference]:
    """As `found`; the reading is noted on the case."""
    seen = found(connection, master, case)
    state = CaseState(deskwork.found(connection, case).state).value
    casefile.add_event(connection, case, at=now, actor=who, act="read_collected", state=state)
    return seen


def found(connection: Connection, master: Master, case: int) -> list[Difference]:
    """What the last collection of a case has changed of its person.

    Raises:
        LookupError: there is no such case. NotPossible: nothing was collected.
    """
    row = deskwork.found(connection, case)
    by = homes.collected(connection, case)
    if by is None or row.person is None:
        raise NotPossible("nothing was collected")
    stay = homes.stay(connection, row.community, row.person)
    seen: list[Difference] = []
    for noted in homes.changed(connection, row.person, stay.id if stay is not None else None, by):
        if noted.changes == {"created": [None, True]}:
            seen += _whole(connection, master, noted.subject, row.person, stay)
        else:
            seen += [
                Difference(name, _plain(master, noted.subject, name, old), _plain(master, noted.subject, name, new))
                for name, (old, new) in noted.changes.items()
                if name in _SHOWN[noted.subject]
            ]
    return seen


def masked(one: Difference) -> Difference:
    """A difference without the name, the phone and the employer in full."""
    if one.name not in MASKED:
        return one
    return Difference(one.name, *(None if text is None else MASKED[one.name](text) for text in (one.before, one.after)))


MASKED: Mapping[str, Callable[[str], str]] = {
    "name": mask_name,
    "phone": lambda text: "*" * len(text),
    "employer": mask_name,
}


def _whole(connection: Connection, master: Master, subject: str, person: int, stay: Any) -> list[Difference]:
    """Of a row that was not there before, all that it says."""
    row = stay if subject == t.residents.name else casefile.person(connection, person)
    values = {name: _plain(master, subject, name, getattr(row, name)) for name in _SHOWN[subject]}
    return [Difference(name, None, value) for name, value in values.items() if value not in (None, "", "unknown")]


def _plain(master: Master, subject: str, name: str, value: Any) -> str | None:
    if value is None or (subject, name) not in _HIDDEN:
        return None if value is None else str(value)
    return master.show(f"{subject}.{name}", value if isinstance(value, bytes) else bytes.fromhex(value))
