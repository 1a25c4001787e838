"""What Redis calls cost, and the brake when the month's budget is spent."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from api.budget import SAVED_CALLS
from api.plans import FREE, OWN, USAGE, offer_in_use, place_of, plans_for
from shared.queue import TaskQueue
from shared.settings import RestTarget, TcpTarget
from shared.spending import Ledger, Meter
from shared.store_facts import StoreFacts
from tests.api.conftest import AppFactory
from tests.api.support import MAIL, Client, is_problem
from tests.support.factories import ending, registered, tasks


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


async def test_a_worker_counts_what_it_completes(engine: TaskQueue) -> None:
    engine.meter = Meter("idle")
    state = await registered(engine)
    await engine.submit(tasks(3))
    claims = (await engine.exchange(state, free=3)).claims
    await engine.exchange(state, [ending(c, kind) for c, kind in zip(claims, "ccx", strict=True)], free=0)
    taken = engine.meter.take()
    assert taken["tasks"] == 2
    ledger = await engine.save_spent(taken)
    assert (ledger.tasks_of_month, ledger.month_to_date) == (2, sum(taken.values()) - 2)


async def test_an_own_server_tells_of_itself(api: Client) -> None:
    cost = (await api.get("/api/stats/cost")).json()
    assert (cost["plan"]["kind"], cost["plan"]["is_assumed"], cost["plan"]["calls"]) == ("own", False, None)
    store = cost["store"]
    assert store["name"].startswith(("Valkey", "Redis"))
    assert store["memory_bytes"] > 0
    assert (store["eviction"], type(store["is_appended"])) == ("noeviction", bool)


async def test_each_plan_speaks_its_unit(make_app: AppFactory, engine: TaskQueue) -> None:
    await engine.save_spent({"work": 600_000, "tasks": 40_000})
    told = {}
    for plan in ("free", "pay-as-you-go", "fixed-250mb"):
        async with Client(make_app(redis_plan=plan, monthly_budget_calls=25_000_000)) as api:
            told[plan] = (await api.get("/api/stats/cost")).json()
    free, usage, fixed = (told[plan]["plan"] for plan in told)
    assert {cost["tasks_of_month"] for cost in told.values()} == {40_000}
    assert all(sum(day["total"] for day in cost["days"]) >= 600_000 for cost in told.values())
    today = told["free"]["now"][:10]
    assert (free["calls"], free["ends_on"], free["monthly_usd"]) == (500_000, today, None)
    assert (round(usage["spent_usd"], 1), usage["budget_usd"]) == (1.2, 50.0)
    assert (fixed["monthly_usd"], fixed["calls_per_second"], fixed["memory_bytes"]) == (
        10,
        10_000,
        250_000_000,
    )
    assert [told[plan]["store"] is None for plan in told] == [True, True, False]


def test_the_plan_is_guessed_by_where_redis_is() -> None:
    upstash = RestTarget("https://eu1-name.upstash.io", "t")
    assert offer_in_use("auto", upstash, 500_000) is FREE
    assert offer_in_use("auto", upstash, 500_001) is USAGE
    assert offer_in_use("auto", TcpTarget("redis://:secret@vps-1:6379/0"), 9) is OWN
    assert offer_in_use("fixed-1gb", upstash, 9).monthly_usd == 20
    assert place_of(TcpTarget("redis://u:secret@vps-1:6379/0")) == "vps-1:6379"


def test_a_plan_that_is_too_small_for_what_is_stored_does_not_fit() -> None:
    assert [plan.name for plan in plans_for(100, 255_000_000) if plan.monthly_usd is None] == ["Fixed 250 MB"]


def test_a_server_that_tells_little() -> None:
    assert StoreFacts.read({"upstash_version": "1.9", "maxmemory": "?"}) == StoreFacts(
        "Upstash 1.9", None, None, None, None, None
    )


def test_when_calls_run_out() -> None:
    noon = datetime(2026, 11, 11, 12, tzinfo=UTC)
    ledger = Ledger(noon, {f"{_day(2026, 11, day)}:work": 100 for day in range(1, 11)})
    pace = 600 / 6.5
    assert ledger.reaches(1000) == noon.date()
    assert ledger.reaches(1000 + round(2 * pace)) == date(2026, 11, 13)
    assert ledger.reaches(10_000) is None
    assert Ledger(noon, {}).reaches(5) is None


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
