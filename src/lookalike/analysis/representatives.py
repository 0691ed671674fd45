"""What stands for a cluster: the item closest to its center, a few that cover it, and what sets it apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.analysis._blocks import Array, Vectors, as_vectors, check_count
from lookalike.analysis._search import direct
from lookalike.errors import UsageError
from lookalike.records import Doubles, Ints, Value


def representatives(vectors: Vectors, labels: Array, centers: Array) -> Ints:
    """The member of each cluster closest to its center: (k,) int64 rows, -1 for a cluster without members.

    `vectors` (n, d), `labels` (n,) in 0..k-1, `centers` (k, d). Distances are sums of squared differences in
    float64; equal ones go to the lower row.
    """
    rows = as_vectors(vectors)
    centers = as_vectors(centers, "centers").astype(np.float64)
    k = len(centers)
    labels = check_labels(labels, len(rows), k)
    squared = direct(centers, labels, rows, np.arange(len(rows)))
    order = np.lexsort((squared, labels))  # stable: equal distances stay in the order of rows
    present, first = np.unique(labels[order], return_index=True)
    out = np.full(k, -1, np.int64)
    out[present] = order[first]
    return out


def exemplars(vectors: Vectors, labels: Array, representatives: Array, count: int = 4) -> tuple[tuple[int, ...], ...]:
    """Up to `count` members of each cluster that cover it, the representative first: k tuples of rows.

    Farthest-first traversal (Gonzalez, 1985): each next one is the member farthest from those chosen, which is
    within a factor of two of the best possible covering radius. Equally far ones go to the lower row. A member equal
    to one that is chosen adds nothing and is left out, so there can be fewer; an empty cluster has none.
    """
    rows = as_vectors(vectors)
    starts = np.asarray(representatives, np.int64)
    labels = check_labels(labels, len(rows), len(starts))
    count = check_count("count", count)
    order = np.argsort(labels, kind="stable")
    cuts = np.searchsorted(labels[order], np.arange(len(starts) + 1))
    out = []
    for cluster, start in enumerate(starts):
        members = order[cuts[cluster] : cuts[cluster + 1]]
        if len(members) and start not in members:
            raise UsageError(
                f"row {start} is no member of cluster {cluster}: give the rows that representatives() returns"
            )
        out.append(_cover(rows, members, int(start), count) if len(members) else ())
    return tuple(out)


def reach(vectors: Vectors, labels: Array, exemplars: Sequence[Sequence[int]]) -> Doubles:
    """How well exemplars cover their clusters: the largest distance of a member to the nearest of them, (k,) float64.

    0 for a cluster without members. With more exemplars it only falls.
    """
    rows = as_vectors(vectors)
    labels = check_labels(labels, len(rows), len(exemplars))
    gap = np.full(len(rows), np.inf)
    for place in range(max(map(len, exemplars), default=0)):
        has = np.array([len(chosen) > place for chosen in exemplars])
        at = np.array([chosen[place] if len(chosen) > place else 0 for chosen in exemplars], np.int64)
        members = np.flatnonzero(has[labels])
        gap[members] = np.minimum(gap[members], direct(rows, at[labels[members]], rows, members))
    out = np.zeros(len(exemplars))
    np.maximum.at(out, labels, np.sqrt(gap))
    return out


def _cover(rows: Array, members: Ints, start: int, count: int) -> tuple[int, ...]:
    chosen = [start][:count]
    gap = np.full(len(members), np.inf)
    while chosen and len(chosen) < count:
        gap = np.minimum(gap, direct(rows, np.full(len(members), chosen[-1]), rows, members))
        farthest = int(gap.argmax())
        if gap[farthest] == 0:
            break
        chosen.append(int(members[farthest]))
    return tuple(chosen)


def check_labels(labels: Array, n: int, k: int) -> Ints:
    """`labels` as (n,) int64, or `UsageError` if their number or range is wrong."""
    given = np.asarray(labels)
    if given.shape != (n,):
        raise UsageError(f"labels have the shape {given.shape} for {n} vectors: give one for each vector")
    if n and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= k):
        raise UsageError(f"labels must be whole numbers in 0..{k - 1}, one of the {k} clusters; got {given.dtype}")
    return given.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Trait:
    """A metadata value that a cluster has more often than the catalog.

    `count` members have it, the share `share` of those whose `column` is known; `overall` is its share in the catalog
    and `lift` = share / overall.
    """

    column: str
    value: Value
    count: int
    share: float
    overall: float
    lift: float


def describe(
    labels: Array, columns: Mapping[str, Sequence[Value]], *, k: int | None = None, count: int = 3
) -> tuple[tuple[Trait, ...], ...]:
    """What sets each cluster apart: up to `count` values of categorical `columns`, the most telling first.

    `columns` maps a name to n values, of which None, NaN and empty text are unknown. Values are ranked by how much they
    tell of the cluster, `share * log2(lift)` (their term of the Kullback-Leibler divergence from the
    catalog), and only those with a lift above 1 and at least two members are given. Numbers other than true/false
    and columns in which almost every value is different (an id, a name) are left out.
    """
    count = check_count("count", count)
    n = len(labels)
    labels = check_labels(labels, n, k if k is not None else int(np.max(labels, initial=-1)) + 1)
    k = k if k is not None else int(labels.max(initial=-1)) + 1
    found: list[list[tuple[float, Trait]]] = [[] for _ in range(k)]
    for column, values in columns.items():
        if len(values) != n:
            raise UsageError(f"column {column!r} has {len(values)} values for {n} labels: give one for each item")
        known = [(int(label), value) for label, value in zip(labels, values, strict=True) if is_category(value)]
        overall = Counter(value for _, value in known)
        if len(overall) < 2 or len(overall) > max(2, len(known) // 2):
            continue
        totals = Counter(label for label, _ in known)
        for (label, value), many in Counter(known).items():
            share, base = many / totals[label], overall[value] / len(known)
            if share > base and many > 1:
                trait = Trait(column, value, many, share, base, share / base)
                found[label].append((share * float(np.log2(share / base)), trait))
    ranked = (sorted(traits, key=lambda t: (-t[0], t[1].column, str(t[1].value))) for traits in found)
    return tuple(tuple(trait for _, trait in traits[:count]) for traits in ranked)


def is_category(value: object) -> bool:
    """Whether a metadata value names a category: text that is not empty, or true/false."""
    return isinstance(value, bool) or (isinstance(value, str) and value.strip() != "")
