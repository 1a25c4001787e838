"""What people come for, in a real browser on the real product."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import message, new_context
from tests.browser.seed import submit
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def api(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, trust_env=False, timeout=30)


async def row_of(page: Page, name: str) -> str:
    """The text of the table row that names something."""
    return (await page.get_by_role("row").filter(has_text=name).first.inner_text()).replace("\n", " ")


async def test_submit_from_the_form_and_watch_it_finish(seeded: str, page: Page):
    await page.goto(f"{seeded}/submit?type=email.send")
    await page.get_by_role("button", name=re.compile("^Submit")).click()
    await expect(page.get_by_text("1 field needs you")).to_be_visible()
    await expect(page.get_by_label("To required")).to_be_focused()
    await page.get_by_label("To required").fill("gil@customer.example")
    await page.get_by_label("Copies").fill("12")
    await page.get_by_role("button", name=re.compile("^Submit")).click()
    await expect(page.get_by_text("At most 9.")).to_be_visible()
    await page.get_by_label("Copies").fill("2")
    await page.get_by_role("button", name=re.compile("^Submit")).click()
    here = page.get_by_role("list", name="Submitted here")
    await expect(here.get_by_text("Completed")).to_be_visible()
    await here.get_by_role("link", name="email.send").click()
    await page.get_by_role("tab", name=re.compile("^Result")).click()
    await expect(page.get_by_label("Result as JSON")).to_contain_text("gil@customer.example")


async def test_secrets_are_hidden_until_an_admin_asks_which_is_noted(seeded: str, page: Page):
    async with api(seeded) as client:
        task_id = await submit(client, "contacts.sync", {"account": "acme", "token": "hunter2-of-acme"})
    await page.goto(f"{seeded}/tasks/{task_id}")
    await expect(page.get_by_text("**********", exact=False)).to_be_visible()
    assert "hunter2-of-acme" not in await page.content()
    await page.get_by_role("button", name="Reveal secrets…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reveal secrets").click()
    await expect(page.get_by_text("hunter2-of-acme", exact=False)).to_be_visible()
    await page.goto(f"{seeded}/settings")
    await expect(
        page.get_by_role("row").filter(has_text=task_id[-6:]).filter(has_text="reveal")
    ).to_be_visible()


async def test_requeue_a_group_with_a_pace(seeded: str, page: Page, pictures: Path):
    await page.goto(f"{seeded}/dead-letters")
    row = page.get_by_role("row").filter(has_text="TimeoutError")
    await row.get_by_role("button", name=re.compile("TimeoutError")).first.click()
    await page.get_by_role("radio", name="20 per s").click()
    await expect(
        page.get_by_text("Work done before the failure may be done twice", exact=False)
    ).to_be_visible()
    await page.screenshot(path=pictures / "dead-letters-open.png")
    box = page.get_by_role("region", name="Requeue this group")
    await box.get_by_role("button", name=re.compile(r"^Requeue \d+$")).click()
    await expect(message(page, re.compile(r"^\d+ requeued"))).to_be_visible()
    # A few need no pace: from the row, at once.
    few = page.get_by_role("row").filter(has_text="AuthenticationError")
    async with page.expect_request("**/api/dead-letters/requeue") as asked:
        await few.get_by_role("button", name=re.compile(r"^Requeue \d+$")).click()
    assert set((await asked.value).post_data_json) == {"fingerprint"}


async def test_pause_and_resume_a_queue(seeded: str, page: Page):
    await page.goto(f"{seeded}/queues")
    await page.get_by_role("button", name="Pause queue webhooks").click()
    await page.get_by_label("Reason").fill("partner is down")
    await page.get_by_role("dialog").get_by_role("button", name="Pause queue").click()
    await expect(page.get_by_role("button", name="Resume queue webhooks")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="webhooks", exact=True).click()
    await expect(page.get_by_text("“partner is down”", exact=False)).to_be_visible()
    await page.get_by_role("button", name="Resume queue webhooks").click()
    await expect(page.get_by_role("button", name="Pause queue webhooks")).to_be_visible()
    assert "Active" in await row_of(page, "webhooks")


async def test_set_and_lift_the_limits_of_a_queue(seeded: str, page: Page, pictures: Path):
    await page.goto(f"{seeded}/queues?queue=images")
    await expect(page.get_by_role("heading", name="Pending by priority")).to_be_visible()
    await page.get_by_role("button", name="Limits…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Tasks at once").first.fill("many")
    await dialog.get_by_role("button", name="Set limits").click()
    await expect(dialog.get_by_text("A whole number from 1 on", exact=False)).to_be_visible()
    await dialog.get_by_label("Tasks at once").first.fill("40")
    await dialog.get_by_label("Starts").last.fill("5")
    await page.screenshot(path=pictures / "queue-limits.png")
    await dialog.get_by_role("button", name="Set limits").click()
    await expect(page.get_by_text("40 at once", exact=True)).to_be_visible()
    await expect(page.get_by_text("5 a second", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Limits…").click()
    await page.get_by_role("dialog").get_by_label("Tasks at once").first.fill("")
    await page.get_by_role("dialog").get_by_label("Starts").last.fill("")
    await page.get_by_role("dialog").get_by_role("button", name="Set limits").click()
    await expect(page.get_by_text("40 at once", exact=True)).to_have_count(0)


async def test_cancel_all_that_wait_in_a_queue(seeded: str, page: Page):
    async with api(seeded) as client:
        for number in range(25):
            await submit(client, "contacts.sync", {"account": str(number), "token": "x"}, delay_seconds=7200)
    await page.goto(f"{seeded}/tasks?status=scheduled&queue=data")
    await page.get_by_role("checkbox", name="Select task").first.check()
    await page.get_by_role("button", name=re.compile(r"^Select all \d+ scheduled$")).click()
    bar = page.get_by_role("toolbar", name="Selected tasks")
    await expect(bar.get_by_role("button", name=re.compile("^Requeue"))).to_have_count(0)
    await bar.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("They end as cancelled", exact=False)).to_be_visible()
    await dialog.get_by_role("button", name=re.compile(r"^Cancel \d+$")).click()
    await expect(message(page, re.compile(r"^\d+ cancelled"))).to_be_visible()
    await expect(
        page.get_by_text("Nothing", exact=False).or_(page.get_by_text("No task", exact=False)).first
    ).to_be_visible()


async def test_a_schedule_shows_how_its_runs_went(seeded: str, page: Page):
    spec = {
        "interval_seconds": 3600,
        "task": {"task_type": "email.send", "payload": {"to": "a@broken.example"}},
    }
    async with api(seeded) as client:
        assert (await client.put("/api/schedules/sick", json=spec)).status_code in (200, 201)
        ids = [(await client.post("/api/schedules/sick/run")).json()["id"] for _ in range(2)]

        async def have_died() -> bool:
            return all([(await client.get(f"/api/tasks/{one}")).json()["status"] == "dead" for one in ids])

        await wait_until(have_died, describe="both runs have died", timeout_s=20)
        await page.goto(f"{seeded}/schedules")
        row = page.get_by_role("row").filter(has_text="sick")
        await expect(row.get_by_role("link", name="Dead")).to_have_count(2)
        await page.goto(seeded)
        await expect(page.get_by_text("The last 2 runs of schedule", exact=False)).to_be_visible()
        await client.delete("/api/schedules/sick")


async def test_a_killed_api_is_said_and_recovered_from(seeded: str, page: Page):
    await page.goto(f"{seeded}/tasks")
    await expect(page.locator("tbody tr[data-row]").first).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.get_by_text(re.compile("^Offline since"))).to_be_visible(timeout=20_000)
    await expect(page.locator("tbody tr[data-row]").first).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.get_by_text(re.compile("^Offline since"))).to_be_hidden(timeout=35_000)


async def test_a_stream_that_fails_gives_way_to_polling(seeded: str, page: Page):
    await page.route("**/api/events", lambda route: route.abort())
    await page.goto(f"{seeded}/tasks")
    await expect(page.get_by_text(re.compile(r"^Polling every \d"))).to_be_visible(timeout=15_000)
    async with api(seeded) as client:
        task_id = await submit(client, "email.send", {"to": "polled@customer.example"}, delay_seconds=3600)
    await (
        page.get_by_role("navigation", name="Status")
        .get_by_role("link", name=re.compile("^Scheduled"))
        .click()
    )
    await expect(page.get_by_title(task_id)).to_be_visible()


async def test_a_page_is_told_by_the_stream(seeded: str, page: Page):
    await page.goto(f"{seeded}/tasks?type=webhook.send&status=completed")
    live = page.get_by_role("button", name="Live", exact=True)
    await expect(live).to_have_attribute("data-tip", re.compile("open stream"), timeout=15_000)
    async with api(seeded) as client:
        task_id = await submit(client, "webhook.send", {"url": "x"})
    await expect(page.get_by_title(task_id)).to_be_visible()


async def test_the_phone_shows_tasks_as_two_lines(seeded: str, browser: Browser):
    context = await new_context(browser, phone=True)
    page = await context.new_page()
    await page.goto(f"{seeded}/tasks?status=dead")
    await expect(page.get_by_role("list", name="Tasks").get_by_role("listitem").first).to_be_visible()
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("dialog").get_by_role("link", name="Schedules").click()
    await expect(page.get_by_role("heading", level=1, name="Schedules")).to_be_visible()
    await context.close()
