"""Who did what, when, by which request; and when keys were used last."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from api.security.uses import EVERY_S, RETRY_S, KeyUses
from shared.errors import StoreUnavailable
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import DAILY, MAIL, Client, is_problem
from tests.api.test_security import API_KEYS, KEYS
from tests.support.factories import ending, registered


async def test_every_control_action_is_kept(api: Client, engine: TaskQueue) -> None:
    for _ in range(4):
        await api.submit()
    ids = [task["id"] for task in (await api.get("/api/tasks")).json()["tasks"]]
    state = await registered(engine, types=("email",))
    [claim] = (await engine.exchange(state, free=1)).claims
    await engine.exchange(state, [ending(claim, "x")], free=0)
    ids.remove(claim.id)
    done = [
        ("PATCH", f"/api/tasks/{ids[0]}", {"priority": 9}, "edit", ids[0], "priority "),
        ("POST", f"/api/tasks/{ids[0]}/run-now", {}, "edit", ids[0], "now"),
        ("POST", f"/api/tasks/{ids[0]}/cancel", None, "cancel", ids[0], ""),
        ("DELETE", f"/api/tasks/{ids[1]}", None, "delete", ids[1], "1"),
        ("POST", f"/api/tasks/{claim.id}/requeue", {}, "requeue", claim.id, "1"),
        ("GET", f"/api/tasks/{ids[2]}?reveal=true", None, "reveal", ids[2], ""),
        ("POST", "/api/queues/mail/pause", {"reason": "why"}, "pause", "mail", "why"),
        ("POST", "/api/queues/mail/resume", {}, "resume", "mail", ""),
        ("PUT", "/api/schedules/daily", DAILY, "create schedule", "daily", ""),
        ("PUT", "/api/schedules/daily", DAILY, "change schedule", "daily", ""),
        ("POST", "/api/schedules/daily/pause", {"reason": "r"}, "pause schedule", "daily", "r"),
        ("POST", "/api/schedules/daily/resume", {}, "resume schedule", "daily", ""),
        ("POST", "/api/schedules/daily/run", {}, "run schedule", "daily", None),
        ("DELETE", "/api/schedules/daily", None, "delete schedule", "daily", ""),
        ("POST", f"/api/workers/{state.name}/drain", {}, "drain", state.name, ""),
        ("POST", f"/api/workers/{state.name}/drain", {"drain": False}, "undrain", state.name, ""),
    ]
    for number, (method, path, body, *_) in enumerate(done):
        answer = await api.request(method, path, json=body, headers={"X-Request-ID": f"request-{number}"})
        assert answer.status_code < 300, (path, answer.text)
    entries = (await api.get("/api/audit")).json()["entries"]
    assert len(entries) == len(done)
    for number, (entry, expected) in enumerate(zip(reversed(entries), done, strict=True)):
        assert (entry["action"], entry["target"]) == expected[3:5]
        assert (entry["by"], entry["request_id"]) == ("local", f"request-{number}")
        assert expected[5] is None or entry["detail"] == expected[5]
        assert entry["at"].endswith("Z")


async def test_what_was_refused_is_not_kept(api: Client) -> None:
    task_id = (await api.submit()).json()["id"]
    await api.post(f"/api/tasks/{task_id}/requeue")
    await api.patch(f"/api/tasks/{task_id}", json={"priority": 11})
    await api.delete("/api/schedules/none")
    assert (await api.get("/api/audit")).json() == {"entries": [], "next_cursor": None}


async def test_a_name_stands_where_a_name_belongs(api: Client) -> None:
    """The request's id is for the audit log alone."""
    await api.post("/api/queues/mail/pause", json={}, headers={"X-Request-ID": "request-1"})
    [queue] = (await api.get("/api/queues")).json()["queues"]
    assert queue["paused"]["by"] == "local"


async def test_pages(api: Client) -> None:
    for number in range(5):
        await api.post(f"/api/queues/q{number}/pause", json={})
    seen: list[str] = []
    path = "/api/audit?limit=2"
    sizes = []
    while path:
        answer = await api.get(path)
        page = answer.json()
        sizes.append(len(page["entries"]))
        seen += [entry["target"] for entry in page["entries"]]
        path = f"/api/audit?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        assert ('rel="next"' in answer.headers["link"]) == bool(path)
    assert seen == ["q4", "q3", "q2", "q1", "q0"]
    assert sizes == [2, 2, 1]
    for cursor in ("x", "1", "-", "1-1-1", "1-\u0661", "+ - COUNT"):
        assert is_problem(await api.get("/api/audit", params={"cursor": cursor}), 422, "cursor")


async def test_the_name_of_the_key_is_kept(make_app: AppFactory) -> None:
    async with Client(make_app(api_keys=API_KEYS), key=KEYS["admin"]) as client:
        await client.post("/api/queues/mail/pause", json={})
        [entry] = (await client.get("/api/audit")).json()["entries"]
        assert entry["by"] == "adminer"
        assert (await client.get("/api/audit")).headers["x-redis-calls"] == "1"


# --- uses of keys ---


async def test_last_use_is_seen_and_costs_a_submission_nothing(
    make_app: AppFactory, store: redis.Redis
) -> None:
    app = make_app(api_keys=API_KEYS)
    async with Client(app, key=KEYS["submit"]) as submitter, Client(app, key=KEYS["admin"]) as ops:
        await submitter.submit()
        assert list(store.hgetall("{test:0}:keys")) == ["submiter"], "it rode along with the task types"
        # The second one alone looks for a worker with a free slot: the first met an empty queue.
        looks, *steady = [int((await submitter.submit()).headers["x-redis-calls"]) for _ in range(4)]
        assert len(set(steady)) == 1
        assert steady[0] <= 5
        assert looks == steady[0] + 2, "it looks for a free worker, and asks for the time"
        keys = {key["name"]: key for key in (await ops.get("/api/keys")).json()["keys"]}
    assert keys["submiter"]["last_used_at"].endswith("Z")
    assert keys["adminer"]["last_used_at"].endswith("Z")
    assert keys["reader"] == {
        "name": "reader",
        "role": "read",
        "queues": None,
        "rate": None,
        "last_used_at": None,
    }
    assert keys["bound-read"]["queues"] == ["elsewhere"]


def test_a_use_is_written_once_an_hour() -> None:
    now = [1_000.0]
    uses = KeyUses(lambda: now[0])
    for _ in range(3):
        uses.note("web")
    assert uses.take() == {"web": 1_000_000}
    uses.note("web")
    assert uses.take() == {}
    now[0] += EVERY_S
    uses.note("web")
    assert uses.take() == {"web": 4_600_000}


async def test_a_use_that_could_not_be_written_is_tried_again() -> None:
    now = [1_000.0]
    uses = KeyUses(lambda: now[0])
    written: list[Any] = []

    class Queue:
        async def note_key_uses(self, taken: Any) -> None:
            written.append(taken)
            if len(written) == 1:
                raise StoreUnavailable("away")

    queue: Any = Queue()
    for seconds in (0, RETRY_S - 1, 1):
        now[0] += seconds
        uses.note("web")
        await uses.write(queue)
    assert len(written) == 2


@pytest.mark.parametrize("method", ["GET"])
async def test_without_keys_there_are_none(tcp_api: Client, method: str) -> None:
    assert (await tcp_api.request(method, "/api/keys")).json() == {"keys": []}
    assert (await tcp_api.post("/api/tasks", json=MAIL)).status_code == 202
