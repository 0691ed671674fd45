"""How close two computations of the same vectors come: what every parity script reports."""

from __future__ import annotations

import numpy as np

from lookalike.analysis import nearest_neighbors
from lookalike.records import Floats


def closeness(found: Floats, expected: Floats) -> tuple[float, int]:
    """The largest difference over the largest value, and how many rows have the same three nearest, in any order."""
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    near = [np.sort(nearest_neighbors(vectors, 3).ids, axis=1) for vectors in (found, expected)]
    return difference, int((near[0] == near[1]).all(axis=1).sum())
