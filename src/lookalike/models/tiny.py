"""A model for tests: no weights, no network, same contract; knows color and a coarse layout only."""

from __future__ import annotations

import numpy as np

from lookalike.models.base import check_pixels
from lookalike.records import Bytes, Floats, ModelFacts

CELLS = 4


class TinyModel:
    """Mean and deviation of each of R, G, B (6 numbers), then the gray of a 4 x 4 grid (16), all in 0..1."""

    def __init__(self, facts: ModelFacts) -> None:
        self._facts = facts

    @property
    def facts(self) -> ModelFacts:
        """What the vectors depend on."""
        return self._facts

    def embed(self, pixels: Bytes) -> Floats:
        """One vector a photo; see `Model.embed`."""
        size = self._facts.size
        check_pixels(pixels, size)
        vectors = np.empty((len(pixels), self._facts.dimension), np.float32)
        for photo, vector in zip(pixels, vectors, strict=True):
            # whole numbers summed exactly, so no order of summation can show in the bits
            values = photo.astype(np.int64)
            count = size * size
            sums, squares = values.sum(axis=(0, 1)), (values * values).sum(axis=(0, 1))
            vector[:3] = sums / (255 * count)
            vector[3:6] = np.sqrt((squares * count - sums * sums) / count**2) / 255
            cell = size // CELLS
            grid = values.sum(axis=2).reshape(CELLS, cell, CELLS, cell).sum(axis=(1, 3))
            vector[6:] = grid.ravel() / (3 * 255 * cell * cell)
        return vectors
