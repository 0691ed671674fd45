"""Which pictures of a map to show first: at every zoom a few, evenly spread, none on top of another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.records import Doubles, Ints

LEVELS = 28
"""Levels at most: each halves the area that one picture claims."""
FIRST = 12
"""Pictures side by side on the first level, over the longer side of the map."""
DENSE = 16
"""Cells for each row, at most, for which an array of all cells is kept."""
_NEAR = sorted(((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)), key=lambda step: step[0] ** 2 + step[1] ** 2)


def spread_levels(positions: npt.ArrayLike) -> tuple[Ints, float]:
    """The level at which each item of a map first has room for its picture, and the room of the first level.

    `positions` (n, 2), finite. Returns levels (n,) int64 from 0 to `LEVELS` - 1 and `room` in the units of the
    positions: two items of level at most L are at least `room / 2**(L / 2)` apart along x or y, except on the last
    level, which takes what is left (items at one place). Greedy on a grid, in the spirit of Poisson disk sampling
    (Bridson 2007), cells in turn.

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
    order = picture_order(np.zeros(n, np.int64), points)  # neighbors in memory are neighbors on the map
    x, y = np.ascontiguousarray(points[order].T)
    left, taken = np.arange(n), np.zeros(0, np.int64)
    waits = np.ones(n, bool)
    for level in range(LEVELS - 1):
        side = room / 2 ** (level / 2)
        across, down = ((axis / side).astype(np.int64) + 1 for axis in (x, y))
        wide = int(across.max()) + 2
        keys = down * wide + across
        corners = (across[left] & 1) + 2 * (down[left] & 1)
        grid = _Grid(keys, wide, taken)
        for corner in range(4):
            chosen = grid.free((x, y), side, left[corners == corner])
            grid.put(chosen)
            levels[chosen] = level
            waits[chosen] = False
            taken = np.concatenate([taken, chosen])
        left = left[waits[left]]
        if not len(left):
            break
    found = np.empty(n, np.int64)
    found[order] = levels
    return found, room


class _Grid:
    """The rows that were taken, at most one a cell. `keys` (n,) are the cells of all rows, `wide` cells a line.

    As an array of all cells where there are not many more of them than rows; else the occupied ones, sorted.
    """

    def __init__(self, keys: Ints, wide: int, taken: Ints) -> None:
        self._keys = keys
        self._steps = [dy * wide + dx for dx, dy in _NEAR]
        size = int(keys.max()) + wide + 2
        self._rows = np.full(size, -1, np.int32) if size <= max(DENSE * len(keys), 4096) else None
        self._first = None if self._rows is None else np.empty(size, np.int32)
        self._taken = taken
        if self._rows is not None:
            self._rows[keys[taken]] = taken

    def put(self, rows: Ints) -> None:
        """These are taken too."""
        if self._rows is None:
            self._taken = np.concatenate([self._taken, rows])
        else:
            self._rows[self._keys[rows]] = rows

    def free(self, points: tuple[Doubles, Doubles], side: float, part: Ints) -> Ints:
        """Of `part`, the first row of each cell that has room beside the taken ones (at most one a cell)."""
        x, y = points
        order = np.argsort(self._keys[self._taken], kind="stable") if self._rows is None else None
        for step in self._steps:
            if not len(part):
                return part
            others = self._at(self._keys[part] + step, order)
            there = np.flatnonzero(others >= 0)
            one, other = part[there], others[there]
            near = (np.abs(x[one] - x[other]) < side) & (np.abs(y[one] - y[other]) < side)
            if near.any():
                fits = np.ones(len(part), bool)
                fits[there[near]] = False
                part = part[fits]
        keys = self._keys[part]
        if self._first is None:
            return part[np.unique(keys, return_index=True)[1]]
        self._first[keys[::-1]] = part[::-1]  # of several, the last to be written stays
        chosen: Ints = part[self._first[keys] == part]
        return chosen

    def _at(self, keys: Ints, order: Ints | None) -> Ints:
        """The row in each of these cells, -1 for none."""
        if self._rows is not None:
            found: Ints = self._rows[keys].astype(np.int64)
            return found
        if not len(self._taken):
            return np.full(len(keys), -1, np.int64)
        known, rows = self._keys[self._taken][order], self._taken[order]
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[place] == keys, rows[place], -1)


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
