"""Diverse results: small cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import diversify
from lookalike.errors import UsageError


def gaps_of(points: list[float]) -> np.ndarray:
    return np.abs(np.subtract.outer(points, points))


def test_near_identical_candidates_count_once() -> None:
    points = [1.0, 1.1, 1.2, 2.0, 3.0]
    found = diversify(np.array(points), gaps_of(points), 3, scale=1.0)
    assert found.places.tolist() == [0, 3, 4]
    assert found.collapsed == 2


def test_too_few_that_differ_are_filled_up_with_the_nearest() -> None:
    points = [1.0, 1.1, 1.2, 2.0]
    assert diversify(np.array(points), gaps_of(points), 3, scale=1.0).places.tolist() == [0, 1, 3]
    assert diversify(np.array(points), gaps_of(points), 9, scale=1.0).places.tolist() == [0, 1, 2, 3]


def test_a_different_one_wins_over_a_little_nearer_one() -> None:
    distances = np.array([1.0, 1.1, 1.2])
    gaps = np.array([[0, 0.6, 9], [0.6, 0, 9], [9, 9, 0]])
    assert diversify(distances, gaps, 2, scale=1.0).places.tolist() == [0, 2]
    assert diversify(distances, gaps, 2, scale=1.0, balance=1.0).places.tolist() == [0, 1]
    far = np.array([1.0, 1.1, 9.0])
    assert diversify(far, gaps, 2, scale=1.0, balance=0.9).places.tolist() == [0, 1], "but not over a much nearer one"


def test_no_candidates_and_bad_values() -> None:
    assert diversify(np.zeros(0), np.zeros((0, 0)), 3, scale=1.0).places.tolist() == []
    with pytest.raises(UsageError, match="balance"):
        diversify(np.zeros(1), np.zeros((1, 1)), 1, scale=1.0, balance=2)
