"""Vectors are read in blocks, and those that memory should not hold lie in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis import nearest_neighbors
from lookalike.errors import StoreError
from lookalike.pipeline import compute_neighbors, load_vectors, loading
from lookalike.pipeline.loading import load_sample
from lookalike.store import Append, LanceStore, schema
from tests.pipeline.test_graph import FACTS, put, rows_of


def test_blocks_in_their_places_with_progress_in_memory_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.store.lance_store.STREAMED", 16)
    rng = np.random.default_rng(0)
    vectors = {f"{i:03d}": rng.normal(size=FACTS.dimension).astype(np.float32) for i in rng.permutation(100)}
    store = LanceStore.create(tmp_path / "c.catalog", FACTS)
    put(store, [Append(schema.ITEMS, rows_of(vectors))])
    told: list[tuple[int, int]] = []
    ids, found = load_vectors(store, lambda done, total: told.append((done, total)))
    assert ids == sorted(vectors)
    np.testing.assert_array_equal(found, [vectors[name] for name in ids])
    assert told[-1] == (100, 100)
    assert len(told) == 7
    np.testing.assert_array_equal(load_sample(store, np.array([3, 40, 99])).vectors, found[[3, 40, 99]])
    monkeypatch.setattr(loading, "IN_MEMORY", 1000)
    _, mapped = load_vectors(store)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, found)
    steps: set[str] = set()
    graph = compute_neighbors(store, progress=lambda name, done, total: steps.add(name))
    assert graph.ids.tobytes() == nearest_neighbors(found, 30).ids.tobytes()
    assert steps == {"vectors", "neighbors"}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(StoreError, match="set TMPDIR"):
        load_vectors(store)
