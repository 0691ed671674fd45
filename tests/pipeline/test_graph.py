"""The stored graph after items came, changed and went is the graph that a new catalog of the same items has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lookalike
from lookalike import analysis, models, pipeline
from lookalike.analysis import nearest_neighbors
from lookalike.options import MapOptions
from lookalike.pipeline import graph
from lookalike.store import Append, Computed, Delete, LanceStore, MemoryStore, Replace, Store, Upsert, schema
from tests.conftest import COLORS, draw

FACTS = models.facts("tiny")


def rows_of(vectors: dict[str, Any]) -> pa.Table:
    """Items with these vectors; the photo's checksum never changes, so only the vector can tell."""
    same: dict[str, Any] = {"raw_path": None, "source": "s", "sha256": "0", "format": "JPEG", "width": 4, "height": 3}
    same |= {"frames": 1, "degraded": False, "thumbnail": b"", "color": None}
    rows = [
        {**same, "id": name, "path": name, "vector": np.resize(vector, FACTS.dimension).tolist()}
        for name, vector in vectors.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema.items(FACTS.dimension))


def put(store: Store, changes: list[Any]) -> None:
    with store.writing():
        store.commit("changed", changes, vectors_changed=True)


def check(store: Store, k: int) -> None:
    found = pipeline.compute_neighbors(store, k)
    again = pipeline.compute_neighbors(store, k)  # as it was stored
    expected = nearest_neighbors(pipeline.load_vectors(store)[1], found.ids.shape[1])
    assert found.ids.shape[1] == min(k, max(0, len(expected.ids) - 1))
    for one in (found, again):
        np.testing.assert_array_equal(one.ids, expected.ids)
        assert one.distances.tobytes() == expected.distances.tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_adds_changes_and_removes_in_any_order_equal_a_rebuild(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)

    def make(names: Any) -> dict[str, Any]:
        numbers = rng.integers(0, 3, (len(names), 4)) if ties else rng.normal(size=(len(names), 4))
        return dict(zip(names, numbers.astype(np.float32), strict=True))

    def some(of: list[str], most: int) -> list[str]:
        return sorted(rng.permutation(of)[: rng.integers(0, most)].tolist()) if of else []

    names = [f"{number:02d}" for number in range(60)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "GRAPH_K", 5)
        patch.setattr(analysis.updating, "WORTH", float(rng.choice([0.05, 1.0])))
        store: Store = MemoryStore(FACTS)
        held: set[str] = set(some(names, 50))
        put(store, [Append(schema.ITEMS, rows_of(make(sorted(held))))])
        check(store, 5)
        for _ in range(4):
            gone, other = some(sorted(held), 4), some(sorted(held), 4)
            came = some([name for name in names if name not in held], 12)
            other = [name for name in other if name not in gone]
            put(store, [Delete(schema.ITEMS, gone), Upsert(schema.ITEMS, rows_of(make(other + came)))])
            held = held - set(gone) | set(came)
            check(store, 5)


def test_a_small_change_rebuilds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    store = LanceStore.create(tmp_path / "c.catalog", FACTS)
    vectors = {f"{i:03d}": rng.normal(size=4).astype(np.float32) for i in range(200)}
    put(store, [Append(schema.ITEMS, rows_of(vectors))])
    rebuilt: list[int] = []
    original = nearest_neighbors

    def spy(rows: Any, k: int, **more: Any) -> Any:
        rebuilt.append(k)
        return original(rows, k, **more)

    monkeypatch.setattr(analysis, "nearest_neighbors", spy)
    monkeypatch.setattr(analysis.updating, "nearest_neighbors", spy)
    check(store, 30)
    assert rebuilt == [36], "a fifth more than is shown"
    put(store, [Delete(schema.ITEMS, ["000", "077"])])
    check(store, 30)
    put(store, [Upsert(schema.ITEMS, rows_of({"003": vectors["004"] + 1, "0035": vectors["005"] * 2}))])
    check(store, 30)
    assert rebuilt == [36]
    shown = store.read(schema.NEIGHBORS)
    assert {len(row) for row in shown["rows"].to_pylist()} == {30}
    assert not any(-1 in row for row in shown["spare_rows"].to_pylist())
    pipeline.compute_neighbors(store, 45)
    check(store, 45)
    assert rebuilt == [36, 54], "more neighbors are found anew"


def test_a_graph_of_an_older_version_is_made_anew_once() -> None:
    rng = np.random.default_rng(0)
    store = MemoryStore(FACTS)
    put(store, [Append(schema.ITEMS, rows_of({f"{i:02d}": rng.normal(size=4) for i in range(40)}))])
    pipeline.compute_neighbors(store)
    old = store.read(schema.NEIGHBORS).drop_columns(list(schema.ADDED[schema.NEIGHBORS]))
    with store.writing():
        computed = {schema.NEIGHBORS: Computed(of=store.head.vectors, options={"k": 30})}
        store.commit("as it was", [Replace(schema.NEIGHBORS, old)], computed=computed)
    check(store, 30)
    put(store, [Delete(schema.ITEMS, ["07"])])
    check(store, 30)
    assert store.read(schema.NEIGHBORS)["fingerprint"].null_count == 0


def test_a_catalog_that_grew_has_the_neighbors_of_a_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for i in range(12):
        draw(folder / f"{i:02d}.png", list(COLORS.values())[i % 4], seed=i)
    grown = lookalike.create(tmp_path / "grown.catalog", model="tiny")
    grown.index(folder)
    assert grown.neighbors.ids.shape == (12, 11)
    draw(folder / "03.png", COLORS["red"], seed=99)
    draw(folder / "055.png", COLORS["blue"], seed=7)
    (folder / "08.png").unlink()
    grown.index(folder, prune=True, yes=True)
    fresh = lookalike.create(tmp_path / "fresh.catalog", model="tiny")
    fresh.index(folder)
    assert grown.ids == fresh.ids
    np.testing.assert_array_equal(grown.neighbors.ids, fresh.neighbors.ids)
    assert grown.neighbors.distances.tobytes() == fresh.neighbors.distances.tobytes()


def test_a_map_needs_three_times_its_perplexity() -> None:
    assert [pipeline.graph_k(MapOptions(perplexity=p)) for p in (None, 5, 10.5, 30)] == [30, 30, 31, 90]
