"""A few results that differ: near-identical ones collapsed, then maximal marginal relevance.

Maximal marginal relevance (Carbonell and Goldstein 1998, "The use of MMR, diversity-based reranking for reordering
documents and producing summaries"): the next result is the one whose likeness to the query, less its likeness to what
was chosen already, is largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.analysis.ranking import score
from lookalike.errors import UsageError
from lookalike.records import Doubles, Ints

BALANCE = 0.7
"""Weight of the likeness to the query; what is left goes to the difference of the results."""
NEAR = 0.5
"""Two results nearer to each other than this part of the typical distance are one product."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """`places` (k or fewer,) int64, ascending, among the candidates; `collapsed` were one with a nearer one."""

    places: Ints
    collapsed: int


def diversify(
    distances: Doubles, gaps: Doubles, k: int, *, scale: float, balance: float = BALANCE, near: float = NEAR
) -> Chosen:
    """Choose at most `k` of p candidates, which are in the order of their distance to the query.

    `distances` (p,) to the query, ascending; `gaps` (p, p) between the candidates; `scale` the typical distance, at
    which a score is one half. A candidate nearer than `near * scale` to one that comes before it is that one again and
    left out, unless fewer than `k` would remain: then the nearest of those fill up. The nearest candidate is always
    chosen. Of `balance` 1, the nearest are chosen.

    >>> gaps = np.array([[0, .1, 1], [.1, 0, 1], [1, 1, 0]])
    >>> diversify(np.array([.5, .5, .8]), gaps, 2, scale=1.0).places.tolist()
    [0, 2]
    """
    if not 0 <= balance <= 1 or near < 0:
        raise UsageError(f"balance={balance}, near={near}: give a balance from 0 to 1 and a near of at least 0")
    p = len(distances)
    kept: list[int] = []
    for place in range(p):
        if all(gaps[place, other] >= near * scale for other in kept):
            kept.append(place)
    collapsed = p - len(kept)
    if len(kept) <= k:
        again = [place for place in range(p) if place not in set(kept)][: k - len(kept)]
        return Chosen(np.array(sorted([*kept, *again]), np.int64), collapsed)
    left = np.array(kept, np.int64)
    worth = balance * score(distances[left], scale)
    alike = (1 - balance) * score(gaps[np.ix_(left, left)], scale)
    most = np.zeros(len(left))
    free = np.ones(len(left), bool)
    chosen: list[int] = []
    for _ in range(k):
        best = int(np.where(free, worth - most, -np.inf).argmax())
        chosen.append(best)
        free[best] = False
        most = np.maximum(most, alike[best])
    return Chosen(np.sort(left[chosen]), collapsed)
