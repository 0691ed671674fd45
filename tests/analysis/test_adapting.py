"""A map learned from labels: it finds the axes that tell them apart, and gains nothing where labels tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import adapt_points, learn_map
from lookalike.errors import UsageError
from lookalike.records import Floats, Value


def made(n: int = 240, seed: int = 0) -> tuple[Floats, list[Value]]:
    """Points whose first two axes tell six labels apart, drowned by ten axes that tell nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, n)
    centers = rng.normal(size=(6, 2))
    noise = rng.normal(size=(n, 10)) * np.linspace(2, 0.5, 10)
    points = np.hstack([centers[labels] + 0.1 * rng.normal(size=(n, 2)), noise])
    return points.astype(np.float32), labels.tolist()


def test_axes_that_tell_labels_apart_count_more() -> None:
    points, labels = made()
    fit = np.arange(len(points)) % 2 == 0
    found = learn_map(points, {"kind": labels}, fit)
    assert found.helps
    assert found.gain.low > 0.2
    assert found.adapted - found.plain == pytest.approx(found.gain.value, abs=1e-6)
    assert (found.fitted, found.held) == (120, 120)
    sizes = np.linalg.norm(found.axes, axis=1)
    assert sizes[:2].min() > 2 * sizes[2:].max()
    again = learn_map(points, {"kind": labels}, fit)
    assert (again.axes == found.axes).all(), "the same items, the same map"


def test_labels_by_chance_gain_nothing() -> None:
    points, labels = made(seed=2)
    shuffled = np.random.default_rng(3).permutation(np.array(labels)).tolist()
    assert not learn_map(points, {"kind": shuffled}, np.arange(len(points)) % 2 == 0).helps


def test_held_out_labels_have_no_say_in_the_map() -> None:
    points, labels = made()
    fit = np.arange(len(points)) % 2 == 0
    other = [label if known else (label + 1) % 6 for label, known in zip(labels, fit, strict=True)]  # type: ignore[operator]
    one, two = (learn_map(points, {"kind": given}, fit).axes for given in (labels, other))
    assert one == pytest.approx(two, abs=1e-9)


def test_adapted_points_keep_their_length_and_do_not_depend_on_company() -> None:
    points, labels = made()
    axes = learn_map(points, {"kind": labels}, np.arange(len(points)) % 2 == 0).axes
    moved = adapt_points(points, axes)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(np.linalg.norm(points, axis=1), rel=1e-5)
    assert adapt_points(points[3:4], axes) == pytest.approx(moved[3:4], abs=1e-6)
    assert (adapt_points(np.zeros((1, 12), np.float32), axes) == 0).all()


def test_too_few_labels_are_refused_politely() -> None:
    points, labels = made(60)
    few = [label if row < 30 else None for row, label in enumerate(labels)]
    with pytest.raises(UsageError, match="20 in each are the fewest"):
        learn_map(points, {"kind": few}, np.arange(60) % 2 == 0)
    with pytest.raises(UsageError, match="'name' says too little: 0 and 0"):
        learn_map(points, {"name": [f"n{row}" for row in range(60)]}, np.arange(60) % 2 == 0)
