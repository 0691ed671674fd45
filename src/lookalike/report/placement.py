"""Where things go on a map: fitting positions into a frame, tiles that do not overlap, dots as pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lookalike.records import Bytes, Doubles, Floats, Ints
from lookalike.report.palette import rgb


def fit(positions: Floats | Doubles, width: float, height: float, margin: float = 0.0) -> Doubles:
    """`positions` (n, 2) moved and scaled, both axes alike, into a frame with y pointing down.

    Returns (n, 2) float64 with `margin` left free on every side; the shape of the map is kept and centered. A
    position that is not finite goes to the middle.
    """
    points = np.array(positions, dtype=np.float64).reshape(-1, 2)
    if not len(points):
        return points
    known = np.isfinite(points).all(axis=1)
    low = points[known].min(axis=0) if known.any() else np.zeros(2)
    high = points[known].max(axis=0) if known.any() else np.zeros(2)
    points[~known] = (low + high) / 2
    span = high - low
    room = np.array([width - 2 * margin, height - 2 * margin])
    ratios = [room[axis] / span[axis] for axis in (0, 1) if span[axis] > 0]
    scale = min(ratios, default=0.0)
    placed = (points - (low + high) / 2) * scale
    placed[:, 1] *= -1
    placed += np.array([width, height]) / 2
    return placed


@dataclass(frozen=True, slots=True)
class Tiles:
    """Thumbnails laid over a map: `rows` (m,) the items shown, `corners` (m, 2) the upper left corners of tiles
    of `width` and `height`, in the units of the frame. No two tiles overlap and all lie in the frame.
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
    """Cover the map with one thumbnail a place, at most `across` in its longer direction.

    The frame is cut into equal cells. Each cell that holds items shows one of them: one of `first` where it has
    any, else the item closest to its middle. `aspect` is width over height of a tile.
    """
    # Squares of equal area whatever the aspect, so that flat photos do not get fewer rows.
    side = max(width, height) / max(1, across)
    tile_width = min(width, side * np.sqrt(aspect))
    tile_height = min(height, side / np.sqrt(aspect))
    columns, lines = int(width / tile_width + 1e-9), int(height / tile_height + 1e-9)
    points = fit(positions, columns * tile_width, lines * tile_height)
    n = len(points)
    left, top = (width - columns * tile_width) / 2, (height - lines * tile_height) / 2
    points += np.array([left, top])
    column = np.clip((points[:, 0] - left) // tile_width, 0, columns - 1).astype(np.int64)
    line = np.clip((points[:, 1] - top) // tile_height, 0, lines - 1).astype(np.int64)
    middle = np.stack([left + (column + 0.5) * tile_width, top + (line + 0.5) * tile_height], axis=1)
    away = np.square(points - middle).sum(axis=1)
    chosen = np.zeros(n, dtype=bool)
    if first is not None:
        chosen[first] = True
    cell = line * columns + column
    order = np.lexsort((np.arange(n), away, ~chosen, cell))
    _, starts = np.unique(cell[order], return_index=True)
    rows = order[starts].astype(np.int64)
    corners = middle[rows] - np.array([tile_width, tile_height]) / 2
    return Tiles(rows, corners, float(tile_width), float(tile_height))


class DotMap:
    """Small pictures of one map with some of its dots highlighted; the dots behind are drawn only once.

    `side` is the longer side in pixels and `ratio` the height over the width, that of the map itself but at least
    a half and at most 1. Pictures are RGBA on nothing; `strength`, 0 to 255, is how much the
    dots behind cover, so that half of it suits light and dark paper alike.
    """

    _FINER = 3

    def __init__(self, positions: Floats | Doubles, side: int, *, mute: str, accent: str, strength: int = 255) -> None:
        n = max(1, len(positions))
        self._accent = accent
        self._radius = float(np.clip(side * 0.16 / np.sqrt(n), side / 180, side / 40)) * self._FINER
        points = fit(positions, 1.0, 1.0)
        wide, high = np.ptp(points, axis=0) if len(points) else (0.0, 0.0)
        self.ratio = float(np.clip(high / wide, 0.5, 1.0)) if wide > 0 else 1.0
        big, tall = side * self._FINER, round(side * self.ratio) * self._FINER
        self._points = fit(positions, big, tall, margin=self._radius * 1.8)
        # The whole picture carries the dots' color, so that edges do not darken when it is scaled down.
        self._under = Image.new("RGBA", (big, tall), (*rgb(mute), 0))
        self._stamp(self._under, np.arange(len(self._points)), (*rgb(mute), strength), self._radius)

    def picture(self, rows: Ints) -> Image.Image:
        """The map with the dots of `rows` highlighted, RGBA."""
        finer = self._under.copy()
        self._stamp(finer, rows, (*rgb(self._accent), 255), self._radius * 1.35)
        return finer.reduce(self._FINER)

    def pixels(self, rows: Ints) -> Bytes:
        """The same as an array (height, width, 4) of uint8."""
        return np.asarray(self.picture(rows), dtype=np.uint8)

    def _stamp(self, image: Image.Image, rows: Ints, fill: tuple[int, int, int, int], radius: float) -> None:
        draw = ImageDraw.Draw(image)
        for x, y in self._points[rows]:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
