"""What recoloring a photo does to a model's vector: measured once on recolored photos, shipped with the package.

`benchmarks/recoloring.py` measures it and writes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from lookalike.records import Floats

FILES: Mapping[str, str] = {"efficientnet-lite0": "recolored_lite0.npz"}
"""The files beside this one, by model."""
WEIGHTS: Mapping[str, tuple[float, ...]] = {"efficientnet-lite0": (0.3, 0.55, 0.15)}
"""What the pieces of a vector weigh where color has no say: the last layer knows more of color than the one before."""


def weights_without_color(name: str) -> tuple[float, ...]:
    """What the pieces of a model's vector weigh where color has no say, adding up to 1; empty as in `recolored`."""
    return WEIGHTS.get(name, ())


@cache
def recolored(name: str) -> tuple[Floats, ...]:
    """What differs between photos and the same photos recolored, for each piece of a model's vector.

    Rows (m, width) float32 of which `rows.T @ rows` is the covariance, up to a factor. Empty for a model that was not
    measured. The same arrays every time: copy what you change.
    """
    if name not in FILES:
        return ()
    with np.load(Path(__file__).with_name(FILES[name]), allow_pickle=False) as stored:
        return tuple(stored[f"piece{at}"].astype(np.float32) for at in range(len(stored.files)))
