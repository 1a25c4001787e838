"""The operations of `image`, one function each, on Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handler_settings import ImageSettings
from worker_host.handlers import _image_payload as operations
from worker_host.handlers._image_geometry import check_pixels, place
from worker_host.handlers._image_payload import Position
from worker_host.handlers._image_reading import Picture
from worker_host.handlers._image_watermark import watermark

if TYPE_CHECKING:
    from PIL import Image


def apply_operations(picture: Picture, todo: list[operations.Operation], settings: ImageSettings) -> None:
    """Apply the operations in order.

    Raises:
        Reject: one does not fit the image; names its index.
    """
    for index, operation in enumerate(todo):
        try:
            OPERATIONS[type(operation)](picture, operation, settings)
        except Reject as error:
            raise Reject(f"operations[{index}] ({operation.op}): {error}") from error


def _resize(picture: Picture, step: operations.Resize, settings: ImageSettings) -> None:
    image = picture.image
    across = step.width / image.width if step.width else None
    down = step.height / image.height if step.height else None
    if step.fit == "exact" and across and down:
        factors = across, down
    else:
        choose = max if step.fit == "cover" else min
        factors = (choose(one for one in (across, down) if one),) * 2
    if not step.upscale:
        factors = min(factors[0], 1.0), min(factors[1], 1.0)
    picture.image = _scaled(
        image, round(image.width * factors[0]), round(image.height * factors[1]), settings
    )
    if step.fit == "cover" and step.width and step.height:
        box = min(step.width, picture.image.width), min(step.height, picture.image.height)
        picture.image = _cut(picture.image, *place(picture.image.size, box, Position.CENTER), *box)


def _thumbnail(picture: Picture, step: operations.Thumbnail, settings: ImageSettings) -> None:
    image = picture.image
    factor = min(step.width / image.width, step.height / image.height, 1.0)
    picture.image = _scaled(image, round(image.width * factor), round(image.height * factor), settings)


def _scaled(image: Image.Image, width: int, height: int, settings: ImageSettings) -> Image.Image:
    from PIL import Image

    size = max(width, 1), max(height, 1)
    check_pixels(*size, settings)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _crop(picture: Picture, step: operations.Crop, settings: ImageSettings) -> None:
    image = picture.image
    if step.left is not None and step.top is not None:
        left, top = step.left, step.top
    else:
        left, top = place(image.size, (step.width, step.height), step.position)
    if left < 0 or top < 0 or left + step.width > image.width or top + step.height > image.height:
        raise Reject(
            f"the box of {step.width} × {step.height} pixels at {left}, {top} does not lie within "
            f"the image of {image.width} × {image.height}; make it smaller or move it"
        )
    picture.image = _cut(image, left, top, step.width, step.height)


def _cut(image: Image.Image, left: int, top: int, width: int, height: int) -> Image.Image:
    return image.crop((left, top, left + width, top + height))


def _rotate(picture: Picture, step: operations.Rotate, settings: ImageSettings) -> None:
    from PIL import Image

    image = picture.image
    turns = step.degrees / 90
    if turns.is_integer() and step.expand:
        for _ in range(int(turns) % 4):
            image = image.transpose(Image.Transpose.ROTATE_270)
        picture.image = image
        return
    angle = math.radians(step.degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    if step.expand:
        grown = image.width * cos + image.height * sin, image.width * sin + image.height * cos
        check_pixels(math.ceil(grown[0]), math.ceil(grown[1]), settings)
    # Without a background the corners are transparent; formats without that get theirs when written.
    mode, fill = ("RGBA", "#00000000") if step.background is None else (_colored(image), step.background)
    picture.image = image.convert(mode).rotate(
        -step.degrees, Image.Resampling.BICUBIC, expand=step.expand, fillcolor=fill
    )


def _colored(image: Image.Image) -> str:
    return "RGBA" if image.mode.endswith("A") else "RGB"


def _convert(picture: Picture, step: operations.Convert, settings: ImageSettings) -> None:
    picture.form = step.format
    picture.background = step.background


def _compress(picture: Picture, step: operations.Compress, settings: ImageSettings) -> None:
    picture.quality = step.quality
    picture.max_bytes = step.max_bytes


def _strip_metadata(picture: Picture, step: operations.StripMetadata, settings: ImageSettings) -> None:
    picture.exif = b""


OPERATIONS: dict[type, Callable[[Picture, Any, ImageSettings], None]] = {
    operations.Resize: _resize,
    operations.Thumbnail: _thumbnail,
    operations.Crop: _crop,
    operations.Rotate: _rotate,
    operations.Convert: _convert,
    operations.Compress: _compress,
    operations.StripMetadata: _strip_metadata,
    operations.Watermark: watermark,
}
