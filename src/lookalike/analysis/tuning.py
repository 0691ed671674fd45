"""How much should metadata count? Weights learned on one half of the items, and what they gain on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import report
from lookalike.analysis.evaluation import mean_interval
from lookalike.analysis.penalties import Field, Penalties, nearest_preferred
from lookalike.analysis.ranking import Searcher
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Estimate, Ints

GRID = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2)
PASSES = 3
POOL = 300
"""Nearest pictures among which weights are tried; what they gain is then measured among all held-out items."""
QUERIES = 3_000
"""Queries of a half that are looked at, at most: a seeded sample of more."""
RESAMPLES = 4_000
DEALS = 19
"""How often the values of a field are dealt to other held-out items."""
ABOVE = 3.0
"""How many standard deviations of what these deals gain a field has to be above their mean."""
DEALT = 1_000
"""Queries that this is looked at for, at most."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights and what they are worth, on items that they were not learned from.

    `learned` are the weights that the first half gave, `weights` those that are left: a field is kept where the
    held-out `gains` of having it have an interval above zero (95% for all fields together, after Bonferroni) and it
    does better than with its values dealt to other items: what a few values have to do with the target by chance is
    the same for all queries, so intervals do not show it. None is kept where the interval of the whole holds zero. As
    the held-out half also decides what is left out, `gain` is the least bit hopeful where it left something out.
    `pictures` and `tuned` are the mean agreement of the k nearest with the target without and with the weights, `gain`
    their difference; `fitted` and `held` count the queries of each half.
    """

    learned: Mapping[str, float]
    weights: Mapping[str, float]
    gains: Mapping[str, Estimate]
    pictures: float
    tuned: float
    gain: Estimate
    fitted: int
    held: int


def learn_weights(
    searcher: Searcher,
    fields: Sequence[Field],
    target: Field,
    fit: npt.NDArray[np.bool_],
    *,
    k: int = 3,
    unit: float = 1.0,
    seed: int = 0,
    progress: Advance | None = None,
) -> Learned:
    """Weights of `fields` for the k nearest to agree on `target` most, from the n items where `fit` (n,) holds.

    Agreement is 1 for an equal label; of numbers, 1 less the scaled difference (`Field`). An item without the target is
    no query, and as a neighbor it disagrees. Weights are tried one field after the other on a grid, and taken where the
    gain on the fitted queries is above twice its standard error. The other half then measures: its items are the
    only queries and the only candidates there. Raises `UsageError` if a half has fewer than 20 queries.
    """
    known = ~np.isnan(target.values)
    rows = {part: _some(np.flatnonzero(mask & known), seed) for part, mask in (("fit", fit), ("held", ~fit))}
    if min(len(part) for part in rows.values()) < 20:
        raise UsageError(
            f"{target.name!r} has {int(known.sum())} values, {len(rows['fit'])} and {len(rows['held'])} of them in the "
            "two halves: at least 20 in each are needed to learn from one and measure on the other"
        )
    total = 4 + 2 * len(fields)
    learned = _fit(searcher, fields, target, rows["fit"], fit, k, unit)
    report(progress, 2, total)
    held = _Held(searcher, fields, target, rows["held"], ~fit, k, unit)
    base = held.shares(np.zeros(len(fields)))
    whole = held.shares(learned) if learned.any() else base
    level = 1 - 0.05 / max(1, int(np.count_nonzero(learned)))
    kept, final, gains = learned.copy(), whole, dict[int, Estimate]()

    def without(place: int) -> tuple[Doubles, Doubles]:
        less = kept.copy()
        less[place] = 0
        shares = held.shares(less)
        gains[place] = mean_interval(final - shares, level=level, resamples=RESAMPLES, seed=seed)
        return less, shares

    for done, place in enumerate(np.flatnonzero(learned).tolist()):
        without(place)
        report(progress, 3 + done, total)
    for place in sorted(gains, key=lambda place: gains[place].value):
        if gains[place].low <= 0:  # of two that say the same only one goes: asked again beside those that are left
            less, shares = without(place)
            if gains[place].low <= 0:
                kept, final = less, shares
    chance = []
    for done, place in enumerate(np.flatnonzero(kept).tolist()):
        report(progress, 3 + len(fields) + done, total)
        if not held.is_telling(kept, place, seed):
            chance.append(place)
    if chance:
        kept[chance] = 0
        final = held.shares(kept)
    gain = mean_interval(final - base, resamples=RESAMPLES, seed=seed)
    if gain.low <= 0:
        kept[:] = 0
        final, gain = base, mean_interval(whole - base, resamples=RESAMPLES, seed=seed)
    report(progress, total, total)
    names = [field.name for field in fields]
    return Learned(
        learned=dict(zip(names, learned.tolist(), strict=True)),
        weights={name: float(weight) for name, weight in zip(names, kept, strict=True) if weight > 0},
        gains={names[place]: gains[place] for place in sorted(gains)},
        pictures=float(base.mean()),
        tuned=float(final.mean()),
        gain=gain,
        fitted=len(rows["fit"]),
        held=len(rows["held"]),
    )


def target_shares(target: Field, queries: Ints, neighbors: Ints) -> Doubles:
    """(m,) float64: for each query row the mean agreement of its neighbors (m, k) with it; -1 is no neighbor."""
    there = neighbors >= 0
    own = np.repeat(queries, neighbors.shape[1])
    others = np.where(there, neighbors, 0).ravel()
    gaps = np.where(np.isnan(target.values[others]), 1.0, target.pairs(own, others)).reshape(neighbors.shape)
    shares: Doubles = ((1 - gaps) * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return shares


def _some(rows: Ints, seed: int) -> Ints:
    if len(rows) <= QUERIES:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, QUERIES, replace=False))


def _fit(
    searcher: Searcher,
    fields: Sequence[Field],
    target: Field,
    rows: Ints,
    among: npt.NDArray[np.bool_],
    k: int,
    unit: float,
) -> Doubles:
    found = searcher.nearest(searcher.vectors[rows], POOL, allowed=among, exclude=rows, threads=None)
    pool, there = np.maximum(found.ids, 0), found.ids >= 0
    squared = np.where(there, (found.distances.astype(np.float64) / unit) ** 2, np.inf)
    own = np.repeat(rows, pool.shape[1])
    gaps = [field.pairs(own, pool.ravel()).reshape(pool.shape) for field in fields]
    apart = target.pairs(own, pool.ravel()).reshape(pool.shape)
    apart = np.where(there & ~np.isnan(target.values[pool]), apart, 1.0)
    width = min(k, pool.shape[1])

    def shares(total: Doubles) -> Doubles:
        best = np.argpartition(total, width - 1, axis=1)[:, :width]
        found: Doubles = 1 - np.take_along_axis(apart, best, axis=1).mean(axis=1)
        return found

    weights = np.zeros(len(fields))
    total, now = squared, shares(squared)
    for _ in range(PASSES):
        before = weights.copy()
        for place, gap in enumerate(gaps):
            rest = total - weights[place] * gap
            tried = {weight: shares(rest + weight * gap) for weight in GRID if weight != weights[place]}
            best = max(tried, key=lambda weight: float(tried[weight].mean()))
            change = tried[best] - now
            if change.mean() > 2 * change.std() / np.sqrt(len(change)):
                weights[place], now = best, tried[best]
                total = rest + best * gap
        if (weights == before).all():
            break
    return weights


@dataclass(frozen=True, slots=True)
class _Held:
    """The held-out items, among which weights are measured exactly."""

    searcher: Searcher
    fields: Sequence[Field]
    target: Field
    rows: Ints
    among: npt.NDArray[np.bool_]
    k: int
    unit: float

    def is_telling(self, weights: Doubles, place: int, seed: int) -> bool:
        """Whether a field does better than with its values dealt to other items (a permutation test)."""
        rng, among = np.random.default_rng(seed), np.flatnonzero(self.among)
        some = replace(self, rows=np.sort(rng.choice(self.rows, min(DEALT, len(self.rows)), replace=False)))
        field, found = self.fields[place], []
        for _ in range(DEALS):
            order = np.arange(len(field.values))
            order[among] = rng.permutation(among)
            dealt = replace(field, values=field.values[order], average=field.average[order])
            fields = [*self.fields[:place], dealt, *self.fields[place + 1 :]]
            found.append(replace(some, fields=fields).shares(weights).mean())
        return bool(some.shares(weights).mean() > np.mean(found) + ABOVE * np.std(found, ddof=1))

    def shares(self, weights: Doubles) -> Doubles:
        used = [place for place in range(len(self.fields)) if weights[place] > 0]
        fields = tuple(self.fields[place] for place in used)
        penalties = Penalties(fields, tuple(float(weights[place]) for place in used), self.unit)
        found = nearest_preferred(self.searcher, self.rows, self.k, penalties, allowed=self.among, threads=None)
        return target_shares(self.target, self.rows, found.ids)
