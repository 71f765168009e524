"""What people do with rules before they propose them: check a policy, ask why it judges so, try it on stored swipes."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from sqlalchemy.exc import OperationalError

from gateway.centre.asking import question
from gateway.centre.replay import Replay
from gateway.centre.rulebook import Rulebook, checked
from gateway.keys import Master
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.queries import rulebook
from gateway.web.rules_view import Checked, Explained, ReplayState, VersionRow
from rules import explain
from rules.conditions import Field
from rules.mistakes import Mistake, mistake
from rules.model import GatePolicy
from rules.policy import Policy, PolicyError, departures
from rules.trial import GateTrial

log = logging.getLogger(__name__)

MOST_DAYS = 90


def check(text: str, settings: Settings | None = None) -> Checked:
    """Every mistake of a policy's text, by itself and at the site of `settings`; and what is worth knowing."""
    try:
        policy = checked(text)
    except PolicyError as error:
        return Checked(error.mistakes)
    remarks = tuple(mistake("safeguard", what=what) for what in departures(policy))
    return Checked(tuple(at_site(policy.gate, settings)) if settings is not None else (), remarks, len(policy.tests))


def at_site(gate: GatePolicy, settings: Settings) -> Iterator[Mistake]:
    """What rows name that the site does not have, and areas that nobody could leave."""
    known = {portal for community in settings.communities for portal in community.portals}
    clauses = [(row, clause) for row in gate.conditions for clause in row.clauses if clause.field == Field.PORTAL]
    named = [(f"conditions: {row.name!r}", clause.values) for row, clause in clauses]
    named += [(f"passback: {row.area or 'by time'}", row.portals) for row in gate.passback]
    for where, portals in named if known else ():
        yield from (mistake("no_such_portal", where, portal=repr(one)) for one in portals if one not in known)
    placed = {reader.portal for reader in settings.readers}
    leaves = {reader.portal for reader in settings.readers if reader.direction == "out"}
    for row in gate.passback:
        if row.area and placed.issuperset(row.portals) and leaves.isdisjoint(row.portals):
            yield mistake("no_way_out", f"passback: {row.area}")


def answer(text: str, policy: Policy) -> Explained:
    """Why a hypothetical swipe or person is judged so by a policy."""
    try:
        trial = explain.asked(text)
    except PolicyError as error:
        return Explained(None, error.mistakes)
    return Explained(explain.gate(trial, policy) if isinstance(trial, GateTrial) else explain.person(trial, policy))


def proposed(database: Database, book: Rulebook, settings: Settings, text: str, by: str) -> int:
    """Propose a policy that fits the site, too; its number. PolicyError with every mistake."""
    if mistakes := check(text, settings).mistakes:
        raise PolicyError(mistakes)
    with database.write() as connection:
        return book.propose(connection, text, by)


def approved(database: Database, book: Rulebook, version: int, by: str) -> None:
    """Approve what somebody else has proposed. Raises as `Rulebook.approve`."""
    with database.write() as connection:
        book.approve(connection, version, by)


def rolled_back(database: Database, book: Rulebook, version: int, reason: str, by: str) -> int:
    """Bring the content of an older version back as a new one; its number. Raises as `Rulebook.roll_back`."""
    with database.write() as connection:
        return book.roll_back(connection, version, reason, by)


def listed(database: Database, book: Rulebook) -> list[VersionRow]:
    """Every version, newest first."""
    with database.read() as connection:
        rows, (current, _) = rulebook.versions(connection), book.key(connection)
    return [
        VersionRow(
            row.version,
            row.author,
            row.reason,
            datetime.fromtimestamp(max(row.effective_from, row.approved_at or 0) / 1000, UTC),
            row.state,
            row.version == current,
            row.proposed_by,
            row.approved_by,
        )
        for row in rows
    ]


class Trials:
    """One replay at a time, on a thread of its own."""

    def __init__(
        self, database: Database, master: Master, policy: Callable[[], Policy], wall: Callable[[], float]
    ) -> None:
        self._database = database
        self._master = master
        self._policy = policy
        self._wall = wall
        self._lock = threading.Lock()
        self._state = ReplayState("none")

    def state(self) -> ReplayState:
        return self._state

    def begin(self, text: str, days: int) -> Checked:
        """Try a policy, unless its text is wrong (what is wrong), or one is being tried already (nothing is begun)."""
        found = check(text)
        if found.mistakes or not 1 <= days <= MOST_DAYS:
            return found
        with self._lock:
            if self._state.state != "running":
                self._state = ReplayState("running")
                run = threading.Thread(target=self._run, args=(checked(text), days), name="replay", daemon=True)
                run.start()
        return found

    def _run(self, after: Policy, days: int) -> None:
        try:
            replay = Replay(
                self._database,
                self._master,
                self._policy(),
                after,
                days=days,
                now=self._wall,
                progress=self._progress,
            )
            self._state = ReplayState("done", done=replay.run())
        except OperationalError as error:
            log.warning("a replay found no database: %s", error.orig)
            self._state = ReplayState("failed")
        except Exception:  # whoever asked for it must not wait for ever
            log.exception("a replay failed")
            self._state = ReplayState("failed")

    def _progress(self, swipes: int) -> None:
        self._state = ReplayState("running", swipes)


def asked(values: Mapping[str, str]) -> str:
    """The question that a form's fields ask: its TOML, or what the fields make of one."""
    toml = values.get("toml", "")
    if toml.strip():
        return toml
    said = dict(values) | {"register-as-of": values.get("register-as-of") or values.get("at", "")[:10]}
    if not said.get("role", "").strip():
        said = {name: value for name, value in said.items() if name not in _OF_ENROLMENT}
    return question(said)


_OF_ENROLMENT = ("role", "since", "until", "portals", "age", "lost", "registered-until", "hours")
