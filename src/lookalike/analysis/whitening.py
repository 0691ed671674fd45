"""Partial whitening: principal axes, each divided by a power of its variance, then unit length.

A few directions carry most of the variance of network features and drown the rest in plain distances. Dividing
each axis by its full deviation would give noise the same say; a part of it is better (PCA with partial power:
Jegou and Chum 2012, "Negative evidences and co-occurrences in image retrieval").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.analysis._blocks import Vectors, as_vectors, spans
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats

DIMENSIONS = 384
POWER = 0.25
SHRINK = 0.5
SAMPLE = 20_000
_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class Whitening:
    """What is fitted: `mean` (d,) float64 and `axes` (d, k) float64, each axis scaled already."""

    mean: Doubles
    axes: Doubles

    def apply(self, vectors: Vectors) -> Floats:
        """The whitened vectors, (n, k) float32 of unit length; one that equals the mean stays zero.

        Euclidean distances between them order as their cosines do. Worked out in float64, so a vector has the
        same result whatever it is handed over with.
        """
        array = as_vectors(vectors)
        if array.shape[1] != len(self.mean):
            raise UsageError(f"vectors have {array.shape[1]} numbers, the fit is for {len(self.mean)}")
        white = np.empty((len(array), self.axes.shape[1]), np.float32)
        for start, stop in spans(len(array), _BLOCK):
            block = (array[start:stop].astype(np.float64) - self.mean) @ self.axes
            lengths = np.linalg.norm(block, axis=1, keepdims=True)
            white[start:stop] = np.divide(block, lengths, out=np.zeros_like(block), where=lengths > 0)
        return white


def fit_whitening(
    vectors: Vectors,
    *,
    dimensions: int = DIMENSIONS,
    power: float = POWER,
    shrink: float = SHRINK,
    seed: int = 0,
) -> Whitening:
    """Fit a `Whitening` on (n, d) vectors, or on a seeded sample of 20,000 of them.

    The `dimensions` axes of largest variance are kept, fewer where there are fewer. Axis i, of variance v, is
    divided by (v + shrink * mean variance of the kept axes) ** power: `shrink` keeps small axes, which little
    data tells badly, from growing too much. Vectors that do not vary give one axis of zeros.

    >>> import numpy as np
    >>> fit = fit_whitening(np.eye(4, dtype=np.float32))
    >>> fit.apply(np.eye(4, dtype=np.float32)).shape
    (4, 3)
    """
    array = as_vectors(vectors)
    if len(array) > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(len(array), SAMPLE, replace=False))
        array = array[rows]
    data = array.astype(np.float64)
    mean = data.mean(axis=0) if len(data) else np.zeros(data.shape[1])
    data -= mean
    variances, axes = np.linalg.eigh(data.T @ data / max(len(data) - 1, 1))
    order = np.argsort(-variances, kind="stable")[: min(dimensions, max(len(data) - 1, 0))]
    variances, axes = np.maximum(variances[order], 0), axes[:, order]
    kept = variances > 1e-9 * variances.max(initial=0)
    if not kept.any():
        return Whitening(mean, np.zeros((data.shape[1], 1)))
    variances, axes = variances[kept], axes[:, kept]
    # An eigenvector's sign is arbitrary: the largest entry is made positive, so that equal data give equal axes.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Whitening(mean, axes * signs * (variances + shrink * variances.mean()) ** -power)
