"""A task type that only some of the workers know: the others park it."""

from __future__ import annotations

import asyncio

from tests.chaos.handlers import noted, proof
from worker_host.context import Context
from worker_host.handlers import register_handler


@register_handler("novel")
async def novel(payload: dict, context: Context) -> dict:
    with noted(context):
        await asyncio.sleep(payload["seconds"])
        return proof(context)
