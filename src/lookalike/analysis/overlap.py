"""Two rankings of the same items: what they share, near the top above all, and whose neighbors agree on a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, check_count, spans
from lookalike.analysis.evaluation import agreement_shares, label_codes, mean_interval
from lookalike.errors import UsageError
from lookalike.records import Doubles, Estimate, Ints

PERSISTENCE = 0.9
"""How likely a reader of a list goes on to its next place: the first ten carry 86% of the weight (Webber et al.)."""
MATCHES = 1 << 23  # pairs of places compared at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A share in `a` and in `b`; `low` and `high` hold 95% of the resampled differences b - a, query by query."""

    a: float
    b: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """`{"a", "b", "low", "high"}`."""
        return {"a": self.a, "b": self.b, "low": self.low, "high": self.high}


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """A query and the ids of its k nearest in `a` and in `b`; `rank_biased_overlap` of its two longer lists."""

    id: str
    rank_biased_overlap: float
    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two catalogs on the `n` items that both have; `only_a` and `only_b` items are in one alone and take no part.

    `overlap` of the `k` nearest; `rank_biased_overlap` of the `depth` nearest; `agreement` per label; `changed`: the
    queries whose lists changed most, most first.
    """

    k: int
    n: int
    overlap: Estimate
    rank_biased_overlap: Estimate
    agreement: Mapping[str, Difference]
    only_a: int = 0
    only_b: int = 0
    depth: int = 0
    changed: tuple[Changed, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike compare --json`."""
        return {
            "k": self.k,
            "n": self.n,
            "overlap": self.overlap.as_json(),
            "rank_biased_overlap": self.rank_biased_overlap.as_json(),
            "agreement": {label: difference.as_json() for label, difference in self.agreement.items()},
            "only_a": self.only_a,
            "only_b": self.only_b,
            "depth": self.depth,
            "changed": [
                {"id": c.id, "rank_biased_overlap": c.rank_biased_overlap, "a": list(c.a), "b": list(c.b)}
                for c in self.changed
            ],
        }


def overlap(a: npt.ArrayLike, b: npt.ArrayLike) -> Doubles:
    """For each query the share of its k neighbors in `a` that are in `b` too: (n,) float64 in 0..1.

    `a`, `b`: (n, k) int, the neighbors of the same n queries, nearest first, each row without repeats. Raises
    `UsageError` for other shapes.
    """
    return _agreement_by_depth(*_checked(a, b))[:, -1]


def rank_biased_overlap(a: npt.ArrayLike, b: npt.ArrayLike, p: float = PERSISTENCE) -> Doubles:
    """For each query the extrapolated rank-biased overlap of its two lists: (n,) float64 in 0..1; 1 for equal lists.

    With A_d the share of the first d places that both lists have, the overlap of endless lists is the mean of A_d with
    the weights (1 - p) p^(d - 1). Of lists of k places it is known up to k, and from there on A_k is taken
    (RBO_EXT, equation 23 of Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", 2010).
    `a`, `b` as in `overlap`; `p` between 0 and 1: the nearer to 0, the more the first places count.

    >>> rank_biased_overlap([[1, 2]], [[2, 1]], p=0.5)  # A is 0, then 1: 0 * 0.5 + 1 * 0.25 + 1 * 0.25
    array([0.5])
    """
    if not 0 < p < 1:
        raise UsageError(f"p={p!r} is out of range: give a number between 0 and 1, such as {PERSISTENCE}")
    shares = _agreement_by_depth(*_checked(a, b))
    weights = (1 - p) * p ** np.arange(shares.shape[1])
    weights[-1] = p ** (shares.shape[1] - 1)  # the last place and all that could follow it
    return np.asarray(np.minimum(shares @ weights, 1.0), np.float64)


def paired_difference(
    a: npt.ArrayLike, b: npt.ArrayLike, labels: Sequence[object] | Array, *, seed: int = 0, resamples: int = 1000
) -> Difference:
    """How often the neighbors carry the query's label in `a` and in `b`, and the interval of the difference b - a.

    `a`, `b`: (n, k) int rows of items, and `labels`, n values, as in `agreement`. Queries are resampled with both of
    their shares together (a paired bootstrap; Efron, 1979), so that what makes a query hard for both is no part of the
    difference; 2.5th to 97.5th percentile. NaN where there is no query.
    """
    codes = label_codes(labels)
    of_a, of_b = (agreement_shares(side, codes) for side in _checked(a, b))
    known = ~np.isnan(of_a) & ~np.isnan(of_b)
    # differences of shares such as 2/3 - 1/3 and 1/3 - 0 are one value
    gap = mean_interval(np.round(of_b[known] - of_a[known], 12), seed=seed, resamples=resamples)
    if not known.any():
        return Difference(a=np.nan, b=np.nan, low=np.nan, high=np.nan)
    return Difference(a=float(of_a[known].mean()), b=float(of_b[known].mean()), low=gap.low, high=gap.high)


def most_changed(values: Doubles, count: int) -> Ints:
    """The rows of the `count` lowest overlaps (n,) that are below 1, lowest first, equal ones by the lower row."""
    check_count("count", count)
    order = np.argsort(values, kind="stable")[:count]
    return order[values[order] < 1]


def _checked(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Ints, Ints]:
    first, second = np.asarray(a), np.asarray(b)
    if first.ndim != 2 or first.shape != second.shape or first.shape[1] < 1:
        raise UsageError(
            f"neighbors of shapes {first.shape} and {second.shape} cannot be compared: give (n, k) twice, k from 1"
        )
    for name, side in (("a", first), ("b", second)):
        ordered = np.sort(side, axis=1)
        if (twice := (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)).any():
            raise UsageError(f"row {int(twice.argmax())} of {name} names a neighbor twice: give each of them once")
    return first, second


def _agreement_by_depth(a: Ints, b: Ints) -> Doubles:
    """The share of the first d places that both lists have, for d = 1..k: (n, k) float64."""
    n, k = a.shape
    shared = np.zeros((n, k), np.int64)
    for start, stop in spans(n, max(1, MATCHES // (k * k))):
        query, in_a, in_b = np.nonzero(a[start:stop, :, None] == b[start:stop, None, :])
        np.add.at(shared, (query + start, np.maximum(in_a, in_b)), 1)
    return np.asarray(shared.cumsum(axis=1) / np.arange(1, k + 1), np.float64)
