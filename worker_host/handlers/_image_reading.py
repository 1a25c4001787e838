"""From bytes to pixels, with the checks that come before decoding."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker_host.control import Reject
from worker_host.handler_settings import ImageSettings
from worker_host.handlers._image_geometry import check_pixels
from worker_host.handlers._image_payload import Color, Format

if TYPE_CHECKING:
    from PIL import Image

#: What is decoded. Formats that run another program (EPS) or are rare (and rarely tested) are not.
READ = [form.value.upper() for form in Format]
#: What Pillow's decoders raise on broken files.
BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, OverflowError, struct.error)


@dataclass(slots=True)
class Picture:
    """An image on its way, and how it will be written.

    Attributes:
        image: pixels in mode L, LA, RGB or RGBA, upright.
        form: format of the result.
        exif: metadata of the source without its orientation; empty when there is none.
        profile: ICC color profile of the source.
        background: replaces transparency where the format has none.
        quality: of lossy formats, 1 to 95; None leaves it to the encoder.
        max_bytes: bound of the file, reached by lowering the quality.
    """

    image: Image.Image
    form: Format
    exif: bytes = b""
    profile: bytes | None = None
    background: Color = "#ffffff"
    quality: int | None = None
    max_bytes: int | None = None
    about: dict[str, Any] = field(default_factory=dict)


def decode_image(content: bytes, settings: ImageSettings) -> Picture:
    """Decode the first frame and turn it upright.

    Raises:
        Reject: no image, a broken one, or one of too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow only warns of half a bomb, and of damaged metadata.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            image = Image.open(io.BytesIO(content), formats=READ)
            check_pixels(*image.size, settings)
            return _picture(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Reject(f"the image has too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise Reject(f"the source is no image that can be read; known are {', '.join(READ)}") from error
    except BROKEN as error:
        raise Reject(f"the image is broken: {type(error).__name__}: {error}") from error


def _picture(image: Image.Image) -> Picture:
    from PIL import ImageOps

    # A JPEG with a second picture inside, as many phones write it, calls itself MPO.
    form = Format.JPEG if image.format == "MPO" else Format(str(image.format).lower())
    about: dict[str, Any] = {
        "format": form.value,
        "width": image.width,
        "height": image.height,
    }
    about["frames"] = getattr(image, "n_frames", 1)
    image.load()
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    # In a TIFF the same tags say where its pixels lie, which is true of no other file.
    exif = None if image.format == "TIFF" else upright.getexif()
    pixels = _plain(upright).copy()
    # Encoders would take comments and the like from here, asked or not.
    pixels.info = {}
    return Picture(pixels, form, exif.tobytes() if exif else b"", profile, about=about)


def _plain(image: Image.Image) -> Image.Image:
    """The image in one of the modes that every operation knows."""
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    if image.mode.startswith("I"):
        # 16 bits of gray: a plain conversion would cut them off at 255.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")
