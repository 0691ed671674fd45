"""The plain definitions that the fast versions are held to, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def brute_force(vectors: npt.ArrayLike, k: int, queries: npt.ArrayLike | None = None) -> tuple[Array, Array]:
    """The k nearest by the sum of squared differences, equal ones by row; self left out without queries."""
    x = np.asarray(vectors, np.float64)
    q = x if queries is None else np.asarray(queries, np.float64)
    squared = ((q[:, None] - x[None]) ** 2).sum(axis=-1)
    if queries is None:
        np.fill_diagonal(squared, np.inf)
        k = min(k, len(x) - 1)
    rows = np.broadcast_to(np.arange(len(x)), squared.shape)
    order = np.lexsort((rows, squared))[:, :k]
    return order, np.sqrt(np.take_along_axis(squared, order, axis=1))


def blobs(n: int, k: int, d: int, spread: float, seed: int = 0) -> tuple[Array, Array]:
    """n points around k centers that are `spread` standard deviations wide; and the number of each point's center."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % k
    return rng.normal(size=(k, d))[labels] * spread + rng.normal(size=(n, d)), labels


def photo_pixels(folder: str, count: int, side: int = 16) -> Array:
    """`count` photos as (count, 3 * side * side) float32 pixels in 0..1: vectors with a real catalog's structure."""
    from pathlib import Path

    from PIL import Image

    paths = sorted((Path(folder) / "images").rglob("*.jpg"))
    step = max(1, len(paths) // count)
    return np.stack(
        [
            np.asarray(Image.open(path).convert("RGB").resize((side, side)), np.float32).ravel() / 255
            for path in paths[::step][:count]
        ]
    )


def exact_push(places: Array) -> tuple[Array, float]:
    """The repulsion of a map from all pairs in float64, (n, n) in memory, and Z, the sum of 1 / (1 + r^2)."""
    gaps = places[:, None] - places
    near = 1 / (1 + np.square(gaps).sum(axis=-1))
    return (gaps * np.square(near)[:, :, None]).sum(axis=1), float(near.sum() - len(places))
