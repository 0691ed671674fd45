"""Leading axes: what is computed along them is off by no more than they say, and bounds every distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.analysis._axes import Along, leading_axes
from tests.analysis.reference import blobs


def spectrum(n: int, d: int, seed: int) -> Any:
    """Rows whose columns, mixed, have variances that fall quickly."""
    rng = np.random.default_rng(seed)
    mixed = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -1.0 @ mixed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_hold_nearly_what_principal_axes_hold(dtype: Any) -> None:
    x = spectrum(400, 120, 0).astype(dtype)
    x -= x.mean(axis=0)
    axes, left = leading_axes(x, 20)
    assert axes.shape == (120, 20)
    assert axes.dtype == dtype
    np.testing.assert_allclose(axes.T @ axes, np.eye(20), atol=1e-5 if dtype == np.float32 else 1e-12)
    values = np.linalg.eigvalsh(x.astype(np.float64).T @ x)
    assert left == pytest.approx(1 - values[-20:].sum() / values.sum(), rel=0.1)
    along = x @ axes
    assert 1 - np.square(along).sum() / np.square(x).sum() == pytest.approx(left, rel=0.02)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_axes_beyond_what_rows_span_are_orthonormal_all_the_same(rank: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, 40))
    axes, left = leading_axes(x, 10)
    np.testing.assert_allclose(axes.T @ axes, np.eye(10), atol=1e-12)
    assert left == pytest.approx(0, abs=1e-12)
    assert leading_axes(x[:5], 10)[0].shape == (40, 4)


@pytest.mark.parametrize("kind", ["spectrum", "blobs", "offset", "tiny", "large", "at the center"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_computed_is_off_by_less_than_it_says_and_bounds_distances(kind: str, dtype: Any) -> None:
    x: Any = blobs(90, 7, 700, 1.0, 0)[0] if kind == "blobs" else spectrum(90, 700, 1)
    x = (x * {"tiny": 1e-12, "large": 1e12}.get(kind, 1.0) + (1000 if kind == "offset" else 0)).astype(dtype)
    center = np.median(x, axis=0).astype(dtype)
    if kind == "at the center":
        x[:5] = center
    along = Along(leading_axes((x - center).astype(np.float32), 30)[0], center)
    found, rest, off = along(x)

    wide = along.axes.astype(np.float64)
    axes = np.linalg.qr(wide)[0]  # what spans the same, orthonormal
    axes = axes * np.sign(np.vecdot(axes.T, wide.T))
    z = x.astype(np.float64) - center.astype(np.float64)
    true = np.column_stack([z @ axes, np.linalg.norm(z - z @ axes @ axes.T, axis=1)])
    assert (np.linalg.norm(np.column_stack([found, rest]) - true, axis=1) <= off + 1e-300).all()
    assert np.median(off) < 0.01 * np.median(np.linalg.norm(z, axis=1)), "no more than need be"

    gaps = np.linalg.norm(found[:, None] - found, axis=2)
    apart = np.linalg.norm(z[:, None] - z, axis=2)
    lost = off[:, None] + off
    assert (np.hypot(gaps, rest[:, None] - rest) - lost <= apart * (1 + 1e-12)).all()
    assert (np.hypot(gaps, rest[:, None] + rest) + lost >= apart * (1 - 1e-12)).all()


def test_rows_that_are_too_large_say_so_without_a_warning() -> None:
    x = np.zeros((4, 50), np.float32)
    x[2] = 1e30
    found, rest, off = Along(np.eye(50)[:, :5], np.zeros(50, np.float32))(x)
    assert np.isfinite([*found[:2].ravel(), *rest[:2], *off[:2]]).all()
    assert not np.isfinite(off[2])
