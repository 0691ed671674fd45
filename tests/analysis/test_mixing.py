"""Looks and color in one space: distances are what the shares say."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import mix
from lookalike.errors import UsageError


def made(n: int = 20) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], ...]:
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(n, 5)), rng.uniform(size=(n, 3))
    return tuple((part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float32) for part in parts)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_squared_distances_mix_by_their_shares(share: float) -> None:
    looks, colors = made()
    points = mix(looks, colors, share)
    squared = [((x[:, None].astype(float) - x[None]) ** 2).sum(axis=2) for x in (points, looks, colors)]
    np.testing.assert_allclose(squared[0], (1 - share) * squared[1] + share * squared[2], atol=1e-6)
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)


def test_the_ends_are_the_parts_themselves() -> None:
    looks, colors = made()
    np.testing.assert_array_equal(mix(looks, colors, 0), looks)
    np.testing.assert_array_equal(mix(looks, colors, 1), colors)


def test_what_does_not_fit_is_refused() -> None:
    looks, colors = made()
    with pytest.raises(UsageError, match="0 to 1"):
        mix(looks, colors, 1.5)
    with pytest.raises(UsageError, match="19"):
        mix(looks, colors[1:], 0.5)
