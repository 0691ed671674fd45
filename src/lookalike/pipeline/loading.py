"""The items' vectors as arrays, in the order of ids."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile, gettempdir
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.errors import StoreError
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Advance, Floats, Ints
from lookalike.store import Store, schema

IN_MEMORY = 2 << 30
"""Bytes of vectors that are held in memory; more lie in a temporary file, of which the system keeps what fits."""


def load_vectors(store: Store, advance: Advance | None = None) -> tuple[list[str], Floats]:
    """Ids in their order, and the (n, d) float32 vectors in the same.

    They are read in blocks, each put in its place: beyond the ids this takes the vectors once, or, above 2 GiB, a
    memory map of a temporary file (in `TMPDIR`) that goes when the array does. `advance` is called with (read, n).
    """
    ids, order = _ordered(store)
    place = np.empty(len(ids), np.int64)
    place[order] = np.arange(len(ids))
    vectors: Floats = room((len(ids), store.head.model.dimension), np.float32, "the vectors")
    _fill(store, ids, place, {"vector": vectors}, advance)
    return ids.take(pa.array(order)).to_pylist(), vectors


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of some items: `vectors` (m, d), `colors` (m, 216) and `outlines` (m, 64), float32.

    `colors` is None where any item of the catalog, asked for or not, has no color vector, and so are `outlines`.
    """

    vectors: Floats
    colors: Floats | None
    outlines: Floats | None


def load_sample(store: Store, rows: Ints) -> Sample:
    """What is known of some rows in the order of ids; beyond the ids it takes no more memory than that."""
    ids, order = _ordered(store)
    place = np.full(len(ids), -1, np.int64)
    place[order[rows]] = np.arange(len(rows))
    widths = {"vector": store.head.model.dimension, "color": COLOR_BINS, "outline": OUTLINE_CELLS}
    found = {name: np.empty((len(rows), width), np.float32) for name, width in widths.items()}
    lacking = _fill(store, ids, place, found)
    colors, outlines = (None if name in lacking else found[name] for name in ("color", "outline"))
    return Sample(found["vector"], colors, outlines)


def _ordered(store: Store) -> tuple[pa.Array, Ints]:
    """The ids as they are stored, and the rows that bring them in their order."""
    ids = store.read(schema.ITEMS, ["id"])["id"].combine_chunks()
    return ids, pc.sort_indices(ids).to_numpy().astype(np.int64)


def _fill(
    store: Store, ids: pa.Array, place: Ints, columns: Mapping[str, Floats], advance: Advance | None = None
) -> set[str]:
    """Put what is stored of each item in its place in the array of its column; what has the place -1 is left out.

    Returns the columns that some item has nothing in, whether it has a place or not; their arrays are not filled.
    """
    done = 0
    lacking: set[str] = set()
    for table in store.stream(schema.ITEMS, ["id", *columns]):
        to = slice(done, done + table.num_rows)
        if not table["id"].combine_chunks().equals(ids[to]):
            raise StoreError("the items changed while they were read: run the same command again")
        kept = place[to] >= 0
        lacking |= {name for name in columns if table[name].null_count}
        for name in columns.keys() - lacking:
            values = pc.list_flatten(table[name]).to_numpy().reshape(table.num_rows, -1)
            columns[name][place[to][kept]] = values if kept.all() else values[kept]
        done += table.num_rows
        if advance is not None:
            advance(done, len(ids))
    if done != len(ids):
        raise StoreError(f"{done} of {len(ids)} vectors could be read: run `lookalike check`")
    return lacking


def room(shape: tuple[int, ...], dtype: npt.DTypeLike, what: str) -> npt.NDArray[Any]:
    """An array to be filled; above 2 GiB a memory map of a temporary file (in `TMPDIR`) that goes when the array does.

    Raises `StoreError`, naming `what` it is for, where the disk has no room.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    with TemporaryFile(prefix="lookalike-") as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a map of a full disk would end the process
            else:
                file.truncate(size)
        except OSError as exc:
            raise StoreError(
                f"{size:,} bytes for {what} do not fit in {gettempdir()!r} ({exc.strerror}): "
                "set TMPDIR to a folder with more room"
            ) from exc
        return np.memmap(file, dtype, "r+", shape=shape)


def load_colors(store: Store) -> Floats:
    """The (n, 216) float32 color vectors in the order of ids; rows of NaN where a catalog of old has none."""
    return _load(store, "color", COLOR_BINS)


def load_outlines(store: Store) -> Floats:
    """The (n, 64) float32 outlines in the order of ids; rows of NaN where a catalog of old has none."""
    return _load(store, "outline", OUTLINE_CELLS)


def _load(store: Store, name: str, width: int) -> Floats:
    table = store.read(schema.ITEMS, ["id", name]).combine_chunks()
    found = np.full((len(table), width), np.nan, np.float32)
    column = table[name].combine_chunks() if len(table) else None
    if column is not None:
        known = pc.is_valid(column).to_numpy(zero_copy_only=False)
        found[known] = pc.list_flatten(column).to_numpy().reshape(-1, width)
    order: Ints = pc.sort_indices(table["id"]).to_numpy().astype(np.int64)
    return found[order]
