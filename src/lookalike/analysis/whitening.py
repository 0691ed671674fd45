"""Partial whitening: principal axes, each divided by a power of its variance, then unit length.

A few directions carry most of the variance of network features and drown the rest in plain distances. Dividing
each axis by its full deviation would give noise the same say; a part of it is better (PCA with partial power:
Jegou and Chum 2012, "Negative evidences and co-occurrences in image retrieval").

`fit_looks` asks more: what nearest neighbors differ in is noise for the purpose, so axes are divided by a power of the
variance among neighbors in place of the variance of all (after Bar-Hillel et al. 2005, "Learning a Mahalanobis metric
from equivalence constraints"; neighbors stand in for the labels that there are none of). And each layer of a network
has its say: its part of the vector becomes a unit vector of its own, weighted, before the parts stand side by side.
What color vectors predict of a part counts as noise too, since color has a measure of its own (nuisance attributes are
taken out in this way in speaker recognition: Solomonoff, Campbell and Boardman 2005). Where photos with labels were
there, what those of a kind differ in is noise as well (within-class covariance normalization: Hatch, Kajarekar and
Stolcke 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from lookalike.analysis._blocks import Vectors, Workers, as_vectors, spans
from lookalike.analysis._few import few_nearest
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats, Ints

DIMENSIONS = 384
POWER = 0.25
SHRINK = 0.5
SAMPLE = 20_000
AMONG = 8_000
"""Items at most among which neighbors are looked for."""
ASKED = 3_000
"""Of these, items at most whose neighbors say what look-alikes differ in."""
PAIRS = 3
"""Neighbors of each of them."""
WIDEST = 512
"""Axes that are looked at; the rest of a wider piece is too small to matter."""
WITHIN_POWER = 0.5
WITHIN_SHRINK = 0.1
COLOR_NOISE = 1.0
"""How much of the variance that color predicts is added to the variance among neighbors."""
ALIKE_NOISE = 0.6
"""What photos of a kind differ in has this share of the noise, where that is known."""
RIDGE = 1.0
"""Added to the variance of each color number before it predicts, in mean variances of them."""
_BLOCK = 1_024
"""Rows that are worked on at a time in float64."""


@dataclass(frozen=True, slots=True)
class Part:
    """Columns `start` to `stop` of a vector, the `width` axes fitted on them, and their `weight` among the parts."""

    start: int
    stop: int
    width: int
    weight: float


@dataclass(frozen=True, slots=True)
class Whitening:
    """What is fitted: `mean` (d,) float64 and `axes` (d, k) float64, each axis scaled already.

    `parts` in the order of their columns and axes, weights that add up to 1; none: all is one part.
    """

    mean: Doubles
    axes: Doubles
    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, mean: Doubles, blocks: Sequence[tuple[Part, Doubles]]) -> Whitening:
        """Parts, each with the axes (columns of the part, its width) that are its own, as one fit."""
        axes = np.zeros((len(mean), sum(part.width for part, _ in blocks)))
        first = 0
        for part, own in blocks:
            axes[part.start : part.stop, first : first + part.width] = own
            first += part.width
        return cls(mean, axes, tuple(part for part, _ in blocks))

    def blocks(self) -> list[tuple[Part, Doubles]]:
        """Each part with its own axes; all as one part where there are none."""
        parts = self.parts or (Part(0, len(self.mean), self.axes.shape[1], 1.0),)
        ends = np.cumsum([part.width for part in parts])
        return [
            (part, self.axes[part.start : part.stop, end - part.width : end])
            for part, end in zip(parts, ends, strict=True)
        ]

    def apply(self, vectors: Vectors, more: Floats | None = None) -> Floats:
        """The whitened vectors, (n, k) float32 of unit length; one that equals the mean stays zero.

        `more` (n, e): columns that follow those of `vectors`. NaN in a row says nothing: the parts of these columns are
        zero then, and the others share their weight, so that it is drawn less to other rows of which nothing is known.

        Each part has the square root of its weight as its length. Euclidean distances between them order as their
        cosines do. Worked out in float64, so a vector has the same result whatever it is handed over with.
        """
        array = as_vectors(vectors)
        extra = np.empty((len(array), 0), np.float32) if more is None else more
        wide = array.shape[1] + extra.shape[1]
        if wide != len(self.mean):
            raise UsageError(f"vectors have {wide} numbers, the fit is for {len(self.mean)}")
        white = np.empty((len(array), self.axes.shape[1]), np.float32)

        def fill(span: tuple[int, int]) -> None:
            self._apply(array[slice(*span)], extra[slice(*span)], white[slice(*span)])

        with Workers(None) as workers:
            for _ in workers.map(fill, spans(len(array), _BLOCK // 4)):
                pass
        return white

    def _apply(self, array: Floats, extra: Floats, out: Floats) -> None:
        """As `apply` for a block of rows, into `out`."""
        centered = np.empty((len(array), len(self.mean)))
        known = array.shape[1]
        np.subtract(array, self.mean[:known], out=centered[:, :known])
        centered[:, known:] = extra - self.mean[known:]
        unknown, blocks, first = np.isnan(centered), self.blocks(), 0
        centered[unknown] = 0
        lost = [unknown[:, part.start : part.stop].any(axis=1, keepdims=True) for part, _ in blocks]
        share = 1 - sum(part.weight * rows for (part, _), rows in zip(blocks, lost, strict=True))
        for (part, axes), rows in zip(blocks, lost, strict=True):
            block = centered[:, part.start : part.stop] @ axes
            lengths = np.linalg.norm(block, axis=1, keepdims=True) / np.sqrt(part.weight / share)
            np.divide(block, lengths, out=block, where=lengths > 0)
            out[:, first : first + part.width] = np.where(rows, 0, block)
            first += part.width


def sample_rows(n: int, seed: int = 0) -> Ints:
    """The rows of n that a fit looks at: all, or a seeded sample of 20,000 in their order."""
    return _sample(n, SAMPLE, seed)


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
        array = array[sample_rows(len(array), seed)]
    mean, covariance = _moments(array)
    variances, axes = _principal(covariance, min(dimensions, max(len(array) - 1, 0)))
    return Whitening(mean, axes * _shrunk(variances, power, shrink))


def fit_looks(
    vectors: Vectors,
    parts: Sequence[tuple[int, float]] = (),
    *,
    colors: Vectors | None = None,
    alike: Sequence[Floats] = (),
    seed: int = 0,
) -> Whitening:
    """Fit what the default ranking measures in, on (n, d) vectors or a seeded sample of 20,000 of them.

    `parts` are the widths of the pieces of a vector, in order, and their weights; none: one piece. Of each piece, up to
    384 axes are kept. With the 3 nearest of up to 3,000 items among 8,000, found in the partly whitened piece, an axis
    of variance w among neighbors is divided by (w + mean / 10) ** 0.5, so what look-alikes differ in counts less.

    `colors` (n, c): color vectors of the same rows. What a ridge regression on them predicts of a piece is added to
    what neighbors differ in, so that what an item looks like depends less on its color; the fit is a map of `vectors`
    alone all the same.

    `alike`: for each piece, rows (m, its width) whose products `rows.T @ rows` are the covariance of what photos of a
    kind differ in, up to a factor. It takes 0.6 of the noise, what is seen in these vectors the rest.

    Raises `UsageError` for widths that do not add up to d, colors of other rows, or `alike` of other pieces.
    """
    array, known = as_vectors(vectors), None if colors is None else as_vectors(colors, "colors")
    if known is not None and len(known) != len(array):
        raise UsageError(f"vectors has {len(array)} rows, colors {len(known)}: give one row an item in both")
    d = array.shape[1]
    parts = parts or ((d, 1.0),)
    widths, weights = [width for width, _ in parts], np.array([weight for _, weight in parts], np.float64)
    if sum(widths) != d or min(widths) < 1 or not (weights > 0).all():
        raise UsageError(f"parts of the widths {widths} do not make up {d} numbers with weights above 0: check both")
    if alike and [rows.shape[1] for rows in alike] != widths:
        raise UsageError(f"alike is for pieces of {[rows.shape[1] for rows in alike]} numbers, parts are {widths}")
    if len(array) > SAMPLE:
        rows = sample_rows(len(array), seed)
        array, known = array[rows], None if known is None else known[rows]
    ends = np.cumsum(widths)
    with Workers(None) as workers:
        pieces = [array[:, end - width : end] for width, end in zip(widths, ends, strict=True)]
        predicting = None if known is None else _Predicting(known)
        jobs: list[tuple[Floats, Floats | None]] = list(zip_longest(pieces, alike))
        fits = list(workers.map(lambda job: _fit_part(job[0], predicting, seed, job[1]), jobs))
    blocks = [
        (Part(int(start), int(stop), fit.axes.shape[1], float(weight)), fit.axes)
        for fit, start, stop, weight in zip(fits, ends - widths, ends, weights / weights.sum(), strict=True)
    ]
    return Whitening.of(np.concatenate([fit.mean for fit in fits]), blocks)


def _fit_part(vectors: Floats, colors: _Predicting | None, seed: int, alike: Floats | None = None) -> Whitening:
    """Axes of one piece (n, d): divided by what neighbors differ in, then those of largest variance."""
    mean, covariance = _moments(vectors)
    variances, rotation = _principal(covariance, min(WIDEST, max(len(vectors) - 1, 0)))
    if not rotation.any():
        return Whitening(mean, rotation)
    among = _sample(len(vectors), AMONG, seed)
    some = np.empty((len(among), rotation.shape[1]), np.float32)
    for start, stop in spans(len(among), _BLOCK):
        some[start:stop] = (vectors[among[start:stop]] - mean) @ rotation
    asked = _sample(len(some), ASKED, seed)
    near = few_nearest(_partly_whitened(some, variances), PAIRS, asked)
    differences = (some[asked, None] - some[near]).reshape(-1, some.shape[1])
    noise = (differences.T @ differences).astype(np.float64) / max(len(differences), 1)
    if colors is not None:
        noise += COLOR_NOISE * colors.predicted(vectors, rotation)
    if alike is not None:
        rows = alike @ rotation
        noise = (1 - ALIKE_NOISE) * _of_trace_1(noise) + ALIKE_NOISE * _of_trace_1(rows.T @ rows)
    within, axes = np.linalg.eigh(noise)
    within = np.maximum(within, 0)
    if within.mean() > 0:
        axes = axes * (within + WITHIN_SHRINK * within.mean()) ** -WITHIN_POWER
    # along `rotation` the covariance is that of its axes alone
    _, last = _principal((axes.T * variances) @ axes, min(DIMENSIONS, len(vectors) - 1))
    return Whitening(mean, _signed(rotation @ (axes @ last)))


def _of_trace_1(covariance: Doubles) -> Doubles:
    trace = float(np.trace(covariance))
    return covariance / trace if trace > 0 else covariance


def _partly_whitened(rows: Floats, variances: Doubles) -> Floats:
    """As `fit_whitening` would, for rows (n, k) along principal axes of these variances, largest first."""
    kept = variances[:DIMENSIONS]
    points: Floats = rows[:, : len(kept)] * _shrunk(kept, POWER, SHRINK).astype(np.float32)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    np.divide(points, lengths, out=points, where=lengths > 0)
    return points


class _Predicting:
    """A ridge regression on colors (n, c), of whatever else is known of the same rows."""

    def __init__(self, colors: Floats) -> None:
        self._colors = colors
        self._mean, self._own = _moments(colors)
        self._size = float(np.trace(self._own)) / len(self._own)

    def predicted(self, vectors: Floats, axes: Doubles) -> Doubles:
        """The covariance (k, k), along `axes` (d, k), of what it predicts of vectors (n, d)."""
        if self._size == 0:
            return np.zeros((axes.shape[1], axes.shape[1]))
        both = np.zeros((len(self._own), vectors.shape[1]))
        for start, stop in spans(len(vectors), _BLOCK):
            both += (self._colors[start:stop] - self._mean).T @ vectors[start:stop]
        ridge = self._own + RIDGE * self._size * np.eye(len(self._own))
        slopes = np.linalg.solve(ridge, both @ axes / max(len(vectors) - 1, 1))
        found: Doubles = slopes.T @ self._own @ slopes
        return found


def beside(looks: Whitening, other: Whitening, share: float) -> Whitening:
    """Two fits as one, of the columns of the first and then of the second: `share`, over 0 and below 1, is what the
    second counts. Where nothing varies in the second, the first alone.
    """
    if not 0 < share < 1:
        raise UsageError(f"share={share} is out of range: give a value over 0 and below 1")
    if not other.axes.any():
        return looks
    d = len(looks.mean)
    blocks = [(replace(part, weight=(1 - share) * part.weight), axes) for part, axes in looks.blocks()]
    blocks += [
        (replace(part, start=d + part.start, stop=d + part.stop, weight=share * part.weight), axes)
        for part, axes in other.blocks()
    ]
    return Whitening.of(np.concatenate([looks.mean, other.mean]), blocks)


def _moments(vectors: Floats | Doubles) -> tuple[Doubles, Doubles]:
    """Mean and covariance in float64, block by block: no copy of all is made."""
    d = vectors.shape[1]
    mean: Doubles = vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(d)
    covariance = np.zeros((d, d))
    for start, stop in spans(len(vectors), _BLOCK):
        block = vectors[start:stop] - mean
        covariance += block.T @ block
    return mean, covariance / max(len(vectors) - 1, 1)


def _shrunk(variances: Doubles, power: float, shrink: float) -> Doubles:
    """What to multiply axes of these variances by."""
    large = variances + shrink * variances.mean()
    factors: Doubles = np.divide(1.0, large**power, out=np.zeros_like(large), where=large > 0)
    return factors


def _principal(covariance: Doubles, most: int) -> tuple[Doubles, Doubles]:
    """The `most` largest variances and their axes, of length 1; where nothing varies, 0 and one axis of zeros."""
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(-variances, kind="stable")[:most]
    variances, axes = np.maximum(variances[order], 0), axes[:, order]
    kept = variances > 1e-9 * variances.max(initial=0)
    if not kept.any():
        return np.zeros(1), np.zeros((len(covariance), 1))
    return variances[kept], _signed(axes[:, kept])


def _sample(n: int, most: int, seed: int) -> Ints:
    """All of n rows, or a seeded sample of `most` of them in their order."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _signed(axes: Doubles) -> Doubles:
    """A direction's sign is arbitrary: the largest entry is made positive, so that equal data give equal axes."""
    signs: Doubles = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return axes * signs
