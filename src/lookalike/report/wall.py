"""The map as a wall of photos: each has a place of its own, and near items get near places.

A map has crowds and empty land; cut into squares, most photos of a crowd would be hidden and most of the paper empty.
Here the items are moved as little as possible, in the sum of squared distances, so that each gets a cell of a grid
(a linear assignment; Quadrianto, Smola, Song and Tuytelaars, "Kernelized sorting", 2010, sort photos in like manner).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.records import Doubles, Floats, Ints
from lookalike.report.placement import fit

SLACK = 1.08
"""Cells an item: the few empty ones fall where groups part."""
EVEN = 0.5
"""How much of an item's place comes from its rank along an axis, which evens out crowds, rather than its position."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Thumbnails on a wall: `rows` (m,) the items shown, `corners` (m, 2) the upper left corners of tiles of `width`
    and `height`, in the units of the frame. No two tiles overlap and all lie in the frame.
    """

    rows: Ints
    corners: Doubles
    width: float
    height: float


def tile(
    positions: Floats | Doubles,
    width: float,
    height: float,
    *,
    aspect: float = 1.0,
    across: int = 32,
    first: Ints | None = None,
) -> Tiles:
    """Fill a frame with thumbnails that keep the neighborhoods of a map, at most `across` squares in its longer side.

    Where there are more items than cells, some are shown for all: the map is cut into parts of as many items each, and
    each shows one of `first`, if it has any, else the item closest to its middle. `aspect` is width over height of a
    tile.
    """
    # Squares of equal area whatever the aspect, so that flat photos do not get fewer rows.
    side = max(width, height) / max(1, across)
    tile_width = min(width, side * np.sqrt(aspect))
    tile_height = min(height, side / np.sqrt(aspect))
    columns, lines = int(width / tile_width + 1e-9), int(height / tile_height + 1e-9)
    points = fit(positions, 1.0, 1.0)
    shown = min(len(points), max(1, int(columns * lines / SLACK + 1e-9)))
    rows = _some(points, shown, np.zeros(0, np.int64) if first is None else first)
    line, column = np.divmod(_assign(points[rows], columns, lines), columns)
    left, top = (width - columns * tile_width) / 2, (height - lines * tile_height) / 2
    corners = np.stack([left + column * tile_width, top + line * tile_height], axis=1)
    return Tiles(rows, corners, float(tile_width), float(tile_height))


def _some(points: Doubles, amount: int, first: Ints) -> Ints:
    """`amount` rows spread over the map as its items are, ascending."""
    preferred = np.zeros(len(points), bool)
    preferred[first] = True
    chosen = []
    parts = [(np.arange(len(points)), amount)] if len(points) else []
    while parts:
        rows, many = parts.pop()
        if many == 1:
            away = np.square(points[rows] - points[rows].mean(axis=0)).sum(axis=1)
            chosen.append(int(rows[np.lexsort((away, ~preferred[rows]))[0]]))
            continue
        axis = int(np.ptp(points[rows], axis=0).argmax())
        order = rows[np.argsort(points[rows, axis], kind="stable")]
        cut = round(len(rows) * (many // 2) / many)
        parts += [(order[:cut], many // 2), (order[cut:], many - many // 2)]
    return np.sort(np.array(chosen, np.int64))


def _assign(points: Doubles, columns: int, lines: int) -> Ints:
    """The cell, line * columns + column, of each of m points: the least sum of squared moves, in cells."""
    from scipy.optimize import linear_sum_assignment

    m = len(points)
    if not m:
        return np.zeros(0, np.int64)
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    linear = np.divide(points - low, span, out=np.full(points.shape, 0.5), where=span > 0)
    rank = np.argsort(np.argsort(points, axis=0, kind="stable"), axis=0) / max(1, m - 1)
    places = (EVEN * rank + (1 - EVEN) * linear) * [columns - 1, lines - 1]
    cells = np.stack(np.divmod(np.arange(columns * lines), columns)[::-1], axis=1)
    cost = np.square(places[:, None] - cells).sum(axis=2)
    return np.asarray(linear_sum_assignment(cost)[1], np.int64)
