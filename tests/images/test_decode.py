"""What a decoded photo is: its color, its shape, its thumbnail; and that nothing depends on the thread."""

from __future__ import annotations

import hashlib
import io
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from lookalike.errors import Rejected
from lookalike.images import content_hash, find, load, match_metadata, read
from lookalike.images.color import to_rgb
from lookalike.images.fit import fit_image, fitted_size
from lookalike.images.quiet import quiet
from lookalike.images.thumbnail import encode_thumbnail, thumbnail_size
from lookalike.options import RESIZES, Fit, ImageLimits
from tests.faults.recipes import FIT, LIMITS, decoded, encode, noise, smooth


def test_right_size_is_not_resampled() -> None:
    image = Image.effect_noise((224, 224), 60).convert("RGB")
    for resize in RESIZES:
        assert np.array_equal(load(encode(image, "PNG"), Fit(resize=resize), LIMITS).pixels, np.asarray(image))


def test_stretch_halves_by_hand() -> None:
    # Two colors side by side, each a whole half: far from the edge every filter gives the color itself.
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, 20:] = (250, 100, 0)
    photo = decoded(encode(Image.fromarray(pixels), "PNG"), Fit(size=20))
    assert (photo.pixels[:, :7] == 0).all()
    assert (photo.pixels[:, 13:] == (250, 100, 0)).all()


def test_nearest_takes_single_pixels_as_keras_does() -> None:
    image = noise()
    photo = decoded(encode(image, "PNG"), Fit(size=32, resize="nearest"))
    # 64 rows and 96 columns to 32: the middles of each 2 rows and 3 columns.
    assert np.array_equal(photo.pixels, np.asarray(image)[1::2, 1::3])


def test_crop_takes_the_middle_and_pad_adds_white() -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = (10, 20, 30)
    data = encode(Image.fromarray(pixels), "PNG")
    cropped = decoded(data, Fit(size=40, resize="crop"))
    assert (cropped.pixels == (10, 20, 30)).all()
    padded = decoded(data, Fit(size=80, resize="pad"))
    assert (padded.pixels[:20] == 255).all()
    assert (padded.pixels[60:] == 255).all()
    assert np.array_equal(padded.pixels[20:60], pixels)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    size=st.integers(1, 64),
    resize=st.sampled_from(RESIZES),
)
def test_every_shape_fits(width: int, height: int, size: int, resize: str) -> None:
    fit = Fit(size=size, resize=resize)
    fitted = fit_image(Image.new("RGB", (width, height), (7, 8, 9)), fit)
    assert fitted.size == (size, size)
    pixels = np.asarray(fitted).reshape(-1, 3)
    colored = (pixels == (7, 8, 9)).all(axis=1)
    assert (colored | (pixels == 255).all(axis=1)).all()
    assert colored.all() or resize == "pad"
    assert colored.any()
    wide, high = fitted_size(width, height, fit)
    assert min(wide, high) >= 1


@settings(max_examples=100, deadline=None)
@given(width=st.integers(1, 100_000), height=st.integers(1, 100_000), side=st.integers(1, 512))
def test_thumbnail_size_keeps_the_shape(width: int, height: int, side: int) -> None:
    wide, high = thumbnail_size(width, height, side)
    assert 1 <= wide <= max(1, min(width, side))
    assert 1 <= high <= max(1, min(height, side))
    if max(width, height) > side:
        assert max(wide, high) == side
        scale = side / max(width, height)
        assert abs(wide - max(1, width * scale)) <= 0.5
        assert abs(high - max(1, height * scale)) <= 0.5


def test_thumbnail_shows_the_photo() -> None:
    photo = decoded(encode(smooth(480, 360), "PNG"))
    with Image.open(io.BytesIO(photo.thumbnail)) as thumbnail:
        assert thumbnail.size == (224, 168)
        shown = np.asarray(thumbnail).astype(int)
    expected = np.asarray(smooth(480, 360).resize((224, 168), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(shown - expected).mean() < 4


def test_thumbnail_has_nothing_but_pixels() -> None:
    image = smooth()
    image.info = {"comment": b"secret", "exif": b"secret", "icc_profile": b"secret"}
    assert b"secret" not in encode_thumbnail(image, 64)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_reduced_decoding_keeps_the_picture(resize: str) -> None:
    image = Image.effect_noise((40, 30), 80).convert("RGB").resize((1920, 1440), Image.Resampling.BICUBIC)
    fit = Fit(size=112, resize=resize)
    reduced = load(encode(image, "JPEG", quality=92), fit, LIMITS, thumbnail_side=112)
    assert (reduced.width, reduced.height) == (1920, 1440)
    full = np.asarray(fit_image(image, fit)).astype(int)
    assert np.abs(reduced.pixels - full).mean() < 1.5
    lossless = load(encode(image, "PNG", compress_level=1), fit, LIMITS, thumbnail_side=112)
    assert np.abs(lossless.pixels - full).mean() < 1


def test_nearest_is_never_decoded_at_a_reduced_scale() -> None:
    image = smooth(1000, 1000)
    data = encode(image, "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as opened:
        expected = opened.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    photo = load(data, Fit(size=64, resize="nearest"), LIMITS, thumbnail_side=64)
    assert np.array_equal(photo.pixels, np.asarray(expected))


def test_modes_by_hand() -> None:
    def color(image: Image.Image, bits: int = 16) -> tuple[int, ...]:
        rgb, note = to_rgb(image, bits=bits)
        assert rgb.mode == "RGB"
        assert note is None
        pixel = rgb.getpixel((0, 0))
        assert isinstance(pixel, tuple)
        return tuple(int(value) for value in pixel)

    assert color(Image.new("1", (2, 2), 1)) == (255, 255, 255)
    assert color(Image.new("L", (2, 2), 77)) == (77, 77, 77)
    assert color(Image.new("LA", (2, 2), (0, 0))) == (255, 255, 255)
    assert color(Image.new("LA", (2, 2), (50, 255))) == (50, 50, 50)
    assert color(Image.new("RGBA", (2, 2), (255, 0, 0, 0))) == (255, 255, 255)
    assert color(Image.new("RGBA", (2, 2), (0, 0, 0, 51))) == (204, 204, 204)
    assert color(Image.new("RGBa", (2, 2), (0, 0, 0, 51))) == (204, 204, 204)
    assert color(Image.new("La", (2, 2), (0, 51))) == (204, 204, 204)
    assert color(Image.new("PA", (2, 2), (0, 0))) == (255, 255, 255)
    assert color(Image.new("CMYK", (2, 2), (0, 0, 0, 0))) == (255, 255, 255)
    assert color(Image.new("CMYK", (2, 2), (0, 0, 0, 255))) == (0, 0, 0)
    assert color(Image.new("YCbCr", (2, 2), (128, 128, 128))) == (128, 128, 128)
    assert min(color(Image.new("LAB", (2, 2), (255, 128, 128)))) >= 253
    assert color(Image.new("I", (2, 2), 0x1234)) == (0x12, 0x12, 0x12)
    assert color(Image.new("I", (2, 2), 0x7FFFFFFF), bits=32) == (127, 127, 127)
    assert color(Image.new("I", (2, 2), -5)) == (0, 0, 0)
    assert color(Image.new("F", (2, 2), 0.5)) == (128, 128, 128)
    assert color(Image.new("F", (2, 2), 200.0)) == (200, 200, 200)
    assert color(Image.new("F", (2, 2), 65535.0)) == (255, 255, 255)
    assert color(Image.new("F", (2, 2), float("nan"))) == (0, 0, 0)


def test_color_key_transparency_lies_on_white() -> None:
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    assert (decoded(encode(image, "PNG", transparency=(255, 0, 0))).pixels == 255).all()
    gray = Image.new("L", (8, 8), 9)
    assert (decoded(encode(gray, "PNG", transparency=9)).pixels == 255).all()


def test_limits_of_bytes_hold_for_bytes_given_directly() -> None:
    data = encode(noise(), "PNG")
    with pytest.raises(Rejected, match=f"{len(data):,} bytes, allowed are 10"):
        load(data, FIT, ImageLimits(bytes=10))


def test_hash_is_sha256() -> None:
    assert content_hash(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_pillow_switches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(smooth(), "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert load(data, FIT, LIMITS).width == 96
    assert load(data, Fit(resize="crop"), LIMITS).width == 96
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert load(data, FIT, LIMITS).width == 96
    with pytest.raises(Rejected) as caught:
        load(data[:-2], FIT, LIMITS)
    assert caught.value.code == "E_TRUNCATED"
    assert load(data[:-2], FIT, ImageLimits(allow_truncated=True)).degraded


def test_warnings_stay_inside_and_filters_are_restored() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x1a\0\x05\0\0\0\x01\0\0\xff\xff"
    data = encode(noise(), "JPEG", exif=exif)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        load(data, FIT, LIMITS)
        assert list(warnings.filters) == before
        warnings.warn("another's", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["another's"]


def test_quiet_overlaps() -> None:
    before = list(warnings.filters)
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert len(warnings.filters) == len(before) + 1
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


def test_threads_agree_with_one() -> None:
    profile = b"\0" * 200
    images = [noise(), smooth(), noise().convert("CMYK"), smooth().convert("L")]
    good = [encode(image, "JPEG", icc_profile=profile) for image in images]
    good += [encode(image, kind) for image in images[:2] for kind in ("PNG", "WEBP", "GIF", "TIFF", "BMP")]
    bad = [data[: len(data) // 2] for data in good]
    start = threading.Barrier(4)

    def outcome(data: bytes) -> bytes:
        try:
            photo = load(data, FIT, LIMITS)
            return photo.pixels.tobytes() + photo.thumbnail
        except Rejected as error:
            return error.code.encode()

    def worker(_: int) -> list[bytes]:
        start.wait()
        return [outcome(data) for data in (*good, *bad)]

    expected = [outcome(data) for data in (*good, *bad)]
    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(worker, range(4)))


def test_real_photos_decode_and_their_table_matches(real_photos: Path) -> None:
    found = find([real_photos / "images"])
    assert not found.rejected
    for item in found.inputs[::100]:
        data = read(item, LIMITS)
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(image.convert("RGB"))
        assert np.array_equal(decoded(data).pixels, expected)
    matched = match_metadata(real_photos / "metadata.csv", found.inputs)
    assert (len(matched.rows), matched.unmatched) == (len(found.inputs), 0)


def test_rejections_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(Rejected("E_GONE", "the file is not there", stage="read")))
    assert (error.code, error.detail, error.stage, str(error)) == (
        "E_GONE",
        "the file is not there",
        "read",
        "the file is not there",
    )
