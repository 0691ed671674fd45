"""What moves the items of a map: against all pairs in float64, against perplexity's definition, against openTSNE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.analysis import _repulsion, nearest_neighbors, tsne_with_loss
from lookalike.analysis._blocks import Workers
from lookalike.analysis._repulsion import Repulsion
from lookalike.analysis.affinities import affinities
from lookalike.records import Neighbors
from tests.analysis.reference import blobs, exact_push


@pytest.mark.parametrize("n", [2, 300, 2_000])
@pytest.mark.parametrize(("width", "allowed"), [(1e-4, 0.1), (0.1, 0.02), (1.0, 0.01), (3.0, 0.01), (80.0, 0.01)])
def test_the_repulsion_is_that_of_all_pairs(n: int, width: float, allowed: float) -> None:
    """Relative error; a cloud far smaller than the kernel, as at the start, has hardly any repulsion to begin with."""
    places = np.random.default_rng(n).uniform(-width / 2, width / 2, (n, 2)).astype(np.float32)
    expected, total = exact_push(places.astype(np.float64))
    with Workers(1) as workers:
        repulsion = Repulsion(n, workers)
        assert repulsion.update(places) == pytest.approx(total, rel=2e-3)
        error = np.square(repulsion.push - expected).mean() / np.square(expected).mean()
    assert np.sqrt(error) < allowed


def test_a_map_too_wide_for_the_grid_gets_a_wider_spacing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far apart, items push each other so little that a coarse grid serves."""
    monkeypatch.setattr(_repulsion, "MOST_NODES", 200)
    places = np.random.default_rng(0).uniform(-200, 200, (1_000, 2)).astype(np.float32)
    with Workers(1) as workers:
        repulsion = Repulsion(1_000, workers)
        assert np.isfinite(repulsion.update(places))
        assert repulsion._nodes <= 260
        assert np.isfinite(repulsion.push).all()
        repulsion.update((places / 100).astype(np.float32))
        expected, _ = exact_push(places.astype(np.float64) / 100)
        np.testing.assert_allclose(repulsion.push, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("perplexity", [2.0, 10.0, 30.0])
def test_each_row_has_the_perplexity_that_was_asked_for(perplexity: float) -> None:
    from lookalike.analysis import _forces

    distances = np.sort(np.random.default_rng(0).gamma(3.0, 1.0, (50, 90)), axis=1)
    weights = np.empty_like(distances)
    _forces.gaussian_weights(np.square(distances), perplexity, weights, 0, 50)
    entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_affinities_are_symmetric_and_sum_to_one() -> None:
    vectors, _ = blobs(100, 4, 5, 6.0)
    with Workers(1) as workers:
        for perplexity in (None, 5.0):
            starts, near, weights = affinities(nearest_neighbors(vectors, 15), perplexity, workers)
            full = np.zeros((100, 100))
            full[np.repeat(np.arange(100), np.diff(starts)), near] = weights
            np.testing.assert_array_equal(full, full.T)
            assert full.sum() == pytest.approx(1, rel=1e-5)
            assert not full.diagonal().any()


@pytest.fixture(scope="module")
def many() -> tuple[Any, Neighbors]:
    vectors, _ = blobs(1_500, 8, 10, 3.0)
    return vectors, nearest_neighbors(vectors, 90)


def test_threads_change_no_byte(many: tuple[Any, Neighbors], monkeypatch: pytest.MonkeyPatch) -> None:
    from lookalike.analysis import layout

    monkeypatch.setattr(layout, "EARLY", 50)
    monkeypatch.setattr(layout, "LATE", 50)
    one, two = (tsne_with_loss(many[0], 3, neighbors=many[1], threads=threads) for threads in (1, 2))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1] == two[1]


@pytest.mark.long
def test_the_map_is_as_good_as_opentsnes(many: tuple[Any, Neighbors]) -> None:
    """The same affinities, start and steps: the divergence that is left differs by less than two in a hundred."""
    from openTSNE import TSNEEmbedding, affinity
    from openTSNE import nearest_neighbors as known

    vectors, graph = many
    ours, loss = tsne_with_loss(vectors, neighbors=graph, perplexity=30)
    index = known.PrecomputedNeighbors(
        np.ascontiguousarray(graph.ids), np.ascontiguousarray(graph.distances, np.float64)
    )
    weights = affinity.PerplexityBasedNN(perplexity=30, knn_index=index, n_jobs=1)
    start = np.random.default_rng(0).permutation(ours) * 1e-4 / ours.std()
    peer = TSNEEmbedding(start.astype(float), weights, n_jobs=1, random_state=0, negative_gradient_method="bh")
    peer = peer.optimize(250, exaggeration=12, learning_rate=len(vectors) / 12).optimize(
        500, learning_rate=len(vectors)
    )
    assert loss == pytest.approx(float(peer.kl_divergence), rel=0.02)
