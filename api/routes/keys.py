"""`/api/keys`: the API keys that are configured, and when each was used last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caching import cached_response
from api.deps import ControlQueue, runtime_of
from api.replies import readable_reply
from api.schemas import ApiKeyList, answer, problems
from api.security.keys import ApiKey
from api.wire import utc

router = APIRouter(prefix="/api/keys", tags=["keys"])


@router.get(
    "",
    summary="List API keys",
    responses={200: answer(ApiKeyList, "The entries of API_KEYS, without their hashes."), **problems()},
)
async def list_keys(request: Request, queue: ControlQueue) -> Response:
    """Name, role, queues and rate of each key, and when it was used last, to about an hour.

    Before an old key is removed, it shows whether somebody still has it.
    """
    with readable_reply():
        uses = await queue.key_uses()
    keys = [_plain(key, uses.get(key.name)) for key in runtime_of(request).keys]
    return cached_response(request, {"keys": keys})


def _plain(key: ApiKey, used_at: datetime | None) -> dict[str, Any]:
    return {
        "name": key.name,
        "role": key.role,
        "queues": sorted(key.queues) if key.queues is not None else None,
        "rate": str(key.rate) if key.rate else None,
        "last_used_at": utc(used_at) if used_at else None,
    }
