"""What the OpenAPI document says beyond its routes: errors, keys, conventions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.bodies import (
    BulkCancel,
    BulkRequeue,
    DeadFilter,
    Drain,
    GroupStep,
    KeyLimits,
    Pause,
    Purge,
    QueueLimits,
    Requeue,
    SchedulePreview,
    SignIn,
    TaskChange,
)
from api.schemas import ANSWERED, Batch, Problem
from api.sections import routes_of
from shared.models import ScheduleSpec, TaskSubmission

_DESCRIPTION = """
Errors are `application/problem+json` (RFC 9457) and name the field, the rule and the fix.
JSON is read strictly: types as declared, no unknown fields, no key twice, no NaN.
A submission with an `Idempotency-Key` (header or field) may be repeated: the same key and body give the same task.
Polled reads answer `304` to `If-None-Match`. Every answer carries `X-Request-ID` and `X-Redis-Calls`.
"""
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of API_KEYS. Roles: submit, read, admin.",
}


#: Bodies and problems are read and written by us, so FastAPI does not know their shapes.
_OWN = (
    Problem,
    TaskSubmission,
    Batch,
    SignIn,
    Requeue,
    TaskChange,
    Pause,
    Drain,
    GroupStep,
    KeyLimits,
    QueueLimits,
    BulkRequeue,
    DeadFilter,
    BulkCancel,
    Purge,
    ScheduleSpec,
    SchedulePreview,
)
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-dtq-session",
    "description": "As `POST /api/session` sets it. Changes need an Origin of the API's own.",
}
_CRON = {
    "type": "http",
    "scheme": "bearer",
    "description": "The value of CRON_SECRET, as Vercel's cron sends it.",
}


def document_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of all routes, those that no request has asked for included."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_DESCRIPTION,
        routes=routes_of(app),
    )
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {"key": _BEARER, "session": _SESSION, "cron": _CRON}
    schema["security"] = [{"key": []}, {"session": []}]
    schemas = components.setdefault("schemas", {})
    # What comes in has the last word where a model stands on both sides.
    schemas |= _schemas_of(ANSWERED.values(), "serialization") | _schemas_of(_OWN, "validation")
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            _drop_unused_problem(operation)
    return schema


def _schemas_of(models: Iterable[type[BaseModel]], mode: JsonSchemaMode) -> dict[str, Any]:
    _, found = models_json_schema(
        [(model, mode) for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _drop_unused_problem(operation: dict[str, Any]) -> None:
    """FastAPI adds its own 422 to every route with parameters; ours never answer so."""
    shown = operation["responses"].get("422", {}).get("content", {}).get("application/json")
    if shown is not None:
        del operation["responses"]["422"]
