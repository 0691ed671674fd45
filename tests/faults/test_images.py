"""The image lines of the list of faults, by number."""

from __future__ import annotations

import io
import subprocess
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.images import load
from lookalike.options import Fit, ImageLimits
from tests.faults.recipes import (
    FIT,
    LIMITS,
    NOISE,
    chunk,
    decoded,
    encode,
    noise,
    png_bomb,
    refusal,
    smooth,
)

JPEG = encode(noise(), "JPEG")
PNG = encode(noise(), "PNG")


def difference(a: bytes, b: bytes, fit: Fit = FIT) -> float:
    """Mean distance of two photos' pixels, 0 to 255."""
    left, right = (decoded(data, fit).pixels.astype(float) for data in (a, b))
    return float(np.abs(left - right).mean())


def test_i01_truncated_jpeg() -> None:
    assert refusal(JPEG[: len(JPEG) // 2]).code == "E_TRUNCATED"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_i01_truncated_in_every_format(kind: str, share: float) -> None:
    data = encode(noise(), kind)
    assert refusal(data[: int(len(data) * share)]).code == "E_TRUNCATED"


def test_i02_missing_end_is_strict_by_default_and_marked_when_allowed() -> None:
    assert refusal(JPEG[:-2]).code == "E_TRUNCATED"
    photo = decoded(JPEG[:-2], limits=ImageLimits(allow_truncated=True))
    assert photo.degraded
    assert np.array_equal(photo.pixels, decoded(JPEG).pixels)
    assert not decoded(JPEG).degraded


@pytest.mark.parametrize("progressive", [False, True])
def test_i02_half_a_jpeg_keeps_its_upper_part(progressive: bool) -> None:
    data = encode(noise(), "JPEG", progressive=progressive)
    whole = decoded(data).pixels.astype(int)
    half = decoded(data[: len(data) * 3 // 4], limits=ImageLimits(allow_truncated=True))
    assert half.degraded
    assert np.abs(half.pixels[:60].astype(int) - whole[:60]).mean() < 40


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_i02_allowed_for_other_formats(kind: str) -> None:
    data = encode(smooth(), kind, interlace=0)
    whole = decoded(data).pixels.astype(int)
    half = decoded(data[: len(data) * 3 // 4], limits=ImageLimits(allow_truncated=True))
    assert half.degraded
    # BMP stores the lowest row first.
    kept = slice(150, None) if kind == "BMP" else slice(0, 74)
    assert np.abs(half.pixels[kept].astype(int) - whole[kept]).mean() < 2


def test_i03_zero_bytes() -> None:
    assert refusal(b"").code == "E_EMPTY"


@pytest.mark.parametrize(
    "data",
    [
        b"<html>404</html>",
        b"<!DOCTYPE html><html><body><svg></svg></body></html>",
        b"BM is how this sentence begins",
        b"hello\n",
        b"\0" * 4096,
        b"\xff\xd8",
        b"GIF",
        b"RIFF\x10\0\0\0WAVEfmt ",
    ],
)
def test_i04_text_html_and_unknown_bytes(data: bytes) -> None:
    assert refusal(data).code == "E_NOT_IMAGE"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_i05_format_by_content(kind: str) -> None:
    assert decoded(encode(noise(), kind)).format == kind


def test_i06_cmyk_is_near_its_rgb_twin() -> None:
    image = smooth()
    assert difference(encode(image.convert("CMYK"), "JPEG", quality=95), encode(image, "JPEG", quality=95)) < 4


def test_i07_16_bit_gray_keeps_its_upper_8_bits() -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (64, 96), dtype=np.uint16)
    twin = encode(Image.fromarray((deep >> 8).astype(np.uint8)), "PNG")
    for kind in ("PNG", "TIFF"):
        assert difference(encode(Image.fromarray(deep), kind), twin) == 0
    big_endian = Image.frombytes("I;16B", (96, 64), deep.astype(">u2").tobytes())
    assert difference(encode(big_endian, "TIFF"), twin) == 0


def test_i07_16_bit_rgb_keeps_its_upper_8_bits() -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (64, 96, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    header = (96).to_bytes(4, "big") + (64).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert difference(data, encode(Image.fromarray((deep >> 8).astype(np.uint8)), "PNG")) == 0


def test_i08_palette_with_alpha_lies_on_white() -> None:
    palette = noise().convert("P")
    data = encode(palette, "PNG", transparency=bytes(range(256)))
    alpha = np.asarray(palette).astype(float)[:, :, None] / 255
    expected = np.asarray(palette.convert("RGB")) * alpha + 255 * (1 - alpha)
    actual = np.asarray(decoded(data, Fit(size=64, resize="crop")).pixels)
    assert np.abs(actual - expected[:, 16:80]).max() <= 1


def test_i09_hidden_color_does_not_show() -> None:
    photo = decoded(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"))
    assert (photo.pixels == 255).all()
    for kind in ("WEBP", "TIFF"):
        assert (decoded(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), kind)).pixels >= 254).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_i10_first_frame_only(kind: str) -> None:
    first = smooth()
    others = [Image.new("RGB", first.size, (9 * n, 0, 0)) for n in range(1, 6)]
    options = {"lossless": True} if kind == "WEBP" else {}
    photo = decoded(encode(first, kind, save_all=True, append_images=others, **options))
    assert photo.frames == 6
    assert difference(encode(first, kind, save_all=True, append_images=others, **options), encode(first, "PNG")) < 12
    assert decoded(encode(first, kind, **options)).frames == 1


def test_i10_later_frames_are_never_decoded() -> None:
    data = bytearray(encode(smooth(), "GIF", save_all=True, append_images=[noise()] * 5))
    whole = decoded(bytes(data)).pixels
    data[-4000:-100] = bytes(3900)
    assert np.array_equal(decoded(bytes(data)).pixels, whole)


TURNED: dict[int, Callable[[Any], Any]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_i11_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    image = smooth() if kind == "JPEG" else noise()
    turned = encode(image, kind, exif=exif, **options)
    by_hand = Image.fromarray(np.ascontiguousarray(TURNED[orientation](np.asarray(image))))
    assert difference(turned, encode(by_hand, kind, **options)) <= (2 if kind == "JPEG" else 0)
    photo = decoded(turned)
    assert (photo.width, photo.height) == by_hand.size
    with Image.open(io.BytesIO(photo.thumbnail)) as thumbnail:
        assert thumbnail.size == by_hand.size


def test_i11_broken_exif_is_no_reason_to_refuse() -> None:
    for exif in (b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0"):
        assert decoded(encode(noise(), "JPEG", exif=exif)).width == 96


def test_i12_bad_profile_is_ignored() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        photo = decoded(encode(noise(), kind, icc_profile=b"\0" * 200))
        assert "color profile ignored" in photo.notes[0]
        assert np.array_equal(photo.pixels, decoded(encode(noise(), kind)).pixels)


def test_i12_profile_for_another_color_space_is_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert "it is for Lab" in decoded(encode(noise(), "PNG", icc_profile=lab)).notes[0]


def test_i12_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = decoded(encode(noise(), "PNG", icc_profile=srgb))
    assert photo.notes == ()
    assert np.array_equal(photo.pixels, decoded(PNG).pixels)


def wide_gamut_profile() -> bytes:
    """An RGB profile with the primaries of Adobe RGB and a gamma of 2.2, made by hand."""

    def s15(*values: float) -> bytes:
        return b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in values)

    tags = {
        b"desc": b"desc\0\0\0\0" + (5).to_bytes(4, "big") + b"wide\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + s15(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + s15(0.60974, 0.31111, 0.01947),
        b"gXYZ": b"XYZ \0\0\0\0" + s15(0.20528, 0.62567, 0.06087),
        b"bXYZ": b"XYZ \0\0\0\0" + s15(0.14919, 0.06322, 0.74457),
        b"rTRC": b"curv\0\0\0\0\0\0\0\x01\x02\x33\0\0",
        b"gTRC": b"curv\0\0\0\0\0\0\0\x01\x02\x33\0\0",
        b"bTRC": b"curv\0\0\0\0\0\0\0\x01\x02\x33\0\0",
    }
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name + (offset + len(body)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        body += padded
    header = bytearray(128)
    header[8:24] = b"\x02\x10\0\0mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = s15(0.9642, 1.0, 0.8249)
    size = 128 + 4 + len(table) + len(body)
    header[:4] = size.to_bytes(4, "big")
    return bytes(header) + len(tags).to_bytes(4, "big") + table + body


def test_i12_wide_gamut_becomes_srgb() -> None:
    # In Adobe RGB a half-bright pure green lies outside sRGB: red falls to 0, green rises; grays stay.
    def color_of(color: tuple[int, int, int]) -> list[int]:
        photo = decoded(encode(Image.new("RGB", (8, 8), color), "PNG", icc_profile=wide_gamut_profile()))
        assert photo.notes == ()
        return [int(value) for value in photo.pixels[0, 0]]

    assert color_of((255, 255, 255)) == [255, 255, 255]
    assert np.ptp(color_of((128, 128, 128))) <= 2
    # Worked by hand: linear (0.2195, 0.5736, 0.2195) times Adobe-to-sRGB gives (0.078, 0.5736, 0.202).
    red, green, blue = color_of((128, 198, 128))
    assert abs(red - 79) <= 4
    assert abs(green - 198) <= 3
    assert abs(blue - 123) <= 4


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad", "nearest"])
@pytest.mark.parametrize("size", [(1, 1), (20_000, 1), (1, 20_000), (3, 700)])
def test_i18_i19_extreme_shapes(size: tuple[int, int], resize: str) -> None:
    photo = decoded(encode(Image.new("RGB", size, (10, 200, 30)), "PNG"), Fit(size=32, resize=resize))
    assert (photo.width, photo.height) == size
    color = photo.pixels.reshape(-1, 3)
    assert (color == (10, 200, 30)).all(axis=1).any() or resize == "pad"


def test_i18_min_side() -> None:
    data = encode(Image.new("RGB", (40, 9)), "PNG")
    assert refusal(data, ImageLimits(min_side=10)).code == "E_TOO_SMALL"
    assert decoded(data, limits=ImageLimits(min_side=9)).height == 9


def test_i20_progressive_is_as_baseline() -> None:
    assert difference(encode(smooth(), "JPEG", progressive=True), encode(smooth(), "JPEG")) < 0.5


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1)])
def test_i21_impossible_sizes(size: tuple[int, int]) -> None:
    assert refusal(png_bomb(*size)).code in ("E_DECODE", "E_TOO_LARGE")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg/>', "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"),
        (b"\xc5\xd0\xd3\xc6" + bytes(28), "EPS"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x1cftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "PSD"),
        (b"P6\n2 2\n255\n" + bytes(12), "PNM"),
        (b"\0\0\x01\0\x01\0", "ICO"),
    ],
)
def test_i22_other_formats_are_named(data: bytes, name: str) -> None:
    error = refusal(data)
    assert error.code == "E_FORMAT"
    assert error.detail.startswith(name)


def test_i22_no_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_i23_polyglot_leaves_no_trace_in_the_thumbnail() -> None:
    script = b"<script>alert(1)</script>"
    exif = Image.Exif()
    exif[0x010E] = script.decode()
    data = encode(noise(), "JPEG", exif=exif, comment=script, icc_profile=script) + script
    photo = decoded(data)
    assert b"script" not in photo.thumbnail
    assert np.array_equal(photo.pixels, decoded(JPEG).pixels)


def test_limits_and_fit_are_the_only_state() -> None:
    assert load(PNG, FIT, LIMITS).pixels.tobytes() == load(PNG, FIT, LIMITS).pixels.tobytes()
    assert NOISE.shape == (64, 96, 3)
