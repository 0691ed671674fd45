"""Ranking under conditions, and the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.analysis import Searcher, _search, nearest_in, nearest_neighbors, score, typical_distance
from lookalike.errors import UsageError
from lookalike.records import Neighbors


def test_without_conditions_it_is_nearest_neighbors() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(100, 6)), rng.normal(size=(9, 6))
    expected = nearest_neighbors(vectors, 4, queries)
    found = nearest_in(vectors, queries, 4)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)
    alone = nearest_in(vectors, vectors, 4, exclude=np.arange(100))
    np.testing.assert_array_equal(alone.ids, nearest_neighbors(vectors, 4).ids)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 45), st.floats(0, 1))
def test_allowed_and_exclude_equal_a_search_by_hand(seed: int, n: int, k: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, (n, 2)).astype(np.float32)
    queries = rng.integers(-2, 3, (5, 2)).astype(np.float32)
    allowed = rng.random(n) < share
    exclude = rng.integers(-1, n, 5)
    found = nearest_in(vectors, queries, k, allowed=allowed, exclude=exclude)
    for query in range(5):
        rows = np.flatnonzero(allowed & (np.arange(n) != exclude[query]))
        squared = ((vectors[rows] - queries[query]) ** 2).sum(axis=1)
        expected = rows[np.lexsort((rows, squared))][:k]
        got = found.ids[query]
        assert got[got >= 0].tolist() == expected.tolist()
        assert np.isinf(found.distances[query][got < 0]).all()


def test_a_searcher_serves_many_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_search, "TILE_ROWS", 16)
    vectors = np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)
    searcher = Searcher(vectors)
    for start in range(0, 80, 10):
        allowed = np.zeros(90, bool)
        allowed[start : start + 10] = True
        found = searcher.nearest(vectors[:1], 3, allowed=allowed).ids[0]
        expected = start + ((vectors[start : start + 10] - vectors[0]) ** 2).sum(axis=1).argsort()[:3]
        assert found.tolist() == expected.tolist()
    assert searcher.nearest(vectors[:2], 3, allowed=np.zeros(90, bool)).ids.shape == (2, 0)
    assert Searcher(np.zeros((0, 5))).nearest(vectors[:2], 3).ids.shape == (2, 0)


def test_a_searcher_serves_many_threads_and_leaves_blas_as_it_was() -> None:
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info

    before = [pool["num_threads"] for pool in threadpool_info()]
    vectors = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    searcher = Searcher(vectors)
    expected = nearest_neighbors(vectors, 3).ids

    def ask(row: int) -> list[int]:
        return [int(found) for found in searcher.nearest(vectors[row : row + 1], 3, exclude=[row]).ids[0]]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(100))) == expected[:100].tolist()
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_score_falls_from_one_to_zero() -> None:
    assert score([0.0, 2.0, 4.0, 1e200, np.inf], 2.0).tolist() == [1.0, 0.5, 0.2, 0.0, 0.0]
    assert score([0.0, 1.0], 0.0).tolist() == [1.0, 0.0]
    scores = score(np.linspace(0, 100, 1000), 7.0)
    assert (np.diff(scores) < 0).all()
    for wrong in ((-1.0, 1.0), (np.nan, 1.0), (1.0, -1.0), (1.0, np.nan)):
        with pytest.raises(UsageError, match="at least 0"):
            score(*wrong)


def test_typical_distance_overlooks_duplicates() -> None:
    distances = np.array([[0.0, 2.0], [0.0, 0.0], [3.0, 9.0], [4.0, 5.0]], np.float32)
    assert typical_distance(Neighbors(np.zeros((4, 2), np.int64), distances)) == 3
    assert typical_distance(Neighbors(np.zeros((4, 0), np.int64), distances[:, :0])) == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"allowed": [1, 0, 1]}, "true or false"),
        ({"allowed": [True]}, "true or false"),
        ({"exclude": [0, 1]}, "below 3"),
        ({"exclude": [3]}, "below 3"),
        ({"exclude": [0.5]}, "below 3"),
    ],
)
def test_wrong_conditions(options: Any, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        nearest_in(np.eye(3), np.eye(3)[:1], 1, **options)
    with pytest.raises(UsageError, match="one model"):
        nearest_in(np.eye(3), np.eye(2), 1)
