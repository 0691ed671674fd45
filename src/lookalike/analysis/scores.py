"""What `evaluate` says of a ranking: precision at each place, nDCG, scores by group, and pairs that people made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array
from lookalike.analysis.evaluation import agreement_shares, label_codes, mean_interval
from lookalike.errors import UsageError
from lookalike.records import Doubles, Estimate, Ints, Value

DECIMALS = 4
"""Of a query's nDCG: so that its interval is drawn from at most 10,001 values, however many queries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Agreement on a label among the `n` queries that have `value` in another field."""

    value: Value
    n: int
    agreement: Estimate

    def as_json(self) -> dict[str, Any]:
        """`{"group", "n", "value", "low", "high"}`."""
        return {"group": self.value, "n": self.n, **self.agreement.as_json()}


@dataclass(frozen=True, kw_only=True, slots=True)
class PairAgreement:
    """Do a ranking and people agree on pairs? `alike` and `unlike` count theirs.

    `found`: the share of alike pairs of which either item is among the k nearest of the other; `apart`: the share of
    unlike pairs of which neither is. `ordered`: how often an alike pair is nearer than an unlike one (ties count half;
    the area under the ROC curve). NaN where there is no such pair.
    """

    alike: int
    unlike: int
    found: Estimate
    apart: Estimate
    ordered: Estimate

    def as_json(self) -> dict[str, Any]:
        """As `pairs` in `lookalike evaluate --json`."""
        told = {name: getattr(self, name).as_json() for name in ("found", "apart", "ordered")}
        return {"alike": self.alike, "unlike": self.unlike, **told}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How good the look-alikes of `n` items are, per label; every number with its 95% interval over queries.

    `agreement`: the share of the `k` nearest that carry the query's label. `precision`: for each of the first 1 to k
    places the share up to there, a missing neighbor counting as a miss. `ndcg`: normalized discounted cumulative gain
    of the k nearest. `groups`: the agreement for each value of the field `by`. `pairs`: agreement with pairs that
    people made. `held_out`: only items were looked at that an adaptation was not learned from.
    """

    k: int
    n: int
    agreement: Mapping[str, Estimate]
    precision: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)
    ndcg: Mapping[str, Estimate] = field(default_factory=dict)
    by: str | None = None
    groups: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    pairs: PairAgreement | None = None
    held_out: bool = False

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike evaluate --json`."""
        return {
            "k": self.k,
            "n": self.n,
            "agreement": {label: estimate.as_json() for label, estimate in self.agreement.items()},
            "precision": {label: [each.as_json() for each in places] for label, places in self.precision.items()},
            "ndcg": {label: estimate.as_json() for label, estimate in self.ndcg.items()},
            "by": self.by,
            "groups": {label: [group.as_json() for group in groups] for label, groups in self.groups.items()},
            "pairs": None if self.pairs is None else self.pairs.as_json(),
            "held_out": self.held_out,
        }


def precision_at(neighbor_rows: npt.ArrayLike, labels: Sequence[object] | Array) -> tuple[Estimate, ...]:
    """The share of the first 1, 2, ..., k neighbors (n, k) that carry the query's label; -1 is a miss.

    Items without a label are no queries. Unlike `agreement`, a query with fewer than k neighbors is not excused.
    """
    codes = label_codes(labels)
    rows, hits = _hits(neighbor_rows, codes)
    queries = codes >= 0
    shares = np.cumsum(hits[queries], axis=1) / np.arange(1, rows.shape[1] + 1)
    return tuple(mean_interval(shares[:, place]) for place in range(rows.shape[1]))


def ndcg_shares(
    neighbor_rows: npt.ArrayLike, labels: Sequence[object] | Array, allowed: npt.NDArray[np.bool_] | None = None
) -> Doubles:
    """The normalized discounted cumulative gain of each query's k neighbors, (n,) float64 in 0..1.

    A neighbor with the query's label gains 1 / log2(1 + place) (Jarvelin and Kekalainen 2002, "Cumulated gain-based
    evaluation of IR techniques"), divided by what the best order of all items gives, of those that are `allowed` (n,)
    where that is given. NaN for an item without a label, and for one whose label no other item has.
    """
    codes = label_codes(labels)
    rows, hits = _hits(neighbor_rows, codes)
    there = np.ones(len(codes), bool) if allowed is None else allowed
    counts = np.bincount(codes[(codes >= 0) & there], minlength=codes.max(initial=-1) + 1)
    others = np.where(codes >= 0, counts[codes] if len(counts) else 0, 0) - ((codes >= 0) & there)
    discounts = 1 / np.log2(2 + np.arange(rows.shape[1]))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(others, rows.shape[1])]
    gain: Doubles = np.divide(hits @ discounts, ideal, out=np.full(len(codes), np.nan), where=ideal > 0)
    return gain


def ndcg(
    neighbor_rows: npt.ArrayLike, labels: Sequence[object] | Array, allowed: npt.NDArray[np.bool_] | None = None
) -> Estimate:
    """The mean of `ndcg_shares` over the queries that have one, with its interval."""
    shares = ndcg_shares(neighbor_rows, labels, allowed)
    return mean_interval(shares[~np.isnan(shares)].round(DECIMALS))


def by_group(
    neighbor_rows: npt.ArrayLike, labels: Sequence[object] | Array, groups: Sequence[Value]
) -> tuple[Group, ...]:
    """`agreement` for each value of `groups` (n) by itself, the largest group first; who has none is left out."""
    shares = agreement_shares(neighbor_rows, label_codes(labels))
    codes = label_codes(groups)
    values = {int(code): value for code, value in reversed(list(zip(codes, groups, strict=True))) if code >= 0}
    found = []
    for code, value in sorted(values.items()):
        own = shares[(codes == code) & ~np.isnan(shares)]
        if len(own):
            found.append(Group(value=value, n=len(own), agreement=mean_interval(own)))
    return tuple(sorted(found, key=lambda group: -group.n))


def judge_pairs(
    neighbor_rows: npt.ArrayLike, pairs: Ints, alike: npt.NDArray[np.bool_], distances: Doubles, *, seed: int = 0
) -> PairAgreement:
    """`PairAgreement` of `pairs` (p, 2) rows, whether people call each `alike` (p,), and their `distances` (p,).

    `neighbor_rows` (n, k) are the nearest of all items. The interval of `ordered` is from 1,000 resamplings of the
    alike and of the unlike pairs.
    """
    rows = np.asarray(neighbor_rows)
    near = (rows[pairs[:, 0]] == pairs[:, 1:]).any(axis=1) | (rows[pairs[:, 1]] == pairs[:, :1]).any(axis=1)
    one, other = np.sort(distances[alike]), np.sort(distances[~alike])
    ordered = Estimate(value=np.nan, low=np.nan, high=np.nan)
    if len(one) and len(other):
        rng = np.random.default_rng(seed)
        draws = [_area(rng.choice(one, len(one)), np.sort(rng.choice(other, len(other)))) for _ in range(1_000)]
        value = _area(one, other)
        low, high = np.percentile(draws, [2.5, 97.5])
        ordered = Estimate(value=value, low=float(min(low, value)), high=float(max(high, value)))
    return PairAgreement(
        alike=len(one),
        unlike=len(other),
        found=mean_interval(near[alike].astype(np.float64)),
        apart=mean_interval((~near[~alike]).astype(np.float64)),
        ordered=ordered,
    )


def _area(one: Doubles, other: Doubles) -> float:
    """How often a number of `one` is below one of `other`, which is sorted; equal ones count half."""
    above = len(other) - (np.searchsorted(other, one, "left") + np.searchsorted(other, one, "right")) / 2
    return float(above.mean() / len(other))


def _hits(neighbor_rows: npt.ArrayLike, codes: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    rows = np.asarray(neighbor_rows)
    n = len(codes)
    if rows.ndim != 2 or len(rows) != n or (rows.size and (rows.min() < -1 or rows.max() >= n)):
        raise UsageError(
            f"neighbors of shape {rows.shape} do not fit {n} labels: give (n, k) rows in 0..{n - 1}, -1 for none"
        )
    if not rows.size:
        return rows, np.zeros(rows.shape, bool)
    return rows, (codes[rows] == codes[:, None]) & (rows >= 0) & (codes >= 0)[:, None]
