"""The loops of `_graph` that NumPy cannot fuse, compiled by Numba when they are first used.

Imported only where a graph is large enough to repay it: `import lookalike` and one query never
load Numba. Where Numba cannot be imported, `_search.ExactSearch` gives the same answers in plain NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled, compiled_loosely
from lookalike.analysis._lanes import sum_of_squares
from lookalike.records import Doubles

MIXED, ROOT = 16, np.float32(0.25)  # columns that the rotation mixes, and 1 / the root of that
BASE = 254.0  # of the second digit
FINER = 64.0  # no row's step is smaller than the usual one by more than this


@compiled_loosely
def rough_sum(a: Array, b: Array) -> Any:
    """The same sum in the type of the rows and in any order: off by at most (d + 3) u of itself."""
    total = a[0] - a[0]
    for i in range(len(a)):
        gap = a[i] - b[i]
        total += gap * gap
    return total


def signs_for(columns: int) -> Doubles:
    """Random signs for rows of so many columns, (D,), D the next multiple of `MIXED`: the same ones every time."""
    return np.random.default_rng(0).choice([-1.0, 1.0], -(-columns // MIXED) * MIXED)


@compiled
def turn(row: Array, center: Array, signs: Array, out: Array) -> None:
    """Write row - center, signs changed, times an orthonormal Hadamard matrix of `MIXED` columns, into `out` (D,).

    In the type of `center`, `signs` (D,), from `signs_for`, and `out`, which may have more columns than `row`. A number
    of `out` is made of those that lie D / `MIXED` apart.
    """
    width = len(row)
    for j in range(width):
        out[j] = (row[j] - center[j]) * signs[j]
    for j in range(width, len(out)):
        out[j] = 0
    quarter = len(out)
    while quarter > len(out) // MIXED:
        quarter //= 4
        for start in range(0, len(out), 4 * quarter):
            one, two = out[start : start + quarter], out[start + quarter : start + 2 * quarter]
            three = out[start + 2 * quarter : start + 3 * quarter]
            four = out[start + 3 * quarter : start + 4 * quarter]
            for j in range(quarter):
                a, b, c, d = one[j] + three[j], one[j] - three[j], two[j] + four[j], two[j] - four[j]
                one[j], two[j], three[j], four[j] = a + c, a - c, b + d, b - d
    for j in range(len(out)):
        out[j] *= ROOT


@compiled
def quantize(rows: Array, center: Array, signs: Array, least: float, steps: Array, digits: Array, lost: Array) -> None:
    """Write the turned rows as numbers of one or two digits, in multiples of `steps` (n,), which are written too.

    A step is the largest number of its row / 127, `least` or more. `digits` (n, 1 or 2, D) int8: whole steps, at most
    127 in size, and then `BASE`-ths. `lost` (n, 1 or 2) float64: the length of what is left over after each digit.
    """
    turned = np.empty(len(signs), np.float64)
    for i in range(len(rows)):
        turn(rows[i], center, signs, turned)
        most = 0.0
        for j in range(len(turned)):
            most = max(most, abs(turned[j]))
        step = steps[i] = max(most / 127, least)
        for digit in range(digits.shape[1]):
            out = digits[i, digit]
            rest = 0.0
            for j in range(len(turned)):
                near = min(127.0, max(-127.0, np.rint(turned[j] / step)))
                out[j] = np.int8(near)
                turned[j] -= near * step
            for j in range(len(turned)):
                rest += turned[j] * turned[j]
            lost[i, digit] = np.sqrt(rest)
            step /= BASE


@compiled_loosely
def round_rows(rows: Array, center: Array, scale: Any, out: Array, norms: Array, lost: Array) -> None:
    """What `_codes.Scale.codes` gives, in one pass: codes + 128 (a, d) uint8, their squares (a,), what is lost (a,)."""
    for i in range(len(rows)):
        whole = rows[i, 0] - rows[i, 0]
        rest = rows[i, 0] - rows[i, 0]
        for j in range(rows.shape[1]):
            value = (rows[i, j] - center[j]) * scale
            near = min(np.float32(127), max(np.float32(-127), np.rint(value)))
            out[i, j] = np.uint8(np.int32(near) + 128)
            gap = value - near
            whole += near * near
            rest += gap * gap
        norms[i] = whole
        lost[i] = rest


@compiled
def rough_sums(rows: Array, near: Array, one: int, out: Array) -> None:
    """`rough_sum` of some rows and one."""
    for i in range(len(near)):
        out[i] = rough_sum(rows[near[i]], rows[one])


@compiled
def true_sums(rows: Array, left: Array, right: Array, leaves: Array, merges: Array, out: Array) -> None:
    """`sum_of_squares` of pairs of rows."""
    stack = np.empty(40, np.float64)
    for pair in range(len(left)):
        out[pair] = sum_of_squares(rows, left[pair], right[pair], leaves, merges, stack)
