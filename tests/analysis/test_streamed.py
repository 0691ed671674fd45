"""Vectors in a memory map give the bytes that an array gives, and are never held in memory as a whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.analysis import kmeans_sweep, nearest_neighbors, refine, refine_best, tsne, weigh
from lookalike.analysis import layout as layout_module
from tests.analysis.reference import blobs


def mapped(folder: Path, vectors: Any) -> Any:
    np.save(folder / "vectors.npy", vectors)
    return np.load(folder / "vectors.npy", mmap_mode="r")


@pytest.mark.parametrize("d", [40, 200])  # fewer than the principal axes that a sweep looks along, and more
def test_the_same_bytes_from_a_file(tmp_path: Path, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "EARLY", 5)
    monkeypatch.setattr(layout_module, "LATE", 5)
    vectors = blobs(2_500, 9, d, 1.0)[0].astype(np.float32)
    graph = nearest_neighbors(vectors, 15)
    told = []
    for rows in (vectors, mapped(tmp_path, vectors)):
        sweep = kmeans_sweep(rows, 12)
        best = refine_best(rows, sweep, 6)
        results = (sweep.inertia, sweep.labels(12), sweep.centers(12), best.centers, best.labels)
        evidence = weigh(rows, sweep).as_json()
        told.append(([each.tobytes() for each in results], evidence, tsne(rows, neighbors=graph).tobytes()))
    assert told[0] == told[1]


def test_no_copy_of_a_file_is_held(tmp_path: Path) -> None:
    vectors = blobs(6_000, 5, 600, 4.0)[0].astype(np.float32)
    peaks = []
    for rows in (vectors, mapped(tmp_path, vectors)):
        tracemalloc.start()
        sweep = kmeans_sweep(rows, 3, threads=1)
        refine(rows, sweep.centers(3), max_steps=2, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] - 0.8 * vectors.nbytes
