"""The pages of the grid worker and the community reviewer (/collect), put together."""

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.differences import FIELDS
from gateway.centre.pages.collect import alike, asked, declared, other_names
from gateway.centre.pages.collect.desk import DONE, WHY_NOT, Desk
from gateway.centre.pages.collect.household import CATEGORIES, EMPLOYMENTS, RELATIONS, STAYS, make_household_pages
from gateway.centre.pages.collect.ledger import make_ledger
from gateway.centre.pages.collect.review import make_review
from gateway.centre.pages.collect.reviewed import ACTS
from gateway.centre.pages.collect.tonight import COLLECTORS, PURPOSES, make_tonight
from gateway.centre.pages.standing_in import make_standing_in
from gateway.centre.visiting import Role
from gateway.centre.workbook import COLLECTING, COLUMNS, REVIEWING
from rules.cases import Dismissal, Objection
from rules.identity import Problem

WRONG: tuple[str, ...] = (
    "when",
    "choose",
    "appointment",
    "reason",
    "purpose",
    "missing",
    "field",
    "room",
    "twice",
    "impossible_date",
)
WRONG += ("not_an_adult", *(one.value for one in Problem))
WORDS = (
    *(f"collect.wrong.{code}" for code in WRONG),
    *(f"collect.done.{code}" for code in DONE),
    *(f"collect.why_not.{code}" for code in WHY_NOT),
    *(f"collect.purpose.{code}" for code in PURPOSES),
    *(f"collect.relation.{code}" for code in RELATIONS),
    *(f"collect.stay.{code}" for code in STAYS),
    *(f"collect.employment.{code}" for code in EMPLOYMENTS),
    *(f"collect.came.{role.value}" for role in Role),
    *(f"collect.role.{role.value}" for role in Role),
    *(f"collect.act.{act.value}" for act in ACTS),
    *(f"collect.why.{act}" for act in ("resolve", "return", "hand_back")),
    *(f"collect.dismissal.{one.value}" for one in Dismissal),
    *(f"collect.field.{name}" for name in FIELDS),
    *(f"collect.column.{name}" for name in COLUMNS),
    *(f"collect.event.{act.value}" for act in (*COLLECTING, *REVIEWING)),
    *(f"collect.group.{state}" for state in ("objected", "collected", "reviewed", "open", "filed")),
    *(f"own.value.{code}" for code in CATEGORIES),
    *(f"own.objection.{one.value}" for one in Objection),
    *declared.WORDS,
    *asked.WORDS,
    *alike.WORDS,
)


def make_collect(desk: Desk, access: Access) -> list[APIRouter]:
    """The pages as routers.

    Raises:
        TextsIncomplete: something that they may have to say has no text.
    """
    desk.pages.texts.need(WORDS)
    made = (make_tonight, make_household_pages, make_review, make_ledger)
    decided = (
        declared.make_declared_pages,
        asked.make_asked_pages,
        alike.make_alike_pages,
        other_names.make_name_pages,
    )
    return [make(desk, access) for make in (*made, *decided)] + [
        make_standing_in(desk, access, COLLECTORS, "/collect/deputies", desk.places)
    ]
