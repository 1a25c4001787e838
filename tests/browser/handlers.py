"""Handlers whose tasks end in every way that a page shows."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr

from worker_host.control import Reject
from worker_host.handlers import register_handler
from worker_host.handlers._base import TaskContext


class MailPayload(BaseModel):
    """Who gets which invoice."""

    to: str = Field(description="One address.")
    subject: str = "Your invoice"
    copies: int = Field(default=1, ge=1, le=9, description="1 to 9.")
    tone: Literal["plain", "warm"] = "plain"


class AuthenticationError(Exception):
    """The mail server refused the login."""


def _login(user: str) -> None:
    raise AuthenticationError(f"(535, '5.7.8 authentication failed for {user}')")


@register_handler("email.send", queue="emails", max_retries=0)
async def send(payload: MailPayload) -> dict[str, Any]:
    """Send one invoice by mail."""
    if payload.to.endswith("@broken.example"):
        _login("mailer")
    return {"sent_to": payload.to, "copies": payload.copies}


class SyncPayload(BaseModel):
    """Whose contacts are brought up to date."""

    account: str
    token: SecretStr = Field(description="Of the other side.")


@register_handler("contacts.sync", queue="data")
async def sync(payload: SyncPayload) -> dict[str, Any]:
    """Bring contacts up to date."""
    return {"account": payload.account}


@register_handler("webhook.send", queue="webhooks", max_retries=3)
async def call(payload: dict[str, Any]) -> dict[str, Any]:
    """Call a URL; fails as often as asked."""
    if payload.get("fail"):
        raise TimeoutError("api.partner.example did not answer in 10 s")
    return {"status": 200}


@register_handler("image.resize", queue="images")
async def resize(payload: dict[str, Any]) -> dict[str, Any]:
    """Resize an image; a path that is no image is rejected."""
    if payload.get("bad"):
        raise Reject(f"cannot identify image file {payload['bad']}")
    return {"width": 640}


@register_handler("report.build", queue="data", max_retries=1, timeout_seconds=600)
async def build(payload: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Build a report in steps, telling how far it is."""
    steps = int(payload.get("steps", 10))
    for step in range(steps):
        context.progress((step + 1) / steps, f"rows {step + 1} of {steps}")
        context.log(f"chunk {step + 1} of {steps} written", level="warning" if step % 5 == 4 else "info")
        await asyncio.sleep(float(payload.get("pause", 1)))
    return {"rows": steps}
