"""Sizes and places, and the bound on pixels."""

from __future__ import annotations

from worker_host.control import Reject
from worker_host.handler_settings import ImageSettings
from worker_host.handlers._image_payload import Position

Size = tuple[int, int]


def check_pixels(width: int, height: int, settings: ImageSettings) -> None:
    """Refuse an image before its memory is taken.

    Raises:
        Reject: it has more pixels than IMAGE_MAX_PIXELS, or none.
    """
    if width < 1 or height < 1:
        raise Reject(f"the image would have {width} × {height} pixels; a side has at least one")
    if width * height > settings.image_max_pixels:
        raise Reject(
            f"{width} × {height} pixels are more than the {settings.image_max_pixels} of IMAGE_MAX_PIXELS"
        )


def place(outer: Size, inner: Size, position: Position) -> Size:
    """Left and top of a box at a position of another; negative when it is larger.

    >>> place((100, 50), (20, 10), Position.BOTTOM_RIGHT), place((100, 50), (20, 10), Position.TOP)
    ((80, 40), (40, 0))
    """
    free = outer[0] - inner[0], outer[1] - inner[1]
    words = position.value.split("-")
    left = 0 if "left" in words else free[0] if "right" in words else free[0] // 2
    top = 0 if "top" in words else free[1] if "bottom" in words else free[1] // 2
    return left, top
