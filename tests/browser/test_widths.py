"""Every page from a wide desktop down to 400 % of a laptop: nothing sticks out, nothing is too small to hit; colours that
the viewer's system dictates, and tooltips, for people without a mouse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PAGES, new_context
from tests.browser.seed import submit
from tests.browser.test_accessible import settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

#: Content of a wide sidebar, of icons, of one column, of a phone, and of 1280 px at 400 %.
WIDTHS = (1280, 1024, 768, 390, 320)
LONG = "a-queue-with-a-name-that-somebody-took-an-afternoon-to-choose"
#: What is outside the window or scrolls sideways, code left out, and what is smaller than 24 px with nothing around it.
_LOOK = """() => {
  const found = [], wide = innerWidth;
  const say = (what, one) => found.push(`${what}: <${one.tagName.toLowerCase()}> ${one.textContent.trim().slice(0, 50)}`);
  if (document.scrollingElement.scrollWidth > wide) found.push("the page scrolls sideways");
  const cut = (one) => {
    for (let box = one.parentElement; box !== null; box = box.parentElement)
      if (getComputedStyle(box).textOverflow === "ellipsis") return true;
    return false;
  };
  for (const one of document.querySelectorAll("#root *:not(svg *)")) {
    if (one.closest("pre, .sr-only, a[href='#main']") !== null) continue;
    const { left, right, width, height } = one.getBoundingClientRect();
    if (width === 0 || height === 0) continue;
    if ((right > wide + 1 || left < -1) && !cut(one)) say("outside", one);
    if (/auto|scroll/.test(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth + 1) say("scrolls", one);
    if (!one.matches("button, select, textarea, [role=switch], [role=tab], [role=radio]")) continue;
    const around = getComputedStyle(one, "::after");
    if (around.position !== "absolute" && (width < 23.5 || height < (wide < 768 ? 40 : 21.5))) say(`${width} x ${height} px`, one);
  }
  return [...new Set(found)];
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(seeded: str, browser: Browser) -> AsyncIterator[Page]:
    """A page of changing width, on data with a name that is longer than any column."""
    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        await submit(client, "email.send", {"to": "ana@customer.example"}, queue=LONG)
        spec = {
            "cron": "30 6,18 * * 1-5",
            "zone": "America/Argentina/Buenos_Aires",
            "task": {"task_type": "email.send", "payload": {"to": "ana@customer.example"}},
        }
        saved = await client.put(f"/api/schedules/{LONG}", json=spec)
        assert saved.status_code in (200, 201), saved.text
    context = await new_context(browser)
    page = await context.new_page()
    yield page
    await context.close()
    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        await client.delete(f"/api/schedules/{LONG}")


async def test_nothing_sticks_out_at_any_width(seeded: str, viewer: Page, pictures: Path):
    async with httpx.AsyncClient(base_url=seeded, trust_env=False) as client:
        dead = (await client.get("/api/tasks", params={"status": "dead", "limit": 1})).json()["tasks"][0]
    objections: list[str] = []
    for path in (*PAGES, f"/tasks/{dead['id']}"):
        await viewer.goto(seeded + path)
        await settle(viewer)
        for width in WIDTHS:
            await viewer.set_viewport_size({"width": width, "height": 800})
            await viewer.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            found = await viewer.evaluate(_LOOK)
            objections += [f"{path} at {width}: {one}" for one in found]
            if found:
                await viewer.screenshot(path=pictures / f"width-{width}{path.replace('/', '-')[:20]}.png")
    assert objections == []


async def test_what_is_on_and_chosen_is_told_in_the_viewers_own_colours(
    seeded: str, viewer: Page, pictures: Path
):
    await viewer.emulate_media(forced_colors="active", reduced_motion="reduce")
    await viewer.goto(f"{seeded}/settings")
    await settle(viewer)
    switch = viewer.get_by_role("switch", name="Single-key shortcuts")
    colours = await switch.evaluate(
        "(one) => [one.firstChild, one.firstChild.firstChild].map((part) => getComputedStyle(part).backgroundColor)"
    )
    assert colours[0] != colours[1], "the knob cannot be told from its track"
    themes = viewer.get_by_role("radiogroup", name="Theme").get_by_role("radio")
    shown = await themes.evaluate_all("(all) => all.map((one) => getComputedStyle(one).backgroundColor)")
    assert shown[0] != shown[1], "the chosen theme looks as the other"
    await switch.focus()
    await viewer.keyboard.press("Tab")
    outline = await viewer.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    duration = await switch.evaluate("(one) => getComputedStyle(one.firstChild).transitionDuration")
    assert duration == "0s"
    await viewer.screenshot(path=pictures / "forced-colours.png")


async def test_an_icon_tells_its_name_to_keys_too_and_esc_takes_only_that_away(seeded: str, viewer: Page):
    await viewer.set_viewport_size({"width": 1024, "height": 800})
    await viewer.goto(f"{seeded}/queues?queue=images")
    await settle(viewer)
    tip = viewer.get_by_role("tooltip")
    await viewer.keyboard.press("Tab")
    await viewer.keyboard.press("Tab")
    await expect(tip).to_have_text("Overview")
    await viewer.keyboard.press("Escape")
    await expect(tip).to_have_count(0)
    await viewer.get_by_role("link", name="Workers").first.hover()
    await expect(tip).to_have_text("Workers")
    await tip.hover()
    await expect(tip).to_be_visible()
    await viewer.keyboard.press("Escape")
    await expect(tip).to_have_count(0)
    assert viewer.url.endswith("/queues?queue=images")
