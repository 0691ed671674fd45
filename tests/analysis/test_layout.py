"""The map: neighbors stay neighbors, the same seed gives the same map, and no input ends the process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.analysis import (
    _repulsion,
    knn_accuracy,
    nearest_neighbors,
    neighbors_kept,
    neighbors_needed,
    place_new,
    tsne,
    tsne_with_loss,
)
from lookalike.analysis import layout as module
from lookalike.errors import UsageError
from lookalike.records import Neighbors
from tests.analysis.reference import blobs


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any, Neighbors]:
    vectors, labels = blobs(240, 6, 10, 6.0)
    return vectors, labels, nearest_neighbors(vectors, 90)


@pytest.mark.parametrize("perplexity", [None, 30.0])
def test_the_map_keeps_clusters_and_neighbors(data: Any, perplexity: float | None) -> None:
    vectors, labels, graph = data
    positions = tsne(vectors, perplexity=perplexity, neighbors=graph, threads=1)
    assert positions.shape == (240, 2)
    assert positions.dtype == np.float32
    assert knn_accuracy(positions, labels) == 1
    kept = neighbors_kept(positions, graph)
    assert kept > 0.4
    assert kept > 4 * neighbors_kept(np.random.default_rng(0).normal(size=(240, 2)), graph)


def test_same_seed_same_bytes_with_or_without_the_graph(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EARLY", 50)
    monkeypatch.setattr(module, "LATE", 50)
    vectors, _, graph = data
    one = tsne(vectors, 3, threads=1)
    few = Neighbors(graph.ids[:, :4], graph.distances[:, :4])
    for options in ({"neighbors": graph}, {"neighbors": few}, {}):
        assert tsne(vectors, 3, threads=1, **options).tobytes() == one.tobytes()
    assert tsne(vectors, 4, threads=1).tobytes() != one.tobytes()


def test_scale_does_not_matter(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EARLY", 50)
    monkeypatch.setattr(module, "LATE", 25)
    vectors = data[0]
    for perplexity in (None, 10.0):
        expected = tsne(vectors, threads=1, perplexity=perplexity)
        for scale in (2.0**-60, 2.0**50):
            found = tsne(vectors * scale, threads=1, perplexity=perplexity)
            np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_three_items_are_drawn_to_scale() -> None:
    vectors = np.array([[0.0, 0, 0], [3, 0, 0], [0, 4, 0]])
    positions = tsne(vectors).astype(np.float64)
    drawn = [np.linalg.norm(positions[i] - positions[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(np.array(drawn) / drawn[0] * 3, [3, 4, 5], rtol=1e-5)


def test_a_grid_carries_the_repulsion_of_many(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    monkeypatch.setattr(_repulsion, "EXACT_BELOW", 100)
    monkeypatch.setattr(module, "EARLY", 50)
    monkeypatch.setattr(module, "LATE", 25)
    vectors, labels, graph = data
    assert knn_accuracy(tsne(vectors, neighbors=graph, threads=1), labels) == 1


def test_progress_rises_to_the_end(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    monkeypatch.setattr(module, "EARLY", 50)
    monkeypatch.setattr(module, "LATE", 50)
    seen: list[tuple[int, int]] = []
    tsne(data[0], threads=1, neighbors=data[2], progress=lambda *at: seen.append(at))
    assert seen == [(25, 100), (50, 100), (75, 100), (100, 100)]


def test_neighbors_needed() -> None:
    assert [neighbors_needed(n) for n in (0, 1, 2, 15, 16, 1000)] == [0, 0, 1, 14, 15, 15]
    assert [neighbors_needed(n, 30) for n in (0, 50, 1000)] == [0, 49, 90]


def test_neighbors_kept_by_hand() -> None:
    line = np.arange(5.0)[:, None] * [[1.0, 0.0]]
    graph = nearest_neighbors(np.array([[0.0], [1], [2], [3], [9]]), 1)
    assert neighbors_kept(line, graph, 1) == 1
    moved = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [11.5, 0.0], [30.0, 0.0]])
    assert neighbors_kept(moved, graph.ids, 1) == pytest.approx(0.8)  # the third is now nearest to the fourth
    assert neighbors_kept(line, nearest_neighbors(line, 4), 10) == 1  # four exist, all are kept
    assert neighbors_kept(line[:1], Neighbors(np.zeros((1, 0), np.int64), np.zeros((1, 0), np.float32))) == 1


def test_wrong_input_says_what_is_wrong(data: Any) -> None:
    vectors, _, graph = data
    for perplexity in (0, -1, np.nan, np.inf):
        with pytest.raises(UsageError, match="perplexity"):
            tsne(vectors, perplexity=perplexity)
    with pytest.raises(UsageError, match="these vectors"):
        tsne(vectors[:10], neighbors=graph)
    with pytest.raises(UsageError, match="same items"):
        neighbors_kept(vectors[:10, :2], graph)


def test_new_items_go_amid_their_look_alikes(data: Any) -> None:
    vectors, labels, graph = data
    positions = tsne(vectors, neighbors=graph, threads=1)
    old = np.arange(len(vectors)) % 7 != 0
    before = positions[old].copy()
    placed = place_new(positions[old], vectors[old], vectors[~old])
    np.testing.assert_array_equal(positions[old], before)
    for place, label in zip(placed, labels[~old], strict=True):
        nearest = labels[old][np.square(positions[old] - place).sum(axis=1).argmin()]
        assert nearest == label
    together = positions.copy()
    together[~old] = placed
    assert neighbors_kept(together, graph) > 0.8 * neighbors_kept(positions, graph)


def test_new_items_never_lie_between_two_groups() -> None:
    vectors = np.arange(20.0)[:, None]
    positions = np.where(vectors < 10, 0.0, 100.0) * [[1.0, 0.0]] + vectors * [[0.0, 0.01]]
    placed = place_new(positions, vectors, np.array([[9.4], [9.6], [2.0]]))
    assert (np.minimum(placed[:, 0], 100 - placed[:, 0]) < 1e-6).all()
    assert placed[2, 0] == 0
    assert place_new(np.zeros((0, 2)), np.zeros((0, 3)), np.ones((2, 3))).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(UsageError, match="same items"):
        place_new(positions[:3], vectors, vectors)


def test_the_loss_is_that_of_the_map(data: Any) -> None:
    """The divergence as t-SNE defines it, from all pairs, against what the optimizer ended at."""
    vectors, _, graph = data
    positions, loss = tsne_with_loss(vectors, neighbors=graph, threads=1)
    n = len(vectors)
    weights = np.zeros((n, n))
    np.put_along_axis(weights, graph.ids[:, :15], 1.0, axis=1)
    weights = (weights + weights.T) / (weights.sum() * 2)
    gaps = 1 / (1 + np.square(positions[:, None].astype(np.float64) - positions).sum(axis=-1))
    np.fill_diagonal(gaps, 0)
    some = weights > 0
    expected = (weights[some] * np.log(weights[some] / (gaps / gaps.sum())[some])).sum()
    assert loss == pytest.approx(expected, rel=0.02)
    assert np.isnan(tsne_with_loss(vectors[:3])[1])


def test_what_is_no_graph_and_no_perplexity_is_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 3))
    for given in (5, (np.zeros((9, 3)), np.zeros((9, 3)))):
        with pytest.raises(UsageError, match="nearest_neighbors"):
            tsne(rows, neighbors=given)  # type: ignore[arg-type]
    for perplexity in ("30", [30], True, 0, float("nan")):
        with pytest.raises(UsageError, match="perplexity="):
            tsne(rows, perplexity=perplexity)  # type: ignore[arg-type]
