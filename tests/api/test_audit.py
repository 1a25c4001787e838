"""The audit over HTTP, and by the way of a tick."""

from __future__ import annotations

import pytest
import redis

from shared.queue import repair
from tests.api.support import Client, is_problem

REPAIR = "/api/audit/repair"


async def test_nothing_to_repair(api: Client) -> None:
    assert (await api.get(REPAIR)).json() == {"finished_at": None, "is_under_way": False, "repaired": {}}
    await api.submit()
    answer = await api.post(REPAIR)
    assert (answer.status_code, answer.json()) == (200, {"more": False, "repaired": {}, "unsettled": 0})
    state = (await api.get(REPAIR)).json()
    assert state["finished_at"].endswith("Z")
    assert (state["is_under_way"], state["repaired"]) == (False, {})


async def test_what_disagrees_is_repaired_and_counted(api: Client, store: redis.Redis) -> None:
    for _ in range(3):
        await api.submit()
    store.delete("{test:0}:pending:default")
    store.hset("{test:0}:queues", "default:5", "17")
    assert (await api.post(REPAIR, json={})).json()["repaired"] == {"tasks": 3, "counts": 1}
    assert (await api.post(REPAIR)).json()["repaired"] == {}
    assert (await api.get(REPAIR)).json()["repaired"] == {"counts": 1, "tasks": 3}
    assert is_problem(await api.post(REPAIR, json={"all": True}), 422, "all")


async def test_it_is_done_in_parts(
    tcp_api: Client, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "RECORDS", 1)
    for _ in range(3):
        await tcp_api.submit()
    monkeypatch.setattr("api.operations.TICK_S", 0.0)
    store.delete("{test:0}:pending:default")
    answers = [(await tcp_api.post(REPAIR)).json()]
    while answers[-1]["more"]:
        assert (await tcp_api.get(REPAIR)).json()["is_under_way"]
        answers.append((await tcp_api.post(REPAIR)).json())
    assert len(answers) > 3
    assert sum(answer["repaired"].get("tasks", 0) for answer in answers) == 3


async def test_a_tick_audits_once_a_day(tcp_api: Client, store: redis.Redis) -> None:
    await tcp_api.submit()
    store.delete("{test:0}:pending:default")
    assert (await tcp_api.post("/api/cron/tick")).json() == {"more": False}
    assert (await tcp_api.get(REPAIR)).json()["repaired"] == {"tasks": 1}
    store.delete("{test:0}:pending:default")
    assert (await tcp_api.post("/api/cron/tick")).json() == {"more": False}
    assert (await tcp_api.get(REPAIR)).json()["repaired"] == {"tasks": 1}
    day_ago = int(store.hget("{test:0}:repairs", "finished")) - 86_400_000
    store.hset("{test:0}:repairs", "finished", str(day_ago))
    assert (await tcp_api.post("/api/cron/tick")).json() == {"more": False}
    assert (await tcp_api.get(REPAIR)).json()["repaired"] == {"tasks": 2}
