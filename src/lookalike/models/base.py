"""What every model offers, and the check of its input that all of them share."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from lookalike.errors import UsageError
from lookalike.records import Bytes, Floats, ModelFacts


@runtime_checkable
class Model(Protocol):
    """Turns pixels into vectors. One instance may be used by several threads at once, and can be pickled.

    `facts` says what the vectors depend on; two models with equal `facts.identity` give equal vectors.
    """

    @property
    def facts(self) -> ModelFacts:
        """What is known of this model, as `models.facts` gives it."""
        ...

    def embed(self, pixels: Bytes) -> Floats:
        """One vector a photo.

        `pixels` is (b, facts.size, facts.size, 3) uint8 RGB, b from 0 up; the result (b, facts.dimension)
        float32. A vector has the same bits whatever b, the photo's place in the batch and the number of
        threads. Raises `UsageError` for another shape or type. A row that is not finite is returned as it
        is: `np.isfinite(vectors).all(axis=1)` finds it.
        """
        ...


def check_pixels(pixels: Bytes, size: int) -> None:
    """Raise `UsageError` unless `pixels` is (b, size, size, 3) uint8."""
    if not isinstance(pixels, np.ndarray):
        raise UsageError(f"pixels is a {type(pixels).__name__}: give a NumPy array, uint8, RGB")
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (size, size, 3):
        raise UsageError(
            f"pixels is {pixels.dtype} of shape {pixels.shape}: this model takes uint8 of shape "
            f"(photos, {size}, {size}, 3), RGB; prepare photos with lookalike.images"
        )
