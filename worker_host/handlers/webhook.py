"""The `webhook` task: tells by a signed request that a task has ended (Standard Webhooks).

The queue submits it itself, in the step that ends a task with `callback_url`; see `lib/callback.lua`.
"""

from __future__ import annotations

import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from shared.errors import SettingsError
from shared.retry import Jitter, RetryPolicy
from worker_host.control import Reject, RetryAfter
from worker_host.fetcher import FetchError, post
from worker_host.handler_settings import WebhookSettings
from worker_host.handlers._base import Payload, TaskContext
from worker_host.registry import register_handler
from worker_host.retry_after import seconds_of

_GONE = 410
_EXAMPLE = "WEBHOOK_SECRET=whsec_$(openssl rand -base64 24)"
#: About 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5 h 40 min and 6 h after a failed attempt; spread, so that the
#: webhooks of a receiver that was away do not all come at once when it is back.
_RETRY = RetryPolicy(initial_seconds=5.0, factor=4.0, max_seconds=21_600.0, jitter=Jitter.EQUAL)


class EndedTask(Payload):
    """The task that has ended."""

    id: str
    task_type: str
    queue: str
    attempt: int
    created_ms: int


class WebhookPayload(Payload):
    """What the queue submits; times in ms since 1970, by the server's clock."""

    url: str
    event: Literal["task.completed", "task.dead", "task.cancelled"]
    at_ms: int
    task: Annotated[EndedTask, Field(description="Its result is read from the API.")]


@register_handler(
    "webhook", timeout_seconds=60.0, max_retries=8, retry=_RETRY, never_retry=(ValidationError,)
)
def send_webhook(payload: WebhookPayload, context: TaskContext) -> dict[str, int]:
    """Tell a URL that a task has ended; submitted by the queue itself, for tasks with callback_url.

    Anything but 2xx is tried again; 410 says that nobody wants it any more.
    """
    body = _body(payload)
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": context.task_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": _signatures(context.task_id, now, body),
    }
    status, retry_after = post(payload.url, body.encode(), headers)
    if 200 <= status < 300:
        return {"status": status}
    if status == _GONE:
        raise Reject("the receiver answered 410: it does not want this webhook any more")
    seconds = seconds_of(retry_after)
    if seconds is not None:
        raise RetryAfter(seconds, f"the receiver answered {status}, retry after {seconds:g} s")
    is_moved = 300 <= status < 400
    raise FetchError(
        f"the receiver answered {status}"
        + ("; redirects are not followed, give the final URL" if is_moved else "")
    )


def _body(payload: WebhookPayload) -> str:
    """The same bytes in every attempt."""
    task = payload.task
    data = {
        "id": task.id,
        "task_type": task.task_type,
        "queue": task.queue,
        "status": payload.event.removeprefix("task."),
        "attempt": task.attempt,
        "created_at": _utc(task.created_ms),
        "finished_at": _utc(payload.at_ms),
    }
    return json.dumps({"type": payload.event, "timestamp": _utc(payload.at_ms), "data": data})


def _utc(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _signatures(message_id: str, now: datetime, body: str) -> str:
    """One for each secret: a receiver that knows any of them is content."""
    secret = WebhookSettings.load().webhook_secret
    secrets = secret.get_secret_value().split() if secret else []
    if not secrets:
        raise SettingsError("WEBHOOK_SECRET", "is missing; webhooks are always signed.", _EXAMPLE)
    try:
        return " ".join(Webhook(one).sign(message_id, now, body) for one in secrets)
    except (binascii.Error, ValueError, EmptyWebhookSecretError):
        raise SettingsError("WEBHOOK_SECRET", "must be `whsec_` and base64.", _EXAMPLE) from None
