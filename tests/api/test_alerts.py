"""Alerts: told once when trouble begins and once when it ends, by whoever looks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx

from shared.alerts import Facts, Notice, Thresholds, changes, judge, look
from shared.errors import SettingsError
from shared.notify import sender, targets_of
from shared.queue import TaskQueue
from tests.api.conftest import AppFactory
from tests.api.support import Client
from tests.support.factories import ending, registered, tasks

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOOK = "https://hooks.example.com/services/secret"
WELL = {"now": NOW, "oldest_pending_s": 1.0, "dead": 0, "waiting": 1, "last_worker": NOW}


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({}, set()),
        ({"oldest_pending_s": None, "waiting": 0}, set()),
        ({"oldest_pending_s": 300.0}, set()),
        ({"oldest_pending_s": 300.1}, {"oldest_pending"}),
        ({"dead": 10}, set()),
        ({"dead": 11}, {"dead"}),
        ({"last_worker": NOW - timedelta(seconds=600)}, set()),
        ({"last_worker": NOW - timedelta(seconds=601)}, {"no_worker"}),
        ({"last_worker": None}, set()),
        ({"late_schedules": ["daily"]}, {"schedule_missed"}),
        ({"budget": "80 % are spent"}, {"budget"}),
    ],
)
def test_the_rules(fields: dict[str, object], rules: set[str]) -> None:
    assert set(judge(Facts(**{**WELL, **fields}), Thresholds())) == rules  # type: ignore[arg-type]


def test_what_goes_on_is_not_said_again_and_what_ends_is() -> None:
    facts = Facts(**WELL, firing={"dead": NOW - timedelta(minutes=20), "budget": NOW})  # type: ignore[arg-type]
    notices = changes(facts, {"budget": "still", "no_worker": "new"})
    assert [(one.rule, one.is_over) for one in notices] == [("no_worker", False), ("dead", True)]
    assert "20 min" in notices[1].text


@pytest.mark.parametrize("text", ["hooks.slack.com", "ftp://a/b", "mailto:nobody", "https://"])
def test_a_wrong_target_names_the_variable(text: str) -> None:
    with pytest.raises(SettingsError, match="ALERTS"):
        targets_of(text)


async def _many_die(engine: TaskQueue) -> None:
    state = await registered(engine)
    await engine.submit(tasks(11))
    claims = (await engine.exchange(state, free=20)).claims
    await engine.exchange(state, [ending(claim, "x") for claim in claims], free=0)


@respx.mock(assert_all_mocked=False)
async def test_a_request_tells_once(
    respx_mock: respx.Router, make_app: AppFactory, engine: TaskQueue
) -> None:
    hook = respx_mock.post(HOOK).mock(return_value=httpx.Response(200))
    await _many_die(engine)
    async with Client(make_app(alerts=HOOK)) as api:
        for _ in range(2):
            assert (await api.get("/api/overview")).status_code == 200
    async with Client(make_app(alerts=HOOK)) as other:
        await other.get("/api/cron/tick")
    assert hook.call_count == 1
    text = json.loads(hook.calls[0].request.content)["text"]
    assert text.startswith("[test] 11 tasks died within 10 minutes (limit 10).")


@respx.mock(assert_all_mocked=False)
async def test_what_cannot_be_sent_is_sent_next_time(respx_mock: respx.Router, engine: TaskQueue) -> None:
    hook = respx_mock.post(HOOK).mock(
        side_effect=[httpx.Response(500), httpx.ConnectError, httpx.Response(200), httpx.Response(200)]
    )
    await _many_die(engine)
    send = sender([HOOK], engine)

    async def look_again(dead: int = 10) -> list[Notice]:
        await engine.transport.command("DEL", engine.shards[0].alerts_turn)
        return await look(engine, send, limits=Thresholds(dead=dead), environment="test")

    for _ in range(2):
        with pytest.raises(OSError, match=r"^hooks\.example\.com"):
            await look_again()
    [notice] = await look_again()
    assert (notice.rule, hook.call_count) == ("dead", 3)
    assert await look_again() == []
    [over] = await look_again(dead=100)
    assert (over.rule, over.is_over) == ("dead", True)
    assert await look(engine, send, limits=Thresholds(), environment="test") == []  # not its turn


async def test_mail_is_a_task(engine: TaskQueue) -> None:
    await sender(targets_of("mailto:ops@example.org, mailto:ada@example.org"), engine)("it burns")
    [task] = (await engine.list_tasks()).tasks
    assert (task.task_type, task.priority) == ("email", 10)
    assert task.payload == {
        "to": ["ops@example.org", "ada@example.org"],
        "subject": "it burns",
        "body": "it burns",
    }


async def test_a_wrong_setting_is_told_by_the_answers(make_app: AppFactory) -> None:
    async with Client(make_app(alerts="nonsense")) as api:
        answer = await api.get("/api/overview")
    assert (answer.status_code, answer.json()["field"]) == (503, "ALERTS")
