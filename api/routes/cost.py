"""`/api/stats/cost`: Redis calls by source and day, the month's forecast, and the budget."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.deps import ReadQueue, runtime_of
from api.plans import CALLS_PER_SECOND, FREE_CALLS, Kind, offer_in_use, place_of, plans_for
from api.replies import readable_reply
from api.schemas import CostOut, answer, problems
from api.wire import json_response, utc
from shared.settings import redis_target

router = APIRouter(prefix="/api/stats/cost", tags=["overview"])


@router.get(
    "",
    summary="What Redis calls cost",
    responses={200: answer(CostOut, "Calls by day and source, forecast, plans, budget."), **problems()},
)
async def read_cost(request: Request, queue: ReadQueue) -> Response:
    """Calls as Upstash bills them, those inside scripts included, for the last 62 days.

    API instances and workers save their counts now and then: the newest some hundred calls of each may be
    missing, and those of an instance that ended before it saved. Where calls are not billed one by one, the
    server is asked for its memory, too: one call more.
    """
    runtime = runtime_of(request)
    budget, target = runtime.budget, redis_target(runtime.settings)
    with readable_reply():
        ledger = await budget.save(queue)
        month = ledger.month_to_date
        offer = offer_in_use(runtime.settings.redis_plan, target, month)
        # Where commands are counted nothing is asked beyond what is told.
        asks = offer.kind in (Kind.FIXED, Kind.OWN)
        facts = await queue.store_facts() if asks else None
    forecast = ledger.forecast()
    plans = plans_for(forecast, facts.memory_bytes if facts else None)
    most = FREE_CALLS if offer.kind is Kind.FREE else budget.calls
    return json_response(
        {
            "now": utc(ledger.now),
            "days": [
                {"day": day.isoformat(), **sums, "total": sum(sums.values())}
                for day, sums in sorted(ledger.days.items())
            ],
            "month_to_date": month,
            "tasks_of_month": ledger.tasks_of_month,
            "forecast": forecast,
            "plan": {
                "kind": offer.kind,
                "name": offer.name,
                "is_assumed": runtime.settings.redis_plan == "auto" and offer.kind is not Kind.OWN,
                "place": place_of(target),
                "monthly_usd": offer.price_of(forecast),
                "spent_usd": offer.price_of(month) if offer.kind is Kind.USAGE else None,
                "budget_usd": offer.price_of(budget.calls)
                if offer.kind is Kind.USAGE and budget.calls
                else None,
                "calls": most,
                "ends_on": _iso(ledger.reaches(most)) if most else None,
                "calls_per_second": CALLS_PER_SECOND if offer.kind is Kind.FIXED else None,
                "memory_bytes": offer.memory_bytes,
            },
            "store": facts and facts._asdict(),
            "plans": [plan._asdict() for plan in plans],
            "cheapest": plans[0].name,
            "budget": {"calls": budget.calls, "spent": budget.spent, "level": budget.level},
        }
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
