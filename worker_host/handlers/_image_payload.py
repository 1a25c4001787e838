"""The payload of `image`: a source, operations and an output."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker_host.handlers._base import Payload
from worker_host.handlers._sources import Key, Source

Pixels = Annotated[int, Field(ge=1, le=16_384)]
Color = Annotated[
    str,
    Field(pattern=r"^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$", description="#rrggbb, or #rrggbbaa with opacity."),
]


class Format(StrEnum):
    """Formats that are read and written."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"


class Position(StrEnum):
    """A place in an image: where a crop is taken from, where a watermark goes."""

    CENTER = "center"
    TOP = "top"
    BOTTOM = "bottom"
    LEFT = "left"
    RIGHT = "right"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class Resize(Payload):
    """Scale. With one side given the other follows; with both, `fit` says how."""

    op: Literal["resize"]
    width: Pixels | None = None
    height: Pixels | None = None
    fit: Annotated[
        Literal["contain", "cover", "exact"],
        Field(description="contain: inside the box; cover: fill it, cut the rest; exact: distort."),
    ] = "contain"
    upscale: Annotated[bool, Field(description="Whether a smaller image is enlarged.")] = True

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError("needs width, height or both")
        return self


class Crop(Payload):
    """Cut out a box: at left and top when both are given, else at a position."""

    op: Literal["crop"]
    width: Pixels
    height: Pixels
    left: Annotated[int | None, Field(ge=0)] = None
    top: Annotated[int | None, Field(ge=0)] = None
    position: Position = Position.CENTER

    @model_validator(mode="after")
    def _corner_is_whole(self) -> Self:
        if (self.left is None) != (self.top is None):
            raise ValueError("needs left and top, or neither of them")
        return self


class Thumbnail(Payload):
    """Shrink to fit into a box; never enlarges."""

    op: Literal["thumbnail"]
    width: Pixels
    height: Pixels


class Rotate(Payload):
    """Turn clockwise."""

    op: Literal["rotate"]
    degrees: Annotated[float, Field(ge=-360, le=360)]
    expand: Annotated[bool, Field(description="Grow so that no corner is cut.")] = True
    background: Annotated[
        Color | None, Field(description="Of the new corners; transparent or white if none.")
    ] = None


class Convert(Payload):
    """Write in another format; transparency becomes `background` where a format has none."""

    op: Literal["convert"]
    format: Format
    background: Color = "#ffffff"


class Compress(Payload):
    """Trade quality for bytes, in the formats that have one (JPEG, WebP, AVIF)."""

    op: Literal["compress"]
    quality: Annotated[int, Field(ge=1, le=95)] = 75
    max_bytes: Annotated[
        int | None, Field(ge=100, description="Lower the quality, to no less than 10, until the file fits.")
    ] = None


class StripMetadata(Payload):
    """Leave out EXIF (camera, place), XMP and comments; the color profile stays."""

    op: Literal["strip_metadata"]


class Watermark(Payload):
    """Put a text or an image on top."""

    op: Literal["watermark"]
    text: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    image: Annotated[Source | None, Field(description="Drawn over the image.")] = None
    position: Position = Position.BOTTOM_RIGHT
    margin: Annotated[int, Field(ge=0, le=4096, description="Distance to the edge, pixels.")] = 10
    opacity: Annotated[float, Field(gt=0, le=1)] = 0.5
    color: Annotated[Color, Field(description="Of the text.")] = "#ffffff"
    size: Annotated[
        int | None, Field(ge=4, le=1024, description="Of the text, pixels; 1/16 of the height if none.")
    ] = None
    scale: Annotated[float, Field(gt=0, le=1, description="Width of the image, as part of the whole.")] = 0.25

    @model_validator(mode="after")
    def _text_or_image(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise ValueError("needs either text or image")
        return self


Operation = Annotated[
    Resize | Crop | Thumbnail | Rotate | Convert | Compress | StripMetadata | Watermark,
    Field(discriminator="op"),
]


class ImageOutput(Payload):
    """Where the result goes."""

    to: Annotated[
        Literal["base64", "storage"], Field(description="Into the task's result, or into a file.")
    ] = "base64"
    key: Annotated[Key | None, Field(description="Storage key; made from the task's id when not given.")] = (
        None
    )


class ImagePayload(Payload):
    """An image, what to do with it, and where the result goes."""

    source: Source
    operations: Annotated[list[Operation], Field(max_length=20, description="Applied in order.")] = Field(
        default_factory=list
    )
    output: ImageOutput = Field(default_factory=ImageOutput)
