"""Why an item is among the look-alikes: what each part gave to its score, and a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.analysis import NEAR, Field
from lookalike.catalog.view import Space, View
from lookalike.options import RankingOptions
from lookalike.records import Floats

ALIKE, OTHER = 3, 1
"""How many words on what two items share, and on what they do not."""
CLOSE = 0.1
"""Gap of two numbers that are called similar."""
FEW, SAME = 10, 0.02
"""With fewer items what is typical of them says little of another photo: it has to be as good as the same."""


@dataclass(frozen=True, slots=True)
class Why:
    """`picture` and `prefer` as in `records.Hit`; `reasons`, the telling ones first."""

    picture: float
    prefer: Mapping[str, float]
    reasons: tuple[str, ...]


def explain(
    view: View, space: Space, options: RankingOptions, point: Floats, query: int | None, rows: Sequence[int]
) -> list[Why]:
    """Why each of `rows` is a look-alike of an item (`query`, its row) or of a photo (None); `point` is its place."""
    found = np.asarray(rows, np.int64)
    apart = np.linalg.norm(space.points[found].astype(np.float64) - point.astype(np.float64), axis=1)
    unit = space.scale or 1.0
    near = space.scale * (NEAR if len(space.points) >= FEW else SAME)
    own = np.full(len(found), -1 if query is None else query)
    fields = {name: (view.field(name), weight) for name, weight in options.prefer} if query is not None else {}
    parts = {name: weight * field.pairs(own, found) for name, (field, weight) in fields.items()}
    words = reasons(view, query, rows)
    return [
        Why(
            picture=float((apart[place] / unit) ** 2),
            prefer={name: float(part[place]) for name, part in parts.items()},
            reasons=(*(["near-identical picture"] if apart[place] < near else []), *words[place]),
        )
        for place in range(len(found))
    ]


def reasons(view: View, query: int | None, rows: Sequence[int]) -> list[tuple[str, ...]]:
    """A few words for each of `rows`: what it shares with the item `query`, rarest first, and what it does not.

    Sharing a value that few items have says more than one that most have; differing where most agree says more than
    where all differ. Columns in which most items have a value of their own, such as names, say nothing. A photo has
    no metadata, and no words here.
    """
    if query is None:
        return [() for _ in rows]
    fields = [view.field(name) for name in view.telling]
    tinted = view.similar_colors(query, rows)
    return [_words(fields, query, row, tint) for row, tint in zip(rows, tinted, strict=True)]


def _words(fields: Sequence[Field], query: int, row: int, tint: bool) -> tuple[str, ...]:
    alike: list[tuple[float, str]] = []
    other: list[tuple[float, str]] = []
    for field in fields:
        own, its, average = field.values[query], field.values[row], float(field.average[query])
        if np.isnan(own) or np.isnan(its) or average <= 0:
            continue
        name = called(field.name)
        if own == its:
            alike.append((-average, f"same {name}"))
        elif field.spread is None:
            other.append((average, f"other {name}"))
        elif abs(own - its) <= CLOSE * field.spread:
            alike.append((-average * 0.5, f"similar {name}"))
        else:
            other.append((1 + average, f"{'higher' if its > own else 'lower'} {name}"))
    words = [word for _, word in sorted(alike)[:ALIKE]]
    if tint and "same color" not in (word for _, word in alike):
        words = [*words[: ALIKE - 1], "similar color"]
        other = [entry for entry in other if entry[1] != "other color"]  # two names of one color
    return (*words, *(word for _, word in sorted(other)[:OTHER]))


def called(name: str) -> str:
    """A column's name as people read it."""
    return " ".join(name.removeprefix("meta_").replace("_", " ").lower().split()) or name
