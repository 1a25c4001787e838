"""`/api/task-types`: what workers have published."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caching import cached_response
from api.deps import ScopedReadQueue
from api.replies import readable_reply
from api.schemas import TaskTypeList, answer, problems
from shared.models import TaskType

router = APIRouter(prefix="/api/task-types", tags=["task types"])


@router.get(
    "",
    summary="List task types",
    responses={200: answer(TaskTypeList, "Schemas, defaults, and which types are live."), **problems()},
)
async def list_task_types(request: Request, queue: ScopedReadQueue) -> Response:
    """Every task type that a worker published, with the JSON Schema that payloads are checked by."""
    with readable_reply():
        registry = await queue.task_types()
    types = [_plain(kind, kind.name in registry.live_types) for _, kind in sorted(registry.types.items())]
    return cached_response(request, {"task_types": types, "has_live_workers": registry.has_live_workers})


def _plain(kind: TaskType, is_live: bool) -> dict[str, object]:
    return {**kind.model_dump(mode="json", by_alias=True), "live": is_live}
