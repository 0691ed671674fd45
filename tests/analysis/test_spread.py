"""Pictures on a map: apart from each other at every level, and all of them at last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import picture_order, spread_levels
from lookalike.analysis.spread import FIRST, LEVELS
from lookalike.errors import UsageError


@given(st.integers(0, 300), st.integers(0, 1_000))
@settings(max_examples=30, deadline=None)
def test_pictures_of_a_level_keep_their_room(n: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2)).round(2)
    levels, room = spread_levels(points)
    assert levels.shape == (n,)
    for level in range(LEVELS - 1):
        shown = points[levels <= level]
        if len(shown) > 1:
            apart = np.abs(shown[:, None] - shown[None]).max(axis=2)[~np.eye(len(shown), dtype=bool)]
            assert apart.min() >= room / 2 ** (level / 2) * (1 - 1e-9)


def test_items_at_one_place_wait_for_the_last_level() -> None:
    levels, room = spread_levels(np.zeros((5, 2)))
    assert room == 1.0
    assert levels.tolist() == [0] + [LEVELS - 1] * 4


def test_a_level_is_nearly_full() -> None:
    points = np.random.default_rng(0).uniform(size=(20_000, 2))
    levels, _ = spread_levels(points)
    assert (levels == 0).sum() > 0.4 * FIRST**2, "a random packing of squares covers about half of the places"


def test_neighbors_on_the_map_are_near_in_the_order() -> None:
    points = np.random.default_rng(1).uniform(size=(4_096, 2))
    order = picture_order(np.zeros(4_096), points)
    assert sorted(order) == list(range(4_096))
    steps = np.abs(np.diff(points[order], axis=0)).max(axis=1)
    assert np.median(steps) < 0.03
    levels = np.arange(4_096) % 3
    assert (np.diff(levels[picture_order(levels, points)]) >= 0).all()


def test_what_is_no_map_is_refused() -> None:
    for wrong in ([[0.0]], [[0.0, np.nan]], [0.0]):
        with pytest.raises(UsageError, match="positions have the shape"):
            spread_levels(wrong)
