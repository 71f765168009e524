"""The part of a form that says what a visit was: when, whether anybody was met, who came, the card, the appointment."""

from collections.abc import Mapping

from sqlalchemy import Connection

from gateway.centre import visiting
from gateway.centre.api.cases import deed_of, judge_again
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.typed import Typed
from gateway.centre.visiting import Came, Role, Visit
from gateway.settings import ApiClient
from gateway.store.queries import worklists
from rules.cases import CaseAct

AHEAD_MS = 10 * 60_000
"""A phone's clock may be so far ahead of ours: the visit is now."""
LONGEST_NAME = 60
COMPANIONS: Mapping[str, Role] = {"cadre": Role.CADRE, "volunteer": Role.VOLUNTEER, "colleague": Role.WORKER}
"""Fields in which those are named who came along."""


class Companions:
    """Who was typed to have come along, by field."""

    def __init__(self, form: Typed | None) -> None:
        self._form = form or Typed({})

    def __getitem__(self, name: str) -> str:
        return self._form.text(name, LONGEST_NAME)


def companions(form: Typed) -> tuple[Came, ...]:
    return tuple(Came(role, name) for field, role in COMPANIONS.items() if (name := form.text(field, LONGEST_NAME)))


def at_of(form: Typed, now: int) -> int | None:
    """When a visit was, as it was typed; a little ahead of now is now. None where it is no time."""
    at = form.instant("at") if form.text("at") else now
    return now if at is not None and now < at <= now + AHEAD_MS else at


def visit_of(form: Typed, now: int) -> Visit | Again:
    """The visit that a form says, or what is wrong with it."""
    at, met, again = at_of(form, now), form.text("met"), form.text("appointment")
    wrong: dict[str, str] = {}
    if at is None or at > now:
        wrong["at"] = "when"
    if met not in ("yes", "no"):
        wrong["met"] = "choose"
    appointment = form.instant("appointment") if again else None
    if again and (appointment is None or appointment <= now):
        wrong["appointment"] = "appointment"
    if wrong or at is None:
        return Again(wrong)
    return Visit(at, met == "yes", form.text("notice_left") == "yes", companions(form), appointment)


def log(
    connection: Connection, desk: Desk, client: ApiClient, case: int, revision: int, given: Visit, *, household: bool
) -> None:
    """Log a visit on a case as it was seen and, with `household`, on the others of the door. Raises as `log_visit`."""
    row = desk.case(connection, client, case, revision)
    others = worklists.at_one_door(connection, row) if household else ()
    deed = deed_of(client, desk.casework, CaseAct.VISIT, revision)
    visiting.log_visit(connection, desk.master, case, given, deed)
    visiting.log_also(connection, desk.master, others, given, deed)
    for number in (case, *(other.id for other in others)):
        judge_again(connection, desk.casework, number)
