"""The versions of the policy: who may bring one in, from when it holds, and how one goes back."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.policies import Policies
from gateway.centre.rulebook import FIRST, Profile, Rulebook, again
from gateway.store.queries import rulebook
from rules.cases import NotPossible
from rules.model import CIVIL
from rules.policy import PolicyError, parse
from tests.gateway.centre.office import NOW, Office

HEAD = 'version = {}\nauthor = "{}"\nreason = "r"\neffective_from = {}\n'
OLD = "2026-01-01T00:00:00"
GRACE = "[collection]\ngrace_days = {}\n"


def text(version: int, since: str = OLD, author: str = "office", grace: int = 7) -> str:
    return HEAD.format(version, author, since) + GRACE.format(grace)


class Desk:
    """A rulebook with its clock, each act a transaction of its own."""

    def __init__(self, office: Office, profile: Profile) -> None:
        self.office = office
        self.book = Rulebook(profile, wall=office.wall)
        self.act("install", text(1))

    def act(self, name: str, *what: Any) -> Any:
        with self.office.database.write() as connection:
            return getattr(self.book, name)(connection, *what)

    def states(self) -> dict[int, str]:
        with self.office.database.read() as connection:
            return {row.version: row.state for row in rulebook.versions(connection)}

    def standing(self) -> tuple[int, int | None]:
        with self.office.database.read() as connection:
            found = self.book.standing(connection)
        return found.policy.version, found.upcoming[1].version if found.upcoming is not None else None

    def refused(self, name: str, *what: Any) -> tuple[str, ...]:
        with pytest.raises((PolicyError, NotPossible)) as caught:
            self.act(name, *what)
        return caught.value.mistakes if isinstance(caught.value, PolicyError) else (str(caught.value),)


def test_in_a_compound_a_proposal_is_in_force_at_its_time(office: Office) -> None:
    desk = Desk(office, "compound")
    assert desk.act("propose", text(2), "li") == 2
    assert desk.standing() == (2, None)
    desk.act("propose", text(3, "2026-12-01T00:00:00"), "li")
    assert desk.standing() == (2, 3)
    office.moment = datetime(2026, 11, 30, 23, 59, 59, tzinfo=CIVIL)
    assert desk.standing() == (2, 3)
    office.moment += timedelta(seconds=1)
    assert desk.standing() == (3, None)


def test_in_a_district_a_second_person_approves_and_neither_author_nor_proposer_can(office: Office) -> None:
    desk = Desk(office, "district")
    desk.act("propose", text(2, author="Wang Fang"), "li")
    assert (desk.standing(), desk.states()) == ((1, None), {1: "approved", 2: "proposed"})
    for same in ("li", " LI ", "wang  fang", "Wang Fang"):
        assert "somebody else than the author" in desk.refused("approve", 2, same)[0]
    assert desk.refused("approve", 2, " ") == ("state who does this",)
    desk.act("approve", 2, "zhao")
    assert desk.standing() == (2, None)
    assert desk.refused("approve", 2, "zhao") == ("version 2 is approved",)
    with pytest.raises(LookupError):
        desk.act("approve", 9, "zhao")


def test_a_version_never_goes_down_and_every_mistake_is_said(office: Office) -> None:
    desk = Desk(office, "compound")
    desk.act("propose", text(5, "2026-12-01T00:00:00"), "li")
    assert desk.refused("propose", text(5), "li") == (
        "version: must rise with every change; 5 is the newest",
        "effective_from: version 5 is approved and begins later, at 2026-12-01T00:00+08:00",
    )
    assert desk.refused("propose", text(6), "li") == (
        "effective_from: version 5 is approved and begins later, at 2026-12-01T00:00+08:00",
    )
    wrong = text(6, grace=999) + '[surprise]\n[[tests]]\nname = "x"\n'
    assert len(desk.refused("propose", wrong, "li")) == 4
    assert desk.refused("propose", "x" * 200_001, "li") == ("longer than 200000 letters",)
    desk.act("propose", text(6, "2026-12-24T00:00:00"), "li")
    assert desk.standing() == (1, 5)
    assert desk.states() == {1: "approved", 5: "approved", 6: "approved"}


def test_a_newer_proposal_takes_the_place_of_one_that_waits(office: Office) -> None:
    desk = Desk(office, "district")
    desk.act("propose", text(2), "li")
    desk.act("propose", text(3), "li")
    assert desk.states() == {1: "approved", 2: "withdrawn", 3: "proposed"}
    assert desk.refused("approve", 2, "zhao") == ("version 2 is withdrawn",)


def test_a_rollback_is_a_new_version_with_the_old_content_and_what_was_to_come_is_withdrawn(office: Office) -> None:
    desk = Desk(office, "compound")
    desk.act("propose", text(2, grace=30), "li")
    desk.act("propose", text(3, "2026-12-01T00:00:00"), "li")
    assert desk.act("roll_back", 1, 'too "long"\\, 宽限', "zhao") == 4
    assert desk.standing() == (4, None)
    assert desk.states() == {1: "approved", 2: "approved", 3: "withdrawn", 4: "approved"}
    with office.database.read() as connection:
        policy = desk.book.standing(connection).policy
    assert (policy.collection.grace_days, policy.author, policy.reason) == (7, "zhao", 'too "long"\\, 宽限')
    assert policy.effective_from == NOW
    assert policy.gate.version == 4
    assert desk.refused("roll_back", 4, "again", "zhao") == ("version 4 is in force",)
    assert desk.refused("roll_back", 3, "again", "zhao") == ("version 3 never was in force",)
    assert desk.refused("roll_back", 2, " ", "zhao") == ("state the reason",)


def test_in_a_district_a_rollback_is_approved_by_somebody_else_too(office: Office) -> None:
    desk = Desk(office, "district")
    desk.act("propose", text(2, grace=30), "li")
    desk.act("approve", 2, "zhao")
    assert desk.act("roll_back", 1, "too long", "zhao") == 3
    assert desk.standing() == (2, None)
    desk.refused("approve", 3, "zhao")
    office.moment += timedelta(hours=1)
    desk.act("approve", 3, "li")
    assert desk.standing() == (3, None)


def test_a_head_that_cannot_be_replaced_line_by_line_is_left_alone() -> None:
    good = text(1) + "[[tests]]\nname = 'version = 7'\nperson = {}\ntoday = 2026-11-23\nacts = []\n"
    moment = datetime(2026, 11, 23, 21, 0, tzinfo=CIVIL)
    assert parse(again(good, 2, "li", "r", moment)).tests == parse(good).tests
    odd = 'author = """\nversion = 3\n"""\nversion = 1\nreason = "r"\neffective_from = 2026-01-01T00:00:00\n'
    parse(odd)
    with pytest.raises(PolicyError):
        again(odd, 2, "li", "r", moment)


def test_the_first_version_comes_from_the_file_in_either_profile(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text(4), encoding="utf-8")
    policies = Policies(office.database, path, profile="district", wall=office.wall)
    assert policies.current().version == 4
    with office.database.read() as connection:
        (row,) = rulebook.versions(connection)
    assert (row.state, row.approved_by) == ("approved", FIRST)


def test_in_a_district_a_changed_file_waits_to_be_proposed(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text(1), encoding="utf-8")
    policies = Policies(office.database, path, profile="district", wall=office.wall)
    path.write_text(text(2), encoding="utf-8")
    assert [policies.look() for _ in range(2)] == [False] * 2
    assert caplog.text.count("gateway rules propose") == 1
    book = Rulebook("district", wall=office.wall)
    with office.database.write() as connection:
        book.propose(connection, text(2), "li")
    assert not policies.look()
    with office.database.write() as connection:
        book.approve(connection, 2, "zhao")
    assert policies.look()
    assert policies.current().version == 2
    path.unlink()
    assert Policies(office.database, path, profile="district", wall=office.wall).current().version == 2


def test_what_was_rolled_back_stays_so_although_the_file_says_otherwise(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text(1), encoding="utf-8")
    policies = Policies(office.database, path, wall=office.wall)
    path.write_text(text(2, grace=30), encoding="utf-8")
    assert policies.look()
    with office.database.write() as connection:
        Rulebook("compound", wall=office.wall).roll_back(connection, 1, "too long", "li")
    assert policies.look()
    assert (policies.current().version, policies.current().collection.grace_days) == (3, 7)
    assert not policies.look()
    again_started = Policies(office.database, path, wall=office.wall)
    assert again_started.current().version == 3
    path.write_text(text(3, grace=60), encoding="utf-8")
    assert not again_started.look()
    assert "must rise" in caplog.text
    path.write_text(text(4, grace=60), encoding="utf-8")
    assert again_started.look()


def test_a_file_says_all_that_is_to_come(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text(1), encoding="utf-8")
    policies = Policies(office.database, path, wall=office.wall)
    path.write_text(text(2, "2026-12-01T00:00:00"), encoding="utf-8")
    assert not policies.look()
    assert (policies.upcoming() or policies.policy).version == 2
    path.write_text(text(3, "2026-12-24T00:00:00"), encoding="utf-8")
    assert not policies.look()
    assert (policies.upcoming() or policies.policy).version == 3
