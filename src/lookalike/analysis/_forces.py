"""The loops of the map, compiled by Numba when they are first used: weights of neighbors, forces, one step.

Each works on rows `start` to `stop`, or on the whole in the order of the rows, so threads change no byte. Places are
(n, 2); the repulsion of an item is the sum over all others of (y_i - y_j) / (1 + |y_i - y_j|^2)^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled, compiled_loosely

BISECTIONS = 60


@compiled
def gaussian_weights(squares: Array, perplexity: float, out: Array, start: int, stop: int) -> None:
    """Weights `out` (n, k), each row summing to 1, Gaussian in the squared distances, of the wanted perplexity.

    The width is found by bisection on the logarithm of the perplexity, the entropy (van der Maaten and Hinton, 2008).
    """
    wanted = np.log(perplexity)
    k = squares.shape[1]
    for row in range(start, stop):
        least = squares[row, 0]
        for j in range(1, k):
            least = min(least, squares[row, j])
        low, high, beta = 0.0, np.inf, 1.0
        for _ in range(BISECTIONS):
            total = 0.0
            mean = 0.0
            for j in range(k):
                weight = np.exp(-beta * (squares[row, j] - least))
                out[row, j] = weight
                total += weight
                mean += weight * (squares[row, j] - least)
            gap = np.log(total) + beta * mean / total - wanted
            for j in range(k):
                out[row, j] /= total
            if abs(gap) < 1e-7:
                break
            if gap > 0:
                low = beta
                beta = beta * 2 if high == np.inf else (beta + high) / 2
            else:
                high = beta
                beta = (low + high) / 2


@compiled_loosely
def repel_exactly(places: Array, push: Array, start: int, stop: int) -> Any:
    """The repulsion `push` (n, 2) of rows `start` to `stop` from all others; returns their sum of 1 / (1 + r^2)."""
    total = 0.0
    for i in range(start, stop):
        x, y = places[i, 0], places[i, 1]
        px = np.float32(0)
        py = np.float32(0)
        own = np.float32(0)
        for j in range(len(places)):
            dx, dy = x - places[j, 0], y - places[j, 1]
            near = np.float32(1) / (np.float32(1) + dx * dx + dy * dy)
            own += near
            near *= near
            px += near * dx
            py += near * dy
        push[i, 0] = px
        push[i, 1] = py
        total += np.float64(own) - 1.0
    return total


@compiled_loosely
def spline(t: Any) -> Any:
    """The cubic B-spline's weights of four nodes around a place `t` of the way from the second to the third."""
    six = np.float32(1 / 6)
    s = np.float32(1) - t
    return (
        s * s * s * six,
        (t * t * (np.float32(3) * t - np.float32(6)) + np.float32(4)) * six,
        (s * s * (np.float32(3) * s - np.float32(6)) + np.float32(4)) * six,
        t * t * t * six,
    )


@compiled_loosely
def slope(t: Any) -> Any:
    """What `spline` changes by as `t` grows."""
    half = np.float32(0.5)
    s = np.float32(1) - t
    return (
        -s * s * half,
        t * (np.float32(3) * t - np.float32(4)) * half,
        -s * (np.float32(3) * s - np.float32(4)) * half,
        t * t * half,
    )


@compiled_loosely
def spread(places: Array, low: Array, per_unit: float, grid: Array) -> None:
    """Add each item to the 4 x 4 nodes of `grid` around it, by cubic B-spline weights; node 1 lies at `low`."""
    for i in range(len(places)):
        x = (places[i, 0] - low[0]) * per_unit
        y = (places[i, 1] - low[1]) * per_unit
        column, row = int(y), int(x)
        wx = spline(np.float32(x - row))
        w0, w1, w2, w3 = spline(np.float32(y - column))
        for a in range(4):
            line = grid[row + a]
            line[column] += wx[a] * w0
            line[column + 1] += wx[a] * w1
            line[column + 2] += wx[a] * w2
            line[column + 3] += wx[a] * w3


@compiled_loosely
def gather(places: Array, low: Array, per_unit: float, grid: Array, push: Array, start: int, stop: int) -> Any:
    """The repulsion `push` from a potential on `grid`, minus half its slope; returns the sum of the potential."""
    half = np.float32(0.5)
    total = 0.0
    for i in range(start, stop):
        x = (places[i, 0] - low[0]) * per_unit
        y = (places[i, 1] - low[1]) * per_unit
        column, row = int(y), int(x)
        t, u = np.float32(x - row), np.float32(y - column)
        wx, dx = spline(t), slope(t)
        w0, w1, w2, w3 = spline(u)
        d0, d1, d2, d3 = slope(u)
        potential = np.float32(0)
        gx = np.float32(0)
        gy = np.float32(0)
        for a in range(4):
            line = grid[row + a]
            g0, g1, g2, g3 = line[column], line[column + 1], line[column + 2], line[column + 3]
            value = g0 * w0 + g1 * w1 + g2 * w2 + g3 * w3
            potential += wx[a] * value
            gx += dx[a] * value
            gy += wx[a] * (g0 * d0 + g1 * d1 + g2 * d2 + g3 * d3)
        push[i, 0] = -half * gx * per_unit
        push[i, 1] = -half * gy * per_unit
        total += float(potential)
    return total


@compiled_loosely
def step(  # noqa: PLR0913, PLR0917 - compiled code takes arrays one by one
    starts: Array,
    near: Array,
    weights: Array,
    places: Array,
    push: Array,
    settings: tuple[float, float, float, float],
    gains: Array,
    update: Array,
    out: Array,
    start: int,
    stop: int,
) -> None:
    """One step of gradient descent with momentum and gains (Jacobs, 1988) for rows `start` to `stop` of `out`.

    `settings`: exaggeration, 1 / Z, learning rate, momentum. No item goes further than 5 in one step.
    """
    exaggeration, share, rate, momentum = settings
    for i in range(start, stop):
        x, y = places[i, 0], places[i, 1]
        px = np.float32(0)
        py = np.float32(0)
        for at in range(starts[i], starts[i + 1]):
            j = near[at]
            dx, dy = x - places[j, 0], y - places[j, 1]
            pull = weights[at] / (np.float32(1) + dx * dx + dy * dy)
            px += pull * dx
            py += pull * dy
        slopes = (exaggeration * px - share * push[i, 0], exaggeration * py - share * push[i, 1])
        for axis in range(2):
            slope = slopes[axis]
            if (update[i, axis] > 0) != (slope > 0):
                gains[i, axis] += 0.2
            else:
                gains[i, axis] = gains[i, axis] * 0.8 + 0.01
            update[i, axis] = momentum * update[i, axis] - rate * gains[i, axis] * slope
        length = np.sqrt(update[i, 0] ** 2 + update[i, 1] ** 2)
        if length > 5.0:
            update[i, 0] *= 5.0 / length
            update[i, 1] *= 5.0 / length
        out[i, 0] += update[i, 0]
        out[i, 1] += update[i, 1]


@compiled_loosely
def divergence(starts: Array, near: Array, weights: Array, places: Array, total: float) -> Any:
    """The Kullback-Leibler divergence of the map: the sum of p log(p / q), q = 1 / (1 + r^2) / `total`."""
    loss = 0.0
    for i in range(len(places)):
        for at in range(starts[i], starts[i + 1]):
            j = near[at]
            p = np.float64(weights[at])
            if p > 0:
                dx = np.float64(places[i, 0]) - places[j, 0]
                dy = np.float64(places[i, 1]) - places[j, 1]
                loss += p * np.log(p * total * (1.0 + dx * dx + dy * dy))
    return loss
