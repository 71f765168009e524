"""`gateway rules`: check, explain and try a policy; propose, approve and roll back its versions."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.centre import rulework
from gateway.centre.asking import FIELDS, OF_PERSON, question
from gateway.centre.replay import Replay
from gateway.centre.rulebook import Rulebook, checked
from gateway.centre.rulework import MOST_DAYS
from gateway.keys import load_master
from gateway.settings import Settings, SettingsError, load
from gateway.store.database import Database
from gateway.web.page import moment
from gateway.web.rule_words import Words, lines, replay_lines
from gateway.web.rules_view import Change, Outcome, Replayed
from gateway.web.texts import LANGUAGES
from gateway.web.texts import load as load_texts
from rules.cases import NotPossible
from rules.model import Decision
from rules.policy import Policy, PolicyError
from rules.rehearse import told

OK, WRONG = 0, 2


def run(options: argparse.Namespace) -> int:
    """Do one of the acts.

    Raises:
        SettingsError, PolicyError, LookupError, OSError: what is wrong, for whoever typed it.
    """
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        return act(options)
    except NotPossible as error:
        raise LookupError(str(error)) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `gateway rules` its acts, each with its arguments."""
    acts = parser.add_subparsers(required=True, metavar="ACT")

    def act(name: str, do: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = acts.add_parser(name, help=about, description=about)
        added.set_defaults(act=do)
        return added

    act("list", _list, "every version of the policy")
    check = act("check", _check, "say every mistake of a policy file, and run its tests")
    check.add_argument("file", type=Path)
    explain = act("explain", _explain, "why a hypothetical swipe or person is judged so, and what would change it")
    explain.add_argument("--policy", type=Path, metavar="FILE", help="by this file, not by the version in force")
    explain.add_argument(
        "--toml", type=Path, metavar="FILE", help="the question as a test of a policy file; - reads it"
    )
    for name, one in FIELDS.items():
        flag = {"action": "store_const", "const": "yes", "default": ""} if one.kind == "flag" else {"default": ""}
        explain.add_argument(f"--{name}", help=one.about, **flag)  # type: ignore[arg-type]
    _say_in(explain)
    replay = act(
        "replay", _replay, "what a policy would change on the stored swipes and today's register: counts alone"
    )
    replay.add_argument("file", type=Path)
    replay.add_argument("--days", type=int, default=30, help="how far back (%(default)s)")
    replay.add_argument("--json", action="store_true", help="as one JSON object")
    _say_in(replay)
    propose = act("propose", _propose, "bring a policy file in as a new version")
    propose.add_argument("file", type=Path)
    approve = act("approve", _approve, "approve what somebody else has proposed (profile district)")
    back = act("rollback", _roll_back, "bring the content of an older version back as a new one")
    back.add_argument("--reason", required=True, help="why")
    for one_version in (approve, back):
        one_version.add_argument("version", type=int)
    for by in (propose, approve, back):
        by.add_argument("--as", dest="by", default="", help="who does this; without it, the account on this machine")


def _say_in(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the answer (%(default)s)")


def _check(options: argparse.Namespace) -> int:
    found = rulework.check(_text(options.file), _settings_if_any(options.config))
    for remark in found.remarks:
        _say(f"note: {remark}")
    if found.mistakes:
        raise PolicyError(found.mistakes)
    _say(f"ok, {found.tests} tests")
    return OK


def _explain(options: argparse.Namespace) -> int:
    values = {name: getattr(options, name.replace("-", "_")) for name in FIELDS}
    if any(values[name] for name in OF_PERSON) and any(values[name] for name in FIELDS.keys() - OF_PERSON - _OF_BOTH):
        raise PolicyError(("ask about a swipe or about a person, not about both",))
    text = question(values) if options.toml is None else _text(options.toml)
    answer = rulework.answer(text, _policy(options))
    if answer.answer is None:
        raise PolicyError(answer.mistakes)
    _say_all(lines(Words(load_texts(), options.lang), answer.answer))
    return OK


_OF_BOTH = {"register-as-of"}


def _replay(options: argparse.Namespace) -> int:
    if not 1 <= options.days <= MOST_DAYS:
        raise PolicyError((f"--days: from 1 to {MOST_DAYS}",))
    after = checked(_text(options.file))
    settings, database, book = _office(options)
    with database.read() as connection:
        before = book.standing(connection).policy
    master = load_master(settings.data / "master.key")
    done = Replay(database, master, before, after, days=options.days, progress=_progress).run()
    database.close()
    if options.json:
        _say(json.dumps(_plain(done), ensure_ascii=False))
    else:
        _say_all(replay_lines(Words(load_texts(), options.lang), done))
    return OK


def _progress(swipes: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{swipes:,}")


def _plain(done: Replayed) -> dict[str, Any]:
    return asdict(done) | {"gate": [_change(one) for one in done.gate], "cases": [_change(one) for one in done.cases]}


def _change(change: Change) -> dict[str, Any]:
    return {
        "before": _outcome(change.before),
        "after": _outcome(change.after),
        "swipes": change.swipes,
        "concerned": change.concerned,
    }


def _outcome(outcome: Outcome) -> str:
    return told(outcome) if isinstance(outcome, Decision) else ", ".join(outcome) or "nothing"


def _list(options: argparse.Namespace) -> int:
    _, database, book = _office(options)
    for row in rulework.listed(database, book):
        state = "in force" if row.in_force else row.state
        by = f"{row.proposed_by} / {row.approved_by or '–'}"
        _say(f"{row.version}  {state}  from {moment(row.begins)}  {row.author}: {row.reason}  ({by})")
    database.close()
    return OK


def _propose(options: argparse.Namespace) -> int:
    settings, database, book = _office(options)
    text = _text(options.file)
    found = rulework.check(text, settings)
    if found.mistakes:
        raise PolicyError(found.mistakes)
    with database.write() as connection:
        number = book.propose(connection, text, _by(options))
    database.close()
    waits = "" if settings.profile == "compound" else ": a second person approves it by gateway rules approve"
    _say(f"version {number} is proposed{waits}")
    return OK


def _approve(options: argparse.Namespace) -> int:
    _, database, book = _office(options)
    with database.write() as connection:
        book.approve(connection, options.version, _by(options))
    database.close()
    _say(f"version {options.version} is approved")
    return OK


def _roll_back(options: argparse.Namespace) -> int:
    _, database, book = _office(options)
    with database.write() as connection:
        number = book.roll_back(connection, options.version, options.reason, _by(options))
    database.close()
    _say(f"version {number} has the content of version {options.version}")
    return OK


def _by(options: argparse.Namespace) -> str:
    return options.by or getpass.getuser()


def _policy(options: argparse.Namespace) -> Policy:
    """The policy that is asked about: of a file, or the one in force."""
    if options.policy is not None:
        return checked(_text(options.policy))
    _, database, book = _office(options)
    with database.read() as connection:
        policy = book.standing(connection).policy
    database.close()
    return policy


def _office(options: argparse.Namespace) -> tuple[Settings, Database, Rulebook]:
    settings = load(options.config)
    database = Database(settings.database)
    database.check_schema()
    return settings, database, Rulebook(settings.profile)


def _settings_if_any(config: Path) -> Settings | None:
    """What the configuration says of the site; None where there is none, or it is wrong itself."""
    try:
        return load(config) if config.exists() else None
    except SettingsError:
        return None


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError((f"{file}: {error}",)) from error


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _say_all(every: Iterable[str]) -> None:
    for line in every:
        _say(line)
