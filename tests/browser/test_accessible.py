"""Every page in both themes and widths: axe finds nothing, nothing scrolls sideways; a picture of each is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import new_context
from tests.support.local_run import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "/",
    "/tasks",
    "/tasks?status=dead&type=none.such",
    "/dead-letters",
    "/queues",
    "/workers",
    "/schedules",
    "/submit",
    "/settings",
    "/nowhere",
)


async def violations(page: Page) -> list[str]:
    """What axe objects to, with the element."""
    await page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = await page.evaluate("axe.run(document).then((result) => result.violations)")
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


async def settle(page: Page) -> None:
    """Wait until nothing is loading any more."""
    await expect(page.get_by_role("heading", level=1)).to_be_attached()
    await expect(page.locator('[role=status][aria-label^="Loading"]')).to_have_count(0)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_page(seeded: str, browser: Browser, pictures: Path, theme: str, phone: bool):
    async with httpx.AsyncClient(base_url=seeded, trust_env=False) as client:
        groups = (await client.get("/api/dead-letters/groups")).json()["groups"]
        running = (await client.get("/api/tasks", params={"status": "running", "limit": 1})).json()["tasks"]
    paths = [*PAGES, f"/dead-letters?group={groups[0]['fingerprint']}", f"/tasks/{groups[0]['task']['id']}"]
    paths += [f"/tasks/{task['id']}" for task in running]
    context = await new_context(browser, theme=theme, phone=phone)
    page = await context.new_page()
    objections: dict[str, list[str]] = {}
    for number, path in enumerate(paths):
        await page.goto(seeded + path)
        await settle(page)
        name = path.split("?")[0].strip("/").split("/")[0] or "overview"
        await page.screenshot(
            path=pictures / f"{number:02}-{name}-{theme}-{'phone' if phone else 'desktop'}.png"
        )
        found = await violations(page)
        if await page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append("it scrolls sideways")
        if found:
            objections[path] = found
    await context.close()
    assert objections == {}


async def test_dialogs(seeded: str, browser: Browser):
    context = await new_context(browser)
    page = await context.new_page()
    await page.goto(f"{seeded}/schedules")
    await page.get_by_role("button", name="New schedule").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.goto(f"{seeded}/tasks")
    await settle(page)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_visible()
    assert await violations(page) == []
    await context.close()
