"""What labels of many photos taught, brought into the fit of a catalog that has no labels.

A lesson is a linear map, learned by regression on indicators of labels (flexible discriminant analysis: Hastie,
Tibshirani and Buja 1994), to where photos of one label lie together. In a catalog it counts in full where it tells the
items apart as much as the photos that it was learned from. Where they are alike to it there is little that it could
tell, and where they vary more than those it was not learned from their like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lookalike.analysis._blocks import Vectors, as_vectors, spans
from lookalike.analysis.whitening import Part, Whitening
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats, Lesson

LIKE_POWER = 2
"""A lesson counts by this power of how near what varies is to the photos that it was learned from."""
NARROW, NARROWEST = 1.5, 0.7
"""How much more color counts where kinds of things vary less by a whole, and at most."""
_BLOCK = 1_024


def teach(
    fit: Whitening,
    vectors: Vectors,
    lessons: Sequence[Lesson],
    weights: Sequence[float],
    color: float,
    *,
    colors: Vectors | None = None,
) -> tuple[Whitening, float]:
    """A fit with lessons beside its parts, and the share of color in the ranking.

    `vectors` (n, d) and `colors` (n, c), None where there are none, are what `fit` was fitted on. `weights`, one for
    each part of the fit, that of each lesson and `color` are in relation to each other. With s the mean square of what
    a lesson makes of the items, which is 1 on the photos that it was learned from, its weight is multiplied by
    min(s, 1 / s) ** 2. By the s of the first lesson, which is to tell kinds of things apart, color and lessons of color
    weigh 1 + 1.5 (1 - s) times as much, from 1 to 1.7: where all items are shoes, that they are says little.

    The columns of `colors` follow those of the fit where a lesson of color counts. Raises `UsageError` where weights or
    lessons do not fit.

    >>> fit = Whitening(np.zeros(2), np.eye(2), (Part(0, 2, 2, 1.0),))
    >>> kinds = Lesson("kind", np.array([[0.0], [1.0]], np.float32), 0.25)
    >>> found, share = teach(fit, np.array([[3.0, 1.0], [-3.0, -1.0]]), [kinds], [0.5], 0.25)
    >>> [round(part.weight, 3) for part in found.parts], share
    ([0.667, 0.333], 0.25)
    """
    array, known = as_vectors(vectors), None if colors is None else as_vectors(colors, "colors")
    blocks, tint = fit.blocks(), None if known is None else known.mean(axis=0, dtype=np.float64)
    if len(weights) != len(blocks) or min(*weights, color) <= 0:
        raise UsageError(
            f"weights={list(weights)} and color={color} do not fit {len(blocks)} parts: give one a part, over 0"
        )
    lessons = [lesson for lesson in lessons if known is not None or not lesson.of_color]
    d, columns = array.shape[1], 0 if known is None else known.shape[1]
    for lesson in lessons:
        if len(lesson.axes) != (there := d + columns * lesson.of_color):
            raise UsageError(f"lesson {lesson.name!r} is for {len(lesson.axes)} numbers, there are {there}")
    sides = [(array, fit.mean[:d]), *([] if known is None or tint is None else [(known, tint)])]
    spread = [_mean_square(sides[: 1 + lesson.of_color], lesson.axes) for lesson in lessons]
    more = 1 + min(NARROW * max(1 - spread[0], 0), NARROWEST) if spread else 1.0
    shares = [
        lesson.weight * min(each, 1 / max(each, 1)) ** LIKE_POWER * (more if lesson.of_color else 1)
        for lesson, each in zip(lessons, spread, strict=True)
    ]
    counting = [(lesson, share) for lesson, share in zip(lessons, shares, strict=True) if share > 0]
    mean = fit.mean
    if tint is not None and any(lesson.of_color for lesson, _ in counting):
        mean = np.concatenate([mean, tint])
    total = sum(weights) + sum(shares)
    made = [(replace(part, weight=own / total), axes) for (part, axes), own in zip(blocks, weights, strict=True)]
    for lesson, share in counting:
        axes = lesson.axes.astype(np.float64)
        if lesson.of_color:  # what lies between the vector and the color vector has no say
            axes = np.vstack([axes[:d], np.zeros((len(fit.mean) - d, axes.shape[1])), axes[d:]])
        made.append((Part(0, len(axes), axes.shape[1], share / total), axes))
    return Whitening.of(mean, made), color * more / (total + color * more)


def _mean_square(sides: Sequence[tuple[Floats, Doubles]], axes: Floats) -> float:
    """The mean squared length of rows (n, m), less their mean, times axes (m, r): columns and means side by side."""
    n, total = len(sides[0][0]), 0.0
    for a, b in spans(n, _BLOCK):
        made = np.hstack([rows[a:b] - mean for rows, mean in sides]) @ axes
        total += float(np.square(made).sum())
    return total / max(n, 1)
