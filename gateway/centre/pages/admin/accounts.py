"""The page of the accounts: who may sign in, as what and where; made by invitation, changed, ended."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre.accounts.book import Accounts, NotAllowed
from gateway.centre.api.access import Access
from gateway.centre.api.accounts import WHY, AccountView, view
from gateway.centre.audit import Who
from gateway.centre.pages.sheet import Sheet
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import accounts as rows
from gateway.store.queries import places
from rules.roles import CONFINED, Role

Word = Annotated[str, Form(max_length=60)]
Roles = Annotated[list[Role], Form(max_length=len(Role))]
FIELD_OF = {"name": "name", "taken": "name", "scope": "scope"}
"""At which field a mistake is shown; at the roles for all others."""


def make_accounts_pages(
    database: Database, book: Accounts, access: Access, now: Callable[[], int], sheet: Sheet
) -> APIRouter:
    """The pages as a router.

    Raises:
        TextsIncomplete: a reason that they may have to give has no text.
    """
    sheet.pages.texts.need(f"admin.why.{code}" for code in WHY)
    security = access.page_of_all("security")
    router = APIRouter(dependencies=[Depends(security)])
    page = _Page(database, sheet)
    _make(router, page, book, security, now)
    _keep(router, page, book, security, now)
    return router


def _make(
    router: APIRouter, page: "_Page", book: Accounts, allowed: Callable[..., ApiClient], now: Callable[[], int]
) -> None:
    security = Annotated[ApiClient, Depends(allowed)]

    @router.get("/admin/accounts")
    def accounts(request: Request) -> HTMLResponse:
        return page.sheet(request, "accounts", "admin.accounts", accounts=page.accounts())

    @router.get("/admin/accounts/new")
    def blank(request: Request) -> HTMLResponse:
        return page.form(request)

    @router.post("/admin/accounts/new")
    def add(
        request: Request,
        client: security,
        account: Word,
        shown: Word = "",
        scope: Word = "",
        roles: Roles = [],  # noqa: B006 - FastAPI copies it
    ) -> HTMLResponse:
        name = account.strip().lower()
        try:
            with page.database.write() as connection:
                page.must_be_place(connection, scope)
                code = book.add(connection, _who(client, now()), name, shown, roles, scope)
        except NotAllowed as error:
            return page.form(request, wrong=error.code, account=name, shown=shown, scope=scope, roles=roles)
        return page.sheet(request, "invited", "admin.invited", account=name, code=code)


def _keep(
    router: APIRouter, page: "_Page", book: Accounts, allowed: Callable[..., ApiClient], now: Callable[[], int]
) -> None:
    security = Annotated[ApiClient, Depends(allowed)]

    @router.get("/admin/accounts/{name}")
    def account(request: Request, name: str) -> HTMLResponse:
        return page.one(request, name)

    @router.post("/admin/accounts/{name}")
    def change(
        request: Request,
        name: str,
        client: security,
        scope: Word = "",
        roles: Roles = [],  # noqa: B006 - FastAPI copies it
        disabled: Word = "",
    ) -> Response:
        page.row(name)
        try:
            with page.database.write() as connection:
                page.must_be_place(connection, scope)
                who = _who(client, now())
                book.change(connection, who, name, roles=roles, scope=scope, disabled=bool(disabled))
        except NotAllowed as error:
            return page.one(request, name, wrong=error.code, roles=roles, scope=scope, disabled=bool(disabled))
        return RedirectResponse("/admin/accounts", 303)

    @router.post("/admin/accounts/{name}/invitation")
    def invite(request: Request, name: str, client: security) -> HTMLResponse:
        page.row(name)
        with page.database.write() as connection:
            code = book.invite_again(connection, _who(client, now()), name)
        return page.sheet(request, "invited", "admin.invited", account=name, code=code)


class _Page:
    def __init__(self, database: Database, sheet: Sheet) -> None:
        self.database = database
        self.sheet = sheet

    def accounts(self) -> list[AccountView]:
        with self.database.read() as connection:
            return [view(row) for row in rows.listed(connection)]

    def row(self, name: str) -> AccountView:
        found = next((one for one in self.accounts() if one.name == name), None)
        if found is None:
            raise HTTPException(404)
        return found

    def must_be_place(self, connection: Connection, scope: str) -> None:
        """Raise NotAllowed where an account would belong to a place that does not exist."""
        if scope and scope not in dict(places.all_of(connection)):
            raise NotAllowed("scope")

    def form(
        self,
        request: Request,
        *,
        wrong: str = "",
        account: str = "",
        shown: str = "",
        scope: str = "",
        roles: Sequence[Role] = (),
    ) -> HTMLResponse:
        values = {"account": account, "shown": shown} | self._choices(request, scope, roles, wrong)
        return self.sheet(request, "account_new", "admin.account_new", status=422 if wrong else 200, **values)

    def one(self, request: Request, name: str, *, wrong: str = "", **typed: Any) -> HTMLResponse:
        row = self.row(name)
        shown: dict[str, Any] = {"roles": row.roles, "scope": row.scope, "disabled": row.disabled} | typed
        values = self._choices(request, shown["scope"], shown["roles"], wrong)
        status = 422 if wrong else 200
        return self.sheet(
            request, "account", "admin.account", status=status, row=row, disabled=shown["disabled"], **values
        )

    def _choices(self, request: Request, scope: str, roles: Sequence[str], wrong: str) -> dict[str, Any]:
        with self.database.read() as connection:
            found = places.all_of(connection)
        errors = {FIELD_OF.get(wrong, "roles"): self.sheet.say(request, f"admin.why.{wrong}")} if wrong else {}
        confined = [self.sheet.say(request, f"role.{role.value}") for role in Role if role in CONFINED]
        return {
            "errors": errors,
            "scope": scope,
            "places": [("", self.sheet.say(request, "admin.whole_district")), *found],
            "roles": list(roles),
            "all_roles": [(role.value, self.sheet.say(request, f"role.{role.value}")) for role in Role],
            "confined": confined,
        }


def _who(client: ApiClient, at: int) -> Who:
    return Who(client.name, client.role, at)
