"""What a month of so many Redis calls costs on Upstash's plans; prices as published in August 2026."""

from __future__ import annotations

from typing import NamedTuple

FREE_CALLS = 500_000
DOLLARS_PER_CALL = 0.20 / 100_000


class Plan(NamedTuple):
    """A plan and what it would cost.

    Attributes:
        name: as Upstash names it.
        monthly_usd: for the month; None when the calls do not fit.
        note: what the figure leaves out.
    """

    name: str
    monthly_usd: float | None
    note: str


def plans_for(calls: int) -> list[Plan]:
    """All plans, the cheapest that fits first."""
    plans = [
        Plan("Free", 0.0 if calls <= FREE_CALLS else None, "500,000 commands a month, 256 MB"),
        Plan("Pay as you go", round(calls * DOLLARS_PER_CALL, 2), "commands; 1 GB of storage is free"),
        Plan("Fixed 250 MB", 10.0, "commands are not counted"),
    ]
    return sorted(plans, key=lambda plan: (plan.monthly_usd is None, plan.monthly_usd or 0.0))
