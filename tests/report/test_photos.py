"""Thumbnails: decoded, scaled, encoded anew; what cannot be read is shown as missing."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lookalike.report.photos import Photos, decode, uri
from tests.report.data import picture


def jpeg(width: int, height: int, color: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "JPEG")
    return buffer.getvalue()


def unpacked(data: str) -> Image.Image:
    head, _, body = data.partition(";base64,")
    assert head in ("data:image/webp", "data:image/jpeg", "data:image/png")
    return Image.open(io.BytesIO(base64.b64decode(body, validate=True)))


def test_a_photo_is_scaled_down_and_keeps_its_shape() -> None:
    data, width, height = Photos([jpeg(200, 150)]).uri(0, 100)
    assert (width, height) == (100, 75)
    assert unpacked(data).size == (100, 75)


def test_nothing_is_passed_on_as_it_came() -> None:
    hidden = jpeg(60, 60) + b"<script>alert(1)</script>"
    body = base64.b64decode(Photos([hidden]).uri(0, 100)[0].partition(",")[2])
    assert b"script" not in body


@pytest.mark.parametrize("junk", [b"", b"<html>", jpeg(60, 60)[:300], b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_photo_is_shown_as_missing(junk: bytes) -> None:
    assert decode(junk, 64) is None
    assert Photos([junk]).image(0).mode == "RGB"


def test_a_huge_header_is_not_decoded() -> None:
    buffer = io.BytesIO()
    Image.new("1", (8000, 8000)).save(buffer, "PNG")
    assert decode(buffer.getvalue(), 64) is None


def test_transparency_becomes_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    found = decode(buffer.getvalue(), 8)
    assert found is not None
    assert found.getpixel((4, 4)) == (255, 255, 255)


def test_the_white_around_a_product_is_cut() -> None:
    photos = Photos([picture("boot", (200, 40, 40))])
    assert photos.image(0).size == (96, 72)
    inside = np.asarray(photos.cut(0)).astype(int)
    assert abs(inside.shape[1] - 65) <= 6
    assert (inside[6:-6, 8:-8, 1] < 120).all()
    assert photos.aspect == pytest.approx(4 / 3)
    assert photos.cut_aspect > photos.aspect


def test_a_white_photo_stays_whole() -> None:
    assert Photos([jpeg(40, 40, "white")]).cut(0).size == (40, 40)


def test_each_is_read_when_it_is_needed() -> None:
    class Counting(list[bytes]):
        asked: list[int]

        def __getitem__(self, row):  # type: ignore[no-untyped-def]  # one row is all that is asked for
            self.asked.append(row)
            return super().__getitem__(row)

    thumbnails = Counting([jpeg(20, 20)] * 1_000)
    thumbnails.asked = []
    photos = Photos(thumbnails)
    assert len(thumbnails.asked) <= 25
    thumbnails.asked = []
    assert photos.uri(7, 16) == photos.uri(7, 16)
    assert thumbnails.asked == [7]


def test_transparent_pictures_are_png() -> None:
    assert unpacked(uri(Image.new("RGBA", (4, 4)))).format == "PNG"
