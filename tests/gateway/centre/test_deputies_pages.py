"""Deputies on pages: named by the street, a reviewer, or a grid worker for themselves; ended; nobody else's."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.store import tables as t
from rules.roles import Role
from tests.browsing import Visitor
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.grid import account, fill, rows_of
from tests.gateway.centre.office import OTHER, TODAY, YUAN

COLLECT, STREET = "/collect/deputies", "/street/deputies"
DAYS = {"since": TODAY.isoformat(), "until": (TODAY + timedelta(days=6)).isoformat()}
WU, WANG, FAR = f"{YUAN}/xiaowu", f"{YUAN}/laowang", f"{OTHER}/faraway"


@pytest.fixture
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running(tmp_path_factory.mktemp("centre")) as made:
        account(made, "xiaowu", [Role.WORKER], shown="网格员 小吴")
        fill(made)
        yield made


def appoint(visitor: Visitor, worker: str = WU, deputy: str = WANG, path: str = COLLECT, **over: str) -> str:
    """Where it leads, or the page that says why not."""
    shown = visitor.post(path, {"worker": worker, "deputy": deputy} | DAYS | over)
    assert shown.status in (303, 409, 422)
    return shown.to or shown.text


def tonight(visitor: Visitor) -> int:
    """For how many of somebody else's cases one stands in."""
    return len(re.findall("代 ?(?:xiaowu|网格员 小吴)", visitor.get("/collect/tonight").text))


def test_a_reviewer_names_a_deputy_who_has_the_list_until_it_is_ended(centre: Centre) -> None:
    wang = account(centre, "laowang", [Role.WORKER], shown="网格员 老王")
    reviewer = account(centre, "laozheng", [Role.REVIEWER])
    assert tonight(wang) == 0
    assert appoint(reviewer) == f"{COLLECT}?done=appointed"
    assert tonight(wang) > 0
    assert appoint(reviewer) == f"{COLLECT}?done=appointed", "a form that is sent twice"
    (row,) = rows_of(centre, t.deputies)
    page = reviewer.get(COLLECT).text
    assert "网格员 小吴" in page
    assert "代理中" in page
    end = f"{COLLECT}/{row.id}/end"
    assert f'action="{end}"' not in wang.get(COLLECT).text, "it is not the deputy's to end"
    assert wang.post(end, {"community": YUAN}).status == 409
    assert reviewer.post(end, {"community": OTHER}).status == 404
    assert reviewer.post(end, {"community": YUAN}).to == f"{COLLECT}?done=ended"
    assert tonight(wang) == 0
    late = reviewer.post(end, {"community": YUAN})
    assert (late.status, "刚刚已结束" in late.text) == (409, True)


def test_what_does_not_fit_is_said_at_its_field_and_what_was_chosen_stays(centre: Centre) -> None:
    account(centre, "laowang", [Role.WORKER], shown="网格员 老王")
    reviewer = account(centre, "laozheng", [Role.REVIEWER])
    assert "不能由本人代理本人" in appoint(reviewer, deputy=WU)
    assert "请选一位网格员" in appoint(reviewer, worker="")
    assert "请选一位网格员" in appoint(reviewer, deputy=FAR), "nobody of another community is known here"
    long = (TODAY + timedelta(days=200)).isoformat()
    page = appoint(reviewer, until=long)
    assert 'id="e-until"' in page
    assert f'value="{long}"' in page
    assert f'value="{WANG}" selected' in page
    assert 'id="e-since"' in appoint(reviewer, since="soon")
    assert rows_of(centre, t.deputies) == []


def test_a_grid_worker_names_a_deputy_for_nobody_but_themselves(centre: Centre) -> None:
    wang = account(centre, "laowang", [Role.WORKER], shown="网格员 老王")
    assert 'name="worker"' not in wang.get(COLLECT).text
    assert appoint(wang, worker=WU, deputy=WU) == f"{COLLECT}?done=appointed"
    assert [(row.worker, row.deputy) for row in rows_of(centre, t.deputies)] == [("laowang", "xiaowu")]


def test_the_street_names_deputies_within_each_of_its_communities(centre: Centre) -> None:
    account(centre, "laowang", [Role.WORKER], shown="网格员 老王")
    account(centre, "faraway", [Role.WORKER], OTHER, shown="网格员 小范")
    street = account(centre, "jiedao", [Role.STREET], "江湾街道")
    page = street.get(STREET).text
    assert "沿江苑 · 网格员 小范" in page
    assert "滨河苑 · 网格员 小吴" in page
    assert "同一小区" in appoint(street, deputy=FAR, path=STREET)
    assert appoint(street, path=STREET) == f"{STREET}?done=appointed"
    (row,) = rows_of(centre, t.deputies)
    other = account(centre, "elsewhere", [Role.STREET], "沿江街道")
    assert other.post(f"{STREET}/{row.id}/end", {"community": YUAN}).status == 404
    assert "网格员 小吴" not in other.get(STREET).text
    assert "请选一位网格员" in appoint(other, path=STREET)
