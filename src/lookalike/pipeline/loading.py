"""The items' vectors as arrays, in the order of ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
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
    place = _inverse(order)
    vectors: Floats = room((len(ids), store.head.model.dimension), np.float32, "the vectors")
    for to, block in _blocks(store, ids, ["vector"], advance):
        vectors[place[to]] = block["vector"]
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
    found = {name: np.empty((len(rows), width), np.float32) for name, width in _widths(store).items()}
    lacking: set[str] = set()
    for to, block in _blocks(store, ids, list(found)):
        kept = place[to] >= 0
        for name, values in block.items():
            if np.isnan(values[:, 0]).any():
                lacking.add(name)
            found[name][place[to][kept]] = values if kept.all() else values[kept]
    colors, outlines = (None if name in lacking else found[name] for name in ("color", "outline"))
    return Sample(found["vector"], colors, outlines)


def load_ids(store: Store) -> list[str]:
    """The ids of all items in their order."""
    ids, order = _ordered(store)
    found: list[str] = ids.take(pa.array(order)).to_pylist()
    return found


def load_points(store: Store, make: Callable[[Ints, Floats, Floats], Floats]) -> Floats:
    """What `make` makes of every item, (n, k) float32 in the order of ids, without all vectors in memory.

    It is called with rows (b,), their vectors (b, d) and their outlines (b, 64), NaN where an older item has none, and
    returns (b, k). A catalog without items gives (0, 0).
    """
    ids, order = _ordered(store)
    place = _inverse(order)
    found: Floats = np.empty((0, 0), np.float32)
    for to, block in _blocks(store, ids, ["vector", "outline"]):
        made = make(place[to], block["vector"], block["outline"])
        if not len(found):
            found = room((len(ids), made.shape[1]), np.float32, "what items look like")
        found[place[to]] = made
    return found


def _ordered(store: Store) -> tuple[pa.Array, Ints]:
    """The ids as they are stored, and the rows that bring them in their order."""
    ids = store.read(schema.ITEMS, ["id"])["id"].combine_chunks()
    return ids, pc.sort_indices(ids).to_numpy().astype(np.int64)


def _inverse(order: Ints) -> Ints:
    """Where each stored row comes to lie."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def _widths(store: Store) -> dict[str, int]:
    """The columns of numbers of an item, and how many each has."""
    return {"vector": store.head.model.dimension, "color": COLOR_BINS, "outline": OUTLINE_CELLS}


def _blocks(
    store: Store, ids: pa.Array, names: Sequence[str], advance: Advance | None = None
) -> Iterator[tuple[slice, dict[str, Floats]]]:
    """All items as they are stored, a few thousand at a time: which rows these are, and each column as (b, width).

    What an older item lacks is NaN. Raises `StoreError` where the items are no longer those of `ids`.
    """
    done, widths = 0, _widths(store)
    for table in store.stream(schema.ITEMS, ["id", *names]):
        to = slice(done, done + table.num_rows)
        if not table["id"].combine_chunks().equals(ids[to]):
            raise StoreError("the items changed while they were read: run the same command again")
        yield to, {name: _numbers(table[name], widths[name]) for name in names}
        done += table.num_rows
        if advance is not None:
            advance(done, len(ids))
    if done != len(ids):
        raise StoreError(f"{done} of {len(ids)} items could be read: run `lookalike check`")


def _numbers(column: pa.ChunkedArray, width: int) -> Floats:
    """A column of vectors as (b, width) float32; NaN for null."""
    values: Floats = pc.list_flatten(column).to_numpy().reshape(-1, width)
    if not column.null_count:
        return values
    found = np.full((len(column), width), np.nan, np.float32)
    found[pc.is_valid(column).to_numpy()] = values
    return found


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
    return _load(store, "color")


def load_outlines(store: Store) -> Floats:
    """The (n, 64) float32 outlines in the order of ids; rows of NaN where a catalog of old has none."""
    return _load(store, "outline")


def _load(store: Store, name: str) -> Floats:
    ids, order = _ordered(store)
    place, found = _inverse(order), np.empty((len(ids), _widths(store)[name]), np.float32)
    for to, block in _blocks(store, ids, [name]):
        found[place[to]] = block[name]
    return found
