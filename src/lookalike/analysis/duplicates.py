"""Near-identical pictures: pairs that may be one photo, pairs that are, and the groups that they make.

A pair is one photo if, one picture laid over the other, mirrored or not, the fine detail of both runs alike and the
colors are the same. Products that only look alike differ in detail: in folds, seams, prints, reflections. Cheap looks
come first: mean colors, then pictures of 16 x 16; only what passes is laid over each other at 64 x 64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Workers, report, spans
from lookalike.records import Advance, Bytes, Floats, Ints

SIDE, COARSE = 64, 16
"""Sides of the pictures that are compared, and of those that say which pairs are worth it."""
TINT = 14.0
"""Largest difference of the mean color of two products, 0 to 255 and mean of the channels, before they are laid over
each other; `SHADE` after it, pixel by pixel of pictures so smooth that sharpness has no say."""
SHADE = 4.0
SURE, SURE_SHADE = 0.96, 5.0
"""Where fine detail correlates by this much, a little more difference of colors is let pass."""
INSIDE, HUE = 0.93, 3.5
"""Least correlation inside the outline, which alone makes the detail of dark things on white alike, and the largest
difference of hue in any part, which another color of a small part is told by."""
ROUGH, CLOSE, COARSE_SHADE = 0.65, 0.95, 11.0
"""Least correlation of coarse pictures as they come, and once laid over each other; how far apart their colors may
be then."""
SYMMETRIC = 0.15
"""A mirrored look is tried beside the other one where their coarse correlations differ by no more than this."""
OVERLAP = 0.6
"""Least share of a picture that the other one covers."""
WHITE = 243
COARSE_BLOCK, FINE_BLOCK, ROUND = 512, 32, 1_024
"""Pairs that one thread looks at in one go, coarse and fine; and fine ones after which groups are joined."""
GRAY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is kept of n pictures: `coarse` (n, 16, 16, 3) uint8, smooth; `tint` (n, 3) float32, the mean color that
    is not white."""

    coarse: Bytes
    tint: Floats


@dataclass(frozen=True, slots=True)
class Laid:
    """q pairs of pictures (q, 2) that may be one photo, by falling `fit` (q,), the correlation of coarse pictures.

    `way` (q,): + 1 where one of the two is mirrored, + 2 where the first is laid over the second, not the second over
    the first. `place` (q, 4): where (see `_overlay`).
    """

    pairs: Ints
    fit: Floats
    way: Ints
    place: Floats


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike q pairs of pictures are where they lie on each other.

    `detail` (q,): correlation of their fine detail, -1 to 1, and 0 where they hardly overlap. `inside` (q,): that of
    the gray inside the outline. `shade` (q,): how far the colors are apart, smoothed, 0 to 255, mean of the channels
    and of the pixels that are not white. `hue` (q,): so much of it as is no brightness, in the window where it is most.
    """

    detail: Floats
    inside: Floats
    shade: Floats
    hue: Floats


def sketch(pictures: Bytes) -> Sketches:
    """Sketches of pictures (n, 64, 64, 3) uint8."""
    gray = pictures.astype(np.float32) @ GRAY
    part = SIDE // COARSE
    coarse = pictures.reshape(-1, COARSE, part, COARSE, part, 3).mean(axis=(2, 4), dtype=np.float32)
    for axis in (1, 2):
        wide = np.concatenate([coarse.take([0], axis), coarse, coarse.take([-1], axis)], axis)
        near = [wide.take(range(start, start + COARSE), axis) for start in range(3)]
        coarse = (near[0] + 2 * near[1] + near[2]) / 4
    colored = (gray < WHITE)[..., None]
    count = colored.sum(axis=(1, 2))
    mean = (pictures * colored).sum(axis=(1, 2)) / np.maximum(count, 1)
    return Sketches(coarse.round().astype(np.uint8), np.where(count > 0, mean, 255).astype(np.float32))


def lay_over(sketches: Sketches, pairs: Ints, *, threads: int | None = None, progress: Advance | None = None) -> Laid:
    """Those of the pairs (p, 2) that may be one photo by their sketches, each the way that fits best.

    Either picture is tried on top of the other, mirrored or not, as far as the coarse pictures agree.
    """
    from lookalike.analysis import _overlay

    tint = np.abs(sketches.tint[pairs[:, 0]] - sketches.tint[pairs[:, 1]]).mean(axis=1)
    pairs = np.ascontiguousarray(pairs[tint <= TINT], np.int64)
    limits = np.array([ROUGH, SYMMETRIC, CLOSE, OVERLAP, COARSE_SHADE])
    fit, way = np.empty(len(pairs), np.float32), np.zeros(len(pairs), np.int64)
    place = np.empty((len(pairs), 4), np.float32)

    def run(span: tuple[int, int]) -> int:
        part = slice(*span)
        _overlay.lay_coarse(sketches.coarse, pairs[part], limits, fit[part], place[part], way[part])
        return span[1]

    with Workers(threads) as workers:
        for done in workers.map(run, spans(len(pairs), COARSE_BLOCK)):
            report(progress, done, len(pairs))
    best = np.argsort(-fit, kind="stable")
    best = best[fit[best] >= 0]
    return Laid(pairs[best], fit[best], way[best], place[best])


def likeness(pictures: Bytes, laid: Laid, *, threads: int | None = None) -> Likeness:
    """How alike pairs of pictures (n, 64, 64, 3) uint8 are where they lie on each other, their place refined."""
    from lookalike.analysis import _overlay

    told = np.empty((len(laid.pairs), 4), np.float32)
    shown: Array = np.asarray(pictures).view(np.ndarray)  # a memory map as well

    def run(span: tuple[int, int]) -> None:
        part = slice(*span)
        given = laid.pairs[part], laid.way[part], laid.place[part]
        _overlay.lay_fine(shown, *given, OVERLAP, told[part])

    with Workers(threads) as workers:
        for _ in workers.map(run, spans(len(laid.pairs), FINE_BLOCK)):
            pass
    return Likeness(*told.T)


def one_photo(
    pictures: Bytes, laid: Laid, threshold: float, *, threads: int | None = None, progress: Advance | None = None
) -> list[list[int]]:
    """Groups of the rows of `pictures` (n, 64, 64, 3) uint8 that show one photo, ascending in themselves and by
    their first: all that pairs tie together whose fine detail correlates by `threshold` and whose colors are the same.

    The best fits are looked at first; a pair that others have tied together by then needs no look.
    """
    groups = Groups(len(pictures))
    for start, stop in spans(len(laid.pairs), ROUND):
        apart = np.arange(start, stop)
        apart = apart[[groups.root(a) != groups.root(b) for a, b in laid.pairs[start:stop].tolist()]]
        asked = Laid(laid.pairs[apart], laid.fit[apart], laid.way[apart], laid.place[apart])
        for a, b in asked.pairs[_same(likeness(pictures, asked, threads=threads), threshold)].tolist():
            groups.join(a, b)
        report(progress, stop, len(laid.pairs))
    return groups.all()


def _same(told: Likeness, threshold: float) -> npt.NDArray[np.bool_]:
    most = np.where(told.detail >= SURE, SURE_SHADE, SHADE)
    return (told.detail >= threshold) & (told.inside >= INSIDE) & (told.shade <= most) & (told.hue <= HUE)


class Groups:
    """Rows 0 to n - 1 in groups that grow (union-find; the lowest row of a group is its root).

    >>> groups = Groups(10)
    >>> for a, b in [(5, 2), (7, 8), (2, 9)]:
    ...     groups.join(a, b)
    >>> groups.all()
    [[2, 5, 9], [7, 8]]
    """

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, row: int) -> int:
        """The lowest row of the group of `row`."""
        parent = self._parent
        while (above := parent[row]) != row:
            parent[row] = parent[above]
            row = above
        return row

    def join(self, a: int, b: int) -> None:
        """Make the groups of two rows one."""
        low, high = sorted((self.root(a), self.root(b)))
        self._parent[high] = low

    def all(self) -> list[list[int]]:
        """The groups of two rows and more."""
        found: dict[int, list[int]] = {}
        for row in range(len(self._parent)):
            found.setdefault(self.root(row), []).append(row)
        return [rows for rows in found.values() if len(rows) > 1]
