"""The plans of Upstash, and which one is in use; the only place that knows prices, as published in August 2026."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.settings import RestTarget, TcpTarget

OF_UPSTASH = ".upstash.io"
FREE_CALLS = 500_000
DOLLARS_PER_CALL = 0.20 / 100_000
CALLS_PER_SECOND = 10_000
_MB = 1_000_000


class Kind(StrEnum):
    """What a plan bounds, or bills."""

    FREE = "free"
    """So many commands a month; then no more."""
    USAGE = "usage"
    """Each command costs."""
    FIXED = "fixed"
    """A price a month; commands a second and memory are bounded."""
    OWN = "own"
    """A server of one's own: nothing is billed by the command."""


class Offer(NamedTuple):
    """A plan as it is sold.

    Attributes:
        key: of REDIS_PLAN.
        name: as Upstash names it.
        kind: what it bounds.
        monthly_usd: a price that does not depend on use.
        memory_bytes: what it holds; None where that is not bounded or not known.
        note: what a figure of it leaves out.
    """

    key: str
    name: str
    kind: Kind
    monthly_usd: float
    memory_bytes: int | None
    note: str

    def price_of(self, calls: int) -> float | None:
        """Of a month of so many calls; None when they do not fit."""
        if self.kind is Kind.FREE:
            return 0.0 if calls <= FREE_CALLS else None
        return round(calls * DOLLARS_PER_CALL, 2) if self.kind is Kind.USAGE else self.monthly_usd


FREE = Offer("free", "Free", Kind.FREE, 0.0, 256 * _MB, "500,000 commands a month, 256 MB")
USAGE = Offer("pay-as-you-go", "Pay as you go", Kind.USAGE, 0.0, None, "commands; 1 GB of storage is free")
_FIXED = "commands are not counted"
UPSTASH = (
    FREE,
    USAGE,
    Offer("fixed-250mb", "Fixed 250 MB", Kind.FIXED, 10.0, 250 * _MB, _FIXED),
    Offer("fixed-1gb", "Fixed 1 GB", Kind.FIXED, 20.0, 1_000 * _MB, _FIXED),
    Offer("fixed-5gb", "Fixed 5 GB", Kind.FIXED, 100.0, 5_000 * _MB, _FIXED),
)
OWN = Offer("own", "Own server", Kind.OWN, 0.0, None, "no price per command")
OFFERS = {offer.key: offer for offer in (*UPSTASH, OWN)}


class Plan(NamedTuple):
    """A plan and what it would cost.

    Attributes:
        name: as Upstash names it.
        monthly_usd: for the month; None when it does not fit.
        note: what the figure leaves out.
    """

    name: str
    monthly_usd: float | None
    note: str


def plans_for(calls: int, memory_bytes: int | None = None) -> list[Plan]:
    """All plans, the cheapest that fits first.

    Args:
        calls: of the month.
        memory_bytes: what is stored; None when nobody tells.
    """

    def price(offer: Offer) -> float | None:
        fits = offer.memory_bytes is None or (memory_bytes or 0) <= offer.memory_bytes
        return offer.price_of(calls) if fits else None

    plans = [Plan(offer.name, price(offer), offer.note) for offer in UPSTASH]
    return sorted(plans, key=lambda plan: (plan.monthly_usd is None, plan.monthly_usd or 0.0))


def offer_in_use(wanted: str, target: RestTarget | TcpTarget, month_to_date: int) -> Offer:
    """The plan of REDIS_PLAN.

    Args:
        wanted: a key of `OFFERS`, or `auto`: a server of one's own unless it is at Upstash, where it is the
            free plan until more commands came than that allows.
        target: where Redis is.
        month_to_date: calls of this month.
    """
    if wanted != "auto":
        return OFFERS[wanted]
    if not (urlsplit(target.url).hostname or "").endswith(OF_UPSTASH):
        return OWN
    return FREE if month_to_date <= FREE_CALLS else USAGE


def place_of(target: RestTarget | TcpTarget) -> str:
    """Host and port of a Redis, without its credentials."""
    parts = urlsplit(target.url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}"
