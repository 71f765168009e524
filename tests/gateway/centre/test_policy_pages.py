"""The versions of the policy on pages: read from a file, proposed, compared, tried, approved, brought back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import tables as t
from rules.roles import Role
from tests.browsing import Shown, Visitor
from tests.gateway.centre.centres import POLICY_TEXT, Centre, running
from tests.gateway.centre.grid import rows_of
from tests.waiting import until

RULES = "/admin/rules"


@pytest.fixture(scope="module")
def compound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("compound")) as centre:
        yield centre


def text(version: int, grace: int = 9, author: str = "office") -> str:
    """A whole policy like the one in force, with another head."""
    head = f'version = {version}\nauthor = "{author}"\nreason = "r"\neffective_from = 2026-01-01T00:00:00\n'
    return head + re.sub(r"grace_days = \d+", f"grace_days = {grace}", POLICY_TEXT[POLICY_TEXT.index("[register]") :])


def sent(visitor: Visitor, body: bytes) -> Shown:
    """What comes of a file that is chosen in the form."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p.toml"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b", "Origin": visitor.site}
    return visitor.ask("POST", f"{RULES}/read", (head + body + b"\r\n--b--\r\n").decode("latin-1"), kind)


def in_force(centre: Centre) -> int:
    return centre.process._policies.current().version


def states(centre: Centre) -> dict[int, str]:
    return {row.version: row.state for row in rows_of(centre, t.policies)}


def test_mistakes_stand_at_their_lines_in_words_and_the_text_stays(compound: Centre) -> None:
    admin = compound.signed_in(Role.ADMINISTRATOR)
    wrong = text(90).replace("grace_days = 9", "grace_days = 900")
    line = next(at for at, one in enumerate(wrong.split("\n"), 1) if "grace_days" in one)
    reply = admin.post(f"{RULES}/propose", {"text": wrong.replace("\n", "\r\n")})
    assert reply.status == 422
    assert f"<strong>第 {line} 行</strong> collection.grace_days 处：应在 0 到 90 之间，现为 900" in reply.text
    assert "<code>grace_days = 900" in reply.text
    assert "grace_days = 900" in reply.text.partition("<textarea")[2]
    low = admin.post(f"{RULES}/propose", {"text": text(1)})
    assert (low.status, "<strong>第 1 行</strong>" in low.text) == (422, True)
    assert max(states(compound)) < 90


def test_a_file_is_read_into_the_field_and_checked_alone(compound: Centre) -> None:
    admin = compound.signed_in(Role.ADMINISTRATOR)
    before = states(compound)
    good = sent(admin, text(91).encode())
    assert good.status == 200
    assert "version = 91" in good.text
    assert "没有错误" in good.text
    assert sent(admin, b"\x89PNG\xff").status == 422
    assert sent(admin, b"").status == 422
    assert states(compound) == before


def test_in_a_compound_it_holds_at_once_and_an_older_one_comes_back(compound: Centre) -> None:
    admin = compound.signed_in(Role.ADMINISTRATOR, name="one-admin")
    first = in_force(compound)
    new = first + 1
    made = admin.post(f"{RULES}/propose", {"text": text(new)})
    assert made.to == f"{RULES}/versions/{new}?done=in_force"
    until(lambda: in_force(compound) == new, what="the new policy")
    page = admin.get(f"{RULES}/versions/{first}").text
    assert re.search(r"<del>− grace_days = 9\b", page)
    assert re.search(r"<ins>\+ grace_days = ", page)
    none = admin.post(f"{RULES}/versions/{first}/rollback", {"reason": " "})
    assert (none.status, "请写明理由" in none.text) == (422, True)
    back = admin.post(f"{RULES}/versions/{first}/rollback", {"reason": "期限太长"})
    assert back.to == f"{RULES}/versions/{new + 1}?done=back"
    until(lambda: in_force(compound) == new + 1, what="the old content")
    again = admin.post(f"{RULES}/versions/{new + 1}/rollback", {"reason": "再退一次"})
    assert (again.status, "再退一次" in again.text or "正在执行" in again.text) == (409, True)
    noted = [(row.actor, row.act, row.about) for row in rows_of(compound, t.audit) if row.act.startswith("policy.")]
    assert noted[-2:] == [("one-admin", "policy.propose", f"policies/{one}") for one in (new, new + 1)]


def test_a_version_is_tried_on_stored_swipes_and_the_counts_stand_below(compound: Centre) -> None:
    admin = compound.signed_in(Role.ADMINISTRATOR)
    new = max(states(compound)) + 1
    later = text(new).replace("2026-01-01T00:00:00", "2099-01-01T00:00:00")
    assert admin.post(f"{RULES}/propose", {"text": later}).status == 303
    tried = admin.post(f"{RULES}/versions/{new}/replay", {"days": 30})
    assert tried.to == f"{RULES}/versions/{new}?done=tried#replay"
    until(lambda: "试算结果" in admin.get(f"{RULES}/versions/{new}").text, what="the replay")
    assert f"第{new}版" in admin.get(f"{RULES}/versions/{new}").text
    assert admin.get(f"{RULES}/versions/4711").status == 404


def test_in_a_district_another_administrator_approves(tmp_path: Path) -> None:
    with running(tmp_path, profile="district") as centre:
        one, two = (centre.signed_in(Role.ADMINISTRATOR, name=name) for name in ("admin-one", "admin-two"))
        for visitor in (one, two):
            visitor.second_factor(centre.clock[0])
        new = in_force(centre) + 1
        assert one.post(f"{RULES}/propose", {"text": text(new)}).to == f"{RULES}/versions/{new}?done=proposed"
        own = one.get(f"{RULES}/versions/{new}").text
        assert "要由另一位管理员批准" in own
        assert "/approve" not in own
        refused = one.post(f"{RULES}/versions/{new}/approve", {})
        assert (refused.status, "不能自己批准" in refused.text) == (409, True)
        assert states(centre)[new] == "proposed"
        assert "/approve" in two.get(f"{RULES}/versions/{new}").text
        assert two.post(f"{RULES}/versions/{new}/approve", {}).to == f"{RULES}/versions/{new}?done=approved"
        late = two.post(f"{RULES}/versions/{new}/approve", {})
        assert (late.status, "别人刚刚处理过" in late.text) == (409, True)
        until(lambda: in_force(centre) == new, what="the approved policy")
        noted = [(row.actor, row.act) for row in rows_of(centre, t.audit) if row.about == f"policies/{new}"]
        assert noted == [("admin-one", "policy.propose"), ("admin-two", "policy.approve")]


def test_whoever_keeps_the_accounts_looks_and_tries_and_proposes_nothing(compound: Centre) -> None:
    security = compound.signed_in(Role.SECURITY)
    assert f'formaction="{RULES}/propose' not in security.get(RULES).text
    assert security.get(f"{RULES}/versions/1").status == 200
    assert security.post(f"{RULES}/propose", {"text": text(200)}).status == 403
    assert security.post(f"{RULES}/versions/1/approve", {}).status == 403
