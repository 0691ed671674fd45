"""Precision at each place, nDCG, groups and pairs: numbers worked by hand, and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import agreement, by_group, judge_pairs, ndcg, ndcg_shares, precision_at
from lookalike.errors import UsageError

ROWS = np.array([[1, 2], [0, 2], [0, 3], [2, -1], [0, 1]])
LABELS = ["a", "a", None, "b", "a"]


def test_precision_by_hand_counts_what_is_missing_as_a_miss() -> None:
    # item 0: hit, miss; 1: hit, miss; 2: no query; 3: miss, nothing there; 4: hit, hit
    first, both = precision_at(ROWS, LABELS)
    assert first.value == pytest.approx(3 / 4)
    assert both.value == pytest.approx((1 / 2 + 1 / 2 + 0 + 1) / 4)
    assert both.low <= both.value <= both.high
    assert precision_at(np.zeros((2, 0), int), ["a", "a"]) == ()


def test_ndcg_by_hand() -> None:
    second = 1 / np.log2(3)
    best = 1 + second  # each of the three "a" has two others
    shares = ndcg_shares(ROWS, LABELS)
    assert shares[[0, 1, 4]] == pytest.approx([1 / best, 1 / best, 1])
    assert np.isnan(shares[[2, 3]]).all(), "without a label, and with one that nobody else has"
    assert ndcg(ROWS, LABELS).value == pytest.approx((2 / best + 1) / 3, abs=1e-4)
    allowed = np.array([True, True, False, True, False])
    assert ndcg_shares(ROWS, LABELS, allowed)[0] == 1, "one other is allowed, and it is first"


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(1, 8), st.integers(0, 2**31))
def test_ndcg_is_that_of_scikit_learn(n: int, k: int, seed: int) -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(seed)
    k = min(k, n - 1)
    labels = rng.integers(0, 3, n).tolist()
    order = np.stack([rng.permutation(np.delete(np.arange(n), row)) for row in range(n)])
    for row, share in enumerate(ndcg_shares(order[:, :k], labels)):
        relevant = np.array([[float(labels[item] == labels[row]) for item in order[row]]])
        if not relevant.any():
            assert np.isnan(share)
        elif n > 2:
            assert share == pytest.approx(ndcg_score(relevant, -np.arange(n - 1.0)[None], k=k))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**31))
def test_groups_add_up_to_the_whole(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.permutation(np.delete(np.arange(n), row))[:3] for row in range(n)])
    labels, kinds = rng.integers(0, 3, n).tolist(), rng.choice(["x", "y", "z"], n).tolist()
    groups = by_group(rows, labels, kinds)
    assert sum(group.n for group in groups) == n
    assert [group.n for group in groups] == sorted((group.n for group in groups), reverse=True)
    mean = sum(group.n * group.agreement.value for group in groups) / n
    assert mean == pytest.approx(agreement(rows, labels).value)


def test_a_query_without_a_group_is_in_none() -> None:
    (group,) = by_group(ROWS, LABELS, ["x", None, "x", "x", ""])
    assert (group.value, group.n) == ("x", 2)
    assert group.agreement.value == pytest.approx((1 / 2 + 0) / 2)


def test_pairs_by_hand() -> None:
    pairs = np.array([[0, 1], [4, 2], [3, 4], [0, 3]])
    alike = np.array([True, True, False, False])
    told = judge_pairs(ROWS, pairs, alike, np.array([1.0, 4.0, 4.0, 9.0]))
    assert (told.alike, told.unlike) == (2, 2)
    assert told.found.value == 0.5, "1 is a neighbor of 0; neither 4 nor 2 is one of the other"
    assert told.apart.value == 1
    assert told.ordered.value == (1 + 1 + 0.5 + 1) / 4
    assert told.ordered.low <= told.ordered.value <= told.ordered.high
    only = judge_pairs(ROWS, pairs[:2], alike[:2], np.array([1.0, 4.0]))
    assert np.isnan([only.apart.value, only.ordered.value, only.ordered.low]).all()


@pytest.mark.parametrize("call", [precision_at, ndcg_shares])
def test_neighbors_that_do_not_fit_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match="do not fit 2 labels"):
        call([[1], [2]], ["a", "b"])
