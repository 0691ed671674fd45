"""The colors of a product: a small perceptual histogram of its own pixels, the white around it left out."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.images import loops
from lookalike.records import COLOR_BINS, Bytes, Floats

WHITE = 235
"""A pixel whose darkest channel is at least this (0.92 of 255) is background."""
CHROMA_EDGES = (-12.0, -4.0, 4.0, 12.0, 28.0)
"""Where the bins of a* and b* end: grays have one of their own, and the warm side, where most products lie, reaches
further. Six equal bins agree with at most 0.566 of color labels (at 20 and 25), these with 0.576 (6,388 product
photos, on which they were chosen)."""

MARGIN, BRIGHTEST = 5, 250
"""How far below that of the border's middle pixel the darkest channel of a pixel is which the outline counts as the
product's, between `WHITE` and `BRIGHTEST`: so an outline on pure white holds a white product, too."""

_SIDE = 112
_LEVELS = 64
_LIGHT_BINS = 6
_REDS = 4
"""Levels of red that are worked on at a time, for the cache; every process does this before its first photo."""
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE_POINT = (0.95047, 1.0, 1.08883)

_Numbers = npt.NDArray[np.float64]


class Seen(NamedTuple):
    """What is seen of a photo: `counts` (216,) int64 of its product's pixels by bin, of all pixels where none is the
    product's; `covered` (rows, columns) uint8, 1 where the product is, white parts of it on pure white included.
    """

    counts: npt.NDArray[np.int64]
    covered: Bytes


def see(pixels: Bytes) -> Seen:
    """Look at about 112 rows and columns of `pixels` (height, width, 3) uint8, sRGB; raises `UsageError` for others."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UsageError(f"pixels is {pixels.dtype} of shape {pixels.shape}: give uint8 of shape (height, width, 3)")
    down, right = (max(1, side // _SIDE) for side in pixels.shape[:2])
    looked = pixels[::down, ::right]
    edge = _edge(looked)
    there = loops.current()
    if there is not None and pixels.flags.c_contiguous:
        every, own, covered = there.looked(pixels, (down, right), WHITE, edge, _bins(), COLOR_BINS)
        return Seen(own if own.any() else every, covered)
    red, green, blue = np.moveaxis(looked, 2, 0)
    codes = _codes(red) << 12
    codes |= _codes(green) << 6
    codes |= _codes(blue)
    darkest = np.minimum(np.minimum(red, green), blue)
    product = darkest < WHITE
    counted = codes[product] if product.any() else codes.reshape(-1)
    return Seen(np.bincount(_bins()[counted], minlength=COLOR_BINS), (darkest < edge).astype(np.uint8))


def _edge(looked: Bytes) -> int:
    """What the darkest channel of the background is not below, from that of the border's middle pixel."""
    border = np.concatenate([looked[0], looked[-1], looked[:, 0], looked[:, -1]]).min(axis=1)
    middle = int(np.partition(border, len(border) // 2)[len(border) // 2])
    return min(max(middle - MARGIN, WHITE), BRIGHTEST)


def color_histogram(pixels: Bytes, seen: Seen | None = None) -> Floats:
    """The color vector of a photo: (216,) float32, entries from 0 to 1, of length 1.

    `pixels` is (height, width, 3) uint8, sRGB; `seen` what `see` gave for it. Each entry is the square root of the
    share of the pixels that fall into one of 6 x 6 x 6 bins of CIE L*a*b* (D65). Only pixels count whose darkest
    channel is under 0.92; all of them in a photo that has none such. Between two of these vectors the Euclidean
    distance divided by the square root of 2 is the Hellinger distance. About 112 rows and columns are looked at.
    Raises `UsageError` for another shape or type.

    >>> red = np.full((8, 8, 3), (200, 0, 0), np.uint8)
    >>> float(color_histogram(red).max()), color_histogram(red).shape
    (1.0, (216,))
    """
    counts = (seen or see(pixels)).counts
    shares: _Numbers = counts / counts.sum()
    return np.sqrt(shares).astype(np.float32)


def _codes(channel: Bytes) -> npt.NDArray[np.int32]:
    return (channel >> 2).astype(np.int32)


@cache
def _bins() -> Bytes:
    """The bin of every color with 64 levels a channel: (262144,) uint8."""
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    bins = np.empty((_LEVELS, _LEVELS, _LEVELS), np.uint8)
    for red in range(0, _LEVELS, _REDS):
        lightness, a, b = _to_lab(levels[red : red + _REDS, None, None], levels[:, None], levels)
        light = np.clip(lightness * (_LIGHT_BINS / 100), 0, _LIGHT_BINS - 1).astype(np.uint8)
        bins[red : red + _REDS] = (light * 6 + _chroma_bin(a)) * 6 + _chroma_bin(b)
    return bins.reshape(-1)


def _chroma_bin(values: _Numbers) -> Bytes:
    found = np.zeros(values.shape, np.uint8)
    for edge in CHROMA_EDGES:
        found += values >= edge
    return found


def _to_lab(red: _Numbers, green: _Numbers, blue: _Numbers) -> tuple[_Numbers, _Numbers, _Numbers]:
    """CIE L*, a* and b* of sRGB channels in 0..1 (IEC 61966-2-1, white point D65), which broadcast to one shape."""
    r, g, b = (np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (red, green, blue))
    x, y, z = (
        _compressed((of_red * r + of_green * g + of_blue * b) / white)
        for (of_red, of_green, of_blue), white in zip(_TO_XYZ, _WHITE_POINT, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _compressed(share: _Numbers) -> _Numbers:
    return np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
