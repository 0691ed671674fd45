"""Small pictures for people, made from pixels alone."""

from __future__ import annotations

import io

from PIL import Image

from lookalike.images.resample import Resizer

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


def encode_thumbnail(image: Image.Image, side: int, resize: Resizer | None = None) -> bytes:
    """JPEG bytes of an RGB image, its long side at most `side` pixels.

    Only pixels go in: no EXIF, color profile or comment, nothing of what stood after the image in its file.
    `resize` is that of the image, where other sizes are made of it too.
    """
    size = thumbnail_size(image.width, image.height, side)
    if size != image.size:
        image = (resize or Resizer(image))(size)
    # Pillow writes a comment that it finds in `info`.
    image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
