"""`/api/stats/cost`: Redis calls by source and day, the month's forecast, and the budget."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.deps import ReadQueue, runtime_of
from api.plans import plans_for
from api.replies import readable_reply
from api.schemas import CostOut, answer, problems
from api.wire import json_response, utc

router = APIRouter(prefix="/api/stats/cost", tags=["overview"])


@router.get(
    "",
    summary="What Redis calls cost",
    responses={200: answer(CostOut, "Calls by day and source, forecast, plans, budget."), **problems()},
)
async def read_cost(request: Request, queue: ReadQueue) -> Response:
    """Calls as Upstash bills them, those inside scripts included, for the last 62 days.

    API instances and workers save their counts now and then: the newest some hundred calls of each may be
    missing, and those of an instance that ended before it saved.
    """
    budget = runtime_of(request).budget
    with readable_reply():
        ledger = await budget.save(queue)
        forecast = ledger.forecast()
    plans = plans_for(forecast)
    return json_response(
        {
            "now": utc(ledger.now),
            "days": [
                {"day": day.isoformat(), **sums, "total": sum(sums.values())}
                for day, sums in sorted(ledger.days.items())
            ],
            "month_to_date": ledger.month_to_date,
            "forecast": forecast,
            "plans": [plan._asdict() for plan in plans],
            "cheapest": plans[0].name,
            "budget": {"calls": budget.calls, "spent": budget.spent, "level": budget.level},
        }
    )
