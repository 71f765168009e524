"""The policy over the API and on the page: what administrators of the whole district may do, and what they may not."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.gateway.centre.centres import POLICY_TEXT, Centre, running, secret
from tests.waiting import until

ONE, TWO = "administrator-everywhere", "auditor-everywhere"
PATH = "/api/v1/policies"


@pytest.fixture
def compound(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path) as centre:
        yield centre


@pytest.fixture
def district(tmp_path: Path) -> Iterator[Centre]:
    with running(tmp_path, profile="district") as centre:
        yield centre


def text(version: int, *, author: str = "office", grace: int = 7) -> str:
    head = f'version = {version}\nauthor = "{author}"\nreason = "r"\neffective_from = 2026-01-01T00:00:00\n'
    return f"{head}[collection]\ngrace_days = {grace}\n"


def states(centre: Centre) -> dict[int, tuple[str, bool]]:
    return {row["version"]: (row["state"], row["in_force"]) for row in centre.ask("GET", PATH, ONE).json}


def page(centre: Centre, path: str, form: dict[str, Any] | None = None) -> tuple[int, str]:
    origin = centre.url
    headers = {"Accept": "text/html", "Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
    headers["Authorization"] = f"Bearer {secret(ONE)}"
    connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=10)
    with closing(connection):
        connection.request("GET" if form is None else "POST", path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_proposal_is_in_force_at_once_in_a_compound_and_can_be_taken_back(compound: Centre) -> None:
    reply = compound.ask("POST", PATH, ONE, {"text": text(2)})
    assert (reply.status, reply.json["state"], reply.json["in_force"]) == (201, "approved", True)
    until(lambda: compound.process._policies.current().version == 2, what="the policy is taken")
    back = compound.ask("POST", f"{PATH}/1/rollback", ONE, {"reason": "too long"})
    assert (back.status, back.json["version"], back.json["author"]) == (201, 3, ONE)
    assert states(compound) == {1: ("approved", False), 2: ("approved", False), 3: ("approved", True)}


def test_in_a_district_it_takes_two(district: Centre) -> None:
    assert district.ask("POST", PATH, ONE, {"text": text(2, author=TWO)}).json["state"] == "proposed"
    assert district.ask("POST", f"{PATH}/2/approve", ONE).status == 409, "whoever proposed it"
    assert district.ask("POST", f"{PATH}/2/approve", TWO).status == 409, "its author"
    assert district.ask("POST", PATH, ONE, {"text": text(3)}).status == 201
    approved = district.ask("POST", f"{PATH}/3/approve", TWO)
    assert (approved.status, approved.json["approved_by"], approved.json["in_force"]) == (200, TWO, True)
    assert states(district)[2] == ("withdrawn", False)


def test_every_mistake_of_a_proposal_is_said_also_at_this_site(compound: Centre) -> None:
    wrong = text(2, grace=999) + '[surprise]\n[[passback]]\nportals = ["attic"]\nseconds = 60\n'
    reply = compound.ask("POST", PATH, ONE, {"text": wrong})
    assert reply.status == 422
    assert [one["problem"] for one in reply.json["mistakes"]] == [
        "collection.grace_days: must be from 0 to 90, is 999",
        "surprise: is not known",
    ]
    there = text(2) + '[[passback]]\nportals = ["attic"]\nseconds = 60\n'
    reply = compound.ask("POST", PATH, ONE, {"text": there})
    assert [one["problem"] for one in reply.json["mistakes"]] == ["passback: by time: there is no portal 'attic'"]
    assert compound.ask("POST", PATH, ONE, {"text": text(1)}).status == 422
    assert states(compound) == {1: ("approved", True)}


@pytest.mark.parametrize("client", ["administrator-here", "reviewer-here", "property-here"])
def test_nobody_of_one_compound_changes_the_policy_of_all(compound: Centre, client: str) -> None:
    assert compound.ask("POST", PATH, client, {"text": text(2)}).status in {403, 404}
    assert compound.ask("GET", PATH, client).status in {403, 404}
    assert states(compound) == {1: ("approved", True)}


def test_the_page_checks_explains_and_tries_and_proposes_nothing(compound: Centre) -> None:
    status, shown = page(compound, "/admin/rules")
    assert status == 200
    assert "training office" in shown
    status, shown = page(compound, "/admin/rules/check?lang=en", {"text": text(2, grace=999)})
    assert (status, "collection.grace_days: must be from 0 to 90, is 999" in shown) == (200, True)
    _, shown = page(compound, "/admin/rules/check?lang=zh", {"text": text(2, grace=999)})
    assert "collection.grace_days 处：应在 0 到 90 之间，现为 999" in shown
    status, shown = page(compound, "/admin/rules/check?lang=en", {"text": POLICY_TEXT})
    assert "No mistakes; all" in shown
    asked = {"at": "2026-11-23T19:00", "portal": "east", "direction": "in", "role": "guest", "since": "2026-12-01"}
    status, shown = page(compound, "/admin/rules/explain?lang=en", asked)
    assert "It would be granted if: the enrolment covers that day." in shown
    status, shown = page(compound, "/admin/rules/explain?lang=en", {"toml": "person = {}\ntoday = 2026-11-23"})
    assert "the register is too old" in shown
    status, shown = page(compound, "/admin/rules/explain?lang=en", {"at": "soon"})
    assert (status, "not TOML" in shown) == (200, True)
    assert page(compound, "/admin/rules/replayed")[0] == 404
    assert page(compound, "/admin/rules/replay", {"text": text(2), "days": 91})[0] == 422
    status, shown = page(compound, "/admin/rules/replay", {"text": text(2), "days": 30})
    assert (status, "grace_days = 7" in shown) == (200, True), "what was typed is still there"
    until(
        lambda: "Version 1 against version 2" in page(compound, "/admin/rules/replayed?lang=en")[1], what="the replay"
    )
    assert states(compound) == {1: ("approved", True)}
    assert not re.search("<script>|style=", page(compound, "/admin/rules")[1])
