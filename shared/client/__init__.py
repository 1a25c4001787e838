"""The HTTP client for applications: `Client` and `AsyncClient`, typed by the models of `shared.models`.

from shared.client import Client

with Client() as queue:                       # DTQ_URL, DTQ_API_KEY
    task = queue.submit("email", {"to": "ada@example.org", "subject": "Hello", "text": "Hi"})
    print(queue.wait(task.id).result)
"""

from __future__ import annotations

from shared.client.aio import AsyncClient
from shared.client.errors import (
    ApiError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Problem,
    RateLimited,
    Unavailable,
    WaitTimeout,
)
from shared.client.live import Event
from shared.client.operations import GroupStep
from shared.client.retrying import Retries
from shared.client.submissions import SubmitOptions
from shared.client.sync import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Conflict",
    "Event",
    "GroupStep",
    "InvalidRequest",
    "NotAllowed",
    "NotFound",
    "Problem",
    "RateLimited",
    "Retries",
    "SubmitOptions",
    "Unavailable",
    "WaitTimeout",
]
