"""What an item looks like in whatever color: the directions in which a recolored photo moves, taken out of looks.

Photos and the same photos recolored differ in nothing but color. The covariance of these differences, measured in
the axes of a fit, says what is to count less: each direction is divided by its deviation, as in within-class
covariance normalization (Hatch, Kajarekar and Stolcke 2006) with a photo and its recolored copies as a class.
What color vectors predict across items is another thing: it holds whatever goes with a color, shape too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.analysis._blocks import Vectors, Workers, as_vectors, spans
from lookalike.analysis.whitening import Part, Whitening
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats

STRENGTH = 1_000.0
"""A direction of the mean variance under recoloring is divided by the root of about this."""
_BLOCK = 256
"""Rows that are worked on at a time in float64."""


@dataclass(frozen=True, slots=True)
class Colorless:
    """What makes looks depend on color as little as can be: for each of the `parts` of a fit, in their order, a
    symmetric matrix in `turns` (width, width) float64, and in `weights` what it weighs where color has no say.
    """

    parts: tuple[Part, ...]
    turns: tuple[Doubles, ...]
    weights: tuple[float, ...]

    def apply(self, looks: Vectors, kept: float = 0.0) -> Floats:
        """Looks (n, k) float32, as the fit makes them, without what color does to them: (n, k) float32.

        `kept`, 0 to 1: how much stays as it is. 0 takes all out, 1 returns `looks` itself, and between the two each
        part is multiplied by `kept` times the identity and the rest of its matrix, so points move continuously. Each
        part has the length that its weight gives it, each row the length that it had. Worked out in float64, so a row
        has the same result whatever it is handed over with.
        """
        array = as_vectors(looks, "looks")
        if not 0 <= kept <= 1:
            raise UsageError(f"kept={kept} is out of range: give a value from 0 to 1")
        width = sum(part.width for part in self.parts)
        if array.shape[1] != width:
            raise UsageError(f"looks have {array.shape[1]} numbers, the fit makes {width}")
        if kept == 1:
            return array
        turns = [kept * np.eye(len(turn)) + (1 - kept) * turn for turn in self.turns]
        grown = [
            np.sqrt(kept + (1 - kept) * weight / part.weight)
            for part, weight in zip(self.parts, self.weights, strict=True)
        ]
        found = np.empty(array.shape, np.float32)

        def fill(span: tuple[int, int]) -> None:
            found[slice(*span)] = _turned(array[slice(*span)].astype(np.float64), turns, grown)

        with Workers(None) as workers:
            for _ in workers.map(fill, spans(len(array), _BLOCK)):
                pass
        return found


def _turned(rows: Doubles, turns: Sequence[Doubles], grown: Sequence[float]) -> Doubles:
    """Each part of some rows by its matrix, as long as it was times what it has grown by; rows as long as they were."""
    moved, first = np.empty_like(rows), 0
    for turn, by in zip(turns, grown, strict=True):
        columns = slice(first, first + len(turn))
        first += len(turn)
        moved[:, columns] = _as_long(rows[:, columns] @ turn, np.linalg.norm(rows[:, columns], axis=1) * by)
    return _as_long(moved, np.linalg.norm(rows, axis=1))


def _as_long(rows: Doubles, lengths: Doubles) -> Doubles:
    """Rows brought to these lengths; zeros stay."""
    now = np.linalg.norm(rows, axis=1, keepdims=True)
    brought: Doubles = np.divide(rows * lengths[:, None], now, out=np.zeros_like(rows), where=now > 0)
    return brought


def fit_colorless(fit: Whitening, changes: Sequence[Floats], weights: Sequence[float] = ()) -> Colorless:
    """What takes color out of the looks that `fit` makes.

    `changes`: for each of its first parts, rows (m, columns of the part) whose products `rows.T @ rows` are the
    covariance of what recoloring does to these columns, up to a factor. Parts beyond them are left as they are.
    `weights`, one a part, some over 0: what they weigh where color has no say, in relation to each other; none: as in
    the fit. Raises `UsageError` where changes or weights are not those of the parts.

    >>> fit = Whitening(np.zeros(2), np.eye(2), (Part(0, 2, 2, 1.0),))
    >>> found = fit_colorless(fit, [np.array([[0.0, 1.0]], np.float32)])  # recoloring moves the second number
    >>> found.apply([[0.6, 0.8]]).round(2)
    array([[1.  , 0.03]], dtype=float32)
    """
    if len(changes) > len(fit.parts):
        raise UsageError(f"there are changes for {len(changes)} parts, the fit has {len(fit.parts)}")
    turns = []
    for at, (part, axes) in enumerate(fit.blocks()[: len(fit.parts)]):
        if at >= len(changes):
            turns.append(np.eye(part.width))
            continue
        rows = np.asarray(changes[at], np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(axes):
            raise UsageError(f"changes of part {at} are {rows.shape}, the part has {len(axes)} columns")
        turns.append(_turn(rows @ axes))
    weights = list(weights) or [part.weight for part in fit.parts]
    if len(weights) != len(fit.parts) or min(weights, default=1) < 0 or not any(weights):
        raise UsageError(f"weights={weights} do not fit {len(fit.parts)} parts: give one a part, none below 0")
    return Colorless(fit.parts, tuple(turns), tuple(weight / sum(weights) for weight in weights))


def _turn(moved: Doubles) -> Doubles:
    """The matrix (k, k) that divides each direction by the deviation of what moves (m, k)."""
    variances, directions = np.linalg.eigh(moved.T @ moved)
    variances = np.maximum(variances, 0)
    mean = variances.mean() if len(variances) else 0.0
    if mean == 0:
        return np.eye(moved.shape[1])
    turn: Doubles = (directions * (1 + STRENGTH * variances / mean) ** -0.5) @ directions.T
    return (turn + turn.T) / 2
