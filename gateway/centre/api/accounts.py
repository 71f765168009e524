"""Accounts over the API, for the security administrator."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from gateway.centre.accounts.book import Accounts, NotAllowed
from gateway.centre.api.access import Access, Problems, of_district
from gateway.centre.audit import Who
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from rules.roles import Role

WHY = {
    "name": "a name has 2 to 40 of a-z, 0-9, dot, hyphen and underscore",
    "taken": "there is an account of this name",
    "none": "an account has at least one role",
    "three": "administrator, security and auditor are different people in a district",
    "scope": "say the place that somebody of this role belongs to",
    "police": "whoever belongs to the police has no other role",
    "last": "this is the last account that may add others",
}


class AccountBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=40)]
    shown: Annotated[str, Field(max_length=60)] = ""
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    scope: Annotated[str, Field(max_length=40)] = ""


class ChangeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    scope: Annotated[str, Field(max_length=40)] = ""
    disabled: bool = False


class InvitationView(BaseModel):
    """An invitation, good once and for three days: the page /welcome takes it."""

    name: str
    invitation: str


class AccountView(BaseModel):
    name: str
    shown: str
    roles: list[str]
    scope: str
    invited: bool
    """The invitation was not taken up yet."""
    second: bool
    """A second factor is set up."""
    disabled: bool
    sign_ins: int


def view(row: Any) -> AccountView:
    """An account as whoever keeps accounts sees it."""
    return AccountView(
        name=row.name,
        shown=row.shown,
        roles=row.roles,
        scope=row.scope,
        invited=row.password is None,
        second=row.totp is not None,
        disabled=row.disabled,
        sign_ins=row.open,
    )


def make_accounts(database: Database, book: Accounts, access: Access, now: Callable[[], int]) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", route_class=Problems, tags=["accounts"])
    allowed_in = access.allow("security")

    def security(client: Annotated[ApiClient, Depends(allowed_in)]) -> ApiClient:
        return of_district(client)

    def who(client: ApiClient) -> Who:
        return Who(client.name, client.role, now())

    @router.get("/accounts", dependencies=[Depends(security)])
    def listed() -> list[AccountView]:
        """All accounts by name."""
        with database.read() as connection:
            return [view(row) for row in rows.listed(connection)]

    @router.post("/accounts", status_code=201)
    def add(body: AccountBody, client: Annotated[ApiClient, Depends(security)]) -> InvitationView:
        """Add an account; whoever it is for chooses their own password by the invitation."""
        with database.write() as connection:
            code = allowed(
                lambda: book.add(connection, who(client), body.name, body.shown, body.roles, scope=body.scope)
            )
        return InvitationView(name=body.name, invitation=code)

    @router.post("/accounts/{name}/invitation", status_code=201)
    def invite(name: str, client: Annotated[ApiClient, Depends(security)]) -> InvitationView:
        """A new invitation: password, second factor and sessions end."""
        with database.write() as connection:
            return InvitationView(name=name, invitation=book.invite_again(connection, who(client), name))

    @router.put("/accounts/{name}", status_code=204)
    def change(name: str, body: ChangeBody, client: Annotated[ApiClient, Depends(security)]) -> None:
        """Set what an account may do, or whether it may do anything; its sessions end."""
        with database.write() as connection:
            allowed(
                lambda: book.change(
                    connection, who(client), name, roles=body.roles, scope=body.scope, disabled=body.disabled
                )
            )

    return router


def allowed(act: Callable[[], Any]) -> Any:
    """What an act gives; a 422 that says why where it is not allowed."""
    try:
        return act()
    except NotAllowed as error:
        raise HTTPException(422, WHY.get(error.code, error.code)) from None
