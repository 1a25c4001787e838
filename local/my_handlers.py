"""Handlers to play with: edit, save, and the worker runs the new code."""

from __future__ import annotations

from worker_host.handlers import register_handler


@register_handler("hello")
async def hello(payload: dict) -> dict:  # type: ignore[type-arg]  # kept plain for newcomers
    """Greet somebody."""
    return {"greeting": f"Hello, {payload.get('name', 'world')}"}
