"""The loops give Pillow's bits, so that it does not matter which of the two resized a photo."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike import images
from lookalike.images import loops, resample
from lookalike.images.machine import Table
from lookalike.options import RESIZES, Fit, ImageLimits

pytest.importorskip("numba")
Box = tuple[float, float, float, float]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops from the first photo on."""
    assert loops.prepare() is not None
    monkeypatch.setattr(resample, "SEEN", 1)
    monkeypatch.setattr(resample, "_ways", resample._Ways())


@pytest.mark.parametrize(
    ("photo", "size", "box"),
    [
        ((480, 360), (224, 224), None),
        ((480, 360), (224, 168), None),
        ((480, 360), (224, 224), (60.0, 0.0, 420.0, 360.0)),
        ((361, 480), (224, 224), (0.0, 59.5, 361.0, 420.5)),
        ((200, 300), (224, 224), None),
        ((90, 700), (224, 224), None),
        ((1, 700), (224, 224), None),
        ((300, 2), (224, 1), None),
        ((224, 300), (224, 224), None),
        ((3000, 2500), (224, 224), None),
    ],
)
def test_the_same_bits_as_pillow(photo: tuple[int, int], size: tuple[int, int], box: Box | None) -> None:
    image = noise(*photo, seed=1)
    expected = image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=resample.GAP)
    found = resample.Resizer(image)(size, box)
    assert (found.mode, found.size) == ("RGB", size)
    assert found.tobytes() == expected.tobytes()


def test_every_size_has_a_way_that_agrees_with_pillow() -> None:
    rng = np.random.default_rng(0)
    for width, height, wide, high in rng.integers(1, 260, (25, 4)).tolist():
        way = resample.find_way((width, height, wide, high, (0.0, 0.0, float(width), float(height))))
        assert way is not None, (width, height, wide, high)


def test_sizes_that_share_an_axis_do_not_disturb_each_other() -> None:
    image = noise(480, 360)
    resize = resample.Resizer(image)
    for size in ((224, 224), (224, 168), (224, 224), (100, 168)):
        assert resize(size).tobytes() == resample.Resizer(image)(size).tobytes()
        assert resize(size).tobytes() == image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0).tobytes()


@pytest.mark.parametrize("resize", RESIZES)
def test_a_photo_is_the_same_with_and_without_the_loops(resize: str, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    noise(330, 280).save(buffer, "JPEG")
    fit = Fit(size=96, resize=resize)
    found = images.load(buffer.getvalue(), fit, ImageLimits())
    assert resize == "nearest" or resample._ways.known
    monkeypatch.setattr(loops._here, "loops", None)
    expected = images.load(buffer.getvalue(), fit, ImageLimits())
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.thumbnail == expected.thumbnail
    np.testing.assert_array_equal(found.color, expected.color)
    np.testing.assert_array_equal(found.outline, expected.outline)


def test_a_size_that_pillow_resizes_otherwise_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = resample.make_table

    def slightly_off(size: int, low: float, high: float, out: int) -> Table:
        first, counts, weights = real(size, low, high, out)
        return first, counts, weights + np.int32(1 << 14)

    monkeypatch.setattr(resample, "make_table", slightly_off)
    image = noise(300, 200)
    expected = image.resize((100, 100), Image.Resampling.BICUBIC)
    assert resample.Resizer(image)((100, 100)).tobytes() == expected.tobytes()
    assert set(resample._ways.known.values()) == {None}


def test_a_size_is_tried_only_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "SEEN", 3)
    for expected in (0, 0, 1):
        resample.Resizer(noise(120, 90))((60, 45))
        assert len(resample._ways.known) == expected
