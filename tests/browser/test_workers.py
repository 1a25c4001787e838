"""Workers that are drained and killed: a product of its own, as other tests need theirs at work."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import message
from tests.support.local_run import LocalRun
from tests.support.processes import children, command_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


async def test_a_killed_worker_is_healthy_no_more_within_15_s(seeded: str, product: LocalRun, page: Page):
    await page.goto(f"{seeded}/workers")
    healthy = page.get_by_role("row").filter(has_text="Healthy")
    await expect(healthy.first).to_be_visible()
    name = (await healthy.first.get_by_role("rowheader").inner_text()).strip()
    pools = [pid for pid in children(product.process.pid) if b"worker_host" in command_of(pid)]
    for pid in children(pools[0]):
        os.kill(pid, signal.SIGKILL)
    await expect(healthy.filter(has_text=name)).to_have_count(0, timeout=15_000)
    await expect(healthy.first).to_be_visible(timeout=30_000)  # the pool starts another one


async def test_drain_a_worker_and_let_it_claim_again(seeded: str, page: Page):
    await page.goto(f"{seeded}/workers")
    await expect(page.get_by_role("row").filter(has_text="Healthy").first).to_contain_text(
        re.compile(r"now|\d s ago|\d min ago")
    )
    await page.get_by_role("button", name=re.compile("^Drain ")).first.click()
    await expect(message(page, "and claims no more")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="Draining")).to_have_count(1)
    await expect(page.get_by_role("img", name=re.compile(r"^Slots in use .* now \d+ of \d+"))).to_be_visible()
    await page.get_by_role("link", name="Overview").click()
    draining = page.get_by_role("region", name="Workers", exact=True).get_by_role("listitem")
    await expect(draining.filter(has=page.get_by_label("Draining:"))).to_contain_text(re.compile(r"\d+/\d+"))
    await page.go_back()
    await page.get_by_role("button", name=re.compile("^Resume ")).first.click()
    await expect(page.get_by_role("row").filter(has_text="Draining")).to_have_count(0)
