"""Every page and state in both themes and widths: axe finds nothing, nothing scrolls sideways; a picture of each is kept."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import DESKTOP, PAGES, PHONE, message, new_context
from tests.support.local_run import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

AXE = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text()
LOOKS = (("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE), ("light", PHONE))
VIEWS = (
    *PAGES,
    "/tasks?status=dead&type=none.such",
    "/dead-letters?by=type",
    "/tasks/000000000000000000000000000",
)
#: What a change of theme or width begins is drawn, and colours have ended their way.
_STILL = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity);
  await Promise.allSettled(ends.map((one) => one.finished));
}"""
REFUSAL = {
    "type": "/api/problems/conflict",
    "title": "The task is not dead",
    "detail": "This task is already running again (started 2 s ago by ops-laptop). Nothing was changed.",
    "status": 409,
}


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(seeded: str, browser: Browser) -> AsyncIterator[Page]:
    """A page whose themes and widths change while it is looked at; its errors are part of the test."""
    context = await new_context(browser)
    yield await context.new_page()
    await context.close()


async def judge(page: Page, name: str, pictures: Path) -> list[str]:
    """What is wrong in the four looks of what is on screen."""
    found: list[str] = []
    await page.evaluate(AXE)
    for theme, size in LOOKS:
        look = f"{name}-{theme}-{'phone' if size is PHONE else 'desktop'}"
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await page.evaluate(_STILL)
        await page.screenshot(path=pictures / f"{look}.png")
        result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for one in result["violations"]:
            found += [f"{look}: {one['id']}: {node['html'][:160]}" for node in one["nodes"][:3]]
        if await page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{look}: it scrolls sideways")
    await page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
    return found


async def settle(page: Page) -> None:
    """Wait until nothing is loading any more."""
    await expect(page.get_by_role("heading", level=1)).to_be_attached()
    await expect(page.locator('[role=status][aria-label^="Loading"]')).to_have_count(0)


async def test_every_page(seeded: str, viewer: Page, pictures: Path):
    async with httpx.AsyncClient(base_url=seeded, trust_env=False) as client:
        groups = (await client.get("/api/dead-letters/groups")).json()["groups"]
        running = (await client.get("/api/tasks", params={"status": "running", "limit": 1})).json()["tasks"]
    paths = [*VIEWS, f"/dead-letters?group={groups[0]['fingerprint']}", f"/tasks/{groups[0]['task']['id']}"]
    paths += [f"/tasks/{task['id']}" for task in running]
    objections: list[str] = []
    for number, path in enumerate(paths):
        await viewer.goto(seeded + path)
        await settle(viewer)
        name = path.split("?")[0].strip("/").split("/")[0] or "overview"
        objections += await judge(viewer, f"{number:02}-{name}", pictures)
    assert objections == []


async def _refuse(route: Route, status: int, problem: dict[str, Any]) -> None:
    await route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(problem))


async def test_states_of_trouble(seeded: str, viewer: Page, pictures: Path):
    page = viewer
    objections: list[str] = []
    await page.route("**/api/**", lambda _: None)  # never answered
    await page.goto(f"{seeded}/tasks")
    await expect(page.locator('[role=status][aria-label^="Loading"]').first).to_be_visible()
    objections += await judge(page, "state-loading", pictures)
    await page.unroute_all(behavior="ignoreErrors")

    silent = {"title": "Redis did not answer", "detail": "Redis did not answer within 5 s.", "status": 503}
    await page.route("**/api/dead-letters/groups**", lambda route: _refuse(route, 503, silent))
    await page.goto(seeded)
    await expect(page.get_by_text("Failures could not be loaded")).to_be_visible()
    objections += await judge(page, "state-part-failed", pictures)
    await page.unroute_all(behavior="ignoreErrors")

    await page.goto(f"{seeded}/tasks?status=dead")
    await page.locator("tbody tr[data-row]").first.press("Enter")
    await page.route("**/requeue", lambda route: _refuse(route, 409, REFUSAL))
    await page.get_by_role("button", name="Requeue", exact=True).click()
    await expect(message(page, "Nothing was changed")).to_be_visible()
    objections += await judge(page, "state-conflict", pictures)

    await page.goto(f"{seeded}/tasks")
    await settle(page)
    await page.context.set_offline(True)
    await expect(page.get_by_text(re.compile("^Offline since"))).to_be_visible(timeout=20_000)
    objections += await judge(page, "state-offline", pictures)
    await page.context.set_offline(False)
    assert objections == []


async def test_what_opens(seeded: str, viewer: Page, pictures: Path):
    """Dialogs, menus, the palette, the sheet and the bar of what is selected."""
    page = viewer
    objections: list[str] = []
    buttons = {
        "/schedules": ("New schedule",),
        "/queues?queue=images": ("Limits…", re.compile("^Pause queue "), re.compile("^More for ")),
        "/tasks": (re.compile("^Filter"),),
    }
    for path, names in buttons.items():
        for number, name in enumerate(names):
            await page.goto(seeded + path)
            await settle(page)
            await page.get_by_role("button", name=name).first.click()
            await expect(page.locator("dialog[open], [role=menu]").first).to_be_visible()
            objections += await judge(page, f"open-{path.strip('/').split('?')[0]}-{number}", pictures)
    for key, name in (("Control+k", "palette"), ("?", "shortcuts"), ("Space", "peek"), ("x", "selected")):
        await page.goto(f"{seeded}/tasks?status=dead")
        row = page.locator("tbody tr[data-row]").first
        await row.press(key)
        await expect(page.locator("dialog[open], [role=toolbar]").first).to_be_visible()
        await settle(page)
        objections += await judge(page, f"open-{name}", pictures)
    await page.get_by_role("button", name="Delete…").click()
    objections += await judge(page, "open-delete", pictures)
    await page.goto(seeded)
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.get_by_role("button", name="More", exact=True).click()
    objections += await judge(page, "open-more", pictures)
    assert objections == []
