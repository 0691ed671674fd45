"""Sums of squared differences of given pairs of rows, added up as NumPy adds them: what decides every neighbor."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._codes import WORTH, ready_loops
from lookalike.analysis._search import direct
from lookalike.records import Doubles, Ints

NARROWEST = 32  # with fewer columns than this no compiled loop is asked


def loops_for(rows: Array) -> Any:
    """The compiled loops, where they are loaded and worth it for rows like these; else None."""
    return ready_loops() if rows.shape[1] >= NARROWEST and rows.size >= WORTH else None


def true_squares(rows: Array, left: Ints, right: Ints) -> Doubles:
    """What `_search.direct` gives for pairs of rows, by compiled loops where there are any."""
    loops = loops_for(rows)
    if loops is None:
        return direct(rows, left, rows, right)
    out = np.empty(len(left))
    loops.true_sums(rows, left, right, *sum_plan(rows.shape[1]), out)
    return out


@cache
def sum_plan(d: int) -> tuple[Ints, Ints]:
    """How NumPy adds up `d` numbers: the lengths of the runs, and how many partial sums are joined after each."""
    if d <= 128:
        return np.array([d]), np.array([0])
    half = d // 2 - (d // 2) % 8
    (left, joins), (right, more) = sum_plan(half), sum_plan(d - half)
    more = more.copy()
    more[-1] += 1
    return np.concatenate([left, right]), np.concatenate([joins, more])
