"""Something of everything: tasks in each status, groups of errors, a paused queue, schedules."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.waiting import wait_until


async def submit(client: httpx.AsyncClient, task_type: str, payload: dict[str, Any], **options: Any) -> str:
    """The id of a new task."""
    answer = await client.post("/api/tasks", json={"task_type": task_type, "payload": payload, **options})
    assert answer.status_code == 202, answer.text
    task_id: str = answer.json()["id"]
    return task_id


async def count(client: httpx.AsyncClient, status: str) -> int:
    """How many tasks have the status."""
    found: int = (await client.get("/api/overview")).json()["counts"].get(status, 0)
    return found


async def seed(client: httpx.AsyncClient) -> None:
    """Fill an empty product once; a second call changes nothing."""
    if (await client.get("/api/schedules/invoice-mails")).status_code == 200:
        return
    for name in ("ana", "bo", "cy"):
        await submit(client, "email.send", {"to": f"{name}@customer.example"})
    for name in ("dan", "eve", "flo"):
        await submit(client, "email.send", {"to": f"{name}@broken.example"})
    await submit(client, "webhook.send", {"fail": True}, max_retries=0)
    await submit(client, "webhook.send", {"fail": True}, retry={"initial_seconds": 900.0, "jitter": "none"})
    await submit(client, "image.resize", {"bad": "/tmp/a.png"})
    await submit(client, "email.send", {"to": "later@customer.example"}, delay_seconds=7200)
    await submit(client, "report.build", {"steps": 900, "pause": 1})
    paused = await client.post("/api/queues/images/pause", json={"reason": "CDN maintenance"})
    assert paused.status_code == 200, paused.text
    for number in range(3):
        await submit(client, "image.resize", {"number": number}, priority=3)
    spec = {
        "cron": "*/15 * * * *",
        "zone": "Europe/Berlin",
        "task": {"task_type": "report.build", "payload": {}},
    }
    saved = await client.put("/api/schedules/invoice-mails", json=spec)
    assert saved.status_code == 201, saved.text

    async def settled() -> bool:
        return await count(client, "dead") >= 5 and await count(client, "completed") >= 3

    await wait_until(settled, describe="five dead and three completed tasks", timeout_s=30)
