"""What two rankings share: by hand, against the definition, and by what always holds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import most_changed, overlap, paired_difference, rank_biased_overlap
from lookalike.errors import UsageError
from lookalike.records import Ints


@st.composite
def pairs_of_lists(draw: st.DrawFn) -> tuple[Ints, Ints]:
    n, k, more = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(0, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a, b = (np.array([rng.permutation(k + more)[:k] for _ in range(n)]) for _ in range(2))
    return a, b


def by_the_definition(a: list[int], b: list[int], p: Fraction) -> Fraction:
    """RBO_EXT, equation 23 of Webber, Moffat and Zobel (2010), in fractions."""
    k = len(a)
    shared = [len(set(a[:d]) & set(b[:d])) for d in range(1, k + 1)]
    series = sum((Fraction(x, d) * p**d for d, x in enumerate(shared, 1)), Fraction(0))
    return Fraction(shared[-1], k) * p**k + (1 - p) / p * series


def test_numbers_worked_by_hand() -> None:
    a, b = [[1, 2, 3]] * 3, [[1, 3, 4], [3, 2, 1], [7, 8, 9]]
    assert overlap(a, b).tolist() == pytest.approx([2 / 3, 1, 0])
    # shared of the first 1, 2, 3 places: 1 1/2 2/3; 0 1/2 1; 0 0 0. Weights at p = 1/2: 1/2, 1/4, and the rest, 1/4.
    expected = [1 / 2 + 1 / 8 + 1 / 6, 1 / 8 + 1 / 4, 0]
    assert rank_biased_overlap(a, b, 0.5).tolist() == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(pairs_of_lists(), st.integers(1, 19))
def test_it_is_the_published_sum(lists: tuple[Ints, Ints], twentieths: int) -> None:
    a, b = lists
    p = Fraction(twentieths, 20)
    expected = [float(by_the_definition(x, y, p)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert rank_biased_overlap(a, b, float(p)).tolist() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs_of_lists())
def test_what_always_holds(lists: tuple[Ints, Ints]) -> None:
    a, b = lists
    for measure in (overlap, rank_biased_overlap):
        assert measure(a, a).tolist() == pytest.approx([1] * len(a))
        assert measure(a, b).tolist() == pytest.approx(measure(b, a).tolist())
        assert ((measure(a, b) >= 0) & (measure(a, b) <= 1)).all()
        assert (measure(a, b + 100) == 0).all()
    assert overlap(a, b[:, ::-1]).tolist() == overlap(a, b).tolist(), "the order inside is nothing to a set"


def test_a_swap_at_the_top_costs_more_than_one_below() -> None:
    a = np.arange(30)[None, :]
    top, below = a.copy(), a.copy()
    top[0, [0, 1]], below[0, [20, 21]] = [1, 0], [21, 20]
    assert rank_biased_overlap(a, top)[0] < rank_biased_overlap(a, below)[0] < 1


def test_only_what_can_be_compared_is() -> None:
    with pytest.raises(UsageError, match=r"\(1, 2\) and \(1, 3\)"):
        overlap([[1, 2]], [[1, 2, 3]])
    with pytest.raises(UsageError, match="row 1 of b names a neighbor twice"):
        rank_biased_overlap([[1, 2], [3, 4]], [[1, 2], [3, 3]])
    with pytest.raises(UsageError, match="between 0 and 1"):
        rank_biased_overlap([[1]], [[1]], 1.0)


def test_a_difference_is_paired_by_query() -> None:
    """Both are right for the same queries and wrong for the same: alone each varies, the difference never does."""
    labels = ["x", "x", "y", "z"] * 10
    n = len(labels)
    right = np.array([[(row // 4 * 4) + [1, 0, 3, 2][row % 4]] for row in range(n)])
    same = paired_difference(right, right, labels)
    assert (same.a, same.b, same.low, same.high) == (0.5, 0.5, 0, 0)
    wrong = np.array([[row // 4 * 4 + 2 if row % 4 < 2 else (row // 4 * 4)] for row in range(n)])
    worse = paired_difference(right, wrong, labels, seed=1)
    assert (worse.a, worse.b) == (0.5, 0)
    assert worse.low < -0.5 < worse.high < 0
    turned = paired_difference(wrong, right, labels, seed=1)
    assert (turned.low, turned.high) == pytest.approx((-worse.high, -worse.low), abs=0.05)


def test_items_without_a_label_are_no_queries() -> None:
    rows = np.array([[1], [0], [1]])
    found = paired_difference(rows, rows, ["x", "x", None])
    assert (found.a, found.low, found.high) == (1, 0, 0)
    assert np.isnan(paired_difference(rows, rows, [None] * 3).low)


def test_the_most_changed_come_first_and_unchanged_never() -> None:
    values = np.array([1.0, 0.5, 0.0, 1.0, 0.5])
    assert most_changed(values, 9).tolist() == [2, 1, 4]
    assert most_changed(values, 1).tolist() == [2]
