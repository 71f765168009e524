"""The pages of a street (/street): dispatch, quality, the weekly report."""

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.oversight import WHICH
from gateway.centre.pages import standing_in
from gateway.centre.pages.standing_in import make_standing_in
from gateway.centre.pages.street.desk import SHOWN, Desk
from gateway.centre.pages.street.dispatch import DONE, make_dispatch
from gateway.centre.pages.street.quality import make_quality
from gateway.centre.pages.street.report import COUNTS, make_report
from rules.indicators import Unknown

WORDS = (
    *(f"street.which.{one}" for one in WHICH),
    *(f"street.done.{one}" for one in DONE),
    *(f"street.indicator.{one.value}" for one in SHOWN),
    *(f"street.means.{one.value}" for one in SHOWN),
    *(f"street.unknown.{one.value}" for one in Unknown),
    *(f"street.week.{one}" for one in COUNTS),
    *standing_in.WORDS,
)


def make_street(desk: Desk, access: Access) -> list[APIRouter]:
    """The pages as routers.

    Raises:
        TextsIncomplete: something that they may have to say has no text.
    """
    desk.pages.texts.need(WORDS)
    made = [make(desk, access) for make in (make_dispatch, make_quality, make_report)]
    return [*made, make_standing_in(desk, access, ("street",), "/street/deputies", desk.places)]
