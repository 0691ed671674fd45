"""Lance's vector index: an approximate search beside the exact one, made and asked on request only.

A graph to be walked greedily over vectors of one byte a number (HNSW: Malkov and Yashunin 2018) for each part of the
vectors. Its files belong to the data set that they index, so a version of the catalog names them with their checksums.
"""

from __future__ import annotations

from typing import Any

from lookalike.records import Floats

KIND = "IVF_HNSW_SQ"
PART = 100_000
"""Vectors for which one graph is made; above that there are several, of which the nearest are searched."""
SEARCHED = 8
"""Parts that a query searches."""


def make_index(data: Any, column: str) -> None:
    """Index the vectors of a Lance data set, as a new version of it."""
    parts = -(-data.count_rows() // PART)
    data.create_index(column, KIND, name=column, metric="L2", num_partitions=max(1, parts), replace=True)


def nearby(data: Any, column: str, queries: Floats, k: int) -> list[list[str]]:
    """Ids of about the k nearest rows of each query, nearest first by the index's own measure."""
    found = []
    for query in queries:
        asked = {"column": column, "q": query, "k": k, "nprobes": SEARCHED, "ef": k + k // 2}
        found.append(data.to_table(columns=["id", "_distance"], nearest=asked)["id"].to_pylist())
    return found
