"""Small pictures for people, made from pixels alone."""

from __future__ import annotations

import io

from PIL import Image

QUALITY = 85


def thumbnail_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height that keep the shape, with neither above `side` nor below 1; never enlarged.

    >>> thumbnail_size(480, 360, 224), thumbnail_size(20_000, 1, 224), thumbnail_size(80, 60, 224)
    ((224, 168), (224, 1), (80, 60))
    """
    long = max(width, height)
    if long <= side:
        return width, height
    return max(1, round(width * side / long)), max(1, round(height * side / long))


def encode_thumbnail(image: Image.Image, side: int) -> bytes:
    """JPEG bytes of an RGB image, its long side at most `side` pixels.

    Only pixels go in: no EXIF, color profile or comment, nothing of what stood after the image in its file.
    """
    size = thumbnail_size(image.width, image.height, side)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    # Pillow writes a comment that it finds in `info`.
    image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
