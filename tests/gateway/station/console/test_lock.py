"""The PIN of the booth: what is locked does nothing, verdicts go on, and whoever guesses is made to wait."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.station.console.lock import TRIES, WAIT_S, Lock, TooManyTries
from gateway.station.console.routes import make_app
from rules.model import Reason
from tests.browser.doubles import Booth
from tests.browser.serving import Answer, Site, served

PIN = "4711"


@pytest.fixture
def booth() -> Booth:
    return Booth()


@pytest.fixture
def site(booth: Booth) -> Iterator[Site]:
    with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
        yield site


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def lock(tmp_path: Path, now: list[float]) -> Lock:
    return Lock(tmp_path / "pin", lambda: now[0])


def cookie(answer: Answer) -> str:
    """The post's token as the browser sends it back; it is for this site's own pages alone."""
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["xq_post"]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "strict", "/")
    return f"xq_post={morsel.value}"


def test_without_a_pin_nothing_is_locked(lock: Lock) -> None:
    assert not lock.shuts("")
    assert not lock.shuts("whoever")
    lock.lock("whoever")
    assert not lock.shuts("whoever")


def test_with_a_pin_only_a_post_that_gave_it_is_open_until_it_is_locked(lock: Lock) -> None:
    token = lock.change("", PIN)
    assert token is not None
    assert (lock.shuts(token), lock.shuts(""), lock.shuts("guessed")) == (False, True, True)
    lock.lock(token)
    assert lock.shuts(token)
    assert lock.unlock("4712") is None
    again = lock.unlock(PIN)
    assert again not in (None, token)
    assert again is not None
    assert not lock.shuts(again)


def test_after_a_restart_every_post_gives_the_pin_again(lock: Lock, tmp_path: Path) -> None:
    token = lock.change("", PIN) or ""
    again = Lock(tmp_path / "pin")
    assert again.shuts(token)
    assert again.unlock(PIN)


def test_the_file_does_not_hold_the_pin_and_is_for_nobody_else(lock: Lock, tmp_path: Path) -> None:
    lock.change("", "87654321")
    (file,) = tmp_path.iterdir()
    assert "87654321" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_a_pin_is_changed_or_taken_away_by_whoever_knows_it(lock: Lock) -> None:
    first = lock.change("", PIN) or ""
    assert lock.change("0000", "12345") is None
    assert lock.unlock(PIN)
    second = lock.change(PIN, "12345") or ""
    assert (lock.shuts(first), lock.shuts(second)) == (True, False)
    assert lock.unlock(PIN) is None
    assert lock.change("12345", "") is not None
    assert (lock.has_pin, lock.shuts("whoever")) == (False, False)


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "１２３４", " 1234"])
def test_a_pin_is_four_to_eight_digits(lock: Lock, pin: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        lock.change("", pin)
    assert not lock.has_pin


def test_after_five_wrong_tries_even_the_right_pin_waits_a_minute(lock: Lock, now: list[float]) -> None:
    lock.change("", PIN)
    for _ in range(TRIES - 1):
        assert lock.unlock("0000") is None
    assert lock.unlock(PIN), "four wrong ones cost nothing"
    for _ in range(TRIES):
        assert lock.unlock("0000") is None
    for act in (lambda: lock.unlock(PIN), lambda: lock.change(PIN, "12345")):
        with pytest.raises(TooManyTries):
            act()
    now[0] += WAIT_S - 1
    with pytest.raises(TooManyTries):
        lock.unlock(PIN)
    now[0] += 1
    assert lock.unlock(PIN)


def test_a_damaged_file_opens_to_nobody(lock: Lock, tmp_path: Path) -> None:
    for text in ("", "{}", '{"salt": 1, "pin": 2}', '{"salt": "zz", "pin": "zz"}', "[]", '"salt"'):
        (tmp_path / "pin").write_text(text)
        assert lock.shuts("")
        assert lock.unlock("") is None
        assert Lock(tmp_path / "pin").unlock(PIN) is None
        lock._wrong = 0


ACTS = {
    "/gate/open": {"portal": "east", "classification": "visitor"},
    "/gate/visitor": {"portal": "east", "dwelling": "3-1"},
    "/gate/hold": {"portal": "east", "minutes": "30"},
    "/gate/hold/end": {"portal": "east"},
    "/gate/hold/no": {"portal": "east"},
    "/gate/lost": {"dwelling": "3-1", "name": "甲"},
    "/gate/shift": {"by": "甲", "to": "乙"},
    "/gate/pin": {"old": PIN, "new": ""},
}


def test_a_locked_post_does_and_looks_up_nothing_and_goes_on_where_it_was(site: Site, booth: Booth) -> None:
    post = cookie(site.post("/gate/pin", {"new": PIN}))
    booth.say(Reason.UNKNOWN_CREDENTIAL)
    assert 'id="card-' in site.get("/gate", Cookie=post).text
    assert site.post("/gate/lock", {}, Cookie=post).status == 303
    for path, form in ACTS.items():
        assert site.post(path, form, Cookie=post).status == 423, path
        assert site.post(path, form, Cookie=post, HX_Request="true").status == 423, path
    assert (booth.opened, booth.visitors, booth.lost, booth.handovers, booth.state.held) == ([], [], [], [], ())
    for path in ("/gate/search", "/gate/shift", "/gate/day", "/gate/post"):
        assert (answer := site.get(path, Cookie=post)).status == 303, path
        assert answer.headers["Location"] == "/gate"
    page = site.get("/gate", Cookie=post).text
    assert "门岗已锁定" in page
    assert "授权名单中没有这张证卡" in page, "the verdict stays"
    assert not re.search(r'action="/gate/(?!unlock)', page)
    opened = cookie(site.post("/gate/unlock", {"pin": PIN}))
    assert 'id="card-' in site.get("/gate", Cookie=opened).text
    assert site.post("/gate/open", ACTS["/gate/open"], Cookie=opened).status == 303


def test_a_browser_that_is_no_post_is_locked_and_sees_verdicts_come(site: Site, booth: Booth) -> None:
    site.post("/gate/pin", {"new": PIN})
    assert site.post("/gate/open", ACTS["/gate/open"]).status == 423
    with site.stream("/gate/stream") as stream:
        assert next(stream)["event"] == "state"
        booth.say(Reason.ENROLLED)
        assert next(stream)["event"] == "shown"


def test_a_wrong_pin_is_said_and_too_many_are_refused(site: Site) -> None:
    site.post("/gate/pin", {"new": PIN})
    for _ in range(TRIES):
        answer = site.post("/gate/unlock", {"pin": "0000"})
        assert (answer.status, "PIN 不对" in answer.text) == (422, True)
    answer = site.post("/gate/unlock", {"pin": PIN})
    assert (answer.status, "输错太多次" in answer.text) == (429, True)
    assert answer.headers["Set-Cookie"] is None


def test_a_pin_that_cannot_be_is_said_on_the_page_of_the_post(site: Site) -> None:
    answer = site.post("/gate/pin", {"new": "12a4"})
    assert (answer.status, "4至8位数字" in answer.text) == (422, True)
    assert site.post("/gate/pin", {"new": "1" * 9}).status == 422
    post = cookie(site.post("/gate/pin", {"new": PIN}))
    answer = site.post("/gate/pin", {"old": "0000", "new": "12345"}, Cookie=post)
    assert (answer.status, "现在的 PIN 不对" in answer.text) == (422, True)
    for page in ("/gate", "/gate/post"):
        assert PIN not in site.get(page, Cookie=post).text.replace("/gate/pin", "")
