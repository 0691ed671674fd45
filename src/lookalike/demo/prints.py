"""Patterns: for every pixel, how much of the second and of the dark third color shows."""

from __future__ import annotations

import numpy as np

from lookalike.demo.materials import TILE, Field, cells, smooth

PATTERNS = ("Plain", "Two-tone", "Stripes", "Dots", "Plaid", "Leopard", "Zebra", "Camouflage", "Floral", "Gradient")


def _tile(field: Field, x: Field, y: Field, zoom: float) -> Field:
    rows = np.floor(y * zoom).astype(np.int32) % TILE
    cols = np.floor(x * zoom).astype(np.int32) % TILE
    return np.asarray(field[rows, cols], dtype=np.float32)


def _step(value: Field, low: float, high: float) -> Field:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def weights(name: str, x: Field, y: Field, size: float, phase: float, pixel: float) -> tuple[Field, Field]:  # noqa: PLR0911  one pattern a branch
    """Shares (h, w), 0 to 1, of the second color and of the third, a dark one, of pattern `name`.

    `x`, `y` are surface coordinates in units, `size` the repeat in units, `pixel` the width of one in units.
    """
    none = np.zeros_like(x)
    u, v = (x + phase) / size, (y + phase) / size
    blur = pixel / size
    if name == "Stripes":
        wave = np.abs((u + 0.15 * v) % 1 - 0.5)
        return _step(wave, 0.25 - blur, 0.25 + blur), none
    if name == "Dots":
        shift = np.floor(v) % 2 * 0.5
        gap = np.hypot((u + shift) % 1 - 0.5, v % 1 - 0.5)
        return 1 - _step(gap, 0.26 - blur, 0.26 + blur), none
    if name == "Plaid":
        bands = [_step(np.abs(w % 1 - 0.5), 0.24 - blur, 0.24 + blur) * 0.5 for w in (u, v)]
        thin = [1 - _step(np.abs((w + 0.25) % 1 - 0.5), 0.035, 0.035 + 2 * blur) for w in (u, v)]
        return bands[0] + bands[1], np.float32(0.55) * np.maximum(thin[0], thin[1])
    zoom = 24 / size
    if name == "Leopard":
        first, second = cells(24)
        near, far = _tile(first, x + phase, y, zoom), _tile(second, x + phase, y, zoom)
        wobble = np.sin(u * 19 + 3 * np.sin(v * 13)) * np.sin(v * 17 + 2 * np.sin(u * 11))
        ring = _step(near, 4.2, 5.4) * (1 - _step(near, 8.0 + wobble * 1.6, 9.4 + wobble * 1.6))
        return 0.55 * (1 - _step(near, 4.2, 5.4)), ring * _step(far - near, 0.8, 2.4) * _step(wobble, -0.45, -0.15)
    if name == "Floral":
        row = np.floor(v)
        u = u + 0.5 * (row % 2)
        col = np.floor(u)
        # A sine of the cell's number scatters the flowers without a table.
        move_x, move_y = (0.16 * np.sin(row * a + col * b) for a, b in ((12.99, 78.23), (39.35, 11.14)))
        dx, dy = u - col - 0.5 - move_x, v - row - 0.5 - move_y
        gap, turn = np.hypot(dx, dy), np.arctan2(dy, dx) + 2.4 * row + 1.3 * col
        petal = 0.22 + 0.08 * np.cos(5 * turn)
        heart = 1 - _step(gap, 0.07 - blur * 0.5, 0.07 + blur)
        return 1 - _step(gap, petal - blur, petal + blur), 0.65 * heart
    if name == "Zebra":
        bend = np.sin(v * 2.1 + 1.3 * np.sin(u * 1.3)) * 0.35 + 0.22 * np.sin(v * 5 + u)
        wave = np.abs((u + bend) % 1 - 0.5)
        return _step(wave, 0.27 - blur, 0.27 + 2 * blur), none
    if name == "Camouflage":
        blobs, other = (_tile(smooth(seed, 9, 1.5), x + phase, y, zoom * 2) for seed in ("camouflage", "shade"))
        return _step(blobs, 0.20, 0.36), 0.62 * _step(other, 0.85, 1.0)
    if name == "Gradient":
        return _step(x, 15 + phase, 80 + phase), none
    return none, none
