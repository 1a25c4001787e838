"""The handlers of the comparison in our own worker: the same functions as every peer runs."""

from __future__ import annotations

from pydantic import BaseModel

from tests.benchmarks.peers import jobs
from worker_host.handlers import register_handler


class Numbered(BaseModel):
    n: int
    text: str


class Sent(BaseModel):
    sent: float


@register_handler("noop")
async def noop(payload: Numbered) -> dict:
    return jobs.noop(payload.n, payload.text)


@register_handler("mark")
async def mark(payload: Sent) -> dict:
    return jobs.mark(payload.sent)
