"""The `image` task: an image, operations on it, and where the result goes."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from worker_host.handler_settings import ImageSettings
from worker_host.handlers._base import TaskContext
from worker_host.handlers._image_payload import ImagePayload
from worker_host.registry import register_handler


@register_handler("image", run_in="process", timeout_seconds=300.0, never_retry=(ValidationError,))
def process_image(payload: ImagePayload, context: TaskContext) -> dict[str, Any]:
    """Process an image from base64, storage or an https URL; it is turned upright first.

    The operations are applied in order: resize, crop, thumbnail, rotate, convert, compress,
    strip_metadata, watermark. Of an animation the first frame is taken.
    """
    from worker_host.handlers._image_operations import apply_operations
    from worker_host.handlers._image_reading import decode_image
    from worker_host.handlers._image_writing import write_image
    from worker_host.handlers._sources import load

    settings = ImageSettings.load()
    picture = decode_image(load(payload.source, settings.image_max_bytes).content, settings)
    apply_operations(picture, payload.operations, settings)
    return write_image(picture, payload.output, context.task_id)
