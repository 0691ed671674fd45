"""The outline of a product: how much of each cell of a coarse grid it covers, whatever its colors."""

from __future__ import annotations

import numpy as np

from lookalike.errors import UsageError
from lookalike.images.histogram import WHITE
from lookalike.records import OUTLINE_SIDE, Bytes, Floats

_SIDE = 112


def outline(pixels: Bytes) -> Floats:
    """The outline of a photo: (64,) float32 from 0 to 1, row by row: how much of a cell of 8 x 8 the product covers.

    `pixels` is (height, width, 3) uint8, sRGB. As in `color_histogram`, a pixel is the product's where its darkest
    channel is under 0.92, and about 112 rows and columns are looked at. A photo without a white background covers all
    cells: an outline says nothing of it. Raises `UsageError` for another shape or type.

    >>> photo = np.full((16, 16, 3), 255, np.uint8)
    >>> photo[:2, :4] = 0
    >>> outline(photo)[:3]
    array([1., 1., 0.], dtype=float32)
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UsageError(f"pixels is {pixels.dtype} of shape {pixels.shape}: give uint8 of shape (height, width, 3)")
    step = [max(1, side // _SIDE) for side in pixels.shape[:2]]
    red, green, blue = np.moveaxis(pixels[:: step[0], :: step[1]], 2, 0)
    covered: Floats = (np.minimum(np.minimum(red, green), blue) < WHITE).astype(np.float32)
    for axis in (0, 1):
        side = covered.shape[axis]
        if side < OUTLINE_SIDE:  # fewer pixels than cells: a pixel is in several of them
            covered = covered.take(np.arange(OUTLINE_SIDE) * side // OUTLINE_SIDE, axis)
            continue
        edges = np.arange(OUTLINE_SIDE + 1) * side // OUTLINE_SIDE
        sizes = np.diff(edges).astype(np.float32)
        covered = np.add.reduceat(covered, edges[:-1], axis) / (sizes[:, None] if axis == 0 else sizes)
    return covered.reshape(-1)
