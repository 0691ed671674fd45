"""A query that reads a part of each row answers like one that reads all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import Searcher, _prefix, nearest_neighbors
from lookalike.errors import UsageError
from tests.analysis.reference import blobs


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are enough for the way that is meant for many."""
    monkeypatch.setattr(_prefix, "FEWEST", 1)
    monkeypatch.setattr(_prefix, "AXES", 6)
    monkeypatch.setattr(_prefix, "GROUP", 4)
    monkeypatch.setattr(_prefix, "FIRST", 2)
    monkeypatch.setattr(_prefix, "SCAN", 64)
    monkeypatch.setattr(_prefix, "WIDE", 100)


def by_hand(vectors: Any, query: Any, allowed: Any, k: int) -> Any:
    rows = np.flatnonzero(allowed)
    squared = np.square(vectors[rows].astype(np.float64) - query).sum(axis=1)
    order = np.lexsort((rows, squared))[:k]
    return rows[order], np.sqrt(squared[order]).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["blobs", "ties", "copies", "far", "wide"]),
    st.sampled_from([1.0, 0.5, 0.1, 0.01, 0.0001]),
    st.integers(1, 40),
)
def test_filters_of_any_share_equal_a_search_by_hand(seed: int, kind: str, share: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[], Any]] = {
        "blobs": lambda: blobs(400, 7, 24, 2.0, seed=seed % 1000)[0],
        "ties": lambda: rng.integers(0, 2, (400, 9)),
        "copies": lambda: np.repeat(rng.normal(size=(40, 12)), 10, axis=0),
        "far": lambda: rng.normal(size=(400, 12)) + np.where(rng.random((400, 1)) < 0.02, 1e6, 0),
        "wide": lambda: rng.normal(size=(400, 12)) + 1e4,
    }
    x = makers[kind]().astype(rng.choice(["float32", "float64"]))
    allowed = rng.random(400) < share
    queries = np.concatenate([x[:3], x[3:6] * 1.01, rng.normal(size=(1, x.shape[1])) * 100])
    exclude = np.array([0, 1, -1, -1, 3, -1, -1])
    searcher = Searcher(x)
    searcher.prepare(threads=1)
    assert searcher._prefix is not None or kind == "far"
    found = searcher.nearest(queries, k, allowed=allowed, exclude=exclude, threads=int(rng.choice([1, 3])))
    for i, query in enumerate(queries):
        ids, distances = by_hand(x, query, allowed & (np.arange(400) != exclude[i]), k)
        there = found.ids[i] >= 0
        assert found.ids[i][there].tolist() == ids.tolist()
        assert found.distances[i][there].tobytes() == distances.tobytes()


@pytest.mark.parametrize("prepared", [True, False])
def test_cosine_is_that_of_nearest_neighbors(prepared: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8)).astype(np.float32)
    x[[7, 100, 200]] = 0
    queries = np.concatenate([x[[7, 8]], x[20:24] * 3, -x[30:33]])
    searcher = Searcher(x, metric="cosine")
    if prepared:
        searcher.prepare()
    expected = nearest_neighbors(x, 12, queries, metric="cosine")
    found = searcher.nearest(queries, 12)
    np.testing.assert_array_equal(found.ids, expected.ids)
    assert found.distances.tobytes() == expected.distances.tobytes()
    everything = searcher.nearest(x[:9], 299, exclude=np.arange(9))
    np.testing.assert_array_equal(everything.ids, nearest_neighbors(x, 299, metric="cosine").ids[:9])
    allowed = np.arange(300) % 100 == 7
    among = nearest_neighbors(x[allowed], 5, x[:1], metric="cosine").ids * 100 + 7
    np.testing.assert_array_equal(searcher.nearest(x[:1], 5, allowed=allowed).ids, among)
    with pytest.raises(UsageError, match="metric='dot'"):
        Searcher(x, metric="dot")


def test_the_third_call_prepares_and_changes_no_byte(tmp_path: Path) -> None:
    x = blobs(500, 5, 16, 1.0)[0].astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    searcher = Searcher(np.load(tmp_path / "x.npy", mmap_mode="r"))
    answers = []
    for call in range(4):
        assert (searcher._prefix is not None) == (call > 2)
        answers.append(searcher.nearest(x[3:5] + 0.25, 4))
    assert len({one.ids.tobytes() + one.distances.tobytes() for one in answers}) == 1


@pytest.mark.parametrize("x", [np.ones((50, 8)), np.zeros((50, 8)), np.ones((50, 1)), np.zeros((0, 8)), np.eye(1, 8)])
def test_where_nothing_can_be_told_apart_all_rows_are_looked_at(x: Any) -> None:
    searcher = Searcher(x)
    searcher.prepare()
    expected = nearest_neighbors(x, 3, np.ones((2, x.shape[1])) * 2)
    found = searcher.nearest(np.ones((2, x.shape[1])) * 2, 3)
    np.testing.assert_array_equal(found.ids, expected.ids)
    assert found.distances.tobytes() == expected.distances.tobytes()


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e12, 1e30])
def test_sizes_that_float32_cannot_square(size: float) -> None:
    x = blobs(300, 5, 16, 1.0)[0] * size
    searcher = Searcher(x)
    searcher.prepare()
    found = searcher.nearest(x[:20], 3, exclude=np.arange(20))
    for row in range(20):
        assert found.ids[row].tolist() == by_hand(x, x[row], np.arange(300) != row, 3)[0].tolist()
