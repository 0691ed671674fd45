"""Light, materials and prints, on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.demo.materials import MATERIALS, TILE, texture
from lookalike.demo.parts import Line, Part, Sketch
from lookalike.demo.prints import PATTERNS, weights
from lookalike.demo.shapes import box, ellipse
from lookalike.demo.studio import photograph

GREY = (128, 128, 128)


def ball(**changes: object) -> Part:
    options: dict[str, object] = {"rgb": GREY, "material": "Synthetic", "volume": "body", **changes}
    return Part(outlines=(ellipse(50, 40, 40, 40),), **options)  # type: ignore[arg-type]  # mixed test options


def test_a_ball_is_lit_from_the_top_left() -> None:
    photo, cover = photograph(Sketch((ball(),)), seed=1)
    gray = np.asarray(photo, dtype=float).mean(axis=-1)
    rows, cols = np.nonzero(cover > 0.99)
    y, x = rows.mean(), cols.mean()
    radius = np.ptp(cols) / 2

    def brightness(angle: float) -> float:
        at = int(y - 0.7 * radius * np.sin(angle)), int(x + 0.7 * radius * np.cos(angle))
        return float(gray[at[0] - 4 : at[0] + 5, at[1] - 4 : at[1] + 5].mean())

    top_left, bottom_right = brightness(np.radians(130)), brightness(np.radians(-45))
    assert top_left > brightness(np.radians(40)) > bottom_right
    assert top_left > bottom_right + 50


def test_cover_is_the_area_of_the_shape() -> None:
    _, cover = photograph(
        Sketch((Part(outlines=(box(50, 20, 100, 40, corner=0.0),), rgb=GREY, material="Felt"),)), seed=1
    )
    assert cover.sum() == pytest.approx(412 * 412 * 0.4, rel=0.01)


def test_gloss_makes_a_highlight_and_felt_does_not() -> None:
    brightest = {}
    for name in ("Patent", "Felt"):
        photo, cover = photograph(Sketch((ball(material=name, rgb=(40, 40, 42)),)), seed=1)
        brightest[name] = int(np.asarray(photo).min(axis=-1)[cover == 1].max())
    assert brightest["Patent"] > brightest["Felt"] + 60


def test_what_lies_on_top_throws_a_shadow() -> None:
    plain = Sketch((ball(),))
    strap = Part(outlines=(box(50, 40, 60, 8),), rgb=GREY, material="Synthetic", lift=0.5)
    with_strap = Sketch((ball(), strap))
    before, after = (np.asarray(photograph(sketch, seed=1)[0], dtype=float) for sketch in (plain, with_strap))
    darker = (before - after).max(axis=-1) > 4
    rows = np.nonzero(darker)[0]
    assert darker.sum() > 100
    assert rows.mean() > 180, "the lamp stands above, so the shadow falls below"


def test_a_seam_darkens_only_what_it_crosses() -> None:
    line = Line(lines=(np.array([(0.0, 40.0), (100.0, 40.0)]),), width=2.0, shade=0.6)
    _, cover = photograph(Sketch((ball(),)), seed=1)
    photo, with_line = photograph(Sketch((ball(), line)), seed=1)
    assert np.array_equal(cover, with_line)
    background = np.asarray(photo)[cover == 0]
    assert np.median(background) == 255


@pytest.mark.parametrize("name", sorted({material.texture for material in MATERIALS.values()}))
def test_textures_are_seamless_and_of_even_strength(name: str) -> None:
    right, up, tint = texture(name)
    assert right.shape == up.shape == tint.shape == (TILE, TILE)
    assert np.sqrt((right**2 + up**2).mean()) == pytest.approx(1.0, rel=0.05)
    assert abs(float(tint.mean())) < 0.35
    inner = np.abs(np.diff(tint, axis=1)).mean(axis=0)
    assert np.abs(tint[:, 0] - tint[:, -1]).mean() <= inner.max() * 1.5 + 0.02


@pytest.mark.parametrize("name", PATTERNS)
def test_prints_are_shares(name: str) -> None:
    y, x = np.indices((400, 400), dtype=np.float32) / np.float32(4)
    for share in weights(name, x, y, 6.0, 0.0, 0.05):
        assert share.shape == x.shape
        assert 0 <= share.min() <= share.max() <= 1


def test_dots_and_stripes_cover_what_geometry_says() -> None:
    y, x = np.indices((600, 600), dtype=np.float32) / np.float32(10)
    dots, _ = weights("Dots", x, y, 6.0, 0.0, 0.01)
    assert float(dots.mean()) == pytest.approx(np.pi * 0.26**2, rel=0.03)
    stripes, _ = weights("Stripes", x, y, 6.0, 0.0, 0.01)
    assert float(stripes.mean()) == pytest.approx(0.5, abs=0.02)
