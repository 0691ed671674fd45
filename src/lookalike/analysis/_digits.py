"""Rows as whole numbers of one or two digits, and along a few axes, with what the rounding loses: see `_graph`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from lookalike.analysis._axes import Along, leading_axes
from lookalike.analysis._blocks import Array, Workers, middle_of, spans
from lookalike.analysis._bytes import products_of, shifted
from lookalike.records import Doubles, Ints

STRIP = 1024  # rows that are rounded at a time
USUAL = 512  # rows that say what step is usual
AXES = 192
FITTED = 1024  # rows that axes are found on
REST = 0.3  # of the variance may be left by the axes; beyond that they are not worth much


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as bytes, in a rotation: `digits` (n, c, D) int8 and `steps` s (n,).

    After each digit `lost` e and `lengths` s |q|, (n, c) each. `rest` (n,): r of rows along some axes, else 0.
    """

    digits: Array
    steps: Doubles
    lost: Doubles
    lengths: Doubles
    rest: Doubles

    def near(self, some: Ints, part: Ints) -> Doubles:
        """|s_i q_i - s_j q_j|^2 of `some` rows with others, of one digit, (m, a)."""
        left, right = shifted(self.digits[part, 0]), np.ascontiguousarray(self.digits[some, 0].T)
        crossed = products_of(left, right) * (2 * self.steps[part, None] * self.steps[some])
        lengths = self.lengths[:, 0]
        return cast("Doubles", np.maximum((lengths[part, None] ** 2 + lengths[some] ** 2 - crossed).T, 0))


class Rounder:
    """Rounds the rows of `base` (n, d), a center taken off."""

    def __init__(self, base: Array, workers: Workers) -> None:
        from lookalike.analysis import _kernels

        self.base, self.workers, self.kernels = base, workers, _kernels
        self.center = middle_of(base)

    def rounded(self, short: Along | None = None) -> Rows | None:
        """One digit of all rows, or of all along some axes; None if they are all equal, or too large."""
        some = np.unique(np.linspace(0, len(self.base) - 1, USUAL).astype(np.int64))
        usual = float(np.median(self.quantized(self.base[some], 1e-30, 1, short).steps))
        if not 1e-17 < usual < 1e13:
            return None
        return self.quantized(self.base, usual / self.kernels.FINER, 1, short)

    def quantized(self, base: Array, least: float, count: int, short: Along | None = None) -> Rows:
        """Rows as numbers of one or two digits; no step is below `least`."""
        n, width = len(base), base.shape[1] if short is None else short.axes.shape[1]
        center = self.center.astype(np.float64) if short is None else np.zeros(width)
        signs = self.kernels.signs_for(width)
        digits, lost = np.empty((n, count, len(signs)), np.int8), np.empty((n, count))
        steps, lengths = np.empty(n), np.empty((n, count))
        rest, off = np.zeros(n), np.zeros(n)

        def quantize(span: tuple[int, int]) -> None:
            part = slice(*span)
            rows = base[part]
            if short is not None:
                rows, rest[part], off[part] = short(rows)
            self.kernels.quantize(rows, center, signs, least, steps[part], digits[part], lost[part])
            values = np.zeros((span[1] - span[0], len(signs)))
            for digit in range(count):
                values += digits[part, digit] / self.kernels.BASE**digit
                lengths[part, digit] = steps[part] * np.sqrt(np.vecdot(values, values))

        for _ in self.workers.map(quantize, spans(n, STRIP // count)):
            pass
        lost *= 1 + 1e-9
        lost += (1e-12 * steps * 127 * len(signs) ** 0.5 + off + 1e-7 * rest)[:, None] + 1e-7 * lengths
        return Rows(digits, steps, lost, lengths, rest)

    def axes(self) -> Along | None:
        """The leading axes, where a few of them hold most of what rows differ in."""
        n, d = self.base.shape
        if d < 2 * AXES:
            return None
        some = np.unique(np.linspace(0, n - 1, FITTED).astype(np.int64))
        with np.errstate(over="ignore", invalid="ignore"):
            axes, left = leading_axes((self.base[some] - self.center).astype(np.float32), AXES)
        return Along(axes, self.center) if left < REST else None  # not where numbers are too large, either
