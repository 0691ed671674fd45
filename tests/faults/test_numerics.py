"""FAULTS N01 to N10: numbers that break the usual implementations."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import (
    Searcher,
    exemplars,
    find_elbow,
    kmeans_sweep,
    nearest_neighbors,
    neighbors_kept,
    representatives,
    score,
    tsne,
)
from lookalike.analysis import layout as layout_module
from lookalike.errors import UsageError


@pytest.mark.parametrize("perplexity", [None, 30.0])
def test_n01_identical_rows_have_a_map(perplexity: float | None) -> None:
    assert (tsne(np.full((200, 8), 0.1), perplexity=perplexity) == 0).all()
    assert (tsne(np.zeros((200, 8)), perplexity=perplexity) == 0).all()


@pytest.mark.parametrize("perplexity", [None, 30.0])
def test_n01_many_copies_of_few_rows_have_a_map(perplexity: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "LATE", 50)
    vectors = np.repeat(np.random.default_rng(0).normal(size=(3, 5)), [300, 60, 1], axis=0)
    positions = tsne(vectors, perplexity=perplexity, threads=1)
    assert positions.shape == (361, 2)
    assert np.isfinite(positions).all()


def test_n02_identical_rows_are_one_cluster_whatever_k() -> None:
    vectors = np.full((10, 3), 0.1)
    sweep = kmeans_sweep(vectors, 3)
    assert sweep.inertia.tolist() == [0, 0, 0]
    assert sweep.sizes(3).tolist() == [10, 0, 0]
    assert representatives(vectors, sweep.labels(3), sweep.centers(3)).tolist() == [0, -1, -1]
    assert exemplars(vectors, sweep.labels(3), np.array([0, -1, -1])) == ((0,), (), ())
    elbow = find_elbow(sweep.inertia)
    assert (elbow.k, elbow.clear) == (1, False)


def test_n03_fewer_items_than_clusters() -> None:
    sweep = kmeans_sweep(np.arange(6.0).reshape(3, 2), 5)
    assert sweep.inertia.shape == (3,)
    assert sweep.sizes(3).tolist() == [1, 1, 1]
    with pytest.raises(UsageError, match="k=5 is out of range"):
        sweep.labels(5)


def test_n04_no_items() -> None:
    nothing = np.zeros((0, 192), np.float32)
    assert nearest_neighbors(nothing, 3).ids.shape == (0, 0)
    assert nearest_neighbors(nothing, 3, np.zeros((2, 192))).ids.shape == (2, 0)
    assert kmeans_sweep(nothing).inertia.shape == (0,)
    assert tsne(nothing).shape == (0, 2)
    assert neighbors_kept(tsne(nothing), nearest_neighbors(nothing, 3)) == 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16])
def test_n05_fewer_items_than_the_perplexity_needs(n: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(n, 6))
    for perplexity in (None, 30.0):
        positions = tsne(vectors, perplexity=perplexity, threads=1)
        assert positions.shape == (n, 2)
        assert np.isfinite(positions).all()
        if n == 1:
            assert positions.tolist() == [[0, 0]]
        else:
            assert len(np.unique(positions, axis=0)) == n


def test_n06_zero_and_constant_vectors() -> None:
    vectors = np.array([[1.0, 0], [0, 0], [0, 1], [2, 0], [-1, 0], [0, 0]])
    found = nearest_neighbors(vectors, 5, metric="cosine")
    assert found.ids[0].tolist() == [3, 1, 2, 5, 4]  # a zero vector is at distance 1, with all that are orthogonal
    assert found.distances[0].tolist() == [0, 1, 1, 1, 2]
    assert found.ids[1].tolist() == [0, 2, 3, 4, 5]
    assert found.distances[1].tolist() == [1] * 5
    constant = np.hstack([np.full((50, 3), 7.0), np.random.default_rng(0).normal(size=(50, 1))])
    assert np.isfinite(tsne(constant, threads=1)).all()
    assert np.isfinite(kmeans_sweep(constant, 10).inertia).all()


def test_n07_cancellation() -> None:
    """In float32, a^2 + b^2 - 2ab gives 0 where the truth is 1, and negative squares."""
    vectors = np.full((6, 64), 1e4, np.float32)
    vectors[np.arange(6), np.arange(6)] += np.arange(1, 7, dtype=np.float32)
    queries = np.full((1, 64), 1e4, np.float32)
    found = nearest_neighbors(vectors, 6, queries)
    assert found.ids.tolist() == [[0, 1, 2, 3, 4, 5]]
    assert found.distances.tolist() == [[1, 2, 3, 4, 5, 6]]
    assert Searcher(vectors).nearest(queries, 1).distances.tolist() == [[1]]
    assert kmeans_sweep(vectors, 6).inertia[5] == 0


def test_n08_values_whose_squares_overflow_float32() -> None:
    vectors = np.array([[2e19, 0], [0, 2e19], [2.1e19, 0], [-2e19, 1]], np.float32)
    found = nearest_neighbors(vectors, 2)
    assert found.ids[0].tolist() == [2, 1]
    np.testing.assert_allclose(found.distances[0], [1e18, np.sqrt(8e38)], rtol=1e-5)
    assert np.isfinite(kmeans_sweep(vectors, 3).inertia).all()
    assert np.isfinite(tsne(vectors)).all()
    tiny = nearest_neighbors(vectors * np.float32(1e-39), 2)
    assert tiny.ids[0].tolist() == [2, 1]
    with pytest.raises(UsageError, match="row 1 holds 1e\\+200"):
        nearest_neighbors([[1.0], [1e200]], 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_n09_nan_is_refused_with_its_row_and_never_ranked(bad: float) -> None:
    vectors = np.random.default_rng(0).normal(size=(5000, 3))
    vectors[4321, 1] = bad
    for run in (lambda: nearest_neighbors(vectors, 1), lambda: kmeans_sweep(vectors, 2), lambda: tsne(vectors)):
        with pytest.raises(UsageError, match="row 4321"):
            run()
    with pytest.raises(UsageError, match="queries: row 0"):
        nearest_neighbors(np.zeros((3, 1)), 1, [[bad]])
    with pytest.raises(UsageError, match="at least 0"):
        score(np.nan, 1.0)


@pytest.mark.parametrize("copies", [20, 5000])
def test_n10_copies_are_in_the_order_of_their_rows(copies: int) -> None:
    rng = np.random.default_rng(0)
    others = rng.normal(size=(30, 8)).astype(np.float32)
    vectors = np.vstack([others[:15], np.repeat(others[:1] * 0.5, copies, axis=0), others[15:]])
    found = [nearest_neighbors(vectors, 7, threads=threads) for threads in (1, 16)]
    assert found[0].ids.tobytes() == found[1].ids.tobytes()
    assert found[0].ids[15].tolist() == [16, 17, 18, 19, 20, 21, 22]
    assert found[0].ids[20].tolist() == [15, 16, 17, 18, 19, 21, 22]
    assert found[0].ids[15 + copies - 1].tolist() == [15, 16, 17, 18, 19, 20, 21]
    assert (found[0].distances[15 : 15 + copies] == 0).all()
    near_copies = nearest_neighbors(vectors, 7, others[:1] * 0.5).ids[0]
    assert near_copies.tolist() == [15, 16, 17, 18, 19, 20, 21]
