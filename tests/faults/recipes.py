"""How to make every broken photo, and what the images layer makes of a file or of bytes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import Rejected
from lookalike.images import Found, find, load, read
from lookalike.options import Fit, ImageLimits
from lookalike.records import Photo

LIMITS = ImageLimits()
FIT = Fit()
NOISE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def noise() -> Image.Image:
    return Image.fromarray(NOISE)


def smooth(width: int = 96, height: int = 64) -> Image.Image:
    """A photo-like image: smooth color, so that compression changes little."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / max(1, width - 1), 255 * y / max(1, height - 1)
    blue = 127 + 100 * np.sin(x / 9.0) * np.cos(y / 7.0)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def scan_bomb(side: int, scans: int) -> bytes:
    plain = encode(Image.new("RGB", (side, side), "white"), "JPEG", progressive=True)
    start = plain.rfind(b"\xff\xda")
    return plain[:-2] + plain[start:-2] * scans + plain[-2:]


def decoded(data: bytes, fit: Fit = FIT, limits: ImageLimits = LIMITS) -> Photo:
    """`load`, with what must hold of every photo checked."""
    photo = load(data, fit, limits)
    assert photo.pixels.shape == (fit.size, fit.size, 3)
    assert photo.pixels.dtype == np.uint8
    with Image.open(io.BytesIO(photo.thumbnail)) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert thumbnail.mode == "RGB"
        assert max(thumbnail.size) <= 224
    assert photo.thumbnail.endswith(b"\xff\xd9")
    return photo


def refusal(data: bytes, limits: ImageLimits = LIMITS) -> Rejected:
    with pytest.raises(Rejected) as caught:
        load(data, FIT, limits)
    check_refusal(caught.value)
    assert caught.value.stage == "decode"
    return caught.value


def check_refusal(error: Rejected) -> None:
    assert error.code.startswith("E_")
    assert 0 < len(error.detail) <= 500
    assert "\n" not in error.detail
    assert error.stage in ("find", "read", "decode", "table")


def outcomes(found: Found, limits: ImageLimits = LIMITS) -> dict[str, str]:
    """Each input's id with `ok` or the code of its failure; every input has exactly one outcome."""
    result = {}
    for item in found.inputs:
        try:
            load(read(item, limits), FIT, limits)
            result[item.id] = "ok"
        except Rejected as error:
            check_refusal(error)
            result[item.id] = error.code
    for item, fault in found.rejected:
        check_refusal(fault)
        assert item.id not in result
        result[item.id] = fault.code
    assert len(result) == len(found.inputs) + len(found.rejected)
    return result


def outcomes_of(*sources: Path | str, root: Path | None = None) -> dict[str, str]:
    return outcomes(find(sources, root=root))
