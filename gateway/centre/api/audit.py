"""The record of acts over the API: for the auditor alone, who cannot change it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway.centre import audit
from gateway.centre.api.access import Access, Problems, of_district
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import audit as acts


class ActView(BaseModel):
    id: int
    at: int
    actor: str
    role: str
    act: str
    about: str
    community: str
    purpose: str


def make_audit(database: Database, public: bytes, access: Access) -> APIRouter:
    """The router. `public` is the key that the record is signed with."""
    allowed_in = access.allow("auditor")

    def auditor(client: Annotated[ApiClient, Depends(allowed_in)]) -> None:
        of_district(client)

    router = APIRouter(prefix="/api/v1", route_class=Problems, tags=["audit"], dependencies=[Depends(auditor)])

    @router.get("/audit")
    def audited(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> list[ActView]:
        """The record of acts, newest first; it cannot be changed."""
        with database.read() as connection:
            return [
                ActView(**{name: getattr(one, name) for name in ActView.model_fields})
                for one in acts.newest(connection, limit, before)
            ]

    @router.get("/audit/verified")
    def verified() -> dict[str, int | bool]:
        """Whether the record holds from its first row to its last, and how many rows there are."""
        with database.read() as connection:
            found = audit.verify(connection, public)
        if isinstance(found, audit.Broken):
            return {"holds": False, "rows": found.held, "broken_at": found.id}
        return {"holds": True, "rows": found}

    return router
