"""The image handler: real images in, real images out, opened again and looked at."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms
from pydantic import ValidationError

from tests.worker_host.handlers.context import FakeContext
from worker_host.control import Reject
from worker_host.handlers._image_payload import ImagePayload
from worker_host.handlers.image import process_image
from worker_host.registry import REGISTRY, RunIn
from worker_host.storage import open_storage

CONTEXT = FakeContext(task_id="0:01JIMG", task_type="image")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def quarters(width=40, height=20, mode="RGB") -> Image.Image:
    """Red, green, blue and white, clockwise from the top left."""
    image = Image.new("RGB", (width, height), WHITE)
    half = width // 2, height // 2
    image.paste(RED, (0, 0, *half))
    image.paste(GREEN, (half[0], 0, width, half[1]))
    image.paste(BLUE, (half[0], half[1], width, height))
    return image.convert(mode)


def noise(width, height) -> Image.Image:
    state, pixels = 1, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1103515245 + 12345) % 2**31
        pixels.append(state >> 16 & 255)
    return Image.frombytes("RGB", (width, height), bytes(pixels))


def payload(source, *operations, **output) -> ImagePayload:
    if isinstance(source, Image.Image):
        source = encoded(source)
    if isinstance(source, bytes):
        source = {"base64": base64.b64encode(source).decode()}
    return ImagePayload.model_validate({"source": source, "operations": list(operations), "output": output})


def run(source, *operations, **output):
    return process_image(payload(source, *operations, **output), CONTEXT)


def opened(result) -> Image.Image:
    content = base64.b64decode(result["base64"])
    assert len(content) == result["bytes"]
    image = Image.open(io.BytesIO(content))
    image.load()
    assert (image.format.lower(), *image.size) == (result["format"], result["width"], result["height"])
    return image


def corners(image: Image.Image):
    """The pixels near the four corners, clockwise from the top left, as the nearest named color."""
    rgb = image.convert("RGB")
    right, bottom = image.width - 1, image.height - 1
    places = [(0, 0), (right, 0), (right, bottom), (0, bottom)]
    return [min((RED, GREEN, BLUE, WHITE), key=lambda c: _distance(c, rgb.getpixel(p))) for p in places]


def _distance(left, right):
    return sum((a - b) ** 2 for a, b in zip(left, right, strict=True))


def test_nothing_asked_is_the_same_image():
    result = run(quarters())
    assert corners(opened(result)) == [RED, GREEN, BLUE, WHITE]
    assert result["source"] == {"format": "png", "width": 40, "height": 20, "frames": 1}


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ({"op": "resize", "width": 20}, (20, 10)),
        ({"op": "resize", "height": 40}, (80, 40)),
        ({"op": "resize", "width": 20, "height": 20}, (20, 10)),
        ({"op": "resize", "width": 20, "height": 20, "fit": "cover"}, (20, 20)),
        ({"op": "resize", "width": 20, "height": 20, "fit": "exact"}, (20, 20)),
        ({"op": "resize", "width": 80, "upscale": False}, (40, 20)),
        ({"op": "resize", "width": 10, "height": 60, "fit": "exact", "upscale": False}, (10, 20)),
        ({"op": "resize", "width": 100, "height": 10, "fit": "cover", "upscale": False}, (40, 10)),
        ({"op": "resize", "width": 1}, (1, 1)),
        ({"op": "thumbnail", "width": 10, "height": 10}, (10, 5)),
        ({"op": "thumbnail", "width": 1000, "height": 1000}, (40, 20)),
        ({"op": "crop", "width": 30, "height": 10}, (30, 10)),
        ({"op": "rotate", "degrees": 90}, (20, 40)),
        ({"op": "rotate", "degrees": 180}, (40, 20)),
        ({"op": "rotate", "degrees": 90, "expand": False}, (40, 20)),
    ],
)
def test_size(operation, size):
    assert opened(run(quarters(), operation)).size == size


def test_resize_keeps_the_picture():
    assert corners(opened(run(quarters(), {"op": "resize", "width": 200}))) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("place", "color"),
    [
        ({"left": 0, "top": 0}, RED),
        ({"left": 20, "top": 0}, GREEN),
        ({"position": "top-left"}, RED),
        ({"position": "top-right"}, GREEN),
        ({"position": "bottom-right"}, BLUE),
        ({"position": "bottom-left"}, WHITE),
    ],
)
def test_crop_takes_the_right_part(place, color):
    image = opened(run(quarters(), {"op": "crop", "width": 20, "height": 10, **place}))
    assert image.getcolors() == [(200, color)]


@pytest.mark.parametrize(
    ("degrees", "turned"),
    [
        (90, [WHITE, RED, GREEN, BLUE]),
        (-90, [GREEN, BLUE, WHITE, RED]),
        (180, [BLUE, WHITE, RED, GREEN]),
        (270, [GREEN, BLUE, WHITE, RED]),
        (360, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_rotate_is_clockwise(degrees, turned):
    assert corners(opened(run(quarters(), {"op": "rotate", "degrees": degrees}))) == turned


def test_rotated_corners_are_transparent_white_or_of_the_background():
    turn = {"op": "rotate", "degrees": 45}
    red = Image.new("RGB", (40, 40), RED)
    assert opened(run(red, turn)).getpixel((0, 0))[3] == 0
    assert corners(opened(run(encoded(red, "JPEG"), turn)))[0] == WHITE
    assert corners(opened(run(red, {**turn, "background": "#0000ff"}))) == [BLUE] * 4
    assert opened(run(red, turn)).getpixel((28, 28)) == (*RED, 255)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp"])
def test_convert_to_every_format(form):
    image = opened(run(quarters(80, 40), {"op": "convert", "format": form}))
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp"])
def test_every_format_is_read(form):
    result = run(encoded(quarters(80, 40), form.upper()), {"op": "convert", "format": "png"})
    assert corners(opened(result)) == [RED, GREEN, BLUE, WHITE]
    assert result["source"]["format"] == form


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif"])
def test_every_mode_is_written_in_every_format(mode, form):
    content = encoded(quarters(mode=mode), "TIFF" if mode == "CMYK" else "PNG")
    steps = [{"op": "resize", "width": 30}, {"op": "rotate", "degrees": 10}, {"op": "watermark", "text": "x"}]
    opened(run(content, *steps, {"op": "convert", "format": form}))


def test_sixteen_bits_of_gray_are_scaled_and_not_cut_off():
    gray = Image.new("I;16", (4, 4), 0x8000)
    assert opened(run(encoded(gray))).getpixel((0, 0)) in (127, 128)


def test_transparency_becomes_the_background():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert corners(opened(run(clear, {"op": "convert", "format": "jpeg"})))[0] == WHITE
    assert corners(opened(run(clear, {"op": "convert", "format": "bmp", "background": "#ff0000"})))[0] == RED
    assert opened(run(clear, {"op": "convert", "format": "webp"})).getpixel((0, 0))[3] == 0


def test_transparent_palette_stays_transparent():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    assert (
        opened(run(encoded(image, "GIF", transparency=0), {"op": "convert", "format": "png"})).getpixel(
            (0, 0)
        )[3]
        == 0
    )


def photo(orientation=6, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    return encoded(quarters(160, 80), "JPEG", exif=exif, quality=95, comment=b"private", **options)


def test_orientation_is_honoured_and_then_gone():
    result = run(photo(orientation=6))
    image = opened(result)
    assert image.size == (80, 160)
    assert corners(image) == [WHITE, RED, GREEN, BLUE]
    assert 0x0112 not in image.getexif()
    assert image.getexif()[0x010F] == "Camera"


def test_strip_metadata_leaves_the_color_profile():
    image = opened(run(photo(icc_profile=SRGB), {"op": "strip_metadata"}))
    assert dict(image.getexif()) == {}
    assert "comment" not in image.info
    assert image.info["icc_profile"] == SRGB
    assert corners(image) == [WHITE, RED, GREEN, BLUE]


def test_profile_of_other_pixels_is_dropped():
    gray = bytearray(SRGB)
    gray[16:20] = b"GRAY"
    image = opened(run(photo(icc_profile=bytes(gray))))
    assert "icc_profile" not in image.info


def test_compress_lowers_the_quality():
    picture = encoded(noise(64, 64))
    sizes = [
        run(picture, {"op": "convert", "format": "jpeg"}, {"op": "compress", "quality": quality})["bytes"]
        for quality in (90, 50, 10)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[2]


def test_compress_to_so_many_bytes():
    to_jpeg = {"op": "convert", "format": "jpeg"}
    result = run(noise(64, 64), to_jpeg, {"op": "compress", "quality": 95, "max_bytes": 3000})
    assert result["bytes"] <= 3000
    opened(result)
    with pytest.raises(Reject, match="more than max_bytes 100"):
        run(noise(64, 64), to_jpeg, {"op": "compress", "max_bytes": 100})
    with pytest.raises(Reject, match="convert it to webp"):
        run(noise(64, 64), {"op": "compress", "max_bytes": 100})


def test_text_watermark_is_drawn_where_it_belongs():
    black = Image.new("RGB", (200, 100))
    mark = {"op": "watermark", "text": "Acme", "opacity": 1, "size": 20, "margin": 5}
    for position, quarter in {"top-left": (0, 0), "bottom-right": (100, 50)}.items():
        image = opened(run(black, {**mark, "position": position}))
        box = image.getbbox()
        assert box is not None
        assert quarter[0] <= box[0] < box[2] <= quarter[0] + 100
        assert quarter[1] <= box[1] < box[3] <= quarter[1] + 50
        assert max(image.convert("L").tobytes()) > 200


def test_opacity_of_a_watermark():
    black = Image.new("RGB", (100, 100))
    logo = {"base64": base64.b64encode(encoded(Image.new("RGB", (10, 10), WHITE))).decode()}
    mark = {"op": "watermark", "image": logo, "position": "center", "scale": 0.5, "opacity": 0.5}
    image = opened(run(black, mark))
    assert image.getbbox() == (25, 25, 75, 75)
    assert image.getpixel((50, 50)) == (128, 128, 128)


def test_watermark_larger_than_the_image_is_made_smaller():
    tiny = Image.new("RGB", (30, 12))
    image = opened(run(tiny, {"op": "watermark", "text": "A long line of text", "size": 100, "opacity": 1}))
    assert image.size == (30, 12)
    assert image.getbbox() is not None
    opened(run(Image.new("RGB", (1, 1)), {"op": "watermark", "text": "x"}))


def test_animation_gives_its_first_frame_and_says_how_many_there_were():
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, GREEN, BLUE)]
    result = run(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert result["source"]["frames"] == 3
    assert corners(opened(result))[0] == RED


def test_photo_with_a_second_picture_inside_stays_a_jpeg():
    content = encoded(quarters(160, 80), "MPO", save_all=True, append_images=[quarters(8, 8)])
    assert Image.open(io.BytesIO(content)).format == "MPO"
    result = run(content)
    assert (result["source"]["format"], opened(result).format) == ("jpeg", "JPEG")


def test_result_in_storage_is_a_source_again():
    result = run(quarters(), to="storage")
    assert result["address"].endswith("/images/0_01JIMG.png")
    assert "base64" not in result
    content = open_storage().get(result["address"], 10**6)
    assert len(content) == result["bytes"]
    again = run({"storage": result["address"]}, {"op": "thumbnail", "width": 10, "height": 10})
    assert opened(again).size == (10, 5)
    assert run(quarters(), to="storage", key="a/b.png")["address"].endswith("/a/b.png")


def test_inline_result_is_bounded():
    with pytest.raises(Reject, match=r"more than the 204800 .*storage"):
        run(noise(300, 300))
    assert run(noise(300, 300), to="storage")["bytes"] > 204_800


def bomb(width, height) -> bytes:
    """A PNG of a few bytes that claims to be of this size; its pixels are missing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(7_000, 7_000), (10_000, 10_000), (60_000, 60_000)])
def test_bomb_is_refused_before_it_is_decoded(size):
    with pytest.raises(Reject, match="pixels"):
        run(bomb(*size))


def test_limit_of_pixels_is_a_setting_and_holds_for_results_too(monkeypatch):
    monkeypatch.setenv("IMAGE_MAX_PIXELS", "1000")
    run(quarters())
    with pytest.raises(Reject, match=r"41 × 25 pixels are more than the 1000 of IMAGE_MAX_PIXELS"):
        run(quarters(41, 25))
    with pytest.raises(Reject, match=r"^operations\[1\] \(resize\): 60 × 30 pixels"):
        run(quarters(), {"op": "strip_metadata"}, {"op": "resize", "width": 60})
    with pytest.raises(Reject, match=r"^operations\[0\] \(rotate\)"):
        run(quarters(), {"op": "rotate", "degrees": 45})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "crop", "width": 41, "height": 1},
        {"op": "crop", "width": 10, "height": 10, "left": 31, "top": 0},
        {"op": "crop", "width": 10, "height": 10, "left": 0, "top": 11},
    ],
)
def test_crop_that_does_not_lie_within_the_image(operation):
    with pytest.raises(
        Reject, match=r"operations\[0\] \(crop\): .* does not lie within the image of 40 × 20"
    ):
        run(quarters(), operation)


WHOLE = encoded(noise(32, 32))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no image"),
        (b"GIF89a", "no image|broken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (WHOLE[: len(WHOLE) // 2], "broken"),
        (bomb(8, 8), "broken"),
        (encoded(noise(32, 32), "JPEG")[:400], "broken"),
        (encoded(noise(32, 32), "WEBP")[:400], "broken|no image"),
        (encoded(noise(32, 32), "TIFF")[:400], "broken|no image"),
        (encoded(noise(32, 32), "AVIF")[:400], "broken|no image"),
    ],
)
def test_source_that_is_no_image_is_rejected(content, why):
    with pytest.raises(Reject, match=why):
        run(content)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"storage": "no/such.png"}, "nothing is stored"),
        ({"storage": "file:///etc/hostname"}, "outside"),
        ({"url": "https://169.254.169.254/x.png"}, "link-local"),
    ],
)
def test_source_that_cannot_be_read_is_rejected(source, why):
    with pytest.raises(Reject, match=why):
        run(source)
    with pytest.raises(Reject, match=why):
        run(quarters(), {"op": "watermark", "image": source})


def test_source_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setenv("IMAGE_MAX_BYTES", "100")
    with pytest.raises(Reject, match="more than the 100 that are read"):
        run(noise(32, 32))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"source": {}},
        {"source": {"base64": "AA==", "url": "https://x.test/"}},
        {"source": {"base64": "not base64"}},
        {"source": {"base64": "AA=="}, "operations": [{"op": "explode"}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "resize"}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "resize", "width": 0}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "resize", "width": 99_999}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "crop", "width": 1, "height": 1, "left": 1}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "convert", "format": "exe"}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "compress", "quality": 100}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "watermark"}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "watermark", "text": "x", "color": "url(x)"}]},
        {"source": {"base64": "AA=="}, "operations": [{"op": "rotate", "degrees": 1e9}]},
    ],
)
def test_payload_that_is_refused(fields):
    with pytest.raises(ValidationError):
        ImagePayload.model_validate(fields)


def test_registration():
    handler = REGISTRY.get("image")
    assert handler.run_in is RunIn.PROCESS
    assert handler.description()["schema"]["required"] == ["source"]
