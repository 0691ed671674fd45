"""Duplicates: variants of drawn shoes are found, other colors and other shoes are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageOps

import lookalike
from lookalike.analysis.duplicates import join, lay_over, likeness, sketch
from lookalike.analysis.registration import correlation, lay, register
from lookalike.demo import COLORS, draw_shoe, recolor, sample_shoes
from lookalike.errors import UsageError
from tests.conftest import Run


@pytest.fixture(scope="module")
def shoes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shoes")
    for name, shoe in zip("ab", sample_shoes(2, seed=3), strict=True):
        photo = draw_shoe(shoe)
        photo.save(folder / f"{name}.png")
        w, h = photo.size
        photo.resize((w // 2, h // 2)).save(folder / f"{name}-half.png")
        photo.save(folder / f"{name}-40.jpg", quality=40)
        photo.crop((w // 40, h // 40, w - w // 40, h - h // 40)).save(folder / f"{name}-cropped.png")
        ImageOps.mirror(photo).save(folder / f"{name}-mirrored.png")
        other = next(color for color in sorted(COLORS) if color != shoe.color)
        draw_shoe(recolor(shoe, other)).save(folder / f"{name}-{other}.png")
    return folder


def test_variants_are_found_and_other_colors_are_not(run: Run, shoes: Path, tmp_path: Path) -> None:
    assert run("index", tmp_path / "c", shoes, "--model", "tiny").code == 0
    done = run("duplicates", tmp_path / "c", "--json")
    assert done.code == 0
    kinds = ("-40.jpg", "-cropped.png", "-half.png", "-mirrored.png", ".png")
    assert done.json == {"groups": [[f"{name}{kind}" for kind in kinds] for name in "ab"]}
    assert lookalike.open(tmp_path / "c").duplicates() == done.json["groups"]
    assert "2 groups; 8 of 12 items" in run("duplicates", tmp_path / "c").out
    wrong = run("duplicates", tmp_path / "c", "--threshold", 2)
    assert wrong.code == 2
    assert "0.5 to 1" in wrong.err


def test_an_empty_catalog_has_none_and_a_wrong_threshold_is_refused(tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    assert catalog.duplicates() == []
    with pytest.raises(UsageError, match="threshold"):
        catalog.duplicates(threshold=0.1)


def test_a_shift_and_a_stretch_are_found_again() -> None:
    at = (np.arange(64) + 0.5) / 32 - 1
    hill = (200 * np.exp(-3 * (at[None, :] ** 2 + 2 * at[:, None] ** 2))).astype(np.float32)[None]
    place = np.array([[1.1, 0.95, 0.06, -0.04]], np.float32)
    moved = lay(hill[..., None], place)[0][..., 0]
    assert register(moved, hill, 12) == pytest.approx(place, abs=0.01)


def test_even_pictures_are_alike_only_if_their_color_is() -> None:
    even = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (90, 90, 140)])
    laid = lay_over(sketch(even), np.array([[0, 1], [0, 2]]))
    assert laid.pairs.tolist() in ([[0, 1]], [[1, 0]])
    detail, shade = likeness(even[:1], even[1:2], laid.place)
    assert (detail[0], shade[0]) == (1, 0)
    assert correlation(np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32), np.ones((1, 4, 4), bool)) == 1


def test_groups_are_all_that_pairs_tie_together() -> None:
    assert join([]) == []
    assert join([(5, 2), (7, 8), (2, 9), (9, 7), (1, 3)]) == [[1, 3], [2, 5, 7, 8, 9]]
