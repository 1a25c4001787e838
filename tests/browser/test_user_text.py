"""What users and workers wrote is text on every page: an image that would run a script is shown, not loaded."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Page, expect

from shared.errors import InvalidInput
from shared.queue import Outcome, TaskQueue, WorkerState
from tests.browser.seed import submit
from tests.support.factories import TYPE
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ATTACK = "<img src=x onerror=\"document.title='owned'\">"
ERROR = {
    "type": ATTACK,
    "message": ATTACK,
    "traceback": f'File "{ATTACK}", line 1, in {ATTACK}\n  {ATTACK}\n',
}
NOTES = {"g": {"fraction": 0.5, "message": ATTACK}, "l": {"level": ATTACK, "message": ATTACK}}


async def _hostile_worker(engine: TaskQueue) -> WorkerState:
    """One that lies in all it says of itself."""
    with pytest.raises(InvalidInput):
        WorkerState(ATTACK, ["hostile"], ["hostile.do"], 600_000)
    state = WorkerState("hostile-1", ["hostile"], ["hostile.do"], 600_000)
    about = {
        "host": ATTACK,
        "version": ATTACK,
        "queues": [ATTACK],
        "types": [ATTACK, "hostile.do"],
        "slots": 9,
    }
    about |= {"lease_seconds": 600, "memory_mb": 1, "started_at": "2026-01-01T00:00:00Z"}
    text = json.dumps({**json.loads(TYPE), "queue": "hostile", "description": ATTACK})
    await engine.register(state, json.dumps(about), {"hostile.do": text})
    return state


async def _hostile_tasks(engine: TaskQueue, state: WorkerState, client: httpx.AsyncClient) -> dict[str, str]:
    """By what became of them: the ids of tasks that hold the attack wherever text is kept."""
    body = {"queue": "hostile", "metadata": {ATTACK: ATTACK}, "limit_key": ATTACK, "fair_key": ATTACK}
    for number in range(3):
        await submit(
            client,
            "hostile.do",
            {ATTACK: ATTACK},
            idempotency_key=f"{ATTACK}{number}",
            unique_key=f"{number}{ATTACK}",
            max_retries=0,
            **body,
        )
    completed, dead, running = (await engine.exchange(state, free=3)).claims
    outcomes = [
        Outcome(completed.id, completed.number, "c", json.dumps({ATTACK: ATTACK})),
        Outcome(dead.id, dead.number, "f", json.dumps(ERROR), group="0123456789abcdef"),
        *(Outcome(running.id, running.number, kind, json.dumps(note)) for kind, note in NOTES.items()),
    ]
    await engine.exchange(state, outcomes, free=0, holding=1)
    return {"completed": completed.id, "dead": dead.id, "running": running.id}


async def test_text_of_users_is_text_everywhere(seeded: str, engine: TaskQueue, page: Page):
    state = await _hostile_worker(engine)
    async with httpx.AsyncClient(base_url=seeded, trust_env=False, timeout=30) as client:
        task = {"task_type": "hostile.do", "payload": {ATTACK: ATTACK}, "metadata": {ATTACK: ATTACK}}
        spec = {"cron": "0 3 * * *", "zone": "UTC", "task": {**task, "limit_key": ATTACK, "fair_key": ATTACK}}

        async def is_known() -> bool:
            return (await client.put("/api/schedules/hostile", json=spec)).status_code < 300

        await wait_until(is_known, describe="the hostile worker's type", timeout_s=15)
        for refused in (
            {"task_type": ATTACK},
            {"task_type": "hostile.do", "queue": ATTACK},
            {"task_type": "hostile.do", "callback_url": f"https://a.example/{ATTACK}"},
        ):
            assert (await client.post("/api/tasks", json={"payload": {}, **refused})).status_code == 422
        assert (await client.put(f"/api/schedules/{ATTACK[:8]}", json=spec)).status_code == 422
        for path in ("schedules/hostile", "queues/hostile"):
            paused = await client.post(f"/api/{path}/pause", json={"reason": ATTACK})
            assert paused.status_code == 200, paused.text
        await client.post("/api/queues/hostile/resume")
        ids = await _hostile_tasks(engine, state, client)
        await client.post("/api/queues/hostile/pause", json={"reason": ATTACK})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    shows = {
        "/": ATTACK,
        "/tasks?status=dead&queue=hostile": ATTACK,
        "/tasks?status=dead&error=0123456789abcdef": ATTACK,
        f"/tasks?queue=hostile&key={quote('2' + ATTACK)}": ATTACK,
        f"/tasks/{ids['completed']}": ATTACK,
        f"/tasks/{ids['dead']}": ATTACK,
        f"/tasks/{ids['running']}": ATTACK,
        "/dead-letters?group=0123456789abcdef": ATTACK,
        "/queues?queue=hostile": ATTACK,
        "/workers?worker=hostile-1": ATTACK,
        "/schedules?schedule=hostile": "hostile.do",
        "/submit?type=hostile.do": ATTACK,
        "/settings": ATTACK,
    }
    for path, text in shows.items():
        await page.goto(seeded + path)
        await expect(page.locator("main").get_by_text(text, exact=False).first).to_be_attached()
        for tab in await page.get_by_role("tab").all():
            await tab.click()
        await expect(page).to_have_title(re.compile("· dtq$"))
        assert await page.locator('img[src="x"]').count() == 0
    await page.goto(f"{seeded}/tasks?status=dead&queue=hostile")
    await page.locator("tbody tr[data-row]").first.press(" ")
    await expect(page.get_by_role("dialog").get_by_text(ATTACK).first).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("f")
    await expect(page.get_by_label("Error").get_by_text(ATTACK)).to_be_attached()
    await page.keyboard.press("Escape")
    assert await page.locator('img[src="x"]').count() == 0
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox").fill("img")
    await expect(page.get_by_role("option").filter(has_text="<img").first).to_be_visible()
    assert [url for url in asked if url.endswith("/x")] == []
    assert "owned" not in await page.title()
