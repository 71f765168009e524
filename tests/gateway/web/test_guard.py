"""Who is let through to the pages, and what every answer carries."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.station.console.routes import make_app
from gateway.web.guard import host_of
from tests.browser.doubles import Booth
from tests.browser.serving import Site, served

FORM = {"portal": "east", "classification": "visitor"}


@pytest.fixture(scope="module")
def booth() -> Booth:
    return Booth()


@pytest.fixture(scope="module")
def site(booth: Booth) -> Iterator[Site]:
    with served(make_app(booth.desk, booth.gate, registry=CollectorRegistry())) as site:
        yield site


@pytest.mark.parametrize("path", ["/gate", "/no/such/page", "/static/xq.css", "/healthz", "/gate/status"])
def test_every_answer_carries_the_strict_headers(site: Site, path: str) -> None:
    headers = site.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/gate", "/healthz", "/gate/status"])
def test_pages_are_not_stored(site: Site, path: str) -> None:
    assert site.get(path).headers["Cache-Control"] == "no-store"


def test_a_static_file_is_kept_for_ever_under_its_content_and_not_otherwise(site: Site, booth: Booth) -> None:
    address = booth.gate.pages.env.globals["static"]("xq.css")
    assert "immutable" in site.get(address).headers["Cache-Control"]
    assert site.get("/static/xq.css").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("host", ["gate.attacker.example", "127.0.0.1.attacker.example", "", "127.0.0.1@evil", "[::1"])
def test_a_name_that_is_not_ours_is_not_served(site: Site, host: str) -> None:
    assert site.get("/gate", Host=host).status == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
def test_our_own_names_are_served_on_any_port(site: Site, host: str) -> None:
    assert site.get("/gate", Host=host).status == 200


@given(st.text(max_size=40))
def test_no_host_header_can_raise(text: str) -> None:
    assert host_of(text) is None or isinstance(host_of(text), str)


@pytest.mark.parametrize(
    "origin", ["null", "http://attacker.example", "http://127.0.0.1", "https://127.0.0.1.attacker.example", ""]
)
def test_a_form_from_elsewhere_opens_nothing(site: Site, booth: Booth, origin: str) -> None:
    assert site.post("/gate/open", FORM, Origin=origin).status == 403
    assert booth.opened == []


def test_a_form_without_any_origin_opens_nothing(site: Site, booth: Booth) -> None:
    answer = site.ask("POST", "/gate/open", "portal=east", Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 403
    assert booth.opened == []


def test_a_body_that_is_too_large_or_of_unknown_length_is_refused(site: Site) -> None:
    assert site.post("/gate/open", FORM, Content_Length=str(1 << 21)).status == 413
    assert site.post("/gate/open", FORM, Transfer_Encoding="chunked").status == 411


def test_a_missing_page_is_a_page_to_a_browser_and_a_problem_to_a_program(site: Site) -> None:
    assert "没有这个页面" in site.get("/none").text
    answer = site.get("/none", Accept="application/json")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_failure_inside_is_a_plain_page_without_anything_from_inside(booth: Booth) -> None:
    app = make_app(booth.desk, booth.gate, registry=CollectorRegistry())

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError("the secret inside")

    with served(app) as site:
        answer = site.get("/fails")
    assert answer.status == 500
    assert "程序出错了" in answer.text
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_chinese_is_spoken_unless_english_was_chosen(site: Site) -> None:
    assert 'lang="zh-CN"' in site.get("/gate", Accept_Language="en-US").text
    chosen = site.get("/gate?lang=en")
    assert '<html lang="en">' in chosen.text
    cookie = chosen.headers["Set-Cookie"].partition(";")[0]
    assert '<html lang="en">' in site.get("/gate", Cookie=cookie).text
    assert 'lang="zh-CN"' in site.get("/gate?lang=zh", Cookie=cookie).text


@pytest.mark.parametrize("odd", ["fr", "", "zh;Path=/evil", "../en"])
def test_a_language_that_is_not_ours_changes_nothing(site: Site, odd: str) -> None:
    answer = site.get(f"/gate?lang={odd.replace(';', '%3B')}", Cookie=f"xq_lang={odd}")
    assert 'lang="zh-CN"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_the_appearance_follows_the_system_until_one_is_chosen_and_stays(site: Site) -> None:
    assert 'media="screen and (prefers-color-scheme: dark)"' in site.get("/gate").text
    chosen = site.get("/gate?theme=dark")
    assert 'media="screen"' in chosen.text
    cookie = chosen.headers["Set-Cookie"].partition(";")[0]
    assert 'media="screen"' in site.get("/gate", Cookie=cookie).text
    assert "dark.css" not in site.get("/gate?theme=light", Cookie=cookie).text


@pytest.mark.parametrize("odd", ["blue", "", "night;Path=/evil", "DARK"])
def test_an_appearance_that_is_not_ours_changes_nothing(site: Site, odd: str) -> None:
    answer = site.get(f"/gate?theme={odd.replace(';', '%3B')}", Cookie=f"xq_theme={odd}")
    assert 'media="screen and (prefers-color-scheme: dark)"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_change_of_language_or_appearance_keeps_the_rest_of_the_address(site: Site) -> None:
    text = site.get("/gate?lang=zh&page=2%22%3E").text
    assert 'href="/gate?lang=en&amp;page=2%22%3E"' in text
    assert 'href="/gate?lang=zh&amp;page=2%22%3E&amp;theme=dark"' in text
