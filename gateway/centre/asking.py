"""A hypothetical swipe or person from single fields: each becomes a line of the TOML in which a question is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "plain", "texts", "plains", "flag"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A field: where it stands in the question, how its value is written, and what it means."""

    key: str
    kind: Kind
    about: str


FIELDS: Mapping[str, Asked] = {
    "at": Asked("swipe.at", "plain", "moment of the swipe, like 2026-11-23T19:00:00"),
    "portal": Asked("swipe.portal", "text", "where"),
    "direction": Asked("swipe.direction", "text", "in or out"),
    "kind": Asked("swipe.kind", "text", "kind of credential"),
    "role": Asked("enrolment.role", "text", "as what they are enrolled: resident, guest, visitor, staff"),
    "since": Asked("enrolment.since", "plain", "first day of the enrolment"),
    "until": Asked("enrolment.until", "plain", "its last day"),
    "portals": Asked("enrolment.portals", "texts", "the portals that it names, with commas between"),
    "hours": Asked("hours", "texts", "its hours, like 06:00-22:00"),
    "age": Asked("enrolment.age", "text", "age band: 0-15, 16-59, 60+"),
    "lost": Asked("enrolment.lost", "flag", "reported lost"),
    "registered-until": Asked("enrolment.registered_until", "plain", "last day of the registration here"),
    "register-as-of": Asked("register_as_of", "plain", "day up to which the register is known"),
    "today": Asked("today", "plain", "of a person: the day on which they are judged"),
    "birth": Asked("person.birth", "plain", "their birth date"),
    "person-role": Asked("person.role", "text", "as what they are enrolled"),
    "enrolled-since": Asked("person.enrolled_since", "plain", "since when"),
    "origin": Asked("person.origin", "text", "mainland, compatriot, foreigner"),
    "rented": Asked("person.rented", "flag", "in a rented dwelling"),
    "last-checked": Asked("person.last_checked", "plain", "when it was last made sure how they live"),
    "lease-until": Asked("person.lease_until", "plain", "last day of their lease"),
    "passes": Asked("passes", "plains", "moments of their passes, with commas between"),
}
OF_PERSON = frozenset(
    name for name, one in FIELDS.items() if one.key.partition(".")[0] in {"today", "person", "passes"}
)


def question(values: Mapping[str, str]) -> str:
    """The TOML that asks about these fields; those that are empty say nothing."""
    said = {name: value.strip() for name, value in values.items() if name in FIELDS and value.strip()}
    return "".join(f"{FIELDS[name].key} = {_written(FIELDS[name].kind, value)}\n" for name, value in said.items())


def _written(kind: Kind, value: str) -> str:
    match kind:
        case "text":
            return _quoted(value)
        case "texts":
            return f"[{', '.join(_quoted(one.strip()) for one in value.split(','))}]"
        case "plains":
            return f"[{', '.join(_moment(one) for one in value.split(','))}]"
        case "flag":
            return "true"
        case _:
            return _moment(value)


def _moment(value: str) -> str:
    """A value as it was written, on one line; a moment to the minute, as browsers send it, has its seconds added."""
    line = " ".join(value.split())
    return f"{line}:00" if _TO_THE_MINUTE.fullmatch(line) else line


_TO_THE_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def _quoted(text: str) -> str:
    return '"' + "".join(one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text) + '"'
