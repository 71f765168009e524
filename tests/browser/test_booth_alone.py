"""The booth of the real program in a real browser while centre and broker are dead: it goes on, and nothing is lost."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.rig import COMMUNITY, TOKEN, Compound, mosquitto, wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.real("chromium"), pytest.mark.real("mosquitto"), pytest.mark.xdist_group("e2e")]


def acts(compound: Compound) -> list[dict[str, Any]]:
    """What the centre knows of the guard's acts, newest first."""
    request = urllib.request.Request(
        f"{compound.centre}/api/v1/communities/{COMMUNITY}/gate-acts", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found


@pytest.mark.timeout(240)
def test_with_centre_and_broker_killed_the_guard_sees_opens_enters_and_holds_and_it_all_arrives(
    tmp_path: Path, chromium: Browser
) -> None:
    port = free_port()
    with mosquitto(tmp_path, port) as start_broker, Compound(tmp_path, broker_port=port, codes=20) as compound:
        broker = start_broker()
        compound.start()
        compound.enrol_visitors()
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
        page = context.new_page()
        with page.expect_response(lambda response: "/gate/stream" in response.url):
            page.goto(f"{compound.gate}/gate")
        broker.kill()
        broker.wait()
        compound.kill("centre")
        expect(page.locator("#strip .chip.down").first).to_contain_text("区级中心")
        assert compound.show(compound.codes[0], within=10)
        expect(page.locator("#verdict .word")).to_have_text("放行")
        compound.scanner.show("99999999")
        expect(page.locator("#cards > .card")).to_have_count(1)
        page.keyboard.press("3")
        expect(page.locator("#cards > .card")).to_have_count(0)
        page.get_by_text("访客登记", exact=True).click()
        page.get_by_label("去哪户（房号）").fill("3-2-1201")
        page.get_by_label("称呼").fill("访客甲")
        page.get_by_role("button", name="登记并开门").click()
        expect(page.locator("#said")).to_contain_text("已登记访客")
        page.get_by_text("常开时段", exact=True).first.click()
        page.get_by_role("button", name="30分钟").click()
        expect(page.locator("#notices")).to_contain_text("大门 常开至")
        compound.scanner.show("99999998")
        expect(page.locator("#verdict .why")).to_contain_text("常开时段")
        page.get_by_role("link", name="查询").click()
        page.get_by_label("关键词").fill("3-2-1201")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="共 1 条")).to_be_visible()
        page.goto(f"{compound.gate}/gate")
        page.get_by_role("button", name="结束常开").click()
        expect(page.locator("#notices")).to_be_hidden()
        context.close()
        start_broker()
        compound.wait_well()
        wait_until(lambda: len(acts(compound)) == 3, 60, "the acts are at the centre")
        assert [one["kind"] for one in acts(compound)] == ["hold_end", "hold_open", "visitor"]
        assert acts(compound)[2]["said"] == "3-2-1201"
        compound.settle()
