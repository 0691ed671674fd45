"""Agreement of labels and its interval, and the accuracy of a neighbor vote."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.analysis import agreement, knn_accuracy, nearest_neighbors
from lookalike.errors import UsageError
from tests.analysis.reference import blobs


def test_by_hand() -> None:
    rows = np.array([[1, 2], [0, 2], [0, 3], [2, -1], [0, 1]])
    labels = ["a", "a", None, "b", "a"]
    # item 0: 1 of 2 (a missing label is a miss); 1: 1 of 2; 2: no query; 3: 0 of 1; 4: 2 of 2
    estimate = agreement(rows, labels)
    assert estimate.value == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@pytest.mark.parametrize("missing", [None, float("nan"), "", "  ", np.float64("nan")])
def test_a_missing_label_is_no_query_and_a_miss(missing: Any) -> None:
    assert agreement([[1], [0]], [missing, missing]).as_json()["value"] != agreement([[1], [0]], ["a", "a"]).value
    assert np.isnan(agreement([[1], [0]], [missing, missing]).value)
    assert agreement([[1], [0]], ["a", missing]).value == 0


def test_numbers_and_truth_are_labels_too() -> None:
    assert agreement([[1], [0]], [1, 1]).value == 1
    assert agreement([[1], [0]], [1, True]).value == 0
    assert agreement([[1], [0]], np.array([2.0, 2.0])).value == 1


def test_fewer_neighbors_count_what_there_is() -> None:
    assert agreement([[1, -1, -1], [0, 2, -1], [-1, -1, -1]], ["a", "a", "a"]).value == 1
    assert np.isnan(agreement(np.zeros((3, 0), int), ["a", "a", "a"]).value)
    assert np.isnan(agreement(np.zeros((0, 3), int), []).value)


def test_the_interval_is_the_known_one() -> None:
    # half of 1,000 queries agree: the standard error is sqrt(1/4 / 1000) = 0.0158
    rows = np.arange(1000)[:, None] ^ 1
    labels = [i // 2 if i % 4 < 2 else i for i in range(1000)]
    estimate = agreement(rows, labels, resamples=4000)
    assert estimate.value == 0.5
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 0.0158, rel=0.06)
    assert agreement(rows, labels, seed=3) == agreement(rows, labels, seed=3)
    assert agreement(rows, labels, seed=3) != agreement(rows, labels, seed=4)


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        n = 200
        agrees = rng.random(n) < 0.7
        labels = [f"{i}" if i >= n else "x" for i in range(n + 1)]
        rows = np.where(agrees, (np.arange(n) + 1) % n, n)
        estimate = agreement(np.append(rows, -1)[:, None], [*labels[:n], None], seed=trial, resamples=400)
        covered += estimate.low <= 0.7 <= estimate.high
    assert 0.91 <= covered / 300 <= 0.99


def test_knn_accuracy() -> None:
    vectors, labels = blobs(150, 3, 4, 20.0)
    assert knn_accuracy(vectors, labels) == 1
    shuffled = np.random.default_rng(0).permutation(labels)
    assert knn_accuracy(vectors, shuffled) < 0.6
    # 0.0 and 0.1 are a, 0.25 is b and outvoted, as is whoever sees two others
    assert knn_accuracy([[0.0], [0.1], [0.25]], ["a", "a", "b"], k=1) == pytest.approx(2 / 3)
    assert knn_accuracy([[0.0], [0.1], [0.25]], ["a", "a", None], k=1) == 1
    assert np.isnan(knn_accuracy([[0.0], [0.1]], ["a", None]))


def test_agreement_of_real_neighbors() -> None:
    vectors, labels = blobs(120, 4, 5, 20.0)
    assert agreement(nearest_neighbors(vectors, 3).ids, labels).value == 1


def test_wrong_input_says_what_is_wrong() -> None:
    for rows in ([[0], [1], [2]], [[5], [0]], [[-2], [0]], [0, 1]):
        with pytest.raises(UsageError, match="2 labels"):
            agreement(rows, ["a", "b"])
    with pytest.raises(UsageError, match="resamples=0"):
        agreement([[1], [0]], ["a", "b"], resamples=0)
    with pytest.raises(UsageError, match="2 labels"):
        knn_accuracy(np.eye(3), ["a", "b"])
