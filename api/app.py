"""The application factory; `api/index.py` holds the one application of a deployment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from api.envelope import Envelope
from api.problems import install_problems
from api.runtime import Runtime
from api.sections import Sections
from api.security.guard import Guard
from api.settings import ApiSettings
from api.sockets import NodelayFirst, set_nodelay
from shared.transports.base import Transport

#: What answers below each path; the document lists the routes in this order.
_SECTIONS = {
    "/api/tasks": ["tasks"],
    "/api/dead-letters": ["dead_letters"],
    "/api/jobs": ["jobs"],
    "/api/schedules": ["schedules"],
    "/api/queues": ["queues", "limits"],
    "/api/workers": ["workers"],
    "/api/task-types": ["task_types"],
    "/api/overview": ["overview"],
    "/api/stats": ["stats", "cost"],
    "/api/events": ["events"],
    "/api/client.ts": ["client"],
    "/api/session": ["session"],
    "/api/keys": ["keys"],
    "/api/settings": ["settings"],
    "/api/cron": ["cron"],
    "/api/audit": ["audit"],
    "/api/metrics": ["metrics"],
    "/api/health": ["health"],
    "/api/ready": ["health"],
    "/api/problems": ["problem_pages"],
    "/api/docs": ["docs"],
    "/api/openapi.json": ["docs"],
    "/docs": ["docs"],
    "/openapi.json": ["docs"],
}
#: Answers from this size on are compressed; smaller ones fit into one packet as they are.
GZIP_BYTES = 1_024
#: Of a page of 50 tasks level 1 leaves 2,203 bytes in 84 µs, level 9 2,046 in 177 µs: on a machine with 2 cores.
GZIP_LEVEL = 4
_EXPOSED = [
    *("ETag", "Link", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After"),
    *("X-Request-ID", "X-Redis-Calls"),
]
_ACCEPTED = [
    *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer"),
    *("Traceparent", "X-Request-ID"),
]


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once, at its first use."""
        if self.openapi_schema is None:
            from api.description import document_of

            self.openapi_schema = document_of(self)
        return self.openapi_schema


def create_app(
    settings: ApiSettings | None = None,
    *,
    transport: Transport | None = None,
    dashboard: Path | None = None,
) -> FastAPI:
    """An application; nothing is connected to, and a wrong setting is told by its answers, never here.

    Args:
        settings: read from the environment when left out.
        transport: to Redis; made from the settings at first use when left out.
        dashboard: folder of the built dashboard, served beside the API.
    """
    runtime = Runtime(settings, transport)
    app = _Api(
        title="dtq API",
        version="0.1.0",
        summary="Submit tasks, follow them, repair them.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=_middleware(runtime),
        routes=[Sections(_SECTIONS)],
    )
    app.state.runtime = runtime
    install_problems(app)
    if dashboard is not None:
        from api.dashboard import Dashboard

        app.router.default = Dashboard(dashboard, fallback=app.router.default)
    return app


def _middleware(runtime: Runtime) -> list[Middleware]:
    """Outermost first, all plain ASGI."""
    layers = [
        *([Middleware(NodelayFirst)] if _is_vercel() else []),
        Middleware(Envelope, runtime.settings.log_requests),
    ]
    origins = runtime.settings.allowed_origins
    if origins:
        from starlette.middleware.cors import CORSMiddleware

        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=_ACCEPTED,
                expose_headers=_EXPOSED,
            )
        )
    # Event streams are left alone by it: their content type is on its list.
    layers.append(Middleware(GZipMiddleware, minimum_size=GZIP_BYTES, compresslevel=GZIP_LEVEL))
    return [*layers, Middleware(Guard, runtime=runtime)]


def _is_vercel() -> bool:
    """Whether the platform's own server runs this process."""
    return bool(os.environ.get("VERCEL_IPC_PATH"))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """No network here: a platform announces the instance before, and kills it when this fails."""
    if _is_vercel():
        set_nodelay()
    yield
    runtime: Runtime = app.state.runtime
    await runtime.close()
