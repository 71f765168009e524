"""The versions of the policy: proposed, approved, in force from their time, rolled back; every one of them is kept.

    file or API ──▶ proposed ──(a second person, in profile district)──▶ approved ──(its time)──▶ in force

A version number only rises. What has not begun is withdrawn when a higher version begins before it.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.store.queries import rulebook
from rules.cases import NotPossible
from rules.mistakes import Mistake, mistake
from rules.model import CIVIL
from rules.policy import Policy, PolicyError, parse
from rules.rehearse import run_tests

Profile = Literal["compound", "district"]
FIRST = "the file, at the installation"
LONGEST_TEXT = 200_000
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in force, since when, and what comes next; each version with its text."""

    text: str
    policy: Policy
    since: datetime
    upcoming: tuple[str, Policy] | None


class Rulebook:
    """Each act is in the transaction of the caller, who commits it."""

    def __init__(self, profile: Profile, *, wall: Callable[[], float] = time.time) -> None:
        self.profile = profile
        self.wall = wall

    def propose(self, connection: Connection, text: str, by: str) -> int:
        """Propose a version. In profile `compound` it is approved at once. Its number.

        Raises:
            PolicyError: it cannot be used, is no higher than every one before, or begins before one that is approved.
        """
        policy = checked(text)
        now = self._now()
        mistakes = self._not_higher(connection, policy)
        mistakes += [
            mistake("begins_later", "effective_from", version=row.version, moment=_moment(row.effective_from))
            for row in rulebook.approved(connection)
            if row.effective_from > now and row.effective_from > begins_ms(policy)
        ]
        if mistakes:
            raise PolicyError(tuple(mistakes))
        return self._add(connection, text, policy, by)

    def take(self, connection: Connection, text: str, by: str) -> int:
        """As `propose`, but what is approved and has not begun gives way to it: a file says all that is to come."""
        policy = checked(text)
        if mistakes := self._not_higher(connection, policy):
            raise PolicyError(tuple(mistakes))
        rulebook.withdraw_later(connection, policy.version, self._now() + 1)
        return self._add(connection, text, policy, by)

    def install(self, connection: Connection, text: str) -> None:
        """Begin the rulebook with a first version, which nobody has to approve."""
        self._add(connection, text, checked(text), FIRST, approver=FIRST)

    def approve(self, connection: Connection, version: int, by: str) -> None:
        """A second person approves what was proposed.

        Raises:
            LookupError: there is no such version. NotPossible: it is not proposed, or by the person who approves it.
        """
        row = _needed(connection, version)
        if row.state != "proposed":
            raise NotPossible(f"version {version} is {row.state}")
        name = _name(by)
        if is_own(row, name):
            raise NotPossible("somebody else than the author, and than whoever proposed it, has to approve a version")
        if not rulebook.approve(connection, version, name, self._now()):
            raise NotPossible(f"version {version} is not proposed any more")
        _note(connection, "policy.approve", version, name, self._now())
        rulebook.withdraw_later(connection, version, max(row.effective_from, self._now()))

    def roll_back(self, connection: Connection, version: int, reason: str, by: str) -> int:
        """Propose a version with the content of an older one, to be in force at once. Its number.

        Raises:
            LookupError: there is no such version.
            NotPossible: it never was in force, or is in force now.
            PolicyError: the old text cannot be used any more.
        """
        row, now = _needed(connection, version), self._now()
        if row.state != "approved" or row.effective_from > now:
            raise NotPossible(f"version {version} never was in force")
        if version == _current(rulebook.approved(connection), now):
            raise NotPossible(f"version {version} is in force")
        name = _name(by)
        if not reason.strip():
            raise NotPossible("state the reason")
        text = again(row.text, rulebook.highest(connection) + 1, name, reason.strip(), self._moment())
        return self._add(connection, text, checked(text), name)

    def standing(self, connection: Connection) -> Standing:
        """What is in force now. LookupError where the rulebook is empty."""
        rows, now = rulebook.approved(connection), self._now()
        if not rows:
            raise LookupError("there is no policy yet")
        number = _current(rows, now)
        row = _needed(connection, number)
        later = [one for one in rows if one.version > number and one.effective_from > now]
        following = _needed(connection, min(later, key=lambda one: one.effective_from).version) if later else None
        since = max(row.effective_from, row.approved_at or 0)
        return Standing(
            row.text,
            parse(row.text),
            datetime.fromtimestamp(min(since, now) / 1000, UTC),
            (following.text, parse(following.text)) if following is not None else None,
        )

    def key(self, connection: Connection) -> tuple[int, tuple[int, ...]]:
        """What `standing` would be read from, as numbers: it changes when that does."""
        rows, now = rulebook.approved(connection), self._now()
        return (_current(rows, now) if rows else 0), tuple(row.version for row in rows if row.effective_from > now)

    def _not_higher(self, connection: Connection, policy: Policy) -> list[Mistake]:
        highest = rulebook.highest(connection)
        too_low = policy.version <= highest
        return [mistake("not_higher", "version", highest=highest)] * too_low

    def _add(self, connection: Connection, text: str, policy: Policy, by: str, *, approver: str | None = None) -> int:
        at, name = self._now(), _name(by)
        approver = approver or (name if self.profile == "compound" else None)
        rulebook.withdraw_proposals(connection, policy.version)
        if approver is not None:
            rulebook.withdraw_later(connection, policy.version, max(begins_ms(policy), at))
        values = {
            "version": policy.version,
            "text": text,
            "author": policy.author[:200],
            "reason": policy.reason[:500],
            "effective_from": begins_ms(policy),
            "state": "approved" if approver is not None else "proposed",
            "proposed_by": name,
            "proposed_at": at,
            "approved_by": approver,
            "approved_at": at if approver is not None else None,
        }
        if not rulebook.add(connection, values):
            raise PolicyError((mistake("meanwhile", "version", version=policy.version),))
        _note(connection, "policy.propose", policy.version, name, at)
        return policy.version

    def _now(self) -> int:
        return int(self.wall() * 1000)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(int(self.wall()), UTC).astimezone(CIVIL)


def checked(text: str) -> Policy:
    """The policy that a text says, whose own tests pass. PolicyError with every mistake."""
    if len(text) > LONGEST_TEXT:
        raise PolicyError((mistake("too_long", most=LONGEST_TEXT),))
    policy = parse(text)
    if failures := run_tests(policy):
        raise PolicyError(tuple(mistake("test", name=repr(f.name), expected=f.expected, got=f.got) for f in failures))
    return policy


def is_own(row: Any, by: str) -> bool:
    """Whether somebody has written or proposed a version, so that another person has to approve it."""
    return _same(by, row.proposed_by) or _same(by, row.author)


def begins(policy: Policy) -> datetime:
    """The moment from which a policy holds."""
    moment = policy.effective_from
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=CIVIL)


def begins_ms(policy: Policy) -> int:
    return int(begins(policy).timestamp() * 1000)


def again(text: str, version: int, author: str, reason: str, moment: datetime) -> str:
    """A policy's text with another head: the same content as a new version.

    Raises:
        PolicyError: the head is written in a way that cannot be replaced line by line.
    """
    head, rest = _parted(text)
    said = {
        "version": str(version),
        "author": _quoted(author),
        "reason": _quoted(reason),
        "effective_from": moment.isoformat(),
    }
    for key, value in said.items():
        line = f"{key} = {value}".replace("\\", "\\\\")  # what a backslash would mean to re.sub
        head = re.sub(rf"(?m)^[ \t]*{key}[ \t]*=.*$", line, head)
    old, new = parse(text), parse(head + rest)
    same = replace(old, version=version, author=author, reason=reason, effective_from=moment)
    if new != replace(same, gate=replace(old.gate, version=version)):
        raise PolicyError((mistake("head"),))
    return head + rest


def _parted(text: str) -> tuple[str, str]:
    """What stands before the first table, and the rest."""
    found = re.search(r"(?m)^[ \t]*\[", text)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :])


def _quoted(text: str) -> str:
    return '"' + "".join(one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text) + '"'


def _needed(connection: Connection, version: int) -> Any:
    row = rulebook.version(connection, version)
    if row is None:
        raise LookupError(f"there is no version {version}")
    return row


def _current(rows: Sequence[Any], now: int) -> int:
    """The number of the version in force: the highest that has begun, or the first of all where none has."""
    begun = [row.version for row in rows if row.effective_from <= now]
    return int(max(begun) if begun else rows[0].version)


def _note(connection: Connection, act: str, version: int, by: str, at: int) -> None:
    """Record who did it: a policy is of everybody."""
    audit.note(connection, Who(by, "", at), act, f"policies/{version}")


def _name(by: str) -> str:
    name = by.strip()[:_LONGEST_NAME]
    if not name or not name.isprintable():
        raise NotPossible("state who does this")
    return name


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(CIVIL).isoformat(timespec="minutes")
