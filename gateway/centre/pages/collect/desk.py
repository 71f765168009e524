"""What the pages of the grid worker and the reviewer share: what they work on, their frame, and a form taken once."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.centre import once
from gateway.centre.api.cases import seen
from gateway.centre.casework import Casework
from gateway.centre.once import Reused
from gateway.centre.pages.typed import Typed
from gateway.centre.slips import Slips, Stale
from gateway.centre.worklists import Whose
from gateway.keys import Master
from gateway.settings import ApiClient
from gateway.store.database import Database
from gateway.store.queries import declared, streams
from gateway.store.queries.history import By
from gateway.web.because import because_of
from gateway.web.frame import Frame, Tab
from gateway.web.page import Pages, lang_of
from rules.acts import Arithmetic
from rules.cases import NotPossible
from rules.countries import NUMERIC
from rules.model import CaseKind, Source

DONE = frozenset(
    {"visit", "household", "handed_back", "objected", "collected", "acted"}
    | {"confirmed", "rejected", "answered", "merged", "parted", "named", "apart"}
)
"""What a page may say was done, on the page that follows."""
WHY_NOT = ("stale", "not_possible", "reused")
_TABS = {
    "worker": (
        Tab("/collect/tonight", "collect.tonight"),
        Tab("/collect/ledger", "collect.ledger"),
        Tab("/collect/deputies", "deputies.title"),
    ),
    "reviewer": (
        Tab("/collect/review", "collect.review"),
        Tab("/collect/declarations", "declared.tab"),
        Tab("/collect/requests", "asked.tab"),
        Tab("/collect/twins", "alike.tab"),
        Tab("/collect/tonight", "collect.tonight"),
        Tab("/collect/ledger", "collect.ledger"),
        Tab("/collect/deputies", "deputies.title"),
    ),
}
_MILLISECONDS_A_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Again:
    """Why a form was not taken: fields with the code of what is wrong, or a code for the whole."""

    errors: Mapping[str, str]
    whole: str = ""

    @property
    def status(self) -> int:
        return 409 if self.whole else 422


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work on. `changed` is called when a case has changed, `register_changed` when the register has."""

    database: Database
    master: Master
    casework: Casework
    slips: Slips
    pages: Pages
    banner: str
    base_url: str
    changed: Callable[[], None]
    register_changed: Callable[[], None]

    def whose(self, client: ApiClient) -> Whose:
        return Whose(client.name, self.casework.today(), client.scope, client.role == "reviewer")

    def page(
        self, request: Request, client: ApiClient, template: str, title: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A template within the frame; `title` is the key of its text, or the title itself."""
        texts, lang = self.pages.texts, lang_of(request)
        done = request.query_params.get("done", "")
        said = {
            "name": texts.get(lang, title) if texts.has(title) else title,
            "frame": Frame(self._place(client.scope), "collect.title", self._tabs(client), banner=self.banner),
            "drafts": self._drafts(client),
            "key": secrets.token_hex(16),
            "done": done if done in DONE else "",
            "why_not": "",
            "errors": {},
            "typed": Typed({}),
        }
        return self.pages.html(request, f"collect/{template}.html", status=status, **(said | values))

    def say(self, request: Request, key: str, **figures: object) -> str:
        return self.pages.texts.get(lang_of(request), key, **figures)

    def errors(self, request: Request, again: Again) -> dict[str, str]:
        """Field -> sentence."""
        return {name: self.say(request, f"collect.wrong.{code}") for name, code in again.errors.items()}

    def again(self, request: Request, again: Again | None, form: Typed | None) -> dict[str, Any]:
        """The values of a template for a form that was not taken: what was wrong, and what was typed."""
        if again is None:
            return {}
        said: dict[str, Any] = {"errors": self.errors(request, again), "why_not": again.whole}
        if form is not None:
            said |= {"typed": form} | ({} if again.whole == "reused" else {"key": form.text("key", 40)})
        return said

    def case(self, connection: Connection, client: ApiClient, number: int, revision: int = 0) -> Any:
        """A case of theirs to see, which still has this revision where one is named.

        Raises:
            LookupError: there is none for them. Stale: somebody was first; that is said before all else.
        """
        row = seen(connection, client, number)
        if revision and row.revision != revision:
            raise Stale
        return row

    def because(self, request: Request, row: Any) -> str:
        """Why a case stands, as a sentence."""
        arithmetic = msgspec.convert(row.because, Arithmetic)
        code, figures = because_of(CaseKind(row.kind), row.opened_on, arithmetic, Source(row.source))
        said = self.say(request, f"case.because.{code}", **figures)
        return said + self.say(request, "case.elsewhere") if arithmetic.registered_elsewhere else said

    def take(self, client: ApiClient, form: Typed, to: str, act: Callable[[Connection], None]) -> Response | Again:
        """Do what a form says, once; what leads on to `to`, or why it was not done."""
        said = self.master.index(f"form\x1f{to}\x1f{form.but(('key',))!r}")
        now = self.casework.now()
        try:
            with self.database.write() as connection:
                before = once.claim(connection, client.name, form.text("key", 40), said, to, now)
                if before is None:
                    act(connection)
        except Stale:
            return Again({}, "stale")
        except Reused:
            return Again({}, "reused")
        except NotPossible:
            return Again({}, "not_possible")
        if before is None:
            self.changed()
        return RedirectResponse(before or to, 303)

    def _tabs(self, client: ApiClient) -> tuple[Tab, ...]:
        """The tabs of a role; where something waits for its decision, with how much."""
        if client.role != "reviewer":
            return _TABS[client.role]
        with self.database.read() as connection:
            said, asked = declared.undecided(connection, client.scope)
        waiting = {"declared.tab": said, "asked.tab": asked}
        return tuple(replace(tab, count=waiting.get(tab.text, 0)) for tab in _TABS[client.role])

    def places(self, connection: Connection, client: ApiClient) -> dict[str, str]:
        """The client's community by its name."""
        row = streams.community(connection, client.scope)
        return {} if row is None else {client.scope: str(row.name)}

    def _place(self, community: str) -> str:
        with self.database.read() as connection:
            row = streams.community(connection, community)
        return community if row is None else str(row.name)

    def _drafts(self, client: ApiClient) -> dict[str, str]:
        """What a browser needs to keep drafts: keys of today and yesterday, so that older ones cannot be read."""
        now = self.casework.now()
        days = [By("", at).today for at in (now, now - _MILLISECONDS_A_DAY)]
        keys = [self.master.index(f"drafts\x1f{client.name}\x1f{day}").hex() for day in days]
        return {
            "account": self.master.index(f"drafts of\x1f{client.name}").hex(),
            "key": keys[0],
            "older": keys[1],
            "now": str(now),
            "countries": " ".join(f"{alpha}{number}" for alpha, number in NUMERIC.items()),
        }
