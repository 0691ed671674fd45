"""The elbow: found where there is one, and said to be missing where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.analysis import find_elbow, kmeans_sweep
from lookalike.errors import UsageError
from tests.analysis.reference import blobs


def test_by_hand() -> None:
    # the chord falls 17.2 a step; below it by 22.8, 45.6, 30.4, 15.2 at K = 2..5
    elbow = find_elbow([100.0, 60.0, 20.0, 18.0, 16.0, 14.0])
    assert (elbow.k, elbow.low, elbow.high, elbow.clear) == (3, 3, 3, True)


def test_kneedle_without_a_corner() -> None:
    curve = 1 / np.arange(1.0, 101)  # 1 - x - y is largest where 1/K falls as fast as the chord: K = 10
    elbow = find_elbow(curve)
    assert elbow.k == 10
    assert elbow.low < 10 < elbow.high
    assert not elbow.clear


@pytest.mark.parametrize("count", [2, 3, 5, 8, 20])
@pytest.mark.parametrize(("d", "spread"), [(10, 8.0), (50, 2.0)])
def test_the_number_of_blobs_is_found(count: int, d: int, spread: float) -> None:
    vectors, _ = blobs(600, count, d, spread)
    elbow = find_elbow(kmeans_sweep(vectors, 100, threads=1).inertia)
    assert elbow.clear
    assert elbow.k == count
    assert elbow.low <= count <= elbow.high


@pytest.mark.parametrize("d", [1, 2, 5, 50])
@pytest.mark.parametrize("max_k", [20, 100])
def test_noise_has_no_clear_elbow(d: int, max_k: int) -> None:
    rng = np.random.default_rng(0)
    for vectors in (rng.random((500, d)), rng.normal(size=(500, d))):
        elbow = find_elbow(kmeans_sweep(vectors, max_k, threads=1).inertia)
        assert not elbow.clear
        assert elbow.low <= elbow.k <= elbow.high


@pytest.mark.parametrize("curve", [[5.0], [5.0, 1.0], [3.0] * 9, [0.0] * 4, [9.0, 8.0, 7.0, 6.0], [9.0, 8.5, 7.0, 0.0]])
def test_curves_without_a_bend(curve: list[float]) -> None:
    elbow = find_elbow(curve)
    assert (elbow.k, elbow.low, elbow.high, elbow.clear) == (1, 1, len(curve), False)


def test_a_curve_that_reaches_zero() -> None:
    assert find_elbow([8.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]).k == 3


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=60), st.sampled_from([0.5, 4.0]))
def test_always_in_range_and_free_of_scale(drops: list[float], scale: float) -> None:
    curve = np.cumsum(np.sort(drops))[::-1]
    elbow = find_elbow(curve)
    assert 1 <= elbow.low <= elbow.k <= elbow.high <= len(curve)
    assert find_elbow(curve * scale) == elbow


@pytest.mark.parametrize("curve", [[], [1.0, np.nan], [2.0, -1.0], [[1.0, 2.0]]])
def test_wrong_input(curve: Any) -> None:
    with pytest.raises(UsageError, match="not negative"):
        find_elbow(curve)
