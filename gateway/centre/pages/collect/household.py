"""A whole household in one form: who is known to live there, a line for each person, who came, all taken at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.centre import visiting, worklists
from gateway.centre.api.access import Access, by_of
from gateway.centre.api.cases import deed_of
from gateway.centre.api.household import MOST, MemberBody, member_of
from gateway.centre.household import BadForm, Households, Member
from gateway.centre.household import Form as Taken
from gateway.centre.pages.collect.desk import Again, Desk
from gateway.centre.pages.collect.tonight import COLLECTORS, Form
from gateway.centre.pages.collect.visit import Companions, at_of, companions
from gateway.centre.pages.typed import Typed, whole
from gateway.centre.persons import Persons, called
from gateway.centre.visiting import Visit
from gateway.centre.worklists import Tonight
from gateway.settings import ApiClient
from gateway.store.queries import people, residents
from gateway.store.queries.casefile import Subject
from rules.cases import Actor, CaseAct
from rules.identity import mask, mask_name
from rules.model import CaseKind, CredentialKind, Source

FIELDS = tuple(MemberBody.model_fields)
RELATIONS = ("head", "spouse", "child", "parent", "other_relative", "tenant", "other")
"""What somebody is to the head of the household; kept as the Chinese word, as lists have it."""
CATEGORIES = ("hukou", "lodging", "floating", "hmt", "foreign", "no_hukou")
STAYS = ("own", "rented", "lent")
EMPLOYMENTS = ("employed", "none")
_TAKES = frozenset({CaseKind.COLLECTION, CaseKind.RECHECK})


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who is known to live there: name and number masked; nothing of a protected record."""

    name: str
    number: str
    relation: str
    category: str
    since: Any


def make_household_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages as a router."""
    router = APIRouter()
    may = Annotated[ApiClient, Depends(access.page(*COLLECTORS))]
    households, persons = Households(desk.master, desk.slips), Persons(desk.master)

    @router.get("/collect/homes/{dwelling}")
    def blank(request: Request, dwelling: int, client: may) -> HTMLResponse:
        return shown(desk, request, client, dwelling, Typed({}), lines=1)

    @router.post("/collect/homes/{dwelling}")
    def take(request: Request, dwelling: int, client: may, form: Form) -> Response:
        lines = min(max(form.number("lines"), 1), MOST)
        if form.text("more"):
            return shown(desk, request, client, dwelling, form, lines=min(lines + 1, MOST))
        members, wrong = members_of(form, lines, client.scope, persons)
        at = at_of(form, desk.casework.now())
        if at is None or at > desk.casework.now():
            wrong["at"] = "when"
        if wrong or at is None:
            return shown(desk, request, client, dwelling, form, lines=lines, again=Again(wrong))
        visit = Visit(at, met=True, notice_left=False, came=companions(form))
        takes = _Takes(desk, households, client, dwelling, members, visit)
        try:
            done = desk.take(client, form, "/collect/tonight?done=household", lambda c: takes(c, form.all("case")))
        except BadForm as error:
            wrong = {f"{one.field}-{one.row}": one.code for one in error.problems}
            done = Again(wrong)
        if isinstance(done, Response):
            desk.register_changed()
            return done
        return shown(desk, request, client, dwelling, form, lines=lines, again=done)

    return router


@dataclass(frozen=True, slots=True)
class _Takes:
    """Takes a form in a transaction: the visit first, then who lives there, with the cases that were ticked."""

    desk: Desk
    households: Households
    client: ApiClient
    dwelling: int
    members: Sequence[Member]
    visit: Visit

    def __call__(self, connection: Connection, cases: Sequence[str]) -> None:
        desk, client = self.desk, self.client
        seen = {}
        for one in cases:
            number, _, revision = one.partition(":")
            seen[whole(number)] = self._visited(connection, whole(number), whole(revision))
        form = Taken(self.dwelling, tuple(self.members), seen)
        by, actor = by_of(client, desk.casework.now()), Actor(client.role)
        ids, _ = self.households.take(connection, by, client.scope, form, actor, Source.VISIT)
        desk.casework.judge(connection, [Subject(client.scope, one, None) for one in ids])

    def _visited(self, connection: Connection, case: int, revision: int) -> int:
        """The revision of a case after the visit was logged on it."""
        row = self.desk.case(connection, self.client, case, revision)
        deed = deed_of(self.client, self.desk.casework, CaseAct.VISIT, revision)
        visiting.log_also(connection, self.desk.master, [row], self.visit, deed)
        return int(self.desk.case(connection, self.client, case).revision)


def members_of(form: Typed, lines: int, community: str, persons: Persons) -> tuple[list[Member], dict[str, str]]:
    """The lines that say something, as far as each can be read; field -> what is wrong in it."""
    members, wrong = [], {}
    for row in range(lines):
        said = {name: form.text(f"{name}-{row}", 200) for name in FIELDS}
        if row and not (said["number"] or said["name"]):
            continue
        guardian = said.pop("guardian")
        filled = {name: value for name, value in said.items() if value}
        filled |= {"guardian": whole(guardian) - 1} if whole(guardian) else {}  # type: ignore[dict-item]
        try:
            members.append(member_of(MemberBody.model_validate(filled), community, persons))
        except ValidationError as error:
            for mistake in error.errors():
                where = mistake["loc"][0] if mistake["loc"] else _needed(said)  # a number, or else a day of birth
                missing = mistake["type"] == "missing" or not said[str(where)]
                wrong[f"{where}-{row}"] = "missing" if missing else "field"
    return members, wrong


def _needed(said: Mapping[str, str]) -> str:
    return "born" if said["kind"] == CredentialKind.NO_NUMBER else "number"


def shown(
    desk: Desk,
    request: Request,
    client: ApiClient,
    dwelling: int,
    form: Typed,
    *,
    lines: int,
    again: Again | None = None,
) -> HTMLResponse:
    """The form of a dwelling; with what was wrong and what was typed, where something was."""
    whose = desk.whose(client)
    with desk.database.read() as connection:
        if not people.dwelling_is_here(connection, client.scope, dwelling):
            raise LookupError("there is no such dwelling here")
        place = " ".join(part for part in people.dwelling(connection, dwelling) if part)
        mine = [one for one in worklists.tonight(connection, desk.master, whose) if one.dwelling == dwelling]
        rows = residents.household(connection, client.scope, dwelling)
    cases = [one for one in mine if one.kind in _TAKES]
    key = {"key": form.text("key", 40)} if again is not None and again.whole != "reused" else {}
    return desk.page(
        request,
        client,
        "household",
        place,
        status=200 if again is None else again.status,
        place=place,
        dwelling=dwelling,
        cases=cases,
        ticked=_ticked(form, cases),
        known=[_known(desk, row) for row in rows if whose.protected or not row.protected],
        lines=lines,
        most=MOST,
        pairs=_pairs(desk, request),
        blank=Typed({}),
        today=whose.today,
        now=worklists.moment(desk.casework.now()),
        companions=Companions(form),
        errors=desk.errors(request, again) if again is not None else {},
        why_not="" if again is None else again.whole,
        typed=form,
        **key,
    )


def _pairs(desk: Desk, request: Request) -> dict[str, list[tuple[str, str]]]:
    """What the lists of a line offer: what is kept, and how it is shown."""

    def shown_as(prefix: str, codes: Sequence[str]) -> list[tuple[str, str]]:
        return [(code, desk.say(request, f"{prefix}.{code}")) for code in codes]

    relations = [f"collect.relation.{one}" for one in RELATIONS]
    return {
        "category": shown_as("own.value", CATEGORIES),
        "stay": shown_as("collect.stay", STAYS),
        "employment": shown_as("collect.employment", EMPLOYMENTS),
        "relation": [(desk.pages.texts.get("zh", key), desk.say(request, key)) for key in relations],
    }


def _ticked(form: Typed, cases: Sequence[Tonight]) -> set[int]:
    """The cases that are collected with the form: all, or those that were left ticked."""
    if not form.fields:
        return {one.id for one in cases}
    return {whole(one.partition(":")[0]) for one in form.all("case")}


def _known(desk: Desk, row: Any) -> Known:
    return Known(
        mask_name(called(desk.master, row)),
        mask(desk.master.show("persons.number", row.number)),
        row.relation or "",
        row.category,
        row.since,
    )
