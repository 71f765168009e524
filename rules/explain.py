"""Why a swipe or a person is judged as they are: what each check says or why it declines, and what would change it."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations

from rules.acts import Act
from rules.cases import ENDED
from rules.decide import decide
from rules.decide import explain as answers_of
from rules.judge import judge
from rules.known import Known
from rules.mistakes import Mistake, mistake
from rules.model import Decision, Enrolment, Origin, Role, Snapshot, Swipe, Verdict
from rules.opening import counted
from rules.policy import Policy, PolicyError
from rules.rehearse import said
from rules.strict import Table
from rules.trial import GateTrial, PersonTrial, Trial, read_hypothesis


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check says; where it declines, `why` is the code of its reason."""

    check: str
    decision: Decision | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class GateExplained:
    """A swipe: what comes out, each check in order, and the fewest changes with which it would be granted."""

    decision: Decision
    answers: tuple[Answer, ...]
    granted_with: tuple[str, ...] | None
    """Codes of changes; empty where it is granted already, None where none of them would do."""


@dataclass(frozen=True, slots=True)
class PersonExplained:
    """A person: what follows, and what stands for and against a case, as codes with their figures."""

    acts: tuple[Act, ...]
    said: tuple[str, ...]
    notes: tuple[tuple[str, Mapping[str, int]], ...]


def asked(text: str) -> Trial:
    """The swipe or the person that a piece of TOML describes, in the words of a policy file's tests.

    Raises:
        PolicyError: with every mistake.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError((mistake("not_toml", error=error),)) from None
    mistakes: list[Mistake] = []
    table = Table(content, "", mistakes)
    trial = read_hypothesis(table)
    table.finish()
    if mistakes:
        raise PolicyError(tuple(mistakes))
    return trial


def gate(trial: GateTrial, policy: Policy) -> GateExplained:
    """Explain a hypothetical swipe by a policy."""
    swipe, snapshot = trial.swipe, replace(trial.snapshot, policy=policy.gate)
    answers = tuple(
        Answer(name, answer, "" if answer is not None else DECLINED[name](swipe, snapshot))
        for name, answer in answers_of(swipe, snapshot)
    )
    return GateExplained(decide(swipe, snapshot), answers, _granting(swipe, snapshot))


def person(trial: PersonTrial, policy: Policy) -> PersonExplained:
    """Explain a hypothetical person by a policy."""
    acts = judge(
        trial.person, trial.passes, trial.registrations, trial.cases, policy, trial.today, trial.register_as_of
    )
    return PersonExplained(acts, tuple(map(said, acts)), tuple(_notes(trial, policy)))


def _no_row(then: Callable[[Swipe, Snapshot, Enrolment], str]) -> Callable[[Swipe, Snapshot], str]:
    return lambda swipe, snapshot: "nobody" if snapshot.row is None else then(swipe, snapshot, snapshot.row)


def _always(code: str) -> Callable[..., str]:
    return lambda *_: code


DECLINED: Mapping[str, Callable[[Swipe, Snapshot], str]] = {
    "leaving": _always("coming_in"),
    "open_portal": _always("shut"),
    "lost": _no_row(_always("not_lost")),
    "attempts": lambda _, snapshot: "few" if snapshot.policy.attempts > 0 else "off",
    "unknown": _always("enrolled"),
    "expired": _no_row(_always("in_time")),
    "wrong_portal": _no_row(lambda _s, _v, row: "every_portal" if row.portals is None else "listed"),
    "out_of_hours": _no_row(lambda _s, _v, row: "all_hours" if row.schedule is None else "within"),
    "passback": lambda _, s: "not_inside" if s.policy.passback_seconds or s.policy.passback else "off",
    "condition": lambda _, snapshot: "no_row_holds" if snapshot.policy.conditions else "off",
    "visitor": _no_row(_always("no_visitor")),
    "enrolled": _always("nobody"),
}
"""Why each check declines, by its name; asked only where it does."""


CHANGES: Mapping[str, Callable[[Snapshot], Snapshot]] = {
    "wait": lambda s: replace(s, recent=()),
    "other_time": lambda s: s if s.row is None else replace(s, row=replace(s.row, schedule=None)),
    "found": lambda s: s if s.row is None else replace(s, row=replace(s.row, lost=False)),
    "roster": lambda s: replace(s, has_roster=True),
    "enrol": lambda s: replace(s, row=_enrolled(s)),
    "renew": lambda s: s if s.row is None else replace(s, row=_current(s.row, s)),
    "portal": lambda s: s if s.row is None else replace(s, row=replace(s.row, portals=None)),
    "site_row": lambda s: replace(s, policy=replace(s.policy, conditions=())),
}
"""What somebody could change, in the order in which it is the least trouble."""


def _enrolled(snapshot: Snapshot) -> Enrolment:
    row = snapshot.row
    if row is not None:
        return replace(row, enrolled=True)
    return Enrolment(bytes(16), snapshot.today, None, None, None, Role.RESIDENT)


def _current(row: Enrolment, snapshot: Snapshot) -> Enrolment:
    today = snapshot.today
    return replace(row, since=min(row.since, today), until=None if row.until is None else max(row.until, today))


def _granting(swipe: Swipe, snapshot: Snapshot) -> tuple[str, ...] | None:
    """The fewest changes with which the gate would grant; among as many, those that are the least trouble."""
    doing = [name for name, change in CHANGES.items() if change(snapshot) != snapshot or name == "enrol"]
    for size in range(len(doing) + 1):
        for names in combinations(doing, size):
            changed = snapshot
            for name in sorted(names, key=lambda one: one != "enrol"):  # without a row there is nothing to change
                changed = CHANGES[name](changed)
            if decide(swipe, changed).verdict is Verdict.GRANT:
                return names
    return None


def _notes(trial: PersonTrial, policy: Policy) -> Iterator[tuple[str, Mapping[str, int]]]:
    stale = trial.register_as_of is None or trial.today - trial.register_as_of > timedelta(
        days=policy.register_max_age_days
    )
    known = Known(trial.person, trial.registrations, policy, trial.today, trial.register_as_of)
    found = {
        "stale": stale,
        "registered": known.registered,
        "child": known.child,
        "moved_out": known.moved_out is not None,
        "service": known.in_service,
        "no_resident": trial.person.role not in (None, Role.RESIDENT),
        "foreigner": trial.person.origin is Origin.FOREIGNER,
        "compatriot": trial.person.origin is Origin.COMPATRIOT,
        "elsewhere": trial.person.registered_elsewhere,
        "standing": any(case.state not in ENDED for case in trial.cases),
    }
    yield from ((code, {}) for code, is_so in found.items() if is_so)
    yield from _counts(trial, known)


def _counts(trial: PersonTrial, known: Known) -> Iterator[tuple[str, Mapping[str, int]]]:
    rule = known.policy.collection if known.at_home else known.policy.gate_query
    days, evenings = counted(known, trial.passes)
    yield "days", {"n": len(days), "need": rule.days_distinct, "window": rule.window_days}
    yield "evenings", {"n": evenings, "need": rule.evenings}
    since = trial.person.enrolled_since
    if since is not None and known.at_home:
        yield "grace", {"n": known.days_since(since), "need": known.policy.collection.grace_days}
