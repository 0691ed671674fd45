"""One picture laid over another by shift and stretch, many pairs at once.

The place is found by Gauss-Newton steps on the difference of gray values (Lucas and Kanade 1981, "An iterative image
registration technique with an application to stereo vision"), with contrast and brightness solved for beside it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.records import Floats

MOST_STRETCH, MOST_SHIFT, MOST_STEP = 1.4, 0.4, 0.1
"""Limits of the stretch (and of its inverse), of the shift in half sides, and of one step of either."""
DAMPING = 1.001

Mask = npt.NDArray[np.bool_]


def register(a: Floats, b: Floats, steps: int, start: Floats | None = None) -> Floats:
    """(p, 4) float32: stretch along x and y, shift along x and y, where each of `b` lies best on the one of `a`.

    `a`, `b` (p, s, s) float32, gray and smooth; `start` (p, 4) is where the steps begin, None: no stretch or shift.
    The middle of a picture is 0 and its edges are -1 and 1: pixel x of `a` shows pixel `stretch * x + shift` of `b`.
    """
    p, s = a.shape[:2]
    place = np.tile(np.array([1, 1, 0, 0], np.float32), (p, 1)) if start is None else start.copy()
    down, across = np.gradient(b, axis=(1, 2))
    layers = np.stack([b, across * (s / 2), down * (s / 2)], axis=-1).astype(np.float32)
    x = np.broadcast_to(_grid(s)[None, None, :], a.shape)
    y = np.broadcast_to(_grid(s)[None, :, None], a.shape)
    ones, diagonal = np.ones_like(a), np.arange(6)
    for _ in range(steps):
        laid, there = lay(layers, place)
        value, dx, dy = laid[..., 0], laid[..., 1], laid[..., 2]
        slopes = np.stack([dx * x, dy * y, dx, dy, value, ones], axis=-1).reshape(p, -1, 6)
        weighted = (slopes * there.reshape(p, -1, 1)).transpose(0, 2, 1)
        curvature = (weighted @ slopes).astype(np.float64)
        curvature[:, diagonal, diagonal] = curvature[:, diagonal, diagonal] * DAMPING + 1e-3
        pull = (weighted @ (a - value).reshape(p, -1, 1)).astype(np.float64)
        step = np.linalg.solve(curvature, pull)[:, :4, 0]
        place += np.clip(step, -MOST_STEP, MOST_STEP).astype(np.float32)
        place[:, :2] = place[:, :2].clip(1 / MOST_STRETCH, MOST_STRETCH)
        place[:, 2:] = place[:, 2:].clip(-MOST_SHIFT, MOST_SHIFT)
    return place


def lay(pictures: Floats, place: Floats) -> tuple[Floats, Mask]:
    """Pictures (p, s, s, c) float32 at their places (p, 4), between pixels linearly, and where they are: (p, s, s)."""
    p, s, _, c = pictures.shape
    x, y = (((_grid(s) * place[:, [axis]] + place[:, [axis + 2]]) + 1) * (s / 2) - 0.5 for axis in (0, 1))
    there = _between(y, s)[:, :, None] & _between(x, s)[:, None, :]
    rows = (_weights(y, s) @ pictures.reshape(p, s, s * c)).reshape(p, s, s, c)
    laid: Floats = _weights(x, s)[:, None] @ rows
    return laid, there


def smooth(pictures: Floats) -> Floats:
    """(p, s, s) or (p, s, s, c) float32, each pixel with its neighbors by 1, 2, 1 along both axes."""
    for axis in (1, 2):
        wide = np.pad(pictures, [(0, 0)] * axis + [(1, 1)] + [(0, 0)] * (pictures.ndim - axis - 1), mode="edge")
        wide = np.moveaxis(wide, axis, 0)
        mixed: Floats = ((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4).astype(np.float32)
        pictures = np.moveaxis(mixed, 0, axis)
    return pictures


def correlation(a: Floats, b: Floats, there: Mask) -> Floats:
    """(p,) correlation of pictures (p, s, s) over the pixels that are `there`; 1 for two that are even all over."""
    weight = there.astype(np.float32)
    count = weight.sum(axis=(1, 2), keepdims=True).clip(1)
    a, b = ((each - (each * weight).sum(axis=(1, 2), keepdims=True) / count) * weight for each in (a, b))
    size_a, size_b = ((each * each).sum(axis=(1, 2)) for each in (a, b))
    even = np.maximum(size_a, size_b) < 0.01 * count[:, 0, 0]
    found: Floats = np.where(even, 1.0, (a * b).sum(axis=(1, 2)) / np.sqrt(size_a * size_b + 1e-3)).astype(np.float32)
    return found


def _grid(s: int) -> Floats:
    return ((np.arange(s) + 0.5) / s * 2 - 1).astype(np.float32)


def _between(at: Floats, s: int) -> Mask:
    found: Mask = (at >= -0.5) & (at <= s - 0.5)
    return found


def _weights(at: Floats, s: int) -> Floats:
    """(p, s, s): what each input adds to each output, along one axis."""
    at = at.clip(0, s - 1)
    low = np.minimum(at.astype(np.int64), s - 2)
    part = (at - low).astype(np.float32)
    weights = np.zeros((len(at), s, s), np.float32)
    p, j = np.arange(len(at))[:, None], np.arange(s)[None, :]
    weights[p, j, low], weights[p, j, low + 1] = 1 - part, part
    return weights
