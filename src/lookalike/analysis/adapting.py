"""A small linear map of points, learned from labels: what tells labels apart counts more.

A ridge regression of the points on indicators of labels gives a map to where items of one label lie together (flexible
discriminant analysis: Hastie, Tibshirani and Buja 1994). The square of a distance is then a share of that there, and
the rest of that between the points themselves, which a single symmetric matrix does. All of it in closed form. How
strong either is, is cross-validated on the items to learn from; what it gains is measured on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import report
from lookalike.analysis.evaluation import agreement_shares, label_codes, mean_interval
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Estimate, Floats, Ints, Value

WITHIN = (0.25, 0.5, 0.8, 0.95)
"""What is tried: the share of the points' covariance in what a regression divides by, the rest is the identity."""
BETWEEN = (0.2, 0.4, 0.6, 0.8, 0.9)
"""What is tried: the share of a squared distance that is measured where labels lie apart."""
FOLDS = 3
LEAST = 20
"""Items of each half, at least, that share their label with another one of it."""
TRIED = 4_000
"""Items of the half to learn from that strengths are tried on, at most: a seeded sample of more."""
RESAMPLES = 4_000

Ready = Callable[[Floats, Ints], Floats]
"""What makes points (m, d) of some rows (m,) ready to be measured: mixes their colors in, for example."""


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What was learned: `axes` (d, d) float64, and what it is worth on items it was not learned from.

    `within` and `between` are the strengths that did best, of `WITHIN` and `BETWEEN`.
    `plain` and `adapted` are the mean agreement of the k nearest over labels and queries without and with it, `gain`
    their difference, `gains` that of each label; `fitted` and `held` count the items of the halves that have a label.
    """

    axes: Doubles
    within: float
    between: float
    plain: float
    adapted: float
    gain: Estimate
    gains: Mapping[str, Estimate]
    fitted: int
    held: int

    @property
    def helps(self) -> bool:
        """Whether the interval of the gain is above zero, and no label's is below it."""
        return self.gain.low > 0 and all(gain.high >= 0 for gain in self.gains.values())


def adapt_points(points: npt.ArrayLike, axes: Doubles) -> Floats:
    """Points (n, d) by the map, each brought back to the length that it had: (n, d) float32.

    Worked out in float64, so a point has the same result whatever it is handed over with.
    """
    given = np.asarray(points, np.float64)
    moved = given @ axes
    lengths, before = (np.linalg.norm(each, axis=1, keepdims=True) for each in (moved, given))
    scaled: Doubles = np.divide(moved * before, lengths, out=np.zeros_like(moved), where=lengths > 0)
    return scaled.astype(np.float32)


def learn_map(
    points: Floats,
    labels: Mapping[str, Sequence[Value]],
    fit: npt.NDArray[np.bool_],
    *,
    k: int = 3,
    ready: Ready | None = None,
    seed: int = 0,
    progress: Advance | None = None,
) -> Adaptation:
    """Learn a map of points (n, d) from the items where `fit` (n,) holds, and measure it on the others.

    `labels`: by name, n values each; an item without one (None, NaN, empty text) says nothing of it. The held-out items
    are the only queries and the only candidates where the gain is measured. Raises `UsageError` where, of either half,
    fewer than 20 items share a label with another one of that half.
    """
    codes = {name: label_codes(values) for name, values in labels.items()}
    for name, own in codes.items():
        shared = [int((np.bincount(part)[part] > 1).sum()) for part in (own[fit & (own >= 0)], own[~fit & (own >= 0)])]
        if min(shared) < LEAST:
            raise UsageError(
                f"label {name!r} says too little: {shared[0]} and {shared[1]} items of the halves share theirs with "
                f"another one, and {LEAST} in each are the fewest to learn from one and measure on the other"
            )

    def measured(axes: Doubles | None, rows: Ints) -> dict[str, Doubles]:
        """For each label the share of each query's k nearest that carry it, among `rows`."""
        moved = points[rows] if axes is None else adapt_points(points[rows], axes)
        near = nearest_neighbors(moved if ready is None else ready(moved, rows), k).ids
        return {name: agreement_shares(near, own[rows]) for name, own in codes.items()}

    rows = np.flatnonzero(fit)
    rng = np.random.default_rng(seed)
    tried = np.sort(rng.choice(rows, TRIED, replace=False)) if len(rows) > TRIED else rows
    fold = rng.permutation(len(tried)) % FOLDS
    grid = list(product(WITHIN, BETWEEN))
    scores = np.zeros(len(grid))
    for at in range(FOLDS):
        learned = _Regressed(points, codes, tried[fold != at])
        asked = tried[fold == at]
        for place, strength in enumerate(grid):
            scores[place] += _mean(measured(learned.axes(*strength), asked))
            report(progress, at * len(grid) + place + 1, FOLDS * len(grid) + 1)
    within, between = grid[int(scores.argmax())]
    axes = _Regressed(points, codes, rows).axes(within, between)
    held = np.flatnonzero(~fit)
    before, after = measured(None, held), measured(axes, held)
    gains = {name: _gain([before[name]], [after[name]], seed) for name in codes}
    report(progress, FOLDS * len(grid) + 1, FOLDS * len(grid) + 1)
    known = np.any([own >= 0 for own in codes.values()], axis=0)
    return Adaptation(
        axes=axes,
        within=within,
        between=between,
        plain=_mean(before),
        adapted=_mean(after),
        gain=_gain(list(before.values()), list(after.values()), seed),
        gains=gains,
        fitted=int((known & fit).sum()),
        held=int((known & ~fit).sum()),
    )


class _Regressed:
    """Regressions of some rows of points on indicators of each of their labels."""

    def __init__(self, points: Floats, codes: Mapping[str, Ints], rows: Ints) -> None:
        self._sides = []
        for own in codes.values():
            part = rows[own[rows] >= 0]
            _, group, counts = np.unique(own[part], return_inverse=True, return_counts=True)
            data = points[part].astype(np.float64)
            data -= data.mean(axis=0)
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            sums = np.add.reduceat(data[np.argsort(group, kind="stable")], starts, axis=0)
            self._sides.append((data.T @ data, sums[counts > 1].T))  # data times indicators, which need no room
        self._known: dict[float, tuple[Doubles, Doubles]] = {}

    def axes(self, within: float, between: float) -> Doubles:
        """The map for strengths `within` and `between`, each from 0 (none) to 1."""
        if within not in self._known:
            self._known[within] = np.linalg.eigh(sum(self._apart(*sides, within) for sides in self._sides))
        values, vectors = self._known[within]
        stretch = np.sqrt(1 - between + between * np.maximum(values, 0) / len(self._sides))
        return np.asarray((vectors * stretch) @ vectors.T, np.float64)

    @staticmethod
    def _apart(own: Doubles, both: Doubles, within: float) -> Doubles:
        """A matrix (d, d) of the squared distances where labels lie apart, as long in the mean as those of points."""
        size = float(np.trace(own)) / len(own)
        if size == 0:
            return np.eye(len(own))
        slopes = np.linalg.solve(within * own / size + (1 - within) * np.eye(len(own)), both)
        found = slopes @ slopes.T
        length = float((own * found).sum())
        return found * (np.trace(own) / length) if length > 0 else np.eye(len(own))


def _mean(shares: Mapping[str, Doubles]) -> float:
    return float(np.mean([np.nanmean(own) for own in shares.values()]))


def _gain(before: Sequence[Doubles], after: Sequence[Doubles], seed: int) -> Estimate:
    """The mean over queries of what each gains, itself the mean over the labels that it has."""
    gaps = np.stack([two - one for one, two in zip(before, after, strict=True)])
    counted = (~np.isnan(gaps)).sum(axis=0)
    gap = np.nansum(gaps, axis=0)[counted > 0] / counted[counted > 0]
    return mean_interval(gap.round(6), resamples=RESAMPLES, seed=seed)
