"""Looks and color in one space, so that one Euclidean search serves any share of the two."""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Vectors, as_vectors, spans
from lookalike.errors import UsageError
from lookalike.records import Floats

_BLOCK = 4_096


def mix(looks: Vectors, colors: Vectors, share: float) -> Floats:
    """Points whose squared distances are (1 - share) times those of `looks` plus share times those of `colors`.

    `looks` (n, d) and `colors` (n, c) are rows of the same items, best of length 1 each, so that both squares
    lie between 0 and 4 and a share means the same in every catalog. `share` in 0..1. Returns (n, d + c) float32; at 0
    and at 1 only the columns that count. Each row depends on itself alone.

    >>> mix([[1.0, 0.0]], [[0.0, 1.0]], 0.36).round(3)
    array([[0.8, 0. , 0. , 0.6]], dtype=float32)
    """
    if not 0 <= share <= 1:
        raise UsageError(f"share={share} is out of range: give a value from 0 to 1")
    first, second = as_vectors(looks, "looks"), as_vectors(colors, "colors")
    if len(first) != len(second):
        raise UsageError(f"looks has {len(first)} rows, colors {len(second)}: give one row an item in both")
    parts = [(np.sqrt(weight), part) for weight, part in ((1 - share, first), (share, second)) if weight > 0]
    found = np.empty((len(first), sum(part.shape[1] for _, part in parts)), np.float32)
    for start, stop in spans(len(first), _BLOCK):  # a product with a float64 is twice as large as what is kept of it
        end = 0
        for weight, part in parts:
            begin, end = end, end + part.shape[1]
            found[start:stop, begin:end] = weight * part[start:stop]
    return found
