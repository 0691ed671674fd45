"""What labels of product photos teach about the default vector: learned, and written into the package.

    LOOKALIKE_PHOTOS=PRODUCTS python -m benchmarks.teaching [FILE]

From the labels of all photos, with no photo among what is written: for each piece of the vector the covariance of what
products of one type, gender and brand differ in (as a triangular root in half precision), and for each label a linear
map to where photos of it lie together, a ridge regression on indicators, of the vector and, for names of colors, of
the color vector as well. `benchmarks.quality` learns anew from half of the photos to judge on the other.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.linalg import block_diag

from benchmarks import sets
from benchmarks.recoloring import root
from benchmarks.sets import Set
from lookalike import models
from lookalike.models.taught import FILES, LESSONS, OF_COLOR, Taught
from lookalike.records import Doubles, Floats, Lesson

MODEL = "efficientnet-lite0"
RIDGE = 0.15
"""Added to the variance of each number before it predicts, in mean variances of them."""
COLORS = 2.0
"""What the numbers of a color vector are multiplied by beside a vector, before the ridge."""
LEAST = 3
"""A label of fewer photos is not learned."""
AXES: Mapping[str, int] = {"type": 32, "gender": 4, "brand": 64, "color": 16}
"""Axes that are kept of each map, those on which photos vary most."""
ALIKE = ("type", "gender", "brand")
"""Products that agree in these are of a kind."""


def learned(photos: Set) -> Taught:
    """What the labels of some photos teach."""
    vectors, ends = photos.vectors["statistics"].astype(np.float64), np.cumsum([w for w, _ in models.parts(MODEL)])
    pieces = [vectors[:, end - width : end] for (width, _), end in zip(models.parts(MODEL), ends, strict=True)]
    kinds = list(zip(*(photos.labels[name] for name in ALIKE), strict=True))
    alike = tuple(root(_within(piece, kinds)).astype(np.float32) for piece in pieces)
    prior = np.zeros((vectors.shape[1], vectors.shape[1]))
    for piece, end in zip(pieces, ends, strict=True):
        prior[end - piece.shape[1] : end, end - piece.shape[1] : end] = _partly_whitening(piece)
    lessons = []
    for name, weight in LESSONS.items():
        of_color = name in OF_COLOR
        rows, known = vectors, prior
        if of_color:
            rows = np.hstack([vectors, photos.colors])
            known = block_diag(prior, COLORS * np.eye(photos.colors.shape[1]))
        axes = _regressed(rows, known, list(photos.labels[name]), AXES[name])
        lessons.append(Lesson(name, axes, weight, of_color))
    return Taught(alike, tuple(lessons))


def _within(rows: Doubles, kinds: Sequence[object]) -> Doubles:
    """The covariance (d, d) within kinds of more than one photo, up to a factor."""
    codes = {kind: code for code, kind in enumerate(dict.fromkeys(kinds))}
    of = np.array([codes[kind] for kind in kinds])
    sizes = np.bincount(of)
    means = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(means, of, rows)
    apart = (rows - (means / sizes[:, None])[of])[sizes[of] > 1]
    found: Doubles = apart.T @ apart
    return found


def _partly_whitening(rows: Doubles) -> Doubles:
    """Axes (d, d) in which one ridge does for all: each divided by a power of its variance, as much in each piece."""
    variances, axes = np.linalg.eigh(np.cov(rows.T))
    variances = np.maximum(variances, 0)
    found = axes * (variances + 0.1 * variances.mean()) ** -0.375
    scaled: Doubles = found / np.sqrt(np.square((rows - rows.mean(axis=0)) @ found).sum(axis=1).mean())
    return scaled


def _regressed(rows: Doubles, prior: Doubles, labels: Sequence[str], count: int) -> Floats:
    """A map (d, count) of rows (n, d) to where those of one label lie together, of mean square 1 on them."""
    names, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    indicators = np.eye(len(names))[codes][:, sizes >= LEAST]
    centered = rows - rows.mean(axis=0)
    inputs = centered @ prior
    gram = inputs.T @ inputs
    ridge = gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    slopes = np.linalg.solve(ridge, inputs.T @ (indicators - indicators.mean(axis=0)))
    _, _, turn = np.linalg.svd(inputs @ slopes, full_matrices=False)
    axes = prior @ slopes @ turn[:count].T
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    scaled: Doubles = axes / np.sqrt(np.square(centered @ axes).sum(axis=1).mean())
    return scaled.astype(np.float16).astype(np.float32)


def main() -> None:
    """Learn and write."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(models.__file__).with_name(FILES[MODEL])
    found = learned(sets.products(sets.networks(peers=False), None))
    arrays = {f"alike{at}": rows for at, rows in enumerate(found.alike)}
    arrays |= {lesson.name: lesson.axes for lesson in found.lessons}
    np.savez_compressed(target, allow_pickle=False, **{name: rows.astype(np.float16) for name, rows in arrays.items()})
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
