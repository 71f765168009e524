"""Signing in by the pages of a running centre: the first run, invitations, lock-out, second factor, signing out."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.centre.accounts.lockout import FAILURES
from gateway.keys import words
from tests.browsing import Visitor, links
from tests.gateway.centre.centres import Centre, running
from tests.gateway.centre.office import NOW, YUAN

PASSWORD = "a long way home"


@pytest.fixture(scope="module")
def compound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with an owner, `owner`, and a grid worker, `wang`."""
    with running(tmp_path_factory.mktemp("compound")) as centre:
        set_up(centre, ["owner"])
        owner = Visitor(centre.url)
        owner.sign_in("owner", PASSWORD)
        body = '{"name": "wang", "roles": ["worker"], "scope": "' + YUAN + '"}'
        headers = {"Content-Type": "application/json", "Origin": centre.url}
        made = owner.ask("POST", "/api/v1/accounts", body, headers)
        assert made.status == 201, made.text
        invitation = re.findall(r'"invitation":"([^"]+)"', made.text)[0]
        assert Visitor(centre.url).take_up(invitation, PASSWORD).to == "/"
        yield centre


def code_of(centre: Centre) -> str:
    return (centre.settings.data / "first-run").read_text().strip()


def set_up(centre: Centre, names: list[str]) -> None:
    """Make the administrators by the page of the first run, and take up their invitations."""
    made = Visitor(centre.url).post("/setup", {"code": code_of(centre), "names": names})
    assert made.status == 200
    for link in links(made.text):
        assert Visitor(centre.url).take_up(link, PASSWORD).to == "/"


def test_the_first_run_asks_for_its_code_and_then_is_closed(tmp_path: Path) -> None:
    with running(tmp_path) as centre:
        file = centre.settings.data / "first-run"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        visitor = Visitor(centre.url)
        assert visitor.get("/").to == "/setup"
        code = code_of(centre)
        assert visitor.post("/setup", {"code": "x" + code, "names": "owner"}).status == 422
        assert visitor.post("/setup", {"code": code, "names": ""}).status == 422
        assert visitor.post("/setup", {"code": code, "names": "owner"}, origin="http://evil.example").status == 403
        assert len(links(visitor.post("/setup", {"code": code, "names": "owner"}).text)) == 1
        assert not file.exists()
        assert visitor.get("/").to == "/sign-in"
        assert visitor.post("/setup", {"code": code, "names": "second"}).to == "/"
        assert visitor.get("/setup").to == "/"


def test_in_a_district_the_first_run_makes_three_people(tmp_path: Path) -> None:
    with running(tmp_path, profile="district") as centre:
        code = code_of(centre)
        for odd in (["one"], ["one", "one", "two"], ["one", "two"]):
            assert Visitor(centre.url).post("/setup", {"code": code, "names": odd}).status == 422
        set_up(centre, ["xi-tong", "an-quan", "shen-ji"])
        security = Visitor(centre.url)
        assert security.sign_in("an-quan", PASSWORD).to == "/"
        assert security.get("/admin").to == "/account/second?next=/admin", "a second factor first"
        key = security.second_factor(centre.clock[0])
        assert security.get("/admin/rules").status == 200
        assert security.get("/admin").status == 403, "that is the system administrator's"
        again = Visitor(centre.url)
        again.sign_in("an-quan", PASSWORD)
        assert again.get("/admin/rules").to == "/sign-in/second?next=/admin/rules"
        assert again.get("/account/second").to == "/sign-in/second", "a password alone sets up no other second factor"
        centre.clock[0] += 60
        later = words.totp_code(bytes.fromhex(key), centre.clock[0])
        assert (
            again.post(
                "/sign-in/second", {"code": "000000" if later != "000000" else "1", "next": "/admin/rules"}
            ).status
            == 403
        )
        assert again.post("/sign-in/second", {"code": later, "next": "/admin/rules"}).to == "/admin/rules"
        assert again.get("/admin/rules").status == 200


def test_whoever_signs_in_comes_to_the_page_that_they_wanted(compound: Centre) -> None:
    visitor = Visitor(compound.url)
    assert visitor.get("/admin").to == "/sign-in?next=/admin"
    assert visitor.get("/admin/cases", **{"HX-Request": "true"}).to == "/sign-in?next=/admin/cases"
    shown = visitor.get("/sign-in?next=/admin")
    assert 'name="next" value="/admin"' in shown.text
    done = visitor.post("/sign-in", {"name": " OWNER ", "password": PASSWORD, "next": "/admin"})
    assert (done.status, done.to) == (303, "/admin")
    shown = visitor.get("/admin")
    assert shown.status == 200
    assert "owner" in shown.text


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "x", ""])
def test_nobody_is_sent_elsewhere(compound: Centre, next: str) -> None:  # noqa: A002
    done = Visitor(compound.url).post("/sign-in", {"name": "owner", "password": PASSWORD, "next": next})
    assert done.to == "/"


def test_a_role_sees_nothing_of_anothers(compound: Centre) -> None:
    worker = Visitor(compound.url)
    worker.sign_in("wang", PASSWORD)
    assert worker.get("/").to == "/collect"
    assert worker.get("/admin").status == 403
    assert worker.get("/api/v1/accounts").status == 403
    assert worker.get("/api/v1/worklists/tonight").status == 200
    assert worker.get(f"/api/v1/communities/{YUAN}/residents").status == 403


def test_a_session_acts_over_the_api_only_from_our_own_pages(compound: Centre) -> None:
    owner = Visitor(compound.url)
    owner.sign_in("owner", PASSWORD)
    body, kind = '{"name": "li", "roles": ["committee"]}', {"Content-Type": "application/json"}
    for odd in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert owner.ask("POST", "/api/v1/accounts", body, kind | odd).status == 403
    assert "li" not in owner.get("/api/v1/accounts").text.replace("list", "")
    with_token = kind | {"Authorization": "Bearer nobody"}
    assert owner.ask("POST", "/api/v1/accounts", body, with_token).status == 401, (
        "a token is not made up for by a session"
    )


def test_wrong_passwords_are_all_the_same_and_five_close_the_door_to_strangers_alone(compound: Centre) -> None:
    known = Visitor(compound.url)
    known.sign_in("wang", PASSWORD)
    known.post("/sign-out", {})
    assert known.get("/admin").to == "/sign-in?next=/admin"
    stranger = Visitor(compound.url)
    texts = {re.sub(r'value="(wang|nobody)"', "", stranger.sign_in(name, "wrong").text) for name in ("wang", "nobody")}
    assert len(texts) == 1
    for _ in range(FAILURES - 1):
        assert stranger.sign_in("wang", "wrong").status == 403
    assert stranger.sign_in("wang", PASSWORD).status == 429, "even the right one"
    assert Visitor(compound.url).sign_in("wang", PASSWORD).status == 429
    assert known.sign_in("wang", PASSWORD).to == "/", "who signed in from this browser before is not kept out"


def test_a_session_is_of_one_browser_and_ends_here_or_everywhere(compound: Centre) -> None:
    one, two = Visitor(compound.url), Visitor(compound.url)
    one.sign_in("owner", PASSWORD)
    two.sign_in("owner", PASSWORD)
    stolen = Visitor(compound.url, agent="curl/8", cookies=dict(one.cookies))
    assert stolen.get("/admin").to == "/sign-in?next=/admin"
    kept = dict(one.cookies)
    assert one.post("/sign-out", {}).to == "/sign-in"
    assert Visitor(compound.url, cookies=kept).get("/admin").to == "/sign-in?next=/admin", "not only the cookie is gone"
    assert two.get("/admin").status == 200
    assert two.post("/sign-out/everywhere", {}, origin="http://evil.example").status == 403
    assert two.post("/sign-out/everywhere", {}).to == "/sign-in"
    assert two.get("/admin").to == "/sign-in?next=/admin"


def test_ones_own_password_is_changed_with_the_old_one(compound: Centre) -> None:
    visitor = Visitor(compound.url)
    visitor.sign_in("owner", PASSWORD)
    new = "an even longer way"
    form = {"old": PASSWORD, "new": new, "again": new}
    for wrong in ({"old": "x"}, {"again": "x"}, {"new": "short", "again": "short"}):
        assert visitor.post("/account/password", form | wrong).status == 422
    assert visitor.post("/account/password", form).to == "/sign-in"
    assert visitor.sign_in("owner", PASSWORD).status == 403
    assert visitor.sign_in("owner", new).to == "/"
    assert visitor.post("/account/password", {"old": new, "new": PASSWORD, "again": PASSWORD}).to == "/sign-in"


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(tmp_path: Path) -> None:
    with running(tmp_path, more="") as centre:
        set_up(centre, ["owner"])
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", centre.process.port, timeout=10)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": centre.url,
        }
        connection.request("POST", "/sign-in", f"name=owner&password={PASSWORD.replace(' ', '+')}", headers)
        said = connection.getresponse().headers.get_all("Set-Cookie") or []
        connection.close()
        (session,) = [one for one in said if one.startswith("xq_session=")]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(session.split("; "))


def test_the_clock_of_the_centre_ends_sessions(compound: Centre) -> None:
    visitor = Visitor(compound.url)
    visitor.sign_in("owner", PASSWORD)
    for minutes in (0, 14, 14):
        compound.clock[0] += minutes * 60
        assert visitor.get("/admin").status == 200, "it is in use"
    compound.clock[0] += 16 * 60
    assert visitor.get("/admin").to == "/sign-in?next=/admin"
    compound.clock[0] = NOW.timestamp()
