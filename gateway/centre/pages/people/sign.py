"""The sign at the gate, to print: what is read there, why, how long it is kept, whom to ask, and the address of /me."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.centre.pages.people.frame import Desk
from gateway.settings import ApiClient
from gateway.store.queries import streams
from gateway.web import qr
from rules.policy import Policy

FACTS = ("reads", "why", "not_kept", "kept", "passing", "children")
WORDS = (
    *(f"gatesign.{one}" for one in ("title", "any", "free", "company", "ask", "office", "phone", "scan", "no_phone")),
    *(f"gatesign.{one}" for one in FACTS),
    *(f"gatesign.says.{one}" for one in FACTS),
)
LONGEST = 60
Word = Annotated[str, Query(max_length=LONGEST)]


def make_sign(desk: Desk, policy: Callable[[], Policy], base_url: str) -> APIRouter:
    """The page as a router.

    Raises:
        TextsIncomplete: something that stands on the sign has no text.
    """
    texts, router = desk.sheet.pages.texts, APIRouter()
    texts.need(WORDS)

    @router.get("/gate/people/reports/sign")
    def sign(
        request: Request,
        client: Annotated[ApiClient, Depends(desk.allowed)],
        company: Word = "",
        phone: Word = "",
        where: Word = "",
    ) -> HTMLResponse:
        with desk.database.read() as connection:
            row = streams.community(connection, client.scope)
        if row is None:
            raise LookupError("there is no such community")
        address = f"{base_url}/me"
        code = qr.encode(f"{address}?at={client.scope}")
        return desk.sheet(
            request,
            "sign",
            "people.sign",
            place=row.name,
            company=company.strip() or row.property_company,
            phone=phone.strip(),
            where=where.strip(),
            days=policy().retention.passes_days,
            facts=FACTS,
            address=address,
            code=qr.path(code),
            size=len(code) + 8,
            longest=LONGEST,
            zh=lambda key, **figures: texts.get("zh", key, **figures),
            en=lambda key, **figures: texts.get("en", key, **figures),
        )

    return router
