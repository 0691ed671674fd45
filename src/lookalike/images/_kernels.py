"""The loops over pixels, as Numba compiles them for `machine`. Imported only there, and only to be compiled.

They take addresses, not arrays, and allocate nothing, so that their machine code needs nothing of Numba to run. A
packed pixel is one uint32, red in its lowest 8 bits, so that one step of a loop weighs all of its channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

BITS = 22
"""Bits behind the point of a weight, as in Pillow."""
TILE = 16

_INDEX = types.int64
_BYTES, _WORDS = types.CPointer(types.uint8), types.CPointer(types.uint32)
_LONGS, _INTS = types.CPointer(types.int64), types.CPointer(types.int32)


def turn(pixels: Any, height: Any, width: Any, out: Any) -> None:
    """Write the transpose of packed `pixels` (height, width) to `out` (width, height), in tiles that fit the cache."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            for x in range(left, min(left + TILE, width)):
                for y in range(top, min(top + TILE, height)):
                    out[x * height + y] = pixels[y * width + x]


def weigh_rows(  # noqa: PLR0913, PLR0917  a loop of machine code has no objects
    pixels: Any, width: Any, first: Any, counts: Any, weights: Any, taps: Any, sums: Any, out: Any, rows: Any
) -> None:
    """Write weighted sums of rows of packed `pixels` (n, width) to `out` (rows, width), rounded and clipped to 8 bits.

    Row r of `out` sums `counts[r]` rows from `first[r]` on with `weights` (rows, taps): int32, of which `BITS` are a
    fraction. `sums` (3, width) int32 is room to work in.
    """
    half, low, high = np.int32(1 << (BITS - 1)), np.int32(0), np.int32(255)
    byte, bits, eight, sixteen = np.uint32(255), np.int32(BITS), np.uint32(8), np.uint32(16)
    for row in range(rows):
        for x in range(3 * width):
            sums[x] = half
        for tap in range(counts[row]):
            weight = weights[row * taps + tap]
            line = (first[row] + tap) * width
            # the casts keep Numba from widening to 64 bits
            for x in range(width):
                pixel = pixels[line + x]
                sums[x] += np.int32(np.int32(pixel & byte) * weight)
                sums[width + x] += np.int32(np.int32((pixel >> eight) & byte) * weight)
                sums[2 * width + x] += np.int32(np.int32((pixel >> sixteen) & byte) * weight)
        for x in range(width):
            r = min(max(sums[x] >> bits, low), high)
            g = min(max(sums[width + x] >> bits, low), high)
            b = min(max(sums[2 * width + x] >> bits, low), high)
            out[row * width + x] = np.uint32(r | (g << np.int32(8)) | (b << np.int32(16)))


def unpack(pixels: Any, count: Any, out: Any) -> None:
    """Write `count` packed pixels as three bytes each."""
    for at in range(count):
        pixel = pixels[at]
        out[3 * at] = np.uint8(pixel & np.uint32(255))
        out[3 * at + 1] = np.uint8((pixel >> np.uint32(8)) & np.uint32(255))
        out[3 * at + 2] = np.uint8((pixel >> np.uint32(16)) & np.uint32(255))


def look(  # noqa: PLR0913, PLR0917  as above
    pixels: Any, height: Any, width: Any, down: Any, right: Any, white: Any, edge: Any, bins: Any, all_bins: Any,
    own: Any, covered: Any,
) -> None:  # fmt: skip
    """Count the colors of RGB `pixels` (height, width, 3), each `down`-th row and `right`-th column of them.

    `bins` is the bin of every color with 64 levels a channel. `all_bins` counts all pixels by bin, `own` those whose
    darkest channel is below `white`; `covered` (rows, columns) says of which it is below `edge`. Counts begin as they
    are given.
    """
    rows, columns = (height + down - 1) // down, (width + right - 1) // right
    for row in range(rows):
        for column in range(columns):
            at = 3 * (row * down * width + column * right)
            red, green, blue = pixels[at], pixels[at + 1], pixels[at + 2]
            found = bins[((red >> 2) << 12) | ((green >> 2) << 6) | (blue >> 2)]
            all_bins[found] += 1
            darkest = min(red, green, blue)
            if darkest < white:
                own[found] += 1
            covered[row * columns + column] = np.uint8(darkest < edge)


KERNELS: dict[str, tuple[Callable[..., None], Any]] = {
    "turn": (turn, types.void(_WORDS, _INDEX, _INDEX, _WORDS)),
    "weigh_rows": (
        weigh_rows,
        types.void(_WORDS, _INDEX, _LONGS, _LONGS, _INTS, _INDEX, _INTS, _WORDS, _INDEX),
    ),
    "unpack": (unpack, types.void(_WORDS, _INDEX, _BYTES)),
    "look": (
        look,
        types.void(_BYTES, *[_INDEX] * 6, _BYTES, _LONGS, _LONGS, _BYTES),
    ),
}
