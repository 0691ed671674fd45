"""What labels of product photos teach about a model's vectors: learned once, shipped with the package.

`benchmarks/teaching.py` learns it and writes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lookalike.records import Floats, Lesson

FILES: Mapping[str, str] = {"efficientnet-lite0": "taught_lite0.npz"}
"""The files beside this one, by model."""
PIECES = (0.2, 0.13, 0.2)
OUTLINE = 0.05
COLOR = 0.1
LESSONS: Mapping[str, float] = {"type": 0.175, "gender": 0.01, "brand": 0.12, "color": 0.0325}
"""What each lesson weighs in relation to the others, to the pieces of a vector, to the outline, and to color."""
OF_COLOR = ("color",)
"""Lessons of the vectors of a model and of color vectors; the others are of the former alone."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What was learned of a model's vectors.

    `alike`: for each piece of a vector, rows (m, width) float32 of which `rows.T @ rows` is the covariance of what
    products of one type, gender and brand differ in, up to a factor. `lessons`, that of types first. `pieces`,
    `outline` and `color` are what these weigh beside the lessons.
    """

    alike: tuple[Floats, ...]
    lessons: tuple[Lesson, ...]
    pieces: tuple[float, ...] = PIECES
    outline: float = OUTLINE
    color: float = COLOR


@cache
def taught(name: str) -> Taught | None:
    """What is known of a model's vectors by labels; None for a model of which nothing was learned.

    The same arrays every time: copy what you change.
    """
    if name not in FILES:
        return None
    with np.load(Path(__file__).with_name(FILES[name]), allow_pickle=False) as stored:
        alike = tuple(stored[f"alike{at}"].astype(np.float32) for at in range(len(PIECES)))
        lessons = tuple(
            Lesson(label, stored[label].astype(np.float32), weight, label in OF_COLOR)
            for label, weight in LESSONS.items()
        )
    return Taught(alike, lessons)
