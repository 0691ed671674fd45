"""Which pictures of a map to show first: at every zoom a few, evenly spread, none on top of another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.records import Ints

LEVELS = 28
"""Levels at most: each halves the area that one picture claims."""
FIRST = 12
"""Pictures side by side on the first level, over the longer side of the map."""
_NEAR = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]


def spread_levels(positions: npt.ArrayLike) -> tuple[Ints, float]:
    """The level at which each item of a map first has room for its picture, and the room of the first level.

    `positions` (n, 2), finite. Returns levels (n,) int64 from 0 to `LEVELS` - 1 and `room` in the units of the
    positions: two items of level at most L are at least `room / 2**(L / 2)` apart along x or y, except on the last
    level, which takes what is left (items at one place). Greedy on a grid, in the spirit of Poisson disk sampling
    (Bridson 2007); lower rows come first.

    >>> spread_levels([[0, 0], [12, 0], [12, 0.75]])
    (array([0, 0, 1]), 1.0)
    """
    points = np.asarray(positions, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise UsageError(f"positions have the shape {points.shape}: give finite numbers of shape (n, 2)")
    n = len(points)
    levels = np.full(n, LEVELS - 1, np.int64)
    if not n:
        return levels, 1.0
    points = points - points.min(axis=0)
    room = float(points.max()) / FIRST or 1.0
    left, taken = np.arange(n), np.zeros(0, np.int64)
    for level in range(LEVELS - 1):
        side = room / 2 ** (level / 2)
        cells = np.floor(points / side).astype(np.int64) + 1
        wide = int(cells[:, 0].max()) + 2
        keys = cells[:, 1] * wide + cells[:, 0]
        for corner in range(4):
            part = left[(cells[left, 0] & 1) + 2 * (cells[left, 1] & 1) == corner]
            chosen = _free(points, keys, wide, side, part, taken)
            levels[chosen] = level
            taken = np.concatenate([taken, chosen])
            left = left[~np.isin(left, chosen, assume_unique=True)] if len(chosen) else left
        if not len(left):
            break
    return levels, room


def _free(points: npt.NDArray[np.float64], keys: Ints, wide: int, side: float, part: Ints, taken: Ints) -> Ints:
    """Of `part`, the first row of each cell that has room beside the `taken` ones (at most one a cell)."""
    if not len(part):
        return part
    order = np.argsort(keys[taken], kind="stable")
    known, rows = keys[taken][order], taken[order]
    fits = np.ones(len(part), bool)
    if len(known):
        for dx, dy in _NEAR:
            place = np.searchsorted(known, keys[part] + dy * wide + dx)
            place = np.minimum(place, len(known) - 1)
            there = known[place] == keys[part] + dy * wide + dx
            apart = np.abs(points[part] - points[rows[place]]).max(axis=1) >= side
            fits &= ~there | apart
    part = part[fits]
    _, first = np.unique(keys[part], return_index=True)
    return part[first]


def picture_order(levels: npt.ArrayLike, positions: npt.ArrayLike) -> Ints:
    """Rows in the order in which their pictures are best kept together: by level, then by place (Morton 1966).

    `levels` (n,), `positions` (n, 2) finite. What a view shows at once lies in few pieces of this order.
    """
    points = np.asarray(positions, np.float64)
    low = points.min(axis=0, initial=np.inf)
    span = float((points - low).max(initial=0)) or 1.0
    cells = np.clip((points - low) / span * 65535, 0, 65535).astype(np.uint64)
    return np.lexsort((_interleaved(cells[:, 0]) | _interleaved(cells[:, 1]) << np.uint64(1), np.asarray(levels)))


def _interleaved(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The 16 low bits of each value with a zero bit after each."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | values << np.uint64(shift)) & np.uint64(mask)
    return values
