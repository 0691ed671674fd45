"""A short name for each cluster, out of what its items share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import count

import numpy as np

from lookalike.records import Clusters
from lookalike.report.facts import Column, Trait, kind_rank, table_of
from lookalike.report.text import KINDS, SEASONS, plain

LIMIT = 28


def cluster_names(found: Sequence[Column], each: Sequence[Sequence[Trait]], clusters: Clusters) -> list[str]:
    """A short name for each cluster from values that at least half of it share, two at most, none where there is
    no such value. Kinds (`type`, `category`) come first, the finest of them; where no one of these sets a cluster
    apart, the one or two that most of it is of. Seasons and the like make no name: no photo shows them. No name is
    given twice (see `_told_apart`).
    """
    order = {column.name: place for place, column in enumerate(found)}
    finest = min((column for column in found if _is_kind(column.name)), key=_rank, default=None)
    mixed = _mixtures(finest, clusters) if finest is not None else [[] for _ in each]
    names, spare = [], []
    for own, mixture in zip(each, mixed, strict=True):
        common = [trait for trait in own if trait.share >= 0.5 and trait.column.lower() not in SEASONS]
        common.sort(key=lambda trait: (kind_rank(trait.column), order.get(trait.column, 0)))
        kinds = [trait for trait in common if _is_kind(trait.column)][:1]
        told = [trait.value for trait in kinds]
        if finest is not None and mixture and not any(trait.column == finest.name for trait in kinds):
            told = mixture
        others = [trait for trait in common if not _is_kind(trait.column) and _says(trait)]
        others.sort(key=lambda trait: -trait.share * math.log(trait.lift))
        said = " ".join(told).lower()
        unsaid = [plain(trait.value, LIMIT) for trait in others if trait.value.lower() not in said]
        more, left = unsaid[: 2 - len(told)], unsaid[2 - len(told) :]
        kind = " / ".join(plain(value, LIMIT) for value in told)
        names.append(" · ".join([kind] * bool(kind) + more))
        spare.append(left)
    return _told_apart(names, spare)


def _told_apart(names: Sequence[str], spare: Sequence[Sequence[str]]) -> list[str]:
    """The names, each once: those that several clusters would bear get the next value that most of their cluster
    shares, the first of `spare`; what is alike even so is numbered, from the second on. No name stays none.

    >>> _told_apart(["boot", "boot", "boot", "clog", ""], [["Red"], [], [], ["Blue"], []])
    ['boot · Red', 'boot', 'boot 2', 'clog', '']
    """
    longer = [
        f"{name} · {more[0]}" if name and more and names.count(name) > 1 else name
        for name, more in zip(names, spare, strict=True)
    ]
    taken: set[str] = set()
    found = []
    for name in longer:
        free = (
            name
            if name not in taken
            else next(own for n in count(2) if (own := f"{name} {n}") not in (*longer, *taken))
        )
        taken |= {free} - {""}
        found.append(free)
    return found


def _mixtures(column: Column, clusters: Clusters) -> list[list[str]]:
    """For each cluster the value that half of it has, or the two that together make up 60% of it; else none."""
    result = []
    for counts in table_of(column, clusters):
        total, best = int(counts.sum()), [int(code) for code in np.argsort(-counts, kind="stable")[:2]]
        picked: list[int] = []
        if total and counts[best[0]] >= 0.5 * total:
            picked = best[:1]
        elif total and counts[best].sum() >= 0.6 * total and counts[best[-1]] >= 0.2 * total:
            picked = best
        result.append([column.values[code] for code in picked])
    return result


def _is_kind(column: str) -> bool:
    return kind_rank(column) < len(KINDS)


def _rank(column: Column) -> int:
    return kind_rank(column.name)


def _says(trait: Trait) -> bool:
    """Whether a value makes a name: clearly more common than overall, and a word instead of a number or a yes."""
    return trait.lift >= 1.5 and not re.fullmatch(r"[\d.,]+|yes|no", trait.value)
