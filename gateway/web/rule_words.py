"""What is said of rules, in a language: decisions, acts, why a check declined, and what would have been granted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateway.web.rules_view import Change, Outcome, Replayed
from gateway.web.texts import Texts
from rules.decide import CHECKS
from rules.explain import CHANGES, GateExplained, PersonExplained
from rules.mistakes import SAID, Mistake
from rules.model import CaseKind, Decision, Flag, Question, Reason, Source, Verdict

DECLINED: Mapping[str, tuple[str, ...]] = {
    "leaving": ("coming_in",),
    "open_portal": ("shut",),
    "lost": ("nobody", "not_lost"),
    "attempts": ("few", "off"),
    "unknown": ("enrolled",),
    "expired": ("nobody", "in_time"),
    "wrong_portal": ("nobody", "every_portal", "listed"),
    "out_of_hours": ("nobody", "all_hours", "within"),
    "passback": ("not_inside", "off"),
    "condition": ("no_row_holds", "off"),
    "visitor": ("nobody", "no_visitor"),
    "enrolled": ("nobody",),
}
"""Every reason for which a check may decline, each with a text."""
NOTES = (
    "stale",
    "registered",
    "child",
    "moved_out",
    "service",
    "no_resident",
    "foreigner",
    "compatriot",
    "elsewhere",
    "standing",
    "days",
    "evenings",
    "grace",
)
_PLAIN_ACTS = ("remind", "propose_slip", "raise_slip", "restate", "take_back", "close")


def words() -> Iterator[str]:
    """Every text that may have to be said here."""
    yield from (f"check.{check.__name__}" for check in CHECKS)
    yield from (f"declined.{why}" for reasons in DECLINED.values() for why in reasons)
    yield from (f"change.{name}" for name in CHANGES)
    yield from (f"note.{note}" for note in NOTES)
    yield from (f"wrong.{code}" for code in ("at", *SAID))
    yield from (f"act.{act}" for act in (*_PLAIN_ACTS, "open", "escalate", "ask"))
    for prefix, codes in (
        ("verdict", Verdict),
        ("why", Reason),
        ("flag", Flag),
        ("question", Question),
        ("case.kind", CaseKind),
        ("case.source", Source),
    ):
        yield from (f"{prefix}.{code.value}" for code in codes)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    texts: Texts
    lang: str

    def t(self, key: str, **figures: object) -> str:
        return self.texts.get(self.lang, key, **figures)

    def mistake(self, one: str) -> str:
        """What is wrong with a policy; what is no `Mistake` is said as it is."""
        if not isinstance(one, Mistake):
            return one
        said = {name: self.mistake(value) if isinstance(value, str) else value for name, value in one.values.items()}
        sentence = self.t(f"wrong.{one.code}", **said)
        return self.t("wrong.at", at=one.at, what=sentence) if one.at else sentence

    def outcome(self, outcome: Outcome) -> str:
        """What comes of a swipe, or what follows for a person."""
        if isinstance(outcome, Decision):
            return self._decision(outcome)
        return self.t("rules.list").join(map(self._act, outcome)) or self.t("rules.nothing")

    def checks(self, explained: GateExplained) -> list[tuple[str, str, bool]]:
        """Each check: its name, what it says or why it declines, and whether it is the one that decided."""
        first = next(answer.check for answer in explained.answers if answer.decision is not None)
        return [
            (
                self.t(f"check.{one.check}"),
                self.t(f"declined.{one.why}") if one.decision is None else self._decision(one.decision),
                one.check == first,
            )
            for one in explained.answers
        ]

    def granted_with(self, explained: GateExplained) -> str:
        """The fewest changes with which it would be granted, as one sentence."""
        if explained.granted_with is None:
            return self.t("rules.never_granted")
        if not explained.granted_with:
            return self.t("rules.granted_already")
        changes = self.t("rules.and").join(self.t(f"change.{name}") for name in explained.granted_with)
        return self.t("rules.granted_with", changes=changes)

    def notes(self, explained: PersonExplained) -> list[str]:
        """What stands for and against a case."""
        return [self.t(f"note.{code}", **figures) for code, figures in explained.notes]

    def count(self, number: int | None) -> str:
        return self.t("rules.few") if number is None else f"{number:,}"

    def swipes_and_cards(self, change: Change) -> str:
        return self.t("rules.swipes_cards", n=self.count(change.swipes), cards=self.count(change.concerned))

    def _decision(self, decision: Decision) -> str:
        reasons = self.t("rules.list").join(self.t(f"why.{reason.value}") for reason in decision.reasons)
        said = f"{self.t(f'verdict.{decision.verdict.value}')} · {reasons}"
        said += "".join(f" · {self.t(f'flag.{flag.value}')}" for flag in sorted(decision.flags))
        return said + (f" · {decision.side}" if decision.side else "") + f" · {self.t('rules.quiet')}" * decision.quiet

    def _act(self, act: str) -> str:
        name, *rest = act.split()
        match name:
            case "open":
                kind, source = rest
                return self.t("act.open", kind=self.t(f"case.kind.{kind}"), source=self.t(f"case.source.{source}"))
            case "escalate":
                return self.t("act.escalate", to=self.t(f"level.{rest[0]}"))
            case "ask":
                return self.t("act.ask", question=self.t(f"question.{rest[0]}"))
            case _:
                return self.t(f"act.{name}")


def lines(words: Words, explained: GateExplained | PersonExplained) -> Iterator[str]:
    """An explanation as plain lines, for a terminal."""
    if isinstance(explained, PersonExplained):
        yield words.outcome(explained.said)
        yield from (f"  {note}" for note in words.notes(explained))
        return
    yield words.outcome(explained.decision)
    yield from (f"{'>' if decided else ' '} {name}: {said}" for name, said, decided in words.checks(explained))
    yield words.granted_with(explained)


def replay_lines(words: Words, done: Replayed) -> Iterator[str]:
    """What another policy would change, as plain lines."""
    before, after = done.versions
    yield words.t("rules.replayed", before=before, after=after, days=done.days, swipes=f"{done.swipes:,}")
    parts: tuple[tuple[str, list[Change], Callable[[Change], str]], ...] = (
        ("rules.at_gate", done.gate, words.swipes_and_cards),
        ("rules.at_centre", done.cases, lambda change: words.t("rules.people", n=words.count(change.concerned))),
    )
    for title, changes, how_many in parts:
        yield words.t(title, cards=f"{done.cards:,}", people=f"{done.people:,}")
        yield from (f"  {how_many(c)}: {words.outcome(c.before)} → {words.outcome(c.after)}" for c in changes)
        if not changes:
            yield f"  {words.t('rules.no_change')}"
