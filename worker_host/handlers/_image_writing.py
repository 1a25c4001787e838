"""From pixels to bytes, inline or in storage."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handlers._base import MAX_INLINE
from worker_host.handlers._image_payload import Format, ImageOutput
from worker_host.handlers._image_reading import Picture
from worker_host.handlers._sources import default_key, store

if TYPE_CHECKING:
    from PIL import Image

#: Formats whose bytes depend on a quality, and the quality when none is asked for.
LOSSY = {Format.JPEG: 85, Format.WEBP: 80, Format.AVIF: 75}
OPAQUE = {Format.JPEG, Format.BMP}
LOWEST_QUALITY = 10
#: Bytes 16 to 20 of an ICC profile say which pixels it speaks of.
PROFILE_MODES = {b"RGB ": ("RGB", "RGBA"), b"GRAY": ("L", "LA")}
OPTIONS: dict[Format, dict[str, Any]] = {
    Format.JPEG: {"optimize": True, "progressive": True},
    Format.PNG: {"optimize": True},
    Format.TIFF: {"compression": "tiff_lzw"},
}


def write_image(picture: Picture, output: ImageOutput, task_id: str) -> dict[str, Any]:
    """The result of the task.

    Raises:
        Reject: the image cannot be written as asked, or is too large for a result.
    """
    content = encode(picture)
    form = picture.form.value
    result = {
        "format": form,
        "width": picture.image.width,
        "height": picture.image.height,
        "bytes": len(content),
        "source": picture.about,
    }
    if output.to == "storage":
        key = output.key or default_key("images", task_id, form)
        return {**result, "address": store(key, content, f"image/{form}")}
    text = base64.b64encode(content).decode()
    if len(text) > MAX_INLINE:
        raise Reject(
            f"output: {len(text)} bytes of base64 are more than the {MAX_INLINE} that a result holds; "
            'make the image smaller, compress it, or set output.to to "storage"'
        )
    return {**result, "base64": text}


def encode(picture: Picture) -> bytes:
    """The file, of at most `max_bytes` when that is set.

    Raises:
        Reject: the format cannot hold the image, or not in so few bytes.
    """
    image = _fitting(picture)
    quality = picture.quality or LOSSY.get(picture.form, 0)
    content = _encode(image, picture, quality)
    bound = picture.max_bytes
    while bound and len(content) > bound:
        if picture.form not in LOSSY or quality <= LOWEST_QUALITY:
            raise Reject(
                f"{len(content)} bytes as {picture.form} are more than max_bytes {bound}; "
                "make the image smaller or convert it to webp or avif"
            )
        quality = max(quality - 10, LOWEST_QUALITY)
        content = _encode(image, picture, quality)
    return content


def _fitting(picture: Picture) -> Image.Image:
    """The image in a mode that the format knows."""
    from PIL import Image

    image, form = picture.image, picture.form
    if not image.mode.endswith("A"):
        return image
    if form not in OPAQUE:
        return image if form is Format.PNG else image.convert("RGBA")
    ground = Image.new("RGBA", image.size, picture.background)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _encode(image: Image.Image, picture: Picture, quality: int) -> bytes:
    options = dict(OPTIONS.get(picture.form, {}))
    if picture.form in LOSSY:
        options["quality"] = quality
    if picture.exif and picture.form not in (Format.GIF, Format.BMP):
        options["exif"] = picture.exif
    profile = picture.profile or b""
    if image.mode in PROFILE_MODES.get(profile[16:20], ()):
        options["icc_profile"] = profile
    buffer = io.BytesIO()
    try:
        image.save(buffer, picture.form.value.upper(), **options)
    except (OSError, ValueError) as error:
        raise Reject(f"the image cannot be written as {picture.form}: {error}") from error
    return buffer.getvalue()
