"""Thumbnails as pixels for figures and as data URIs for pages.

Nothing is passed on as it came: every picture is decoded and encoded again, so no page carries bytes that were
not made here.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, features

from lookalike.records import Bytes

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 50_000_000


def decode(data: bytes, side: int) -> Image.Image | None:
    """An RGB picture of at most `side` pixels a side, on white; None where `data` is no usable image."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.draft("RGB", (side, side))
            image.load()
            picture = _on_white(image)
    # Any decoder error means the same to a reader: there is no picture to show.
    except Exception:
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return picture


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        return white.convert("RGB")
    return image.convert("RGB")


def missing(width: int, height: int) -> Image.Image:
    """What stands for a picture that cannot be shown: a gray field with a cross."""
    image = Image.new("RGB", (width, height), "#eef0f2")
    draw = ImageDraw.Draw(image)
    for line in ((0, 0, width - 1, height - 1), (0, height - 1, width - 1, 0)):
        draw.line(line, fill="#c9cfd5", width=max(1, width // 80))
    return image


def uri(image: Image.Image, quality: int = 82) -> str:
    """`image` as a data URI: WebP where this Pillow can write it, else JPEG; PNG with transparency."""
    buffer = io.BytesIO()
    if image.mode == "RGB" and features.check("webp"):
        image.save(buffer, "WEBP", quality=quality, method=3)
        kind = "webp"
    elif image.mode == "RGB":
        image.save(buffer, "JPEG", quality=quality, optimize=True)
        kind = "jpeg"
    else:
        image.save(buffer, "PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


class Photos:
    """The thumbnails of a report, each read and decoded when it is first needed.

    `aspect` is the usual width over height, between 0.5 and 2, and `cut_aspect` that without the white around the
    products.
    """

    def __init__(self, thumbnails: Sequence[bytes]) -> None:
        self._thumbnails = thumbnails
        self._decode = lru_cache(maxsize=600)(self._read)
        self._encode = lru_cache(maxsize=None)(self._write)
        self.aspect = 1.0
        self.aspect, self.cut_aspect = self._usual_aspects()

    def image(self, row: int, side: int = 256) -> Image.Image:
        """The picture of item `row`, RGB, at most `side` pixels a side."""
        image = self._decode(row)
        if max(image.size) <= side:
            return image
        smaller = image.copy()
        smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
        return smaller

    def pixels(self, row: int, side: int = 256) -> Bytes:
        """The same as an array (height, width, 3) of uint8."""
        return np.asarray(self.image(row, side), dtype=np.uint8)

    def cut(self, row: int, side: int = 256) -> Image.Image:
        """The picture without the white around the product."""
        image = self.image(row)
        ink = image.convert("L").point(lambda level: 255 if level < 236 else 0)
        box = ink.getbbox()
        if box is None:
            return self.image(row, side)
        left, top, right, bottom = box
        inside = image.crop((left, top, right, bottom))
        inside.thumbnail((side, side), Image.Resampling.LANCZOS)
        return inside

    def uri(self, row: int, side: int) -> tuple[str, int, int]:
        """The picture as a data URI with its width and height in pixels; equal requests give the same string."""
        return self._encode(row, side)

    def _read(self, row: int) -> Image.Image:
        return decode(bytes(self._thumbnails[row]), 256) or missing(round(168 * self.aspect), 168)

    def _write(self, row: int, side: int) -> tuple[str, int, int]:
        image = self.image(row, side)
        return uri(image), image.width, image.height

    def _usual_aspects(self) -> tuple[float, float]:
        total = len(self._thumbnails)
        rows = sorted({int(row) for row in np.linspace(0, total - 1, min(total, 25))}) if total else []
        whole = [self.image(row).size for row in rows]
        inside = [self.cut(row).size for row in rows]
        return _median_aspect(whole), _median_aspect(inside)


def _median_aspect(sizes: list[tuple[int, int]]) -> float:
    usual = float(np.median([width / height for width, height in sizes])) if sizes else 1.0
    return min(2.0, max(0.5, usual))
