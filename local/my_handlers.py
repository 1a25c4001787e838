"""Handlers to play with: edit, save, and the worker runs the new code."""

from __future__ import annotations

import asyncio
from typing import Any

from worker_host.handlers import register_handler


@register_handler("hello")
async def hello(payload: dict[str, Any]) -> dict[str, Any]:
    """Greet somebody."""
    return {"greeting": f"Hello, {payload.get('name', 'world')}"}


@register_handler("slow")
async def slow(payload: dict[str, Any]) -> dict[str, Any]:
    """Take a while: time enough to kill the worker."""
    await asyncio.sleep(float(payload.get("seconds", 10)))
    return {"slept": payload.get("seconds", 10)}
