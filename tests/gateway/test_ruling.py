"""`gateway rules` as whoever sits at the centre types it."""

import json
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.centre.policies import Policies
from gateway.settings import load
from gateway.store.database import Database
from rules.model import CredentialKind
from tests.gateway.centre.centres import CONFIG, POLICY_TEXT

HEAD = 'version = {}\nauthor = "office"\nreason = "r"\neffective_from = 2026-01-01T00:00:00\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return site(tmp_path, "compound")


def site(folder: Path, profile: str) -> Path:
    """A configured centre whose first policy is in the rulebook."""
    file = folder / "gateway.toml"
    file.write_text(
        f'profile = "{profile}"\n' + CONFIG.format(url="mqtt://127.0.0.1:1", street_there="江湾街道"), encoding="utf-8"
    )
    (folder / "policy.toml").write_text(POLICY_TEXT, encoding="utf-8")
    (folder / "data").mkdir()
    key = folder / "data" / "master.key"
    key.write_text(bytes(range(32)).hex(), encoding="utf-8")
    key.chmod(0o600)
    settings = load(file, {})
    database = Database(settings.database)
    database.migrate()
    Policies(database, settings.centre.policy, profile=settings.profile)
    database.close()
    return file


def policy(folder: Path, version: int, more: str = "") -> str:
    file = folder / f"policy-{version}.toml"
    file.write_text(HEAD.format(version) + more, encoding="utf-8")
    return str(file)


def rules(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """What the command says, on either stream."""
    status = main(["rules", "--config", str(config), *words])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_check_says_every_mistake_also_at_this_site(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent
    assert rules(config, capsys, "check", policy(folder, 2)) == (0, "ok, 0 tests\n")
    wrong = '[gate]\nattempts = "many"\n[[conditions]]\nname = "x"\nthen = "attend"\nmood = { in = ["bad"] }\n'
    status, said = rules(config, capsys, "check", policy(folder, 3, wrong))
    assert status == 2
    assert said.splitlines() == [
        "policy: gate.attempts: must be a whole number",
        "policy: conditions[1].name: the row asks about nothing, so it would hold for everybody",
        "policy: conditions[1].mood: is not known",
    ]
    there = '[[passback]]\nportals = ["attic"]\nseconds = 60\n'
    status, said = rules(config, capsys, "check", policy(folder, 4, there))
    assert (status, said) == (2, "policy: passback: by time: there is no portal 'attic'\n")
    status, said = rules(config, capsys, "check", str(folder / "policy.toml"))
    assert (status, said.count("note: asks for less")) == (0, 4)
    assert rules(config, capsys, "check", str(folder / "nowhere.toml"))[0] == 2


def test_an_area_that_nobody_could_leave_is_a_mistake_wherever_its_readers_are_known(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    area = '[[passback]]\narea = "court"\nportals = ["east", "west"]\n'
    file = policy(config.parent, 2, area)
    assert rules(config, capsys, "check", file)[0] == 0, "this machine has no readers"
    portal = '[[portals]]\nid = "{0}"\nname = "{0}"\nattended = "never"\nunattended = "grant"\n'
    reader = '[[readers]]\nid = "{0}-{1}"\nportal = "{0}"\ndirection = "{1}"\ndriver = "wiegand"\nurl = "/dev/null"\n'
    both = "".join(portal.format(one) + reader.format(one, "in") for one in ("east", "west"))
    text = config.read_text(encoding="utf-8")
    config.write_text(text + both, encoding="utf-8")
    status, said = rules(config, capsys, "check", file)
    assert (status, said) == (2, "policy: passback: court: it has no reader on the way out, so nobody could leave it\n")
    config.write_text(text + both + reader.format("west", "out"), encoding="utf-8")
    assert rules(config, capsys, "check", file)[0] == 0


def test_explain_shows_each_check_and_the_closest_change(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--at", "2026-11-23T19:00", "--role", "guest", "--since", "2026-01-01", "--until", "2026-11-22")
    status, said = rules(config, capsys, "explain", *asked)
    assert status == 0
    assert "> Days of the enrolment: Please assist" in said
    assert said.endswith("It would be granted if: the enrolment covers that day.\n")
    assert "未授权" in rules(config, capsys, "explain", "--at", "2026-11-23T19:00", "--lang", "zh")[1]
    status, said = rules(config, capsys, "explain", "--today", "2026-11-23", "--birth", "2015-01-01")
    assert (status, "under 16" in said) == (0, True)
    both = ("--today", "2026-11-23", "--at", "2026-11-23T19:00")
    assert rules(config, capsys, "explain", *both) == (
        2,
        "policy: ask about a swipe or about a person, not about both\n",
    )
    assert rules(config, capsys, "explain", "--at", "noon")[0] == 2
    snippet = config.parent / "question.toml"
    snippet.write_text("swipe = { at = 2026-11-23T19:00:00, direction = 'out' }\n", encoding="utf-8")
    assert rules(config, capsys, "explain", "--toml", str(snippet))[1].endswith("It is granted.\n")
    file = policy(config.parent, 2, "[gate]\nattempts = 1\n")
    assert rules(config, capsys, "explain", "--policy", file, "--at", "2026-11-23T19:00")[0] == 0


@pytest.mark.parametrize("value", ["'", '"', "\\", "a\nb", "]", "} \n version = 3", "'''"])
def test_what_is_typed_into_a_field_stays_its_value(
    config: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    status, said = rules(config, capsys, "explain", "--at", "2026-11-23T19:00", "--portal", value)
    assert (status, said.splitlines()[0].startswith("Please assist")) == (0, True)
    status, said = rules(config, capsys, "explain", "--at", value)
    assert (status, said.startswith("policy: ")) == (2, True)


def test_versions_come_and_go_in_a_compound(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent
    assert rules(config, capsys, "propose", policy(folder, 2), "--as", "li") == (0, "version 2 is proposed\n")
    status, said = rules(config, capsys, "propose", policy(folder, 2), "--as", "li")
    assert (status, said) == (2, "policy: version: must rise with every change; 2 is the newest\n")
    assert rules(config, capsys, "approve", "2", "--as", "wang") == (2, "version 2 is approved\n")
    back = rules(config, capsys, "rollback", "1", "--reason", "too strict", "--as", "li")
    assert back == (0, "version 3 has the content of version 1\n")
    listed = rules(config, capsys, "list")[1].splitlines()
    assert [line.split("  ")[:2] for line in listed] == [["3", "in force"], ["2", "approved"], ["1", "approved"]]
    assert "li: too strict" in listed[0]


def test_in_a_district_a_second_person_approves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = site(tmp_path, "district")
    status, said = rules(config, capsys, "propose", policy(tmp_path, 2), "--as", "li")
    assert (status, "a second person approves" in said) == (0, True)
    assert rules(config, capsys, "approve", "2", "--as", "li")[0] == 2
    assert rules(config, capsys, "approve", "2", "--as", "office")[0] == 2, "the author that the text names"
    assert rules(config, capsys, "approve", "2", "--as", "wang") == (0, "version 2 is approved\n")
    assert rules(config, capsys, "approve", "7", "--as", "wang") == (2, "there is no version 7\n")


def test_replay_counts_and_says_so_in_either_form(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = policy(config.parent, 2)
    status, said = rules(config, capsys, "replay", file, "--lang", "zh")
    assert (status, said.splitlines()[0]) == (0, "第1版与第2版对比：近30天0条通行记录，今日登记底册。")
    status, said = rules(config, capsys, "replay", file, "--json", "--days", "7")
    found = json.loads(said)
    assert (status, found["days"], found["versions"], found["gate"]) == (0, 7, [1, 2], [])
    assert rules(config, capsys, "replay", file, "--days", "91") == (2, "policy: --days: from 1 to 90\n")


def test_the_kinds_of_credential_are_those_that_a_row_may_name(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in CredentialKind:
        row = f'[[conditions]]\nname = "x"\nthen = "attend"\nkind = {{ in = ["{kind}"] }}\n'
        assert rules(config, capsys, "check", policy(config.parent, 2, row))[0] == 0
