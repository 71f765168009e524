"""The policy over the API: its versions, proposals, approval by a second person, and the way back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.centre.api.access import Access, Problems, problem, within
from gateway.centre.rulebook import LONGEST_TEXT, Rulebook
from gateway.centre.rulework import approved, listed, proposed, rolled_back
from gateway.settings import ApiClient, Settings
from gateway.store.database import Database
from gateway.web.rules_view import VersionRow
from rules.policy import PolicyError

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PolicyBody(_Body):
    """A policy file's whole text."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class BackBody(_Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class VersionView(BaseModel):
    """A version. `state` is proposed, approved or withdrawn; `begins` is from when it holds once it is approved."""

    version: int
    state: str
    in_force: bool
    begins: datetime
    author: str
    reason: str
    proposed_by: str
    approved_by: str | None


def make_policies(
    database: Database, book: Rulebook, access: Access, settings: Settings, changed: Callable[[], None]
) -> APIRouter:
    """The router. `changed` is called after a commit."""
    router = APIRouter(prefix="/api/v1/policies", route_class=Problems, tags=["policies"])
    administrator = Annotated[ApiClient, Depends(_of_the_district(access))]
    acts = _Acts(database, book, changed)

    @router.get("", dependencies=[Depends(_of_the_district(access))])
    def versions() -> list[VersionView]:
        """Every version, newest first."""
        return [_view(row) for row in listed(database, book)]

    @router.post("", status_code=201, response_model=VersionView)
    def propose(body: PolicyBody, client: administrator) -> VersionView | Response:
        """Propose a policy; 422 with every mistake. In profile `compound` it is approved at once."""
        return acts.new(lambda: proposed(database, book, settings, body.text, client.name))

    @router.post("/{version}/approve")
    def approve(version: Version, client: administrator) -> VersionView:
        """Approve what somebody else has proposed; 409 for its author, or when it is not proposed."""
        approved(database, book, version, client.name)
        return acts.done(version)

    @router.post("/{version}/rollback", status_code=201, response_model=VersionView)
    def roll_back(version: Version, body: BackBody, client: administrator) -> VersionView | Response:
        """Bring the content of an older version back as a new one."""
        return acts.new(lambda: rolled_back(database, book, version, body.reason, client.name))

    return router


def _of_the_district(access: Access) -> Callable[[ApiClient], ApiClient]:
    """Lets in administrators of the whole district: a policy is of all of it."""

    def administrator(client: Annotated[ApiClient, Depends(access.allow("administrator"))]) -> ApiClient:
        within(client, "")
        return client

    return administrator


@dataclass(frozen=True, slots=True)
class _Acts:
    database: Database
    book: Rulebook
    changed: Callable[[], None]

    def new(self, act: Callable[[], int]) -> VersionView | Response:
        """A version that an act makes, or every mistake for which there is none."""
        try:
            number = act()
        except PolicyError as error:
            return _wrong(error)
        return self.done(number)

    def done(self, number: int) -> VersionView:
        self.changed()
        return next(_view(row) for row in listed(self.database, self.book) if row.version == number)


def _wrong(error: PolicyError) -> Response:
    found = [{"at": "text", "code": getattr(one, "code", ""), "problem": one} for one in error.mistakes[:100]]
    return problem(422, "the policy cannot be used", mistakes=found)


def _view(row: VersionRow) -> VersionView:
    return VersionView(
        version=row.version,
        state=row.state,
        in_force=row.in_force,
        begins=row.begins.astimezone(UTC),
        author=row.author,
        reason=row.reason,
        proposed_by=row.proposed_by,
        approved_by=row.approved_by,
    )
