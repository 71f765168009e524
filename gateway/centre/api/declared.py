"""What people say of themselves, over the API: declarations with a receipt, and one's own data once a desk opened it.

These calls need no token: whoever calls is told nothing about anybody else, and may call so often only.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.centre.api.access import Problems, anyone
from gateway.centre.declarations import Declaration, Declarations, Move, Said
from gateway.centre.own_data import Asked, OwnData, Session
from gateway.store.database import Database
from gateway.store.queries import declared
from gateway.store.queries.history import By
from gateway.web.limits import Limit
from rules.cases import Objection
from rules.identity import BadNumber, canonical
from rules.model import CredentialKind, Source

DECLARED_AT_ONCE, DECLARED_EVERY_S = 10, 60.0
TRIED_AT_ONCE, TRIED_EVERY_S = 10, 60.0
PASSES_MS = 30 * 86_400_000
RECEIPT_SAYS = "这是采集回执,不是居住证。登记日期可作为申领居住证居住时间的参考,以公安机关登记为准。"

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=_PLAIN)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=_PLAIN)]
_Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20, pattern=r"^[0-9+ -]*$")]
_Place = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20, pattern=_PLAIN)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeclarationBody(_Body):
    """Who lives where since when, or has moved out. A number that does not hold is said; nothing else is."""

    community: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    move: Move = Move.IN
    building: _Place = ""
    unit: _Place = ""
    room: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20, pattern=_PLAIN)]
    day: date
    until: date | None = None
    kind: Literal["citizen-id", "pr-2017"] = "citizen-id"
    number: Annotated[str, Field(min_length=8, max_length=64, repr=False)]
    name: Annotated[_Name, Field(repr=False)]
    phone: Annotated[_Phone, Field(repr=False)] = ""
    official: Annotated[str | None, Field(max_length=64, pattern=_PLAIN)] = None
    """The receipt of the police's own channel, where it was declared there."""

    @model_validator(mode="after")
    def _days(self) -> "DeclarationBody":
        if self.until is not None and self.until < self.day:
            raise ValueError("it cannot end before it begins")
        return self


class LandlordBody(DeclarationBody):
    """What a landlord declares of a tenant (入住, 续租, 搬离). Nothing of it can be read again."""

    landlord: Annotated[_Name, Field(repr=False)]
    landlord_phone: Annotated[_Phone, Field(repr=False)] = ""


class ReceiptView(BaseModel):
    receipt: str
    says: str = RECEIPT_SAYS


class StateView(BaseModel):
    """How far a declaration is, and nothing of what it said."""

    state: Literal["waiting", "confirmed", "rejected"]


class PageView(BaseModel):
    """A code to tell the desk, and the token by which the data is read once the desk has opened it: `Bearer …`."""

    code: str
    token: str


class AskBody(_Body):
    kind: Asked
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class ObjectBody(_Body):
    objection: Objection


class Public:
    """What calls without a token have in common: who calls, how often they may, and whose session it is."""

    def __init__(self, database: Database, own_data: OwnData, now: Callable[[], int]) -> None:
        self.database = database
        self.own_data = own_data
        self.now = now
        self._declared = Limit(DECLARED_AT_ONCE, DECLARED_EVERY_S)
        self._tried = Limit(TRIED_AT_ONCE, TRIED_EVERY_S)

    def may_declare(self, request: Request) -> None:
        """Raise 429 where this address has declared too often."""
        _allow(self._declared, request)

    def may_try(self, request: Request) -> None:
        """Raise 429 where this address has asked for too many codes, or tried too many tokens."""
        _allow(self._tried, request)

    def session_of(self, token: str) -> Session | None:
        with self.database.read() as connection:
            return self.own_data.session(connection, token, self.now())


def declaration_of(body: DeclarationBody, source: Source, today: date) -> Declaration:
    """A declaration as it is to be kept.

    Raises:
        HTTPException: 422 where the number does not hold, or a day that it began on has not come.
    """
    kind = CredentialKind(body.kind)
    try:
        number = canonical(kind, body.number)
    except BadNumber as error:
        raise HTTPException(422, str(error)) from None
    if body.move is Move.IN and body.day > today:
        raise HTTPException(422, "whoever lives here has begun to by today")
    landlord = body if isinstance(body, LandlordBody) else None
    declarer, declarer_phone = (landlord.landlord, landlord.landlord_phone) if landlord is not None else ("", "")
    said = Said(kind, number, body.name, body.phone, declarer, declarer_phone)
    place = (body.building, body.unit, body.room)
    return Declaration(
        body.community, source, body.move, *place, body.day, said, until=body.until, official=body.official
    )


def make_declared(public: Public, declarations: Declarations) -> APIRouter:
    """The router of declarations."""
    router = APIRouter(prefix="/api/v1", route_class=Problems, tags=["declarations"], dependencies=[Depends(anyone)])

    def take(body: DeclarationBody, source: Source) -> ReceiptView:
        one = declaration_of(body, source, By("", public.now()).today)
        with public.database.write() as connection:
            return ReceiptView(receipt=declarations.declare(connection, one, public.now()))

    @router.post("/declarations", status_code=201, dependencies=[Depends(public.may_declare)])
    def declare(body: DeclarationBody) -> ReceiptView:
        """自主申报: declare where you live, since when; the receipt says nothing about what is known."""
        return take(body, Source.SELF)

    @router.post("/landlord/declarations", status_code=201, dependencies=[Depends(public.may_declare)])
    def declare_tenant(body: LandlordBody) -> ReceiptView:
        """房东申报: a tenant moved in, stays on, or has moved out. Write-only."""
        return take(body, Source.LANDLORD)

    @router.get("/declarations/{receipt}", dependencies=[Depends(public.may_try)])
    def state(receipt: Annotated[str, Field(max_length=20)]) -> StateView:
        """How far a declaration is."""
        with public.database.read() as connection:
            row = declared.by_receipt(connection, receipt)
        if row is None:
            raise LookupError("there is no such receipt")
        return StateView(state=row.state)

    return router


def make_own(public: Public) -> APIRouter:
    """The router of one's own data."""
    router = APIRouter(prefix="/api/v1/me", route_class=Problems, tags=["own data"], dependencies=[Depends(anyone)])

    def session(request: Request, authorization: Annotated[str, Header()] = "") -> Session:
        scheme, _, token = authorization.partition(" ")
        found = public.session_of(token) if scheme.lower() == "bearer" and token else None
        if found is None:
            public.may_try(request)
            raise HTTPException(401, "no desk has opened it yet, or it is over", {"WWW-Authenticate": "Bearer"})
        return found

    @router.post("/open", status_code=201, dependencies=[Depends(public.may_try)])
    def enter() -> PageView:
        """Begin: tell the code at the desk, and present your own card there; then the token is good for ten minutes."""
        with public.database.write() as connection:
            code, token = public.own_data.begin(connection, public.now())
        return PageView(code=code, token=token)

    @router.get("")
    def show(mine: Annotated[Session, Depends(session)]) -> dict[str, Any]:
        """All that is held about you, who looked at it, and your own passes of the last 30 days."""
        with public.database.read() as connection:
            return public.own_data.show(connection, mine, public.now() - PASSES_MS, public.now())

    @router.post("/requests", status_code=201)
    def ask(body: AskBody, mine: Annotated[Session, Depends(session)]) -> dict[str, int]:
        """Ask that something be corrected or deleted; it is answered within 15 days."""
        with public.database.write() as connection:
            by = By("resident", public.now())
            return {"id": public.own_data.ask(connection, mine, body.kind, body.text, by)}

    @router.post("/objection", status_code=204)
    def object_(body: ObjectBody, mine: Annotated[Session, Depends(session)]) -> None:
        """我不住这里 / 信息不对: what goes on about you pauses until a reviewer has looked."""
        with public.database.write() as connection:
            public.own_data.object(connection, mine, body.objection, By("resident", public.now()))

    return router


def _allow(limit: Limit, request: Request) -> None:
    address = request.client.host if request.client is not None else ""
    if not limit.allow(address):
        wait = str(max(1, limit.wait_s(address)))
        raise HTTPException(429, "too often: try again later", {"Retry-After": wait})
