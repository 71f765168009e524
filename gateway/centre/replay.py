"""What another policy would have made of the stored swipes and of the register as it is today: counts alone.

Each swipe is decided by both policies, over today's register and the passes that the card made before it; what the
gate showed for reasons that no policy touches (leaving, an open portal, an opening by hand) stays as it was. Then
everyone whom the days may concern is judged by both. Nobody is named, and what concerns one to four is not told apart.
"""

import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.centre import knowing
from gateway.centre.knowing import Known
from gateway.centre.rosters import entries
from gateway.keys import Master
from gateway.store.database import Database
from gateway.store.queries import people, replaying, streams
from gateway.store.queries.casefile import Subject
from gateway.web.rules_view import Change, Outcome, Replayed
from rules.acts import OpenCase
from rules.conditions import times
from rules.decide import decide, likeness
from rules.judge import judge
from rules.model import (
    CIVIL,
    CredentialKind,
    Direction,
    Enrolment,
    GatePolicy,
    Portal,
    Reason,
    Recent,
    Snapshot,
    Swipe,
    Verdict,
)
from rules.policy import Policy
from rules.rehearse import said

FEWEST = 5
"""What concerns fewer is not told apart."""
SAME_AS_EVER = frozenset({Reason.EXIT.value, Reason.OPEN_PORTAL.value, Reason.MANUAL.value})
REMEMBERED = 8
"""Passes of a card that the gate goes by, as the station's decider has them."""
_DAY_MS = 86_400_000
_CIVIL_MS = 8 * 3_600_000
_SAY_EVERY = 50_000
_FOUND = 100_000
"""Decisions that are kept to be looked up."""


@dataclass(slots=True)
class _Counts:
    swipes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    cards: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    people: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)


class Replay:
    """One run over the database: the policy in force `before`, and the one that is tried `after`."""

    def __init__(
        self,
        database: Database,
        master: Master,
        before: Policy,
        after: Policy,
        *,
        days: int,
        now: Callable[[], float] = time.time,
        progress: Callable[[int], None] = lambda _n: None,
    ) -> None:
        self._database = database
        self._master = master
        self._policies = (before, after)
        self._now = now
        self._progress = progress
        self._counts = _Counts()
        self._done = Replayed(days, (before.version, after.version))
        self._today = datetime.fromtimestamp(now(), UTC).astimezone(CIVIL).date()
        self._gates = _Gates(before.gate, after.gate)

    def run(self) -> Replayed:
        """Go through every community; memory is bounded by the largest one's register."""
        began = time.monotonic()
        with self._database.read() as connection:
            for community in streams.communities(connection):
                self._community(connection, community)
        self._done.gate = _changes(self._counts.cards, self._counts.swipes)
        self._done.cases = _changes(self._counts.people, None)
        self._done.took_s = time.monotonic() - began
        return self._done

    def _community(self, connection: Connection, community: Any) -> None:
        ages = any(policy.gate.conditions for policy in self._policies)
        rows = {one.token: one for one in entries(connection, self._master, community.id, self._today, ages=ages)}
        since = int(self._now() * 1000) - self._done.days * _DAY_MS
        strangers: list[bytes] = []
        seen: set[bytes] = set()
        need = min(policy.gate_query.days_distinct for policy in self._policies)
        for token, swipes in _by_card(replaying.swipes(connection, community.id, since)):
            row = rows.get(token)
            days = self._card(row, community.register_as_of, swipes)
            if row is not None:
                seen.add(token)
            elif days >= need:
                strangers.append(token)
        self._judge(connection, community.id, seen, strangers)

    def _card(self, row: Enrolment | None, as_of: date | None, swipes: Iterable[Any]) -> int:
        """Decide every swipe of one card by both policies. On how many days it was seen."""
        recent: deque[tuple[int, Recent]] = deque(maxlen=REMEMBERED)
        differs: set[tuple[Outcome, Outcome]] = set()
        days: set[int] = set()
        for swipe in swipes:
            self._count_swipe()
            days.add((swipe.at + _CIVIL_MS) // _DAY_MS)
            if self._gates.alike:
                continue
            while recent and recent[-1][0] <= swipe.at - self._gates.horizon_ms:
                recent.pop()
            if swipe.reasons.partition(",")[0] not in SAME_AS_EVER:
                change = self._gates.change(row, as_of, swipe, recent)
                if change is not None:
                    self._counts.swipes[change] += 1
                    differs.add(change)
            if self._gates.horizon_ms:
                recent.appendleft((swipe.at, Recent(swipe.portal, _WAYS[swipe.direction], _SAID[swipe.verdict], 0)))
        self._counts.cards.update(differs)
        self._done.cards += 1
        return len(days)

    def _count_swipe(self) -> None:
        self._done.swipes += 1
        if self._done.swipes % _SAY_EVERY == 0:
            self._progress(self._done.swipes)

    def _judge(self, connection: Connection, community: str, seen: set[bytes], strangers: list[bytes]) -> None:
        owners = set(people.owners(connection, community, sorted(seen)).values())
        owners.update(replaying.residents_enrolled(connection, community, self._today))
        subjects = [Subject(community, number, None) for number in sorted(owners)]
        subjects += [Subject(community, None, token) for token in strangers]
        for _, known in knowing.of(connection, self._master, subjects, self._today, self._window()):
            self._done.people += 1
            self._counts.people.update(set(self._differences(known)))

    def _differences(self, known: Known) -> Iterator[tuple[Outcome, Outcome]]:
        """What would open as if no case stood yet, and what is asked of the cases that stand."""
        opening = [self._acts(known, policy, standing=False) for policy in self._policies]
        if opening[0] != opening[1]:
            yield opening[0], opening[1]
        working = [self._acts(known, policy, standing=True) for policy in self._policies] if known.cases else [(), ()]
        if working[0] != working[1]:
            yield working[0], working[1]

    def _acts(self, known: Known, policy: Policy, *, standing: bool) -> tuple[str, ...]:
        cases = known.cases if standing else ()
        acts = judge(known.person, known.passes, known.registrations, cases, policy, self._today, known.register_as_of)
        return tuple(said(act) for act in acts if isinstance(act, OpenCase) is not standing)

    def _window(self) -> tuple[int, int]:
        longest = max(max(p.collection.window_days, p.gate_query.window_days) for p in self._policies)
        midnight = datetime.combine(self._today - timedelta(days=2 * longest), datetime.min.time(), CIVIL)
        return int(midnight.timestamp() * 1000), int(self._now() * 1000) + _DAY_MS


def _by_card(rows: Iterable[Any]) -> Iterator[tuple[bytes, Iterator[Any]]]:
    """Rows that come by token, one token after the other."""
    rows = iter(rows)
    first = next(rows, None)
    while first is not None:
        token, held = first.token, [first]
        first = None

        def own(token: bytes = token, held: list[Any] = held) -> Iterator[Any]:
            nonlocal first
            yield held.pop()
            for row in rows:
                if row.token != token:
                    first = row
                    return
                yield row

        yield bytes(token), own()


class _Gates:
    """Two policies of the gate, and what they make of a swipe where that is not the same.

    Few swipes are unlike all others before them in what a decision may see: for the rest, it is looked up.
    """

    def __init__(self, before: GatePolicy, after: GatePolicy) -> None:
        self._both = (before, after)
        self.alike = replace(before, version=0) == replace(after, version=0)
        self.horizon_ms = 1000 * max(_horizon_s(before), _horizon_s(after))
        spans = {span for gate in self._both for row in gate.conditions for span in times(row)}
        self._edges = sorted({edge for span in spans for edge in (span[:5], span[6:])})
        self._found: dict[tuple[object, ...], tuple[Outcome, Outcome] | None] = {}

    def change(
        self, row: Enrolment | None, as_of: date | None, swipe: Any, recent: Sequence[tuple[int, Recent]]
    ) -> tuple[Outcome, Outcome] | None:
        at = datetime.fromtimestamp(swipe.at / 1000, CIVIL)
        if recent:
            return self._decided(row, as_of, swipe, at, recent)
        day, part = at.date(), bisect_right(self._edges, f"{at:%H:%M}") if self._edges else 0
        alike = likeness(row, swipe.portal, day)
        key = (swipe.portal, swipe.direction, swipe.kind, swipe.roster > 0, day, part, as_of, alike)
        if key not in self._found:
            if len(self._found) >= _FOUND:
                self._found.clear()
            self._found[key] = self._decided(row, as_of, swipe, at, recent)
        return self._found[key]

    def _decided(
        self, row: Enrolment | None, as_of: date | None, swipe: Any, at: datetime, recent: Sequence[tuple[int, Recent]]
    ) -> tuple[Outcome, Outcome] | None:
        made = Swipe(swipe.portal, "", _WAYS[swipe.direction], _KINDS.get(swipe.kind), None, at)
        passes = tuple(Recent(one.portal, one.direction, one.verdict, (swipe.at - then) / 1000) for then, one in recent)
        portal, has_roster = Portal(swipe.portal), swipe.roster > 0
        before, after = (
            decide(made, Snapshot(at, portal, row, has_roster, as_of, passes, policy=gate)) for gate in self._both
        )
        return None if before == after else (before, after)


def _horizon_s(gate: GatePolicy) -> int:
    """For how long the gate goes by a pass that was made before."""
    spans = [gate.attempts_seconds if gate.attempts else 0, gate.passback_seconds]
    return max(spans + [row.seconds for row in gate.passback])


_WAYS = {way.value: way for way in Direction}
_SAID = {verdict.value: verdict for verdict in Verdict}
_KINDS = {kind.value: kind for kind in CredentialKind}


def _changes(
    concerned: Counter[tuple[Outcome, Outcome]], swipes: Counter[tuple[Outcome, Outcome]] | None
) -> list[Change]:
    """The most frequent first; of what concerns few, the swipes are not told either."""
    found = [
        Change(before, after, swipes[before, after] if swipes else None, n)
        if n >= FEWEST
        else Change(before, after, None, None)
        for (before, after), n in concerned.items()
    ]
    return sorted(found, key=lambda one: (-(one.concerned or 0), str(one.before), str(one.after)))
