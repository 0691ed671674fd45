"""Leading principal axes of a sample, and rows along them with the length of the rest: what a short bound is made of.

Let A (d, p) have orthonormal columns, z = x - c and r = sqrt(|z|^2 - |A'z|^2). For two rows

    |A'z_i - A'z_j|^2 + (r_i - r_j)^2  <=  |x_i - x_j|^2  <=  |A'z_i - A'z_j|^2 + (r_i + r_j)^2,

since A keeps the first part of a difference, and the lengths of the rests differ by no more than the rests do. Any such
A is right; the leading axes of a sample leave little rest. They are found by subspace iteration from a random start
(Halko, Martinsson and Tropp 2011, algorithm 4.4), on the Gram matrix of the sample.

The rounding. A'z is summed in float32 over `CHUNK` columns at a time, which are added up in float64, so each number is
off by at most (`CHUNK` + 3) u |a_j| |z|, u = 2^-24, rounding of z counted, and |z|^2 by as much of itself. A is float32
too: A'A differs from the identity by a matrix E, which is measured, and that moves A'z by less than |E| |z|. With `off`
the sum of both, r^2 is off by at most off (2 |z| + off) and what |z|^2 is.
"""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.records import Doubles, Floats

CHUNK = 256
TURNS = 3


def leading_axes(sample: Array, count: int) -> tuple[Array, float]:
    """About the first `count` axes of centered rows (m, d), m > 1: orthonormal (d, p), and the share of the variance
    that they leave.

    p is less where rows or columns are few. Worked out in the type of `sample`, float32 or float64.
    """
    gram = sample @ sample.T
    count = min(count, sample.shape[1] - 1, len(sample) - 1)
    basis = np.random.default_rng(0).standard_normal((len(gram), count)).astype(sample.dtype)
    for _ in range(TURNS):
        basis = np.linalg.qr(gram @ basis)[0]
    held = float(np.vecdot(basis.T, (gram @ basis).T).sum())
    whole = float(np.trace(gram))
    return np.linalg.qr(sample.T @ basis)[0], 1 - held / whole if whole > 0 else 0.0


class Along:
    """Rows along some axes, in float32 with a bound of the error. `axes` (d, p), orthonormal; `center` (d,)."""

    def __init__(self, axes: Array, center: Array) -> None:
        self.center, self.axes = center, axes.astype(np.float32)
        wide = self.axes.astype(np.float64)
        skew = float(np.linalg.norm(wide.T @ wide - np.eye(wide.shape[1])))
        self._short = (CHUNK + 3) * 2.0**-24
        self._off = 1.01 * (wide.shape[1] ** 0.5 * (1 + skew) * self._short + skew)

    def __call__(self, rows: Array) -> tuple[Doubles, Doubles, Doubles]:
        """A'z (a, p), r (a,), and what (A'z, r) is off by at most (a,), of `rows` (a, d).

        Of rows whose squares are beyond float32 none of these are numbers.
        """
        found, whole = np.zeros((len(rows), self.axes.shape[1])), np.zeros(len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            z: Floats = np.subtract(rows, self.center).astype(np.float32, copy=False)
            for start in range(0, z.shape[1], CHUNK):
                part = z[:, start : start + CHUNK]
                found += part @ self.axes[start : start + CHUNK]
                whole += np.vecdot(part, part)
            rest = np.sqrt(np.maximum(whole - np.vecdot(found, found), 0))
            off = self._off * np.sqrt(whole)
            squared = off * (2 * np.sqrt(whole) + off) + self._short * whole
            return found, rest, off + squared / np.maximum(np.maximum(rest, np.sqrt(squared)), 1e-300)
