"""What a report says in numbers: columns worth showing, what sets a cluster apart, queries, pairs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.records import Clusters, Doubles, Ints, Neighbors, Value
from lookalike.report.data import ReportData
from lookalike.report.text import KINDS, NAMES, plain

SHOWN = 3
"""Look-alikes a query is shown with."""
_SURE = 10.83
"""Log-likelihood ratio that chance exceeds once in a thousand (chi-squared, one degree of freedom)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A metadata column of few values: `codes` (n,) int64 point into `values`, the most frequent first, -1 where
    an item has none; `counts` (len(values),) int64.
    """

    name: str
    codes: Ints
    values: tuple[str, ...]
    counts: Ints


@dataclass(frozen=True, slots=True)
class Trait:
    """A value that a cluster has more of than the rest: `amount` of its `size` labeled items, and its `overall`
    share among all labeled items."""

    column: str
    value: str
    amount: int
    size: int
    overall: float

    @property
    def share(self) -> float:
        """The value's share in the cluster."""
        return self.amount / self.size

    @property
    def lift(self) -> float:
        """How many times as common it is in the cluster as overall."""
        return self.share / self.overall


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of an item's look-alikes with its own value of `column`, and what chance would give."""

    column: str
    share: float
    chance: float


@dataclass(frozen=True, slots=True)
class Coloring:
    """What the dots of the map are colored by; `named` when there are more values than colors, so that colors
    repeat and the names stand on the map."""

    column: Column
    named: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items that are each other's kind: rows `a` < `b` and their distance."""

    a: int
    b: int
    distance: float


def columns(metadata: Mapping[str, Sequence[Value]]) -> list[Column]:
    """The columns whose values repeat often enough to say something of a group, in their order.

    Left out: one value only, free text and numbers such as a name or a price (fewer than three items a value on
    average, unless there are at most twelve values, or more than 200 values).
    """
    found = []
    for name, values in metadata.items():
        column = _column(name, values)
        distinct, labeled = len(column.values), int(column.counts.sum())
        if 2 <= distinct <= 200 and (labeled >= 3 * distinct or (distinct <= 12 and labeled >= 2 * distinct)):
            found.append(column)
    return found


def _column(name: str, values: Sequence[Value]) -> Column:
    words = [plain(value) if _known(value) else "" for value in values]
    order = sorted(Counter(word for word in words if word).items(), key=lambda pair: (-pair[1], pair[0]))
    place = {word: code for code, (word, _) in enumerate(order)}
    codes = np.array([place.get(word, -1) for word in words], dtype=np.int64)
    return Column(name, codes, tuple(word for word, _ in order), np.array([c for _, c in order], dtype=np.int64))


def _known(value: Value) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def nearest(neighbors: Neighbors, n: int, k: int = SHOWN) -> tuple[Ints, Doubles]:
    """The first k neighbors: ids (n, k) int64, -1 where there is none, and distances (n, k), NaN there."""
    ids = np.full((n, k), -1, dtype=np.int64)
    distances = np.full((n, k), np.nan)
    width = min(k, neighbors.ids.shape[1]) if neighbors.ids.ndim == 2 else 0
    if n and width:
        ids[:, :width] = neighbors.ids[:, :width]
        distances[:, :width] = neighbors.distances[:, :width]
    nobody = (ids < 0) | (ids >= n)
    ids[nobody] = -1
    distances[nobody] = np.nan
    return ids, distances


def agreement(column: Column, ids: Ints) -> Agreement | None:
    """How often the look-alikes `ids` (n, k) carry the query's value. Items without one are no queries; as
    neighbors they count as misses. None where nothing can be compared.
    """
    asked = (column.codes >= 0)[:, None] & (ids >= 0)
    labeled, n = int(column.counts.sum()), len(column.codes)
    if not asked.any() or n < 2:
        return None
    same = (column.codes[np.maximum(ids, 0)] == column.codes[:, None]) & asked
    queries = asked.any(axis=1)
    share = float((same.sum(axis=1)[queries] / asked.sum(axis=1)[queries]).mean())
    counts = column.counts.astype(np.float64)
    chance = float((counts * (counts - 1)).sum() / (labeled * (n - 1)))
    return Agreement(column.name, share, chance)


def traits(found: Sequence[Column], clusters: Clusters, most: int = 5) -> list[list[Trait]]:
    """For each cluster the values that set it apart, the surest first: at least three items and a fifth of the
    cluster, a quarter more common than overall, and not by chance (log-likelihood ratio, Dunning, 1993).
    At most two of one column.
    """
    result: list[list[tuple[float, Trait]]] = [[] for _ in range(clusters.k)]
    for column in found:
        table = table_of(column, clusters)
        sizes, overall = table.sum(axis=1), column.counts / column.counts.sum()
        for cluster in np.flatnonzero(sizes):
            size = int(sizes[cluster])
            lift = table[cluster] / size / overall
            usable = (table[cluster] >= max(3, 0.2 * size)) & (lift >= 1.25)
            best = []
            for code in np.flatnonzero(usable):
                amount, total = int(table[cluster, code]), int(column.counts[code])
                sure = _ratio(amount, size, total, int(column.counts.sum()))
                if sure >= _SURE:
                    best.append((sure, Trait(column.name, column.values[code], amount, size, float(overall[code]))))
            result[cluster] += sorted(best, key=lambda pair: -pair[0])[:2]
    return [_distinct([trait for _, trait in sorted(each, key=lambda pair: -pair[0])])[:most] for each in result]


def _distinct(own: list[Trait]) -> list[Trait]:
    """Without those that say the same again: one value under two columns, for as many items."""
    said: set[tuple[str, int]] = set()
    kept = []
    for trait in sorted(own, key=lambda trait: kind_rank(trait.column)):
        if (trait.value, trait.amount) not in said:
            said.add((trait.value, trait.amount))
            kept.append(trait)
    return [trait for trait in own if trait in kept]


def table_of(column: Column, clusters: Clusters) -> Ints:
    """How many items of each cluster have each value: (k, values) int64."""
    known = column.codes >= 0
    width = len(column.values)
    cells = clusters.labels[known] * width + column.codes[known]
    return np.bincount(cells, minlength=clusters.k * width).astype(np.int64).reshape(clusters.k, width)


def _ratio(amount: int, size: int, total: int, n: int) -> float:
    """Twice the log-likelihood ratio of a 2 x 2 table: `amount` of `size` inside, `total` of `n` in all."""
    inside, outside = amount, total - amount
    rest, other = size - amount, n - size - (total - amount)
    ratio = 0.0
    for seen, row, col in ((inside, size, total), (outside, n - size, total), (rest, size, n - total),
                           (other, n - size, n - total)):  # fmt: skip
        if seen:
            ratio += seen * math.log(seen * n / (row * col))
    return 2 * ratio


def kind_rank(column: str) -> int:
    """The place of a column among those that say of what kind an item is, the finest first; the last for others."""
    name = column.lower()
    return KINDS.index(name) if name in KINDS else len(KINDS)


def map_column(found: Sequence[Column], ids: Ints, groups: int = 7) -> Coloring | None:
    """The column that colors of a map tell most about, None where no column does.

    Its values repeat among look-alikes more than by chance (Cohen's kappa), most items have one of the `groups` - 1
    most frequent values, and there are several. A column of more values, up to 30, is taken with their names on the
    map where look-alikes share them nearly always, so that every name has a place.
    """
    best, chosen = 0.05, None
    for column in found:
        agrees = agreement(column, ids)
        labeled = int(column.counts.sum())
        if agrees is None or agrees.chance >= 1 or labeled < 0.5 * len(column.codes):
            continue
        kappa = (agrees.share - agrees.chance) / (1 - agrees.chance)
        shown = column.counts[: groups - 1] if len(column.counts) > groups else column.counts
        bits = min(2.0, _bits(np.append(shown, labeled - shown.sum())))
        coloring, worth = Coloring(column, False), kappa * float(shown.sum() / len(column.codes)) * bits
        if groups < len(column.values) <= 30 and kappa > 0.6 and 1.6 * kappa**2 > worth:
            coloring, worth = Coloring(column, True), 1.6 * kappa**2
        if worth > best:
            best, chosen = worth, coloring
    return chosen


def _bits(counts: Ints) -> float:
    """The entropy of groups of these sizes, in bits."""
    parts = counts[counts > 0] / counts.sum()
    return float(-(parts * np.log2(parts)).sum())


def kind_column(found: Sequence[Column]) -> Column | None:
    """The column that says what an item is (`type`, `category`...)."""
    named = [column for column in found if kind_rank(column.name) < len(KINDS)]
    return min(named, key=lambda column: kind_rank(column.name), default=None)


def queries(data: ReportData, found: Sequence[Column], amount: int = 6) -> list[int]:
    """Items to show with their look-alikes, spread over clusters and kinds, boots among them where there are any.

    They are not the best cases: each is the item of its group whose nearest neighbor is at the group's median
    distance.
    """
    n = len(data.ids)
    _, distances = nearest(data.neighbors, n, 1)
    away = distances[:, 0]
    kind = kind_column(found)
    picked: list[int] = []
    used: set[int] = set()

    def take(rows: Ints) -> None:
        fresh = rows[~np.isin(rows, picked)]
        if len(fresh) and len(picked) < amount:
            row = _typical(fresh, away)
            picked.append(row)
            used.add(int(data.clusters.labels[row]))

    kinds = [np.flatnonzero(kind.codes == code) for code in range(len(kind.values))] if kind is not None else []
    for rows in [*kinds[:2], _boots(data, kind), *kinds[2:]]:
        elsewhere = rows[~np.isin(data.clusters.labels[rows], list(used))]
        home = data.clusters.labels[elsewhere if len(elsewhere) else rows]
        if len(home):
            take(rows[data.clusters.labels[rows] == np.bincount(home).argmax()])
    for cluster in np.argsort(-data.clusters.sizes, kind="stable"):
        if int(cluster) not in used:
            take(np.flatnonzero(data.clusters.labels == cluster).astype(np.int64))
    while len(picked) < min(amount, n):
        take(np.arange(n, dtype=np.int64))
    return picked


def _boots(data: ReportData, kind: Column | None) -> Ints:
    """The rows of boots, by their kind or else by their names."""
    codes = [] if kind is None else [code for code, value in enumerate(kind.values) if "boot" in value.lower()]
    if kind is not None and codes:
        return np.flatnonzero(np.isin(kind.codes, codes)).astype(np.int64)
    words = data.metadata.get(_name_column(data) or "", [])
    found = [row for row, name in enumerate(words) if isinstance(name, str) and re.search(r"\bboots?\b", name, re.I)]
    return np.array(found, dtype=np.int64)


def _name_column(data: ReportData) -> str | None:
    lower = {name.lower().removeprefix("meta_"): name for name in data.metadata}
    return next((lower[name] for name in NAMES if name in lower), None)


def _typical(rows: Ints, away: Doubles) -> int:
    """The row whose distance is closest to the median of `rows`; the lowest among equals."""
    own = away[rows]
    if np.isnan(own).all():
        return int(rows[0])
    return int(rows[np.nanargmin(np.abs(own - np.nanmedian(own)))])


def sample(n: int, amount: int) -> list[int]:
    """`amount` rows spread evenly over n items, in order; all of them where there are fewer."""
    return sorted({int(row) for row in np.linspace(0, n - 1, min(n, amount)).round()}) if n else []


def members(data: ReportData, cluster: int, most: int) -> list[int]:
    """Items that show a cluster beside its representative: first its nearest neighbors in the cluster, then the
    exemplars, which span its range; `most` in all.
    """
    clusters = data.clusters
    row = int(clusters.representatives[cluster])
    near = [int(item) for item in data.neighbors.ids[row] if 0 <= item < len(data.ids)]
    close = [item for item in near if clusters.labels[item] == cluster]
    spread = [int(item) for item in clusters.exemplars[cluster] if int(item) != row]
    far = [item for item in spread if item not in close][: most // 2]
    return [*close[: most - len(far)], *far]


def closest_pairs(data: ReportData, amount: int = 6) -> list[Pair]:
    """The pairs of items with the smallest distances, each item at most once, nearest first."""
    n = len(data.ids)
    ids, distances = nearest(data.neighbors, n, 1)
    order = np.argsort(distances[:, 0], kind="stable")
    pairs: list[Pair] = []
    seen: set[int] = set()
    for row in order:
        other = int(ids[row, 0])
        if len(pairs) >= amount:
            break
        if other >= 0 and int(row) not in seen and other not in seen:
            seen |= {int(row), other}
            pairs.append(Pair(min(int(row), other), max(int(row), other), float(distances[row, 0])))
    return pairs


def loners(data: ReportData, amount: int = 6) -> list[tuple[int, float]]:
    """The items whose nearest neighbor is farthest away, with that distance, the farthest first."""
    ids, distances = nearest(data.neighbors, len(data.ids), 1)
    rows = np.flatnonzero(ids[:, 0] >= 0)
    order = rows[np.argsort(-distances[rows, 0], kind="stable")][:amount]
    return [(int(row), float(distances[row, 0])) for row in order]


def title(data: ReportData, row: int) -> str:
    """What an item is called: its name where the metadata has one, else its id."""
    column = _name_column(data)
    return (plain(data.metadata[column][row]) if column is not None else "") or plain(data.ids[row])


def subtitle(data: ReportData, found: Sequence[Column], row: int) -> str:
    """A second line for an item: what kind it is and its color, as far as known and not said by the title."""
    first = kind_column(found)
    words = [first.values[first.codes[row]]] if first is not None and first.codes[row] >= 0 else []
    others = [column for column in found if column.name.lower() in ("color", "colour", "gender", "brand")]
    words += [column.values[column.codes[row]] for column in others if column.codes[row] >= 0]
    said = title(data, row).lower()
    return " · ".join([word for word in words if word.lower() not in said][:2])
