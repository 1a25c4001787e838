"""A text or an image drawn over another image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_host.control import Reject
from worker_host.handler_settings import ImageSettings
from worker_host.handlers._image_geometry import place
from worker_host.handlers._image_payload import Watermark
from worker_host.handlers._image_reading import Picture, decode_image
from worker_host.handlers._sources import load

if TYPE_CHECKING:
    from PIL import Image, ImageFont


def watermark(picture: Picture, step: Watermark, settings: ImageSettings) -> None:
    """Draw the mark, made smaller when it would not fit."""
    from PIL import Image

    image = picture.image
    margin = min(step.margin, (image.width - 1) // 2, (image.height - 1) // 2)
    room = image.width - 2 * margin, image.height - 2 * margin
    mark = _text(step, image.height, settings) if step.text else _logo(step, image.width, settings)
    factor = min(room[0] / mark.width, room[1] / mark.height, 1.0)
    if factor < 1.0:
        mark = mark.resize((max(int(mark.width * factor), 1), max(int(mark.height * factor), 1)))
    mark.putalpha(mark.getchannel("A").point(lambda value: round(value * step.opacity)))
    left, top = place(room, mark.size, step.position)
    layer = Image.new("RGBA", image.size)
    layer.paste(mark, (left + margin, top + margin))
    marked = Image.alpha_composite(image.convert("RGBA"), layer)
    picture.image = marked if image.mode.endswith("A") else marked.convert("RGB")


def _logo(step: Watermark, width: int, settings: ImageSettings) -> Image.Image:
    if step.image is None:
        raise Reject("needs either text or image")
    logo = decode_image(load(step.image, settings.image_max_bytes).content, settings).image.convert("RGBA")
    wide = max(round(width * step.scale), 1)
    return logo.resize((wide, max(round(logo.height * wide / logo.width), 1)), reducing_gap=3.0)


def _text(step: Watermark, height: int, settings: ImageSettings) -> Image.Image:
    """The text on a transparent ground, as tight as it is drawn."""
    from PIL import Image, ImageDraw

    text = str(step.text)
    font = _font(step.size or max(height // 16, 12), settings)
    left, top, right, bottom = ImageDraw.Draw(Image.new("RGBA", (1, 1))).multiline_textbbox(
        (0, 0), text, font
    )
    if right <= left or bottom <= top:
        raise Reject(f"the text {text!r} draws nothing; give visible characters")
    mark = Image.new("RGBA", (int(right - left) + 1, int(bottom - top) + 1))
    ImageDraw.Draw(mark).multiline_text((-left, -top), text, step.color, font)
    return mark


def _font(size: int, settings: ImageSettings) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    if settings.image_font_file:
        return ImageFont.truetype(settings.image_font_file, size)
    return ImageFont.load_default(size)
