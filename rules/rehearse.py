"""Runs the tests inside a policy file through the same two functions that judge in earnest."""

from dataclasses import dataclass, replace

from rules.acts import Act, Ask, CloseCase, Escalate, OpenCase, ProposeSlip, RaiseSlip, Remind, Restate, TakeBack
from rules.decide import decide
from rules.judge import judge
from rules.model import Decision
from rules.policy import Policy
from rules.trial import GateTrial, PersonTrial, Trial


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that the policy fails: what its author expected, and what comes out."""

    name: str
    expected: str
    got: str


def run_tests(policy: Policy) -> list[Failure]:
    """Every test of the policy file that comes out differently than expected, in the order of the file."""
    return [failure for trial in policy.tests if (failure := _run(trial, policy)) is not None]


def said(act: Act) -> str:
    """An act in the words that a policy file expects: `open collection gate`, `remind`, `escalate street` ..."""
    match act:
        case OpenCase():
            return f"open {act.kind} {act.source}"
        case Escalate():
            return f"escalate {act.to}"
        case CloseCase():
            return f"close {act.how}"
        case Ask():
            return f"ask {act.question}"
        case Remind() | ProposeSlip() | RaiseSlip() | Restate() | TakeBack():
            return _SAID[type(act)]


_SAID: dict[type[Act], str] = {
    Remind: "remind",
    ProposeSlip: "propose_slip",
    RaiseSlip: "raise_slip",
    Restate: "restate",
    TakeBack: "take_back",
}


def _run(trial: Trial, policy: Policy) -> Failure | None:
    expected, got = _gate(trial, policy) if isinstance(trial, GateTrial) else _person(trial, policy)
    return None if expected == got else Failure(trial.name, expected, got)


def _gate(trial: GateTrial, policy: Policy) -> tuple[str, str]:
    decision = decide(trial.swipe, replace(trial.snapshot, policy=policy.gate))
    expected = Decision(
        trial.verdict,
        decision.reasons if trial.reasons is None else trial.reasons,
        decision.flags if trial.flags is None else trial.flags,
        decision.side if trial.side is None else trial.side,
        quiet=decision.quiet if trial.quiet is None else trial.quiet,
    )
    return told(expected), told(decision)


def told(decision: Decision) -> str:
    """A decision in words: `grant: enrolled [unregistered]`."""
    flags = f" [{', '.join(sorted(decision.flags))}]" if decision.flags else ""
    beside = f" ({decision.side})" * bool(decision.side) + " (no reminder)" * decision.quiet
    return f"{decision.verdict}: {', '.join(decision.reasons)}{flags}{beside}"


def _person(trial: PersonTrial, policy: Policy) -> tuple[str, str]:
    acts = judge(
        trial.person, trial.passes, trial.registrations, trial.cases, policy, trial.today, trial.register_as_of
    )
    return ", ".join(trial.acts) or "nothing", ", ".join(map(said, acts)) or "nothing"
