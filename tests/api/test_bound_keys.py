"""Keys that are bound to queues: what they reach, and that they learn nothing of what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from api.security.keys import digest_of
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import DAILY, MAIL, Client, is_problem
from tests.support.factories import ending, registered

KEYS = {
    "ops": "admin",
    "mail-admin": "admin:mail",
    "sms-admin": "admin:sms",
    "two-admin": "admin:mail+sms",
    "mail-read": "read:mail",
    "two-read": "read:mail+sms",
    "mail-submit": "submit:mail",
    "sms-submit": "submit:sms",
}


def entry(name: str) -> str:
    role, _, queues = KEYS[name].partition(":")
    return f"{name}:{role}:{digest_of(name.encode())}:{queues}".rstrip(":")


class Callers:
    """A client for each key of one application."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __getitem__(self, name: str) -> Client:
        return Client(self.app, key=name)


@pytest.fixture(params=["tcp", "rest"])
async def callers(request: pytest.FixtureRequest, make_app: AppFactory) -> Callers:
    settings = {}
    if request.param == "rest":
        gateway = request.getfixturevalue("gateway")
        settings = {"upstash_redis_rest_url": gateway.url, "upstash_redis_rest_token": "token-of-the-tests"}
    return Callers(make_app(api_keys=",".join(map(entry, KEYS)), **settings))


async def submitted(callers: Callers, queue: str, **fields: Any) -> str:
    answer = await callers["ops"].submit(queue=queue, **fields)
    assert answer.status_code == 202
    task_id: str = answer.json()["id"]
    return task_id


async def test_submitting_to_another_queue_is_refused_whole(callers: Callers) -> None:
    caller = callers["mail-submit"]
    assert (await caller.submit(queue="mail")).status_code == 202
    refused = await caller.submit(queue="sms")
    assert is_problem(refused, 403)
    assert refused.json()["detail"].startswith("queue: this key is bound to the queue mail")
    assert is_problem(await caller.submit(), 403), "the type's queue counts when none is named"
    batch = {"tasks": [{**MAIL, "queue": "mail"}, {**MAIL, "queue": "sms"}]}
    refused = await caller.post("/api/tasks/batch", json=batch)
    assert is_problem(refused, 403)
    assert refused.json()["detail"].startswith("tasks[1].queue:")
    counts = (await callers["ops"].get("/api/overview")).json()["counts"]
    assert counts["pending"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "?reveal=true", None),
        ("POST", "/cancel", None),
        ("POST", "/requeue", {}),
        ("POST", "/requeue", {"payload": {"to": "x"}}),
        ("POST", "/run-now", {}),
        ("PATCH", "", {"priority": 9}),
        ("PATCH", "", {"payload": {"to": "x"}}),
        ("DELETE", "", None),
    ],
)
@pytest.mark.parametrize("is_dead", [False, True])
async def test_a_task_of_another_queue_is_as_if_it_were_not_kept(
    callers: Callers, engine: TaskQueue, method: str, path: str, body: Any, is_dead: bool
) -> None:
    task_id = await submitted(callers, "mail", delay_seconds=None if is_dead else 60)
    if is_dead:
        state = await registered(engine, "mail", types=("email",))
        [claim] = (await engine.exchange(state, free=1)).claims
        await engine.exchange(state, [ending(claim, "x")], free=0)
    before = (await callers["ops"].get(f"/api/tasks/{task_id}")).json()
    missing = task_id[:-1] + ("0" if task_id[-1] != "0" else "1")
    answers = []
    for asked in (task_id, missing):
        answer = await callers["sms-admin"].request(method, f"/api/tasks/{asked}{path}", json=body)
        assert is_problem(answer, 404)
        answers.append(answer.json()["detail"].replace(asked, "<id>"))
    assert answers[0] == answers[1], "the two must not be told apart"
    assert (await callers["ops"].get(f"/api/tasks/{task_id}")).json() == before


async def test_operating_within_the_own_queue(callers: Callers) -> None:
    caller = callers["mail-admin"]
    task_id = await submitted(callers, "mail", delay_seconds=60)
    assert (await caller.patch(f"/api/tasks/{task_id}", json={"priority": 9})).status_code == 200
    assert (await caller.post(f"/api/tasks/{task_id}/run-now")).status_code == 200
    assert (await caller.get(f"/api/tasks/{task_id}")).json()["priority"] == 9
    assert (await caller.post("/api/queues/mail/pause", json={})).status_code == 200
    assert (await caller.post("/api/queues/mail/resume")).status_code == 200
    limits = "/api/queues/mail/limits"
    assert (await caller.put(limits, json={"concurrency": 3})).json()["limit"]["concurrency"] == 3
    assert (await caller.get(limits)).status_code == 200
    assert (await caller.put(f"{limits}/a", json={"concurrency": 1})).status_code == 200
    assert (await caller.delete(f"{limits}/a")).status_code == 200
    assert (await caller.post(f"/api/tasks/{task_id}/cancel")).json()["status"] == "cancelled"
    assert (await caller.delete(f"/api/tasks/{task_id}")).status_code == 204
    await submitted(callers, "mail")
    assert (await caller.post("/api/queues/mail/purge")).json()["done"] == 1


async def test_lists_hold_the_own_queues_only(callers: Callers, engine: TaskQueue) -> None:
    ids = {queue: await submitted(callers, queue) for queue in ("mail", "sms", "other")}
    await registered(engine, "mail")
    await registered(engine, "other")

    async def listed(name: str, query: str = "") -> set[str]:
        found: set[str] = set()
        cursor = ""
        while True:
            page = (await callers[name].get(f"/api/tasks?limit=1&cursor={cursor}{query}")).json()
            found |= {task["id"] for task in page["tasks"]}
            cursor = page["next_cursor"]
            if not cursor:
                return found

    assert await listed("mail-read") == {ids["mail"]}
    assert await listed("two-read") == {ids["mail"], ids["sms"]}
    assert await listed("two-read", "&queue=sms") == {ids["sms"]}
    assert await listed("ops") == set(ids.values())
    assert is_problem(await callers["two-read"].get("/api/tasks?queue=other"), 403)
    assert is_problem(await callers["mail-read"].get("/api/dead-letters?queue=other"), 403)
    overview = (await callers["mail-read"].get("/api/overview")).json()
    assert [queue["name"] for queue in overview["queues"]] == ["mail"]
    assert overview["counts"]["pending"] == 1
    assert overview["oldest_pending_seconds"] is None
    assert [worker["queues"] for worker in overview["workers"]] == [["mail"]]
    assert [q["name"] for q in (await callers["two-read"].get("/api/queues")).json()["queues"]] == [
        "mail",
        "sms",
    ]
    workers = (await callers["mail-read"].get("/api/workers")).json()["workers"]
    assert [worker["queues"] for worker in workers] == [["mail"]]


async def test_schedules_of_other_queues(callers: Callers) -> None:
    of_mail = {**DAILY, "task": {**MAIL, "queue": "mail"}}
    ops, other, own = callers["ops"], callers["sms-admin"], callers["mail-admin"]
    assert (await ops.put("/api/schedules/report", json=of_mail)).status_code == 201
    assert (await other.get("/api/schedules")).json() == {"schedules": []}
    for method, path, body in [
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/pause", {}),
        ("POST", "/resume", None),
        ("POST", "/run", None),
    ]:
        assert is_problem(await other.request(method, f"/api/schedules/report{path}", json=body), 404)
    assert is_problem(await other.put("/api/schedules/report", json=of_mail), 403)
    taken = {**DAILY, "task": {**MAIL, "queue": "sms"}}
    assert is_problem(await other.put("/api/schedules/report", json=taken), 403)
    stored = (await ops.get("/api/schedules/report")).json()
    assert (stored["spec"]["task"]["queue"], stored["paused"], stored["last_task_id"]) == ("mail", None, None)
    assert len((await own.get("/api/schedules")).json()["schedules"]) == 1
    assert (await own.put("/api/schedules/report", json=of_mail)).status_code == 200
    assert (await own.post("/api/schedules/report/pause", json={})).status_code == 200
    assert (await own.post("/api/schedules/report/resume")).status_code == 200
    assert (await own.post("/api/schedules/report/run")).status_code == 202
    assert (await own.delete("/api/schedules/report")).status_code == 204


async def test_what_concerns_all_queues_names_the_cure(callers: Callers) -> None:
    refused = await callers["two-admin"].get("/api/audit")
    assert is_problem(refused, 403)
    assert refused.json()["detail"] == (
        "This key is bound to the queues mail, sms, and this concerns all queues. Use a key that reaches it."
    )
