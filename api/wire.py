"""From models to JSON text: times in UTC with milliseconds and Z, integers of any size exact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import BaseModel
from starlette.responses import Response

from shared.models import ErrorGroup, Schedule, Task

_encoder = msgspec.json.Encoder()


def to_json(value: Any) -> bytes:
    """JSON text of what `plain` made."""
    return _encoder.encode(value)


def plain(model: BaseModel) -> dict[str, Any]:
    """The fields of a model by name.

    Raises:
        TypeError: it may hold secrets of users, which `api.secrets` masks first.
    """
    if isinstance(model, Task | Schedule | ErrorGroup):
        raise TypeError(f"a {type(model).__name__} is shown by KnownSecrets, which masks its secrets")
    return plain_unmasked(model)


def plain_unmasked(model: BaseModel) -> dict[str, Any]:
    """The fields of a model by name; what users stored is passed on as it is."""
    return {name: _plain_field(value) for name, value in model.__dict__.items()}


def _plain_field(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, BaseModel):
        return plain_unmasked(value)
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return [plain_unmasked(item) for item in value]
    return value


def utc(time: datetime) -> str:
    """Such as `2026-12-01T08:00:00.000Z`."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer that nobody keeps."""
    return Response(
        to_json(value),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )
