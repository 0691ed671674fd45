"""Another number of clusters from the stored sweep: what the sweep itself says, also when items came and went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import analysis, pipeline
from lookalike.catalog import Explorer
from lookalike.errors import UsageError
from lookalike.store import MemoryStore, Replace, schema
from tests.conftest import draw


@pytest.fixture
def catalog(photos: Path, tmp_path: Path) -> lookalike.Catalog:
    made = lookalike.create(tmp_path / "a.catalog", model="tiny")
    made.index(photos)
    made.cluster(3, max_k=9)
    return made


def test_every_k_is_that_of_the_sweep(catalog: lookalike.Catalog) -> None:
    sweep = analysis.kmeans_sweep(catalog.vectors, 9)
    stored = pipeline.stored_clusters(catalog.store)
    for k in range(1, 10):
        found, labels = pipeline.regroup(catalog.store, stored, catalog.ids, catalog.vectors, k)
        assert np.array_equal(labels, sweep.labels(k))
        assert found.sizes.tolist() == np.bincount(labels).tolist()
        assert np.array_equal(labels[found.representatives], np.arange(found.k))
        assert all(set(labels[list(rows)]) == {cluster} for cluster, rows in enumerate(found.exemplars))


def test_settle_is_what_the_sweep_says() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    sweep = analysis.kmeans_sweep(vectors, 20)
    for k in (1, 2, 7, 20):
        labels, centers = analysis.settle(vectors, sweep.partition(k))
        assert np.array_equal(labels, sweep.labels(k))
        assert np.allclose(centers, sweep.centers(k))


def test_items_that_came_and_went(catalog: lookalike.Catalog, photos: Path) -> None:
    before = Explorer(catalog).grouped(4)[1]
    catalog.remove([catalog.ids[0]])
    draw(photos / "zz-new.png", (10, 200, 200), seed=99)
    catalog.index(photos / "zz-new.png")
    told, labels = Explorer(catalog).grouped(4)
    assert told["state"] == "older"
    assert labels[-1] == -1
    assert sum(told["sizes"]) == 11
    assert analysis.adjusted_rand(labels[:-1], before[1:]) > 0.5
    assert set(told["representatives"]) <= set(catalog.ids)


def test_a_k_that_is_not_there(catalog: lookalike.Catalog) -> None:
    explorer = Explorer(catalog)
    assert explorer.grouped(3)[0] is explorer.clusters
    with pytest.raises(UsageError, match="k=10 is not there: this sweep has 1 to 9"):
        explorer.grouped(10)


def test_a_catalog_of_an_older_version_is_completed_when_asked(catalog: lookalike.Catalog) -> None:
    """Such a catalog has clusters and no sweep."""
    store = MemoryStore(catalog.store.head.model)
    with store.writing():
        for table in (schema.ITEMS, schema.CLUSTERS):
            known = catalog.store.head.computed[schema.CLUSTERS]
            before = {name: value for name, value in known.results.items() if name != "swept"}
            computed = {schema.CLUSTERS: replace(known, of=0, results=before)}
            store.commit("copied", [Replace(table, catalog.store.read(table))], computed=computed)
    old = lookalike.Catalog(store)
    with pytest.raises(UsageError, match="run `lookalike cluster` again"):
        pipeline.regroup(store, pipeline.stored_clusters(store), old.ids, old.vectors, 2)
    assert pipeline.compute_clusters(store).k == 3
    assert pipeline.swept(store) == 0
    old.cluster(3, max_k=9)
    assert pipeline.swept(store) == 9
