"""The main journeys with the keyboard alone. The first run and signing in have products of their own, elsewhere."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.conftest import message
from tests.browser.keys import Keys
from tests.browser.seed import submit
from tests.browser.test_journeys import api
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest_asyncio.fixture(loop_scope="session")
async def keys(seeded: str, page: Page) -> Keys:
    await page.goto(seeded)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    return Keys(page)


async def test_submit_from_the_form_and_watch_it_finish(page: Page, keys: Keys):
    await keys.go("n", "Submit a task")
    await keys.pick(page.get_by_label("Type", exact=True), "email.send")
    await keys.choose(page.get_by_role("button", name=re.compile("^Submit")))
    await expect(page.get_by_label("To required")).to_be_focused()
    await keys.write("gil@customer.example")
    await keys.fill(page.get_by_label("Copies"), "12")
    await keys.press("Control+Enter")
    await expect(page.get_by_text("At most 9.")).to_be_visible()
    await keys.fill(page.get_by_label("Copies"), "2")
    await keys.press("Control+Enter")
    here = page.get_by_role("list", name="Submitted here")
    await expect(here.get_by_text("Completed")).to_be_visible()
    await keys.choose(here.get_by_role("link", name="email.send"))
    await keys.to(page.get_by_role("tab", name=re.compile("^Payload")))
    await keys.press("ArrowRight")
    await expect(page.get_by_label("Result as JSON")).to_contain_text("gil@customer.example")


async def test_find_a_task_by_id_by_status_and_by_type(seeded: str, page: Page, keys: Keys):
    async with api(seeded) as client:
        task_id = await submit(client, "webhook.send", {"url": "x"})
    await keys.press("Control+k")
    await expect(page.get_by_role("combobox", name="Find a task or command")).to_be_focused()
    await keys.write(task_id)
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="webhook.send")).to_be_visible()
    await keys.go("t", "Tasks")
    await keys.choose(
        page.get_by_role("navigation", name="Status").get_by_role("link", name=re.compile("^Dead"))
    )
    await expect(page).to_have_url(re.compile("status=dead"))
    await keys.press("f")
    await keys.pick(page.get_by_label("Type"), "image.resize")
    await keys.choose(page.get_by_role("button", name="Show tasks"))
    await expect(page).to_have_url(re.compile("type=image.resize"))
    await expect(page.locator("tbody tr[data-row]")).to_have_count(1)
    await keys.choose(page.get_by_role("button", name="Remove filter Type"))
    await expect(page).not_to_have_url(re.compile("type="))


async def test_read_a_failure_from_the_list_and_go_on_to_the_next(page: Page, keys: Keys):
    await keys.go("t", "Tasks")
    await keys.choose(
        page.get_by_role("navigation", name="Status").get_by_role("link", name=re.compile("^Dead"))
    )
    await expect(page).to_have_url(re.compile("status=dead"))
    rows = page.locator("tbody tr[data-row]")
    await expect(rows.first).to_be_visible()
    await keys.press("j")
    await expect(rows.nth(1)).to_be_focused()
    await keys.press("x")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await keys.press("Escape")
    await expect(page.get_by_text("1 selected")).to_be_hidden()
    await keys.press("k", " ")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await keys.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(rows.first).to_be_focused()
    await keys.press("j", "Enter")
    await expect(page.get_by_text("gave up after 1 attempt", exact=False)).to_be_visible()
    second = page.url
    await keys.press("[")
    await expect(page).not_to_have_url(second)
    await keys.press("]")
    await expect(page).to_have_url(second)
    frames = page.get_by_role("button", name="Show all frames")
    if await frames.is_visible():
        await keys.choose(frames)
        await expect(page.get_by_label("Traceback")).not_to_contain_text("folded")
    await keys.press("Escape")
    await expect(rows.nth(1)).to_be_focused()
    await keys.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


async def test_edit_and_requeue(seeded: str, page: Page, keys: Keys):
    async with api(seeded) as client:
        task_id = await submit(client, "email.send", {"to": "hal@broken.example"})

        async def is_dead() -> bool:
            return (await client.get(f"/api/tasks/{task_id}")).json()["status"] == "dead"

        await wait_until(is_dead, describe="the task dies", timeout_s=15)
    await keys.press("/")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keys.write(task_id)
    await keys.press("Enter")
    await keys.choose(page.get_by_role("button", name="Edit and requeue"))
    editor = page.get_by_role("textbox", name="Payload")
    await keys.fill(editor, '{"to": 7')
    await expect(page.get_by_text("This is no JSON: line 1", exact=False)).to_be_visible()
    await keys.write('{"to": "hal@customer.example"}')
    await keys.choose(page.get_by_role("dialog").get_by_role("button", name="Requeue"))
    await expect(page.get_by_text("Completed").first).to_be_visible()


async def test_requeue_a_group_with_a_pace(page: Page, keys: Keys):
    await keys.go("d", "Dead letters")
    await keys.choose(
        page.get_by_role("row")
        .filter(has_text="TimeoutError")
        .get_by_role("button", name=re.compile("TimeoutError"))
        .first
    )
    await keys.to(page.get_by_role("radio", name="All at once"))
    await keys.press("ArrowRight")
    await expect(page.get_by_role("radio", name="20 per s")).to_be_focused()
    await expect(page.get_by_text("Takes about", exact=False)).to_be_visible()
    box = page.get_by_role("region", name="Requeue this group")
    await keys.choose(box.get_by_role("button", name=re.compile(r"^Requeue \d+$")))
    await expect(message(page, re.compile(r"^\d+ requeued"))).to_be_visible()


async def test_pause_and_resume_a_queue(page: Page, keys: Keys):
    await keys.go("q", "Queues")
    await keys.choose(page.get_by_role("button", name="Pause queue webhooks"))
    await keys.fill(page.get_by_label("Reason"), "partner is down")
    await keys.press("Enter")
    resume = page.get_by_role("button", name="Resume queue webhooks")
    await expect(resume).to_be_visible()
    await keys.choose(page.get_by_role("button", name="webhooks", exact=True))
    await expect(page.get_by_text("“partner is down”", exact=False)).to_be_visible()
    await keys.choose(resume.first)
    await expect(page.get_by_role("button", name="Pause queue webhooks")).to_be_visible()


async def test_create_a_schedule_and_switch_it_off(page: Page, keys: Keys):
    await keys.go("s", "Schedules")
    await keys.choose(page.get_by_role("button", name="New schedule").first)
    dialog = page.get_by_role("dialog")
    await keys.fill(dialog.get_by_label("Name"), "nightly")
    await keys.pick(dialog.get_by_label("Type"), "report.build")
    cron = dialog.get_by_label("Cron")
    await keys.fill(cron, "61 3 * * *")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await keys.write("0 3 * * *")
    await expect(dialog.get_by_text("Every day at 03:00", exact=False)).to_be_visible()
    await keys.press("Enter")
    switch = page.get_by_role("switch", name="Schedule nightly")
    await keys.to(switch)
    await keys.press(" ")
    await expect(switch).not_to_be_checked()


async def test_drain_a_worker_and_let_it_claim_again(page: Page, keys: Keys):
    await keys.go("w", "Workers")
    await keys.choose(page.get_by_role("button", name=re.compile("^Drain ")).first)
    draining = page.get_by_role("row").filter(has_text="Draining")
    await expect(draining).to_have_count(1)
    await keys.choose(page.get_by_role("button", name=re.compile("^Resume ")).first)
    await expect(draining).to_have_count(0)
