"""Rows as bytes with what the rounding lost, block by block and without a compiler: a bound for each distance.

A row x is written as x - c = s (q + r) with whole numbers |q| <= 127 and w >= |r|, so that for two rows

    s (|q_i - q_j| - w_i - w_j)  <=  |x_i - x_j|  <=  s (|q_i - q_j| + w_i + w_j),

as `_graph` derives it, and |q_i - q_j|^2 = N_i + N_j - 2 q_i.q_j is a sum of whole numbers: exact in 32 bits for
d <= 32,768.

The rounding. v = (x - c) / s is computed in float32, two roundings, so it is off by a vector of length at most
2.1 u |v|, u = 2^-24; the length of v - q, a float32 sum of d squares, by (d + 4) u of itself. The square root of the
above and what is added to it in float32 are off by less than 2^-21 (|q_i| + |q_j| + w_i + w_j). w is enlarged by all
of these.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, middle_of, spans
from lookalike.analysis._bytes import SHIFT
from lookalike.records import Floats

WORTH = 1 << 18  # numbers from which on compiled loops are used, if they are loaded
STRIP = 32  # rows rounded at a time: they stay in the cache
ODD = 4.0  # rows that lose so many times as much as is usual are odd
SAMPLE = 128
WIDEST = 32_768
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Scale:
    """The center c (d,) float32 and the step s of some rows, and the loss w that is usual among them."""

    center: Floats
    step: float
    usual: float

    @classmethod
    def of(cls, rows: Array) -> Scale | None:
        """From a sample of `rows` (n, d); None where bytes would not tell them apart."""
        n, d = rows.shape
        if not n or not 1 <= d <= WIDEST:
            return None
        some = rows[np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))]
        center = middle_of(some).astype(np.float32)
        high = float(np.quantile(np.abs(some - center).max(axis=1), 0.98))
        if not 1e-15 < high < 1e15:
            return None
        _, norms, lost = cls(center, high / 127, np.inf).codes(some)
        usual = float(np.median(lost))
        # what two rows lose must be small beside a distance, or nothing could be refused
        return cls(center, high / 127, usual) if usual < 0.1 * float(np.sqrt(np.median(norms))) else None

    def codes(self, rows: Array) -> tuple[Array, Counts, Floats]:
        """The rows (a, d) as q + 128, uint8; N (a,) int32; w (a,) float32, infinite for odd rows."""
        a, d = rows.shape
        out = np.empty((a, d), np.uint8)
        norms, lost = np.empty(a, np.float32), np.empty(a, np.float32)
        loops = ready_loops()
        if loops is not None and out.size >= WORTH:
            loops.round_rows(rows, self.center, np.float32(1 / self.step), out, norms, lost)
        else:
            self._round(rows, out, norms, lost)
        whole = norms.astype(np.int32)
        for row in np.flatnonzero(norms >= 2.0**24):  # beyond what float32 counts exactly
            whole[row] = np.square(out[row].astype(np.int32) - SHIFT).sum()
        np.sqrt(lost, out=lost)
        lost += np.float32((d + 8) * 2.0**-24) * lost + np.float32(2.0**-19) * (np.sqrt(norms) + lost)
        lost[~(lost <= ODD * self.usual)] = np.inf
        return out, whole, lost

    def _round(self, rows: Array, out: Array, norms: Floats, lost: Floats) -> None:
        """Write the codes, their squares and the squares of what is lost."""
        values, rounded = np.empty((2, min(STRIP, len(rows)), rows.shape[1]), np.float32)
        for start, stop in spans(len(rows), STRIP):
            strip = slice(start, stop)
            value, near = values[: stop - start], rounded[: stop - start]
            np.subtract(rows[strip], self.center, out=value, casting="same_kind")
            value *= np.float32(1 / self.step)
            np.rint(value, out=near)
            np.clip(near, -127, 127, out=near)
            value -= near
            np.vecdot(near, near, out=norms[strip])
            np.vecdot(value, value, out=lost[strip])
            near += SHIFT
            np.copyto(out[strip], near, casting="unsafe")


def ready_loops() -> Any:
    """The compiled loops, where something loaded them already; else None.

    To load them takes longer than what they would save where a few rows are compared.
    """
    return sys.modules.get("lookalike.analysis._kernels")


def as_right(codes: Array) -> Array:
    """Codes (m, d) uint8 as the right side (d, m) int8 of a product."""
    return np.ascontiguousarray((codes ^ np.uint8(SHIFT)).view(np.int8).T)


def lengths(products: Counts, left: Counts, right: Counts, out: Floats | None = None) -> Floats:
    """|q_i - q_j| (a, m) float32 from products (a, m), which are overwritten, and the norms of both sides."""
    products *= -2
    products += left[:, None]
    products += right
    if out is None:
        out = np.empty(products.shape, np.float32)
    np.copyto(out, products, casting="same_kind")
    return np.sqrt(out, out=out)
