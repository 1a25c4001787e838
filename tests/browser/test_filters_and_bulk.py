"""What the task list filters by and does to many at once, against the real product."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.browser.conftest import message
from tests.browser.seed import count, submit
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

#: More than two pages, which a held list has loaded, and more than may be deleted without typing their number.
MANY = 205
CLOCK_WITH_ZONE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (CET|CEST|GMT\+[12])$")


async def _dead(client: httpx.AsyncClient, more: int) -> int:
    """How many dead tasks there are, once there are so many more."""
    wanted = await count(client, "dead") + more
    body = {"task_type": "webhook.send", "payload": {"fail": True}, "max_retries": 0}
    answer = await client.post("/api/tasks/batch", json={"tasks": [body] * more})
    assert answer.status_code == 202, answer.text

    async def are_dead() -> bool:
        return await count(client, "dead") >= wanted

    await wait_until(are_dead, describe=f"{wanted} dead tasks", timeout_s=30)
    return await count(client, "dead")


async def test_filters_that_an_index_answers(seeded: str, page: Page):
    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        wanted = {"queue": "emails", "idempotency_key": "invoice-2026-1187"}
        keyed = await submit(client, "email.send", {"to": "kim@customer.example"}, **wanted)
        run = (await client.post("/api/schedules/invoice-mails/run")).json()["id"]
        await _dead(client, 1)
    rows = page.locator("tbody tr[data-row]")
    dialog = page.get_by_role("dialog", name="Filter tasks")

    async def ask(label: str, value: str | re.Pattern[str], *, index: int | None = None) -> None:
        await page.goto(f"{seeded}/tasks")
        await expect(rows.first).to_be_visible()
        await page.keyboard.press("f")
        field = dialog.get_by_label(label, exact=True)
        await field.select_option(index=index) if index else await field.select_option(str(value))
        await dialog.get_by_role("button", name="Show tasks").click()
        await expect(page.get_by_role("button", name=f"Remove filter {label}")).to_be_visible()

    await ask("Priority", "3")
    await expect(page).to_have_url(re.compile("status=pending"))
    await expect(rows).to_have_count(3)
    await ask("Worker", "", index=1)
    await expect(page).to_have_url(re.compile("status=running"))
    await expect(rows.first).to_contain_text("Running")
    await ask("Error", "", index=1)
    await expect(page).to_have_url(re.compile("status=dead"))
    await expect(rows.first).to_contain_text("Dead")
    # Another status is not of that index: the chip goes.
    await page.get_by_role("navigation", name="Status").get_by_role("link", name="Completed").click()
    await expect(page.get_by_role("button", name="Remove filter Error")).to_be_hidden()
    await ask("Schedule", "invoice-mails")
    await expect(page.locator(f'a[href="/tasks/{run}"]')).to_be_visible()
    await page.keyboard.press("f")
    await expect(dialog.get_by_label("Key", exact=True)).to_be_disabled()
    await dialog.get_by_label("Queue", exact=True).select_option("emails")
    await dialog.get_by_label("Key", exact=True).fill("invoice-2026-1187")
    await dialog.get_by_role("button", name="Show tasks").click()
    await expect(rows).to_have_count(1)
    await rows.first.press("Enter")
    await expect(page).to_have_url(re.compile(keyed))
    policy = page.get_by_role("region", name="Policy and links")
    await expect(policy).to_contain_text("invoice-2026-1187")
    await page.get_by_text("Exact", exact=True).click()
    times = page.get_by_role("list", name="Events").locator("time")
    assert await times.count() >= 2
    for text in await times.all_inner_texts():
        assert CLOCK_WITH_ZONE.search(text), text
    await page.goto(f"{seeded}/tasks/{run}")
    await policy.get_by_role("link", name="invoice-mails").click()
    await expect(page).to_have_url(re.compile(r"/schedules\?schedule=invoice-mails"))


async def test_a_refusal_can_be_copied_with_all_that_finds_it_in_the_log(seeded: str, page: Page):
    problem = {"title": "The task is not dead", "detail": "Nothing was changed.", "status": 409}

    async def refuse(route: Route) -> None:
        headers = {"x-request-id": "request-17"}
        content = json.dumps(problem)
        await route.fulfill(
            status=409, content_type="application/problem+json", body=content, headers=headers
        )

    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        await _dead(client, 1)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{seeded}/tasks?status=dead")
    await page.locator("tbody tr[data-row]").first.press("Enter")
    await page.route("**/requeue", refuse)
    await page.get_by_role("button", name="Requeue", exact=True).click()
    await page.get_by_role("button", name="Copy details").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    for part in ("request-17", "409", "/requeue", "Nothing was changed."):
        assert part in copied
    assert re.search(r"20\d\d-\d\d-\d\dT\d\d:\d\d", copied), copied


async def test_all_dead_are_selected_deleted_taken_back_and_deleted(seeded: str, page: Page):
    """By the filter, after their number was typed, and only when nobody has taken it back for 6 s."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method != "GET" else None)
    rows = page.locator("tbody tr[data-row]")
    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        dead = await _dead(client, MANY)
        await page.clock.install()
        await page.goto(f"{seeded}/tasks?status=dead")
        await rows.nth(1).get_by_role("checkbox").click()
        await rows.nth(4).get_by_role("checkbox").click(modifiers=["Shift"])
        await expect(page.get_by_text("4 selected", exact=True)).to_be_visible()

        async def delete_all() -> None:
            await page.get_by_role("checkbox", name="Select what is loaded").click()
            await page.get_by_role("button", name=f"Select all {dead} dead").click()
            await expect(page.get_by_text(f"{dead} selected", exact=True)).to_be_visible()
            await page.get_by_role("button", name="Delete…").click()
            dialog = page.get_by_role("dialog")
            number = dialog.get_by_label(f"Type {dead} to confirm")
            await number.fill("7")
            await dialog.get_by_role("button", name=f"Delete {dead}").click()
            await expect(dialog.get_by_text(f"This does not read {dead}.")).to_be_visible()
            await number.fill(str(dead))
            await dialog.get_by_role("button", name=f"Delete {dead}").click()
            await expect(message(page, f"{dead} tasks are deleted")).to_be_visible()

        await delete_all()
        await page.get_by_role("button", name="Undo").click()
        await page.clock.fast_forward(20_000)
        await expect(message(page, f"{dead} tasks are deleted")).to_be_hidden()
        assert sent == []
        assert await count(client, "dead") == dead
        await delete_all()
        await page.clock.fast_forward(5_000)
        assert sent == []
        await page.clock.fast_forward(1_500)

        async def are_gone() -> bool:
            return await count(client, "dead") == 0

        await wait_until(are_gone, describe="no dead task is left", timeout_s=20)
    assert [(one.method, one.url.removeprefix(seeded), one.post_data_json) for one in sent] == [
        ("POST", "/api/dead-letters/delete", {"all": True})
    ]
