"""What somebody sees who has just started the product: a module of its own, so that nothing was submitted before."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import DESKTOP
from tests.browser.keys import Keys

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


async def test_a_first_run_shows_three_checks_and_a_command(address: str, page: Page, pictures: Path):
    await page.goto(address)
    await expect(page.get_by_role("heading", name="Nothing has been submitted yet")).to_be_visible()
    await expect(page.get_by_text("Redis answers")).to_be_visible()
    await expect(page.get_by_label("Command that submits a task")).to_contain_text("/api/tasks")
    await page.screenshot(path=pictures / "first-run.png")
    await expect(page.get_by_text("1 worker is ready", exact=False)).to_be_visible(timeout=30_000)
    await Keys(page).choose(page.get_by_role("button", name="Submit a demo task"))
    await expect(page.get_by_role("heading", name="Nothing has been submitted yet")).to_be_hidden()
    await expect(page.get_by_role("list", name="Figures")).to_be_visible()
    await expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    for name in ("Wait before start", "Workers", "Redis"):  # the fourth row fits the window
        card = page.get_by_role("region", name=name, exact=True)
        await expect(card).to_be_visible()
        box = await card.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= DESKTOP["height"], name
