"""The loops of `resample`, compiled by Numba when they are first used. Imported only there, and only when it pays.

A pixel is one uint32, red in its lowest 8 bits, so that one step of a loop weighs all of its channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
BITS = 22
"""Bits behind the point of a weight, as in Pillow."""
TILE = 16


def compiled(function: F) -> F:
    """`function` as machine code that runs without the GIL; kept on disk for the next process."""
    return cast("F", numba.njit(cache=True, nogil=True, boundscheck=False)(function))


@compiled
def turn(pixels: Any, out: Any) -> None:
    """Write the transpose of `pixels` (h, w) uint32 to `out` (w, h), tile by tile to stay in the cache."""
    height, width = pixels.shape
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            for x in range(left, min(left + TILE, width)):
                for y in range(top, min(top + TILE, height)):
                    out[x, y] = pixels[y, x]


@compiled
def weigh_rows(pixels: Any, first: Any, counts: Any, weights: Any, out: Any) -> None:
    """Write weighted sums of rows of `pixels` (n, m) uint32 to `out` (k, m), rounded and clipped to 8 bits.

    Row r of `out` sums `counts[r]` rows from `first[r]` on with `weights[r]`: int32, of which `BITS` are a fraction.
    """
    width = pixels.shape[1]
    red, green, blue = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    half, low, high = np.int32(1 << (BITS - 1)), np.int32(0), np.int32(255)
    byte, bits, eight, sixteen = np.uint32(255), np.int32(BITS), np.uint32(8), np.uint32(16)
    for row in range(out.shape[0]):
        for x in range(width):
            red[x] = half
            green[x] = half
            blue[x] = half
        for tap in range(counts[row]):
            weight = weights[row, tap]
            line = pixels[first[row] + tap]
            # the casts keep Numba from widening to 64 bits
            for x in range(width):
                red[x] += np.int32(np.int32(line[x] & byte) * weight)
                green[x] += np.int32(np.int32((line[x] >> eight) & byte) * weight)
                blue[x] += np.int32(np.int32((line[x] >> sixteen) & byte) * weight)
        for x in range(width):
            r = min(max(red[x] >> bits, low), high)
            g = min(max(green[x] >> bits, low), high)
            b = min(max(blue[x] >> bits, low), high)
            out[row, x] = np.uint32(r | (g << np.int32(8)) | (b << np.int32(16)))
