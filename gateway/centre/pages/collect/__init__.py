"""The pages of the grid worker and the community reviewer (/collect), put together."""

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.pages.collect.desk import DONE, WHY_NOT, Desk
from gateway.centre.pages.collect.household import CATEGORIES, EMPLOYMENTS, RELATIONS, STAYS, make_household_pages
from gateway.centre.pages.collect.tonight import PURPOSES, make_tonight
from gateway.centre.visiting import Role
from rules.cases import Objection
from rules.identity import Problem

WRONG: tuple[str, ...] = (
    "when",
    "choose",
    "appointment",
    "reason",
    "purpose",
    "missing",
    "field",
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
    *(f"own.value.{code}" for code in CATEGORIES),
    *(f"own.objection.{one.value}" for one in Objection),
)


def make_collect(desk: Desk, access: Access) -> list[APIRouter]:
    """The pages as routers.

    Raises:
        TextsIncomplete: something that they may have to say has no text.
    """
    desk.pages.texts.need(WORDS)
    return [make_tonight(desk, access), make_household_pages(desk, access)]
