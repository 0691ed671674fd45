"""Duplicates: variants of drawn shoes are found, other colors and other shoes are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageOps

import lookalike
from lookalike.analysis import _overlay
from lookalike.analysis import duplicates as pairs_of
from lookalike.analysis.duplicates import (
    GRAY,
    HUE,
    INSIDE,
    OVERLAP,
    SHADE,
    Groups,
    Laid,
    lay_over,
    likeness,
    one_photo,
    sketch,
)
from lookalike.demo import COLORS, draw_shoe, recolor, sample_shoes
from lookalike.errors import UsageError
from lookalike.records import Bytes, Floats
from tests.analysis import overlay
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


def test_a_shift_and_a_stretch_are_found_again_by_compiled_and_plain_loops() -> None:
    at = (np.arange(64) + 0.5) / 32 - 1
    hill = (200 * np.exp(-3 * (at[None, :] ** 2 + 2 * at[:, None] ** 2))).astype(np.float32)[None]
    place = np.array([[1.1, 0.95, 0.06, -0.04]], np.float32)
    moved = overlay.lay(hill[..., None], place)[0][..., 0]
    assert overlay.register(moved, hill, 12) == pytest.approx(place, abs=0.01)
    found = np.array([1, 1, 0, 0], np.float64)
    _overlay.settle(moved[0], hill[0], 12, found)
    assert found == pytest.approx(place[0], abs=0.01)


@pytest.fixture(scope="module")
def looks() -> Bytes:
    """Eight small pictures of drawn shoes: four as they are, and each mirrored and moved by a pixel or two."""
    drawn = [np.asarray(draw_shoe(shoe).resize((64, 64))) for shoe in sample_shoes(4, seed=8)]
    moved = [np.roll(picture[:, ::-1], (1, 2), (0, 1)) for picture in drawn]
    return np.stack([*drawn, *moved])


def test_the_compiled_loops_say_what_plain_numpy_says(looks: Bytes) -> None:
    pairs = np.array([[0, 4], [1, 5], [2, 6], [3, 7], [1, 4]])
    laid = lay_over(sketch(looks), pairs, threads=1)
    order = np.lexsort(laid.pairs.T)
    laid = Laid(laid.pairs[order], laid.fit[order], laid.way[order], laid.place[order])
    assert len(laid.pairs) >= 4
    told = likeness(looks, laid, threads=1)
    pairs = np.where((laid.way >= 2)[:, None], laid.pairs[:, ::-1], laid.pairs)
    first, second = (looks[pairs[:, side]].astype(np.float32) for side in (0, 1))
    second = np.where((laid.way % 2 == 1)[:, None, None, None], second[:, :, ::-1], second)
    place = overlay.register(overlay.smooth(first @ GRAY), overlay.smooth(second @ GRAY), 6, laid.place)
    over, there = overlay.lay(second, place)
    first, over = overlay.smooth(first), overlay.smooth(over)
    broad = [overlay.smooth(overlay.smooth(overlay.smooth(each))) for each in (first, over)]
    fine: list[Floats] = [
        ((each - wide) @ GRAY).astype(np.float32) for each, wide in zip((first, over), broad, strict=True)
    ]
    covered = there.mean(axis=(1, 2)) >= OVERLAP
    assert told.detail == pytest.approx(np.where(covered, overlay.correlation(fine[0], fine[1], there), 0), abs=2e-3)
    colored = there & (np.minimum(broad[0] @ GRAY, broad[1] @ GRAY) < pairs_of.WHITE)
    apart = (np.abs(broad[0] - broad[1]).mean(axis=-1) * colored).sum(axis=(1, 2)) / colored.sum(axis=(1, 2))
    assert told.shade == pytest.approx(apart, abs=0.05)


def test_groups_are_the_same_by_any_number_of_threads_and_need_only_the_best_pairs(looks: Bytes) -> None:
    everything = np.array([(a, b) for a in range(8) for b in range(a + 1, 8)])
    laid = lay_over(sketch(looks), everything, threads=2)
    told: list[tuple[int, int]] = []
    one = one_photo(looks, laid, 0.9, threads=1, progress=lambda done, total: told.append((done, total)))
    assert one == one_photo(looks, laid, 0.9, threads=3) == [[row, row + 4] for row in range(4)]
    assert told[-1] == (len(laid.pairs),) * 2
    assert (np.diff(laid.fit) <= 0).all()


def test_even_pictures_are_alike_only_if_their_color_is() -> None:
    even = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (90, 90, 140)])
    laid = lay_over(sketch(even), np.array([[0, 1], [0, 2]]))
    assert laid.pairs.tolist() == [[0, 1]]
    told = likeness(even, laid)
    assert (told.detail[0], told.shade[0]) == (1, pytest.approx(0, abs=1e-4))
    assert (told.inside[0], told.hue[0]) == (1, pytest.approx(0, abs=1e-4))


def test_what_is_inside_of_one_outline_tells_two_products_apart() -> None:
    """Dark things on white: their outline is nearly all of their detail."""
    rng = np.random.default_rng(0)
    pictures = np.full((3, 64, 64, 3), 255, np.uint8)
    for picture, seed in zip(pictures, (0, 0, 1), strict=True):
        pattern = np.random.default_rng(seed).integers(0, 60, (6, 6, 1)).repeat(8, axis=0).repeat(8, axis=1)
        picture[8:56, 8:56] = 40 + pattern + rng.integers(0, 3, (48, 48, 1))
    told = likeness(pictures, lay_over(sketch(pictures), np.array([[0, 1], [0, 2]])))
    assert told.inside[0] > INSIDE
    assert (told.inside[1:] < INSIDE).all()
    groups = one_photo(pictures, lay_over(sketch(pictures), np.array([[0, 1], [0, 2], [1, 2]])), 0.9)
    assert groups == [[0, 1]]


def test_a_small_part_of_another_hue_tells_two_products_apart() -> None:
    rng = np.random.default_rng(0)
    pictures = np.full((2, 64, 64, 3), 255, np.uint8)
    pictures[:, 8:56, 8:56] = rng.integers(60, 160, (12, 12, 1)).repeat(4, axis=0).repeat(4, axis=1)
    pictures[1, 24:36, 24:36] = np.clip(pictures[1, 24:36, 24:36].astype(int) + np.array([14, -7, -7]), 0, 255)
    laid = lay_over(sketch(pictures), np.array([[0, 1]]))
    told = likeness(pictures, laid)
    assert told.shade[0] < SHADE
    assert told.hue[0] > HUE
    assert one_photo(pictures, laid, 0.9) == []


def test_nothing_to_compare_is_no_group() -> None:
    none = lay_over(sketch(np.zeros((2, 64, 64, 3), np.uint8)), np.zeros((0, 2), np.int64))
    assert one_photo(np.zeros((2, 64, 64, 3), np.uint8), none, 0.9) == []


def test_groups_are_all_that_pairs_tie_together() -> None:
    groups = Groups(10)
    assert groups.all() == []
    for a, b in [(5, 2), (7, 8), (2, 9), (9, 7), (1, 3)]:
        groups.join(a, b)
    assert groups.all() == [[1, 3], [2, 5, 7, 8, 9]]
