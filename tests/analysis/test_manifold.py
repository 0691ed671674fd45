"""UMAP on our graph: neighbors stay neighbors, the same seed gives the same map, and no input ends the process."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lookalike.analysis import knn_accuracy, load_umap, nearest_neighbors, neighbors_kept, umap
from lookalike.errors import UsageError
from lookalike.records import Neighbors
from tests.analysis.reference import blobs


@pytest.fixture(scope="module")
def installed() -> None:
    try:
        load_umap()
    except UsageError:
        pytest.skip("needs umap-learn: pip install 'lookalike[umap]'")


@pytest.mark.long  # umap-learn compiles its loops anew in every process
@pytest.mark.usefixtures("installed")
def test_the_map_keeps_clusters_and_neighbors_twice_alike() -> None:
    vectors, labels = blobs(240, 6, 10, 6.0)
    graph = nearest_neighbors(vectors, 30)
    seen: list[tuple[int, int]] = []
    positions = umap(vectors, neighbors=graph, progress=lambda *at: seen.append(at))
    assert positions.shape == (240, 2)
    assert positions.dtype == np.float32
    assert seen == [(0, 1), (1, 1)]
    assert knn_accuracy(positions, labels) == 1
    assert neighbors_kept(positions, graph) > 0.35
    # the same bytes with a graph of too few columns, or of vectors on another scale
    few = Neighbors(graph.ids[:, :4], graph.distances[:, :4])
    assert umap(vectors, neighbors=few).tobytes() == positions.tobytes()
    assert (
        umap(vectors * 2.0**-40, neighbors=nearest_neighbors(vectors * 2.0**-40, 15)).tobytes() == positions.tobytes()
    )
    assert umap(vectors, 1, neighbors=graph).tobytes() != positions.tobytes()


@pytest.mark.long
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 16])
def test_few_items(n: int) -> None:
    positions = umap(np.random.default_rng(0).normal(size=(n, 6)))
    assert positions.shape == (n, 2)
    assert np.isfinite(positions).all()
    assert len(np.unique(positions, axis=0)) == n


@pytest.mark.long
@pytest.mark.usefixtures("installed")
def test_equal_items() -> None:
    assert (umap(np.full((50, 8), 0.1)) == 0).all()
    copies = np.repeat(np.random.default_rng(0).normal(size=(3, 5)), [60, 20, 1], axis=0)
    positions = umap(copies)
    assert np.isfinite(positions).all()
    with pytest.raises(UsageError, match="these vectors"):
        umap(copies[:10], neighbors=nearest_neighbors(copies, 5))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r"lookalike\[umap\]"):
        umap(np.eye(4))
