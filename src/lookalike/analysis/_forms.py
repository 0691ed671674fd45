"""What the graph multiplies all rows in, which of three ways costs least, and what its loops need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lookalike.analysis._axes import Along
from lookalike.analysis._blocks import Array, spans
from lookalike.analysis._bytes import shifted
from lookalike.analysis._digits import STRIP, USUAL, Rounder, Rows
from lookalike.records import Doubles, Ints

SAMPLE = 64
SLACK = 2.0**-20
MOST = 256  # neighbors
LARGE = 1e15  # squares of larger numbers come near the end of float32
ENTRY_COST = 100.0  # of a pair that is in a list at the end, against a product of bytes of two rows among all
DOT_COST, LOOK_COST = 8.0, 6000.0  # of one such product by itself; and as much as so many numbers of it for looking
SEEN = 300  # pairs a row that are looked at while limits are not low yet


class Way(NamedTuple):
    """What all rows are multiplied in: bytes of all columns, or along so many `axes`; and how many `digits` decide."""

    axes: int
    digits: int


PLAIN = Way(0, 1)
Facts = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Form:
    """What is multiplied, in the order of the blocks, and how to come from there to what is listed.

    `left` (n, D) or (n, 2, D) uint8 and `right`, of each block (D, b) int8. `coarse`, of rows and of columns, are facts
    of what is multiplied: A, e, f and a, (4, n), and what the test of a column is made of, (4, n) float32. `facts`
    (4, n) are those of what is listed. `steps` are the usual ones of both: A and a are in their units. `codes`: see
    `_listing.listed`.
    """

    left: Array
    right: Array
    coarse: tuple[Facts, Facts]
    facts: Array
    steps: tuple[float, float]
    codes: tuple[Array, Array]
    edges: list[tuple[int, int]]


def choose(rounder: Rounder, rows: Rows, order: Ints, k: int, short: Along | None) -> Way | None:
    """What costs least, from what a sample of rows would look at and have in its lists: counts, never times.

    `rows` of one digit. None where even two digits let too many pairs pass.
    """
    n, d = len(order), rounder.base.shape[1]
    some = order[np.linspace(0, n - 1, SAMPLE).astype(np.int64)]
    squared = np.empty((SAMPLE, n))

    def measure(span: tuple[int, int]) -> None:
        squared[:, slice(*span)] = rows.near(some, order[slice(*span)])

    for _ in rounder.workers.map(measure, spans(n, STRIP)):
        pass
    lost = rows.lost[order, 0]

    def count(row: int) -> tuple[float, int, int, int]:
        """The k-th distance of one of the sample; how many bytes, two digits on one side, or on both let pass."""
        gaps = np.sqrt(squared[row])
        bound = float(np.partition(gaps, k)[k])  # the row itself is among them
        own = rows.lost[some[row], 0]
        finer = 4 * own * lost + 4 * bound * (own + lost) / rounder.kernels.BASE
        return (
            bound,
            int((gaps <= bound + 2 * (own + lost)).sum()),
            int((gaps <= bound + lost).sum()),
            int((squared[row] <= bound**2 + finer).sum()),
        )

    bounds, *counts = zip(*rounder.workers.map(count, range(SAMPLE)), strict=True)
    one, half, two = (float(np.mean(each)) for each in counts)
    if two > n / 4:
        return None
    looked = DOT_COST + LOOK_COST / d
    costs = {
        PLAIN: n / 2 + one * ENTRY_COST,
        Way(0, 2): n + (half + SEEN) * looked + two * ENTRY_COST,
    }
    if short is not None:
        axes, seen = short.axes.shape[1], _seen_along(short, rounder.base, rows, (some, order), np.array(bounds))
        costs[Way(axes, 1)] = n / 2 * axes / d + 4 * axes + (seen + SEEN) * looked + one * ENTRY_COST
    return min(costs, key=lambda way: costs[way])


def _seen_along(short: Along, base: Array, rows: Rows, which: tuple[Ints, Ints], bounds: Doubles) -> float:
    """How many pairs a row bounds along the axes let pass, with the limits that rows of a sample have in the end."""
    some, order = which
    others = order[np.unique(np.linspace(0, len(order) - 1, USUAL).astype(np.int64))]
    (own, own_rest, _), (found, rest, _) = short(base[some]), short(base[others])
    gaps = np.vecdot(own, own)[:, None] + np.vecdot(found, found) - 2 * own @ found.T
    low = np.sqrt(np.maximum(gaps, 0) + (own_rest[:, None] - rest) ** 2)
    within = low <= bounds[:, None] + rows.lost[some] + rows.lost[others, 0]
    return len(order) * float(within.mean())


def formed(
    rounder: Rounder, rows: Rows, order: Ints, digits: int, short: Rows | None, edges: list[tuple[int, int]]
) -> Form:
    """Rows in the form in which they are multiplied: the `short` ones if given, else `rows` of so many digits."""
    given = short or rows
    n, d = len(order), given.digits.shape[2]
    left, right = np.empty((n, digits, d), np.uint8), np.empty((n, d), np.int8)
    kept = digits if short or digits > 1 else 0
    ones, seconds = (np.empty((n if digit < kept else 0, rows.digits.shape[2]), np.int8) for digit in range(2))

    def arrange(span: tuple[int, int]) -> None:
        part = slice(*span)
        block = given.digits[order[part]]
        left[part].reshape(digits, -1, d)[:] = shifted(block).transpose(1, 0, 2)  # all first ones, then all second ones
        right[part].reshape(d, -1)[:] = block[:, 0].T
        for digit, codes in enumerate((ones, seconds)[:kept]):
            codes[part] = rows.digits[order[part], digit]

    for _ in rounder.workers.map(arrange, edges):
        pass
    columns, rough_step = _facts(given, order, 1)
    fine, step = _facts(rows, order, digits) if kept else (columns, rough_step)
    coarse = (columns if digits == 1 else fine, columns)
    return Form(left, right, coarse, fine[0], (rough_step, step), (ones, seconds), edges)


def _facts(rows: Rows, order: Ints, digits: int) -> tuple[Facts, float]:
    """A, e, f, a and what tests are made of, of rows of so many digits; and their unit, the usual step."""
    steps, lost = rows.steps[order], rows.lost[order, digits - 1]
    step = float(np.median(steps))
    sizes, wide = steps / step, lost / step
    rest = rows.rest[order]
    norms = (rows.lengths[order, digits - 1] / step) ** 2 + (rest / step) ** 2
    if digits > 1:
        rest = rows.lost[order, 0] + lost  # at least what second digits add up to
    half = (norms - wide**2) / 2 - SLACK * (norms + wide**2)
    tests = np.stack([half, wide, np.ones(len(order)), rest / step * (1 + 1e-6)]) / sizes
    return (np.stack([norms, lost, rest, sizes]), tests.astype(np.float32)), step
