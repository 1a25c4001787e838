"""What Redis calls cost, and the brake when the month's budget is spent."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from api.budget import SAVED_CALLS
from api.plans import plans_for
from shared.queue import TaskQueue
from shared.spending import Ledger, Meter
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, is_problem


async def test_calls_are_told_by_source_and_day(api: Client, engine: TaskQueue) -> None:
    await engine.save_spent({"work": 40, "idle": 7})
    submitted = int((await api.submit()).headers["x-redis-calls"])
    seen = int((await api.get("/api/queues")).headers["x-redis-calls"])
    cost = (await api.get("/api/stats/cost")).json()
    [day] = cost["days"]
    assert day["day"] == datetime.now(UTC).date().isoformat()
    assert (day["submit"], day["work"], day["idle"], day["viewers"]) == (submitted, 40, 7, seen)
    assert day["total"] == cost["month_to_date"] == 47 + submitted + seen
    assert cost["cheapest"] == "Free"
    assert cost["budget"] == {"calls": None, "spent": cost["budget"]["spent"], "level": "ok"}


async def test_an_instance_saves_now_and_then(make_app: AppFactory, engine: TaskQueue) -> None:
    app = make_app()
    async with Client(app) as api:
        while app.state.runtime.budget.spent < SAVED_CALLS:
            await api.submit()
        assert (await engine.save_spent({})).month_to_date == 0
        await api.submit()
    assert (await engine.save_spent({})).month_to_date >= SAVED_CALLS


@pytest.mark.parametrize(
    ("spent", "level", "low"), [(79, "ok", 202), (80, "warning", 202), (90, "slow", 202), (100, "spent", 429)]
)
async def test_the_brake(make_app: AppFactory, engine: TaskQueue, spent: int, level: str, low: int) -> None:
    await engine.save_spent({"work": spent * 1000})
    async with Client(make_app(monthly_budget_calls=100_000)) as api:
        answer = await api.submit(priority=4)
        assert answer.status_code == low
        if low == 429:
            assert is_problem(answer, 429)
            assert answer.headers["retry-after"] == "3600"
            assert "MONTHLY_BUDGET_CALLS" in answer.json()["detail"]
            batch = {"tasks": [{**MAIL, "priority": 9}, {**MAIL, "priority": 1}]}
            assert (await api.post("/api/tasks/batch", json=batch)).status_code == 429
            assert (await api.get("/api/overview")).json()["counts"]["pending"] == 0
        assert (await api.submit()).status_code == 202
        assert (await api.get("/api/overview")).json()["budget"] == level


async def test_without_a_budget_nothing_is_said(api: Client) -> None:
    assert (await api.get("/api/overview")).json()["budget"] is None


def test_the_cheapest_plan_changes_with_the_calls() -> None:
    assert [plans_for(calls)[0].name for calls in (500_000, 500_001, 4_999_999, 6_000_000)] == [
        "Free",
        "Pay as you go",
        "Pay as you go",
        "Fixed 250 MB",
    ]
    assert plans_for(1_000_000)[-1] == ("Free", None, "500,000 commands a month, 256 MB")


def _day(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - date(1970, 1, 1)).days


def test_the_forecast_goes_on_as_the_last_week_did() -> None:
    noon = datetime(2026, 11, 11, 12, tzinfo=UTC)
    fields = {f"{_day(2026, 11, day)}:work": 100 for day in range(1, 11)} | {f"{_day(2026, 11, 11)}:work": 50}
    ledger = Ledger(noon, {**fields, f"{_day(2026, 10, 31)}:work": 9999})
    assert ledger.month_to_date == 1050
    assert ledger.forecast() == 3000
    assert Ledger(noon, {}).forecast() == 0


def test_the_forecast_of_a_first_hour() -> None:
    now = datetime(2026, 11, 30, 1, tzinfo=UTC)
    assert Ledger(now, {f"{_day(2026, 11, 30)}:idle": 10}).forecast() == 240


async def test_a_meter_counts_in_threads_and_keeps_what_was_not_saved() -> None:
    meter = Meter("idle")

    def count() -> None:
        for _ in range(1000):
            meter.add(1)

    await asyncio.gather(*(asyncio.to_thread(count) for _ in range(4)))
    meter.move(500, "work")
    assert meter.is_due(4000, 1e9)
    assert not meter.is_due(4001, 1e9)
    assert meter.take() == {"idle": 3500, "work": 500}
    assert (meter.total, meter.is_due(1, 0)) == (0, False)
