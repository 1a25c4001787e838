"""`/api/client.ts`: a typed TypeScript producer for the task types that are published now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caching import cached_text
from api.deps import ScopedReadQueue
from api.replies import readable_reply
from api.schemas import problems

router = APIRouter(prefix="/api", tags=["task types"])

_TEXT = "text/typescript; charset=utf-8"


@router.get(
    "/client.ts",
    summary="Generate a TypeScript producer",
    response_class=Response,
    responses={
        200: {
            "description": "One file without dependencies.",
            "content": {
                "text/typescript": {
                    "schema": {"type": "string"},
                    "example": 'await tasks.email.submit({ to: "ada@example.org" }, { delaySeconds: 60 });',
                }
            },
        },
        **problems(),
    },
)
async def typescript_client(request: Request, queue: ScopedReadQueue) -> Response:
    """Save it in your app; `tasks.<type>.submit(payload, options)` is checked by the published schemas."""
    from shared.typescript import generate  # only whoever asks for it pays for it

    with readable_reply():
        registry = await queue.task_types()
    return cached_text(request, generate(registry.types.values()), _TEXT)
