"""Near-identical pictures: pairs that may be one photo, pairs that are, and the groups that they make.

A pair is one photo if, one picture laid over the other, mirrored or not, the fine detail of both runs alike and the
colors are the same. Products that only look alike differ in detail: in folds, seams, prints, reflections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.analysis.registration import Mask, correlation, lay, register, smooth
from lookalike.records import Bytes, Floats, Ints

SIDE, COARSE = 64, 16
"""Sides of the pictures that are compared, and of those that say which pairs are worth it."""
TINT = 14.0
"""Largest difference of the mean color of two products, 0 to 255 and mean of the channels, before they are laid over
each other; `SHADE` after it, pixel by pixel."""
SHADE = 9.0
ROUGH, CLOSE, COARSE_SHADE = 0.65, 0.95, 11.0
"""Least correlation of coarse pictures as they come, and once laid over each other; their `SHADE` then."""
SYMMETRIC = 0.15
"""A mirrored look is tried beside the other one where their coarse correlations differ by no more than this."""
OVERLAP = 0.6
"""Least share of a picture that the other one covers."""
WHITE = 243
BLOCK, COARSE_BLOCK = 128, 2_048
GRAY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is kept of n pictures: `coarse` (n, 16, 16, 3) float32, smooth, `tint` (n, 3) the mean color that is
    not white."""

    coarse: Floats
    tint: Floats


@dataclass(frozen=True, slots=True)
class Laid:
    """q pictures laid over others: `pairs` (q, 2) rows, the second over the first; whether it is `mirrored` (q,), and
    its `place` (q, 4) as `register` gives it."""

    pairs: Ints
    mirrored: Mask
    place: Floats


def sketch(pictures: Bytes) -> Sketches:
    """Sketches of pictures (n, 64, 64, 3) uint8."""
    gray = pictures.astype(np.float32) @ GRAY
    part = SIDE // COARSE
    coarse = smooth(pictures.reshape(-1, COARSE, part, COARSE, part, 3).mean(axis=(2, 4), dtype=np.float32))
    colored = (gray < WHITE)[..., None]
    count = colored.sum(axis=(1, 2))
    mean = (pictures * colored).sum(axis=(1, 2)) / np.maximum(count, 1)
    return Sketches(coarse.astype(np.float32), np.where(count > 0, mean, 255).astype(np.float32))


def lay_over(sketches: Sketches, pairs: Ints) -> Laid:
    """Those of the pairs (p, 2) that may be one photo by their sketches, each once and the way that fits best.

    Either picture is tried on top of the other, mirrored or not, as far as the coarse pictures agree.
    """
    tint = np.abs(sketches.tint[pairs[:, 0]] - sketches.tint[pairs[:, 1]]).mean(axis=1)
    pairs = pairs[tint <= TINT]
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    starts = range(0, len(pairs), COARSE_BLOCK)
    parts = [_laid(sketches.coarse, pairs[start : start + COARSE_BLOCK]) for start in starts]
    if not parts:
        return Laid(np.zeros((0, 2), np.int64), np.zeros(0, bool), np.zeros((0, 4), np.float32))
    found, mirrored, place, fit = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(-fit, kind="stable")
    _, first = np.unique(np.sort(found[order], axis=1), axis=0, return_index=True)
    best = order[first]
    return Laid(found[best], mirrored[best], place[best])


def _laid(coarse: Floats, pairs: Ints) -> tuple[npt.NDArray[Any], ...]:
    """Pairs that agree, whether mirrored, their places, and the correlation there."""
    first, second = coarse[pairs[:, 0]], coarse[pairs[:, 1]]
    looks = [second, np.ascontiguousarray(second[:, :, ::-1])]
    gray = first @ GRAY
    alike = np.stack([correlation(gray, look @ GRAY, np.ones(gray.shape, bool)) for look in looks])
    tried = (alike >= ROUGH) & (alike >= alike.max(axis=0) - SYMMETRIC)
    kept = []
    for mirrored, look in enumerate(looks):
        rows = np.flatnonzero(tried[mirrored])
        place = register(gray[rows], look[rows] @ GRAY, 8)
        over, there = lay(look[rows], place)
        fit = correlation(gray[rows], over @ GRAY, there)
        good = (fit >= CLOSE) & (there.mean(axis=(1, 2)) >= OVERLAP)
        good &= _shade(first[rows], over, there) <= COARSE_SHADE
        kept.append((pairs[rows[good]], np.full(int(good.sum()), bool(mirrored)), place[good], fit[good]))
    return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))


def likeness(a: Bytes, b: Bytes, place: Floats) -> tuple[Floats, Floats]:
    """How alike pictures (p, 64, 64, 3) uint8 are where `b`, mirrored if it has to be, lies about at `place` on `a`.

    (p,) correlation of their fine detail, -1 to 1 and 0 where they hardly overlap, and (p,) how far the colors are
    apart, 0 to 255: the mean over the channels and over the pixels that are not white.
    """
    detail, shade = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for start in range(0, len(a), BLOCK):
        block = slice(start, start + BLOCK)
        first, second = (each[block].astype(np.float32) for each in (a, b))
        at = register(smooth(first @ GRAY), smooth(second @ GRAY), 6, place[block])
        over, there = lay(second, at)
        first, over = smooth(first), smooth(over)
        alike = correlation(_fine(first @ GRAY), _fine(over @ GRAY), there)
        detail.append(np.where(there.mean(axis=(1, 2)) >= OVERLAP, alike, 0).astype(np.float32))
        shade.append(_shade(first, over, there))
    return np.concatenate(detail), np.concatenate(shade)


def _shade(a: Floats, b: Floats, there: Mask) -> Floats:
    """(p,) mean difference of the colors of (p, s, s, 3) over the pixels that are `there` and not white in both."""
    colored = there & (np.minimum(a @ GRAY, b @ GRAY) < WHITE)
    apart = (np.abs(a - b).mean(axis=-1) * colored).sum(axis=(1, 2))
    shade: Floats = (apart / np.maximum(colored.sum(axis=(1, 2)), 1)).astype(np.float32)
    return shade


def _fine(gray: Floats) -> Floats:
    return gray - smooth(smooth(smooth(gray)))


def join(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of all that pairs tie together (union-find), ascending in themselves and by their first.

    >>> join([(5, 2), (7, 8), (2, 9)])
    [[2, 5, 9], [7, 8]]
    """
    parent: dict[int, int] = {}

    def root(item: int) -> int:
        while (above := parent.setdefault(item, item)) != item:
            parent[item] = parent[above]
            item = above
        return item

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for item in sorted(parent):
        groups.setdefault(root(item), []).append(item)
    return list(groups.values())
