"""Positions in a frame, tiles that do not overlap, dots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.report.placement import DotMap, fit
from lookalike.report.wall import tile


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 2**31), st.floats(0.5, 2.0), st.integers(1, 40))
def test_tiles_never_overlap_and_stay_in_the_frame(n: int, seed: int, aspect: float, across: int) -> None:
    positions = np.random.default_rng(seed).standard_cauchy((n, 2))
    tiles = tile(positions, 9.0, 7.0, aspect=aspect, across=across)
    assert len(set(tiles.rows.tolist())) == len(tiles.rows)
    assert (len(tiles.rows) > 0) == (n > 0)
    low, high = tiles.corners, tiles.corners + np.array([tiles.width, tiles.height])
    assert (low >= -1e-9).all()
    assert (high <= np.array([9.0, 7.0]) + 1e-9).all()
    apart = (low[:, None] >= high[None] - 1e-9).any(axis=2) | (high[:, None] <= low[None] + 1e-9).any(axis=2)
    assert (apart | np.eye(len(low), dtype=bool)).all()


def test_near_items_get_near_tiles() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 5, 300)  # five tight groups far apart: most of the map is empty
    positions = rng.uniform(size=(5, 2))[group] * 10 + rng.normal(scale=0.05, size=(300, 2))
    tiles = tile(positions, 12, 9, across=20)
    assert len(tiles.rows) == min(300, int(20 * 15 / 1.08))
    gaps = np.square(tiles.corners[:, None] - tiles.corners).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    beside = group[tiles.rows[gaps.argmin(axis=1)]] == group[tiles.rows]
    assert beside.mean() > 0.8


def test_no_empty_land_and_no_one_hidden() -> None:
    positions = np.random.default_rng(0).standard_cauchy((100, 2))
    tiles = tile(positions, 11, 10, across=11)
    assert len(tiles.rows) == int(110 / 1.08) - 1 or len(tiles.rows) == 100
    few = tile(positions, 3, 3, across=3)
    assert len(few.rows) == 8


def test_tiles_that_fit_stay_where_they_are() -> None:
    places = np.stack(np.meshgrid(np.arange(6.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    tiles = tile(places, 6, 5, across=6)
    middle = tiles.corners + 0.5
    assert np.abs(fit(places, 6, 5)[tiles.rows] - middle).max() < 1


def test_given_items_go_first() -> None:
    positions = np.array([[0.0, 0.0], [0.01, 0.0], [5.0, 5.0]])
    assert 1 in tile(positions, 10, 10, across=4, first=np.array([1])).rows


def test_fitting_keeps_the_shape_and_turns_y_down() -> None:
    placed = fit(np.array([[0.0, 0.0], [2.0, 1.0]]), 10, 10, margin=1)
    assert placed.tolist() == [[1.0, 7.0], [9.0, 3.0]]


def test_places_that_are_not_known_go_to_the_middle() -> None:
    assert fit(np.array([[0.0, 0.0], [2.0, 2.0], [np.nan, 1.0]]), 10, 10)[2].tolist() == [5.0, 5.0]
    assert fit(np.full((2, 2), np.nan), 10, 8).tolist() == [[5.0, 4.0], [5.0, 4.0]]
    assert fit(np.ones((1, 2)), 10, 8).tolist() == [[5.0, 4.0]]
    assert fit(np.zeros((0, 2)), 10, 8).shape == (0, 2)


@pytest.mark.parametrize("row", [0, 1])
def test_the_highlighted_dot_is_where_its_item_lies(row: int) -> None:
    positions = np.array([[0.0, 0.0], [1.0, 1.0]])
    dots = DotMap(positions, 90, mute="#c9cfd5", accent="#d55e00")
    pixels = dots.pixels(np.array([row])).astype(int)
    colored = (pixels[..., 3] > 200) & (pixels[..., 0] - pixels[..., 2] > 120)
    y, x = np.argwhere(colored).mean(axis=0)
    assert (x < 45, y > 45) == (row == 0, row == 0)


def test_a_flat_map_takes_less_height() -> None:
    dots = DotMap(np.array([[0.0, 0.0], [4.0, 3.0]]), 100, mute="#c9cfd5", accent="#d55e00")
    assert dots.ratio == pytest.approx(0.75)
    assert dots.pixels(np.array([0])).shape == (75, 100, 4)
    assert DotMap(np.zeros((1, 2)), 60, mute="#c9cfd5", accent="#d55e00").ratio == 1.0


def test_a_wall_with_just_enough_cells_shows_every_photo() -> None:
    tiles = tile(np.random.default_rng(0).normal(size=(1000, 2)), 27.0, 40.0, across=40)
    assert len(tiles.rows) == 1000, "1,080 cells are 1.08 for each of 1,000"
