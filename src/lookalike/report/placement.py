"""Where things go on a map: fitting positions into a frame, dots as pixels."""

from __future__ import annotations

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
