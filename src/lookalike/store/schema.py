"""Columns of the catalog's tables; `docs/format.md` describes them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from lookalike.records import COLOR_BINS, OUTLINE_CELLS

ITEMS, METADATA, FAILURES = "items", "metadata", "failures"
NEIGHBORS, CLUSTERS, MAP, WHITENING = "neighbors", "clusters", "map", "whitening"
SWEEP, ADAPTED, COLORLESS = "sweep", "adapted", "colorless"
TABLES = (ITEMS, METADATA, FAILURES, NEIGHBORS, CLUSTERS, SWEEP, MAP, WHITENING, ADAPTED, COLORLESS)
FINGERPRINT = 16
"""Bytes of the checksum of a vector."""
ADDED = {ITEMS: ("color", "outline"), NEIGHBORS: ("spare_rows", "spare_distances", "fingerprint")}
"""Columns that older catalogs do not have; null where they were not computed."""


def items(dimension: int) -> pa.Schema:
    """One row a photo: where it came from, what was seen of it, its vector and its thumbnail."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("raw_path", pa.binary()),
            pa.field("source", pa.string(), nullable=False),
            pa.field("sha256", pa.string(), nullable=False),
            pa.field("format", pa.string(), nullable=False),
            pa.field("width", pa.int32(), nullable=False),
            pa.field("height", pa.int32(), nullable=False),
            pa.field("frames", pa.int32(), nullable=False),
            pa.field("degraded", pa.bool_(), nullable=False),
            pa.field("vector", vector_type(dimension), nullable=False),
            pa.field("thumbnail", pa.binary(), nullable=False),
            pa.field("color", vector_type(COLOR_BINS)),
            pa.field("outline", vector_type(OUTLINE_CELLS)),
        ]
    )


def failures() -> pa.Schema:
    """One row an input that could not be used; `sha256` is null where its bytes could not be read."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("stage", pa.string(), nullable=False),
            pa.field("code", pa.string(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
            pa.field("attempts", pa.int32(), nullable=False),
            pa.field("at", pa.string(), nullable=False),
            pa.field("sha256", pa.string()),
        ]
    )


def metadata(columns: Sequence[tuple[str, pa.DataType]] = ()) -> pa.Schema:
    """One row an item: its keys, then what the tables said of it."""
    keys = [pa.field("id", pa.string(), nullable=False), pa.field("path", pa.string(), nullable=False)]
    return pa.schema(keys + [pa.field(name, kind) for name, kind in columns])


def neighbors() -> pa.Schema:
    """The stored graph in the order of ids: for each item the rows of its nearest, and how far they are.

    And what a later state of it is made from: some neighbors more, and of which vector they are.
    """
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("rows", pa.list_(pa.int64()), nullable=False),
            pa.field("distances", pa.list_(pa.float32()), nullable=False),
            pa.field("spare_rows", pa.list_(pa.int64())),
            pa.field("spare_distances", pa.list_(pa.float32())),
            pa.field("fingerprint", pa.binary(FINGERPRINT)),
        ]
    )


def clusters() -> pa.Schema:
    """The cluster of each item, in the order of ids."""
    return pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("cluster", pa.int64(), nullable=False)])


def sweep() -> pa.Schema:
    """One row for each K: the groups of all items, in the order of ids, as unsigned numbers of equal size."""
    groups = pa.field("groups", pa.large_binary(), nullable=False)
    return pa.schema([pa.field("id", pa.string(), nullable=False), groups])


def layout() -> pa.Schema:
    """The place of each item in the map, in the order of ids."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("x", pa.float32(), nullable=False),
            pa.field("y", pa.float32(), nullable=False),
        ]
    )


def whitening(dimension: int) -> pa.Schema:
    """What the default ranking fits: the mean of the vectors, then the scaled axes, in the order of ids."""
    values = pa.field("values", pa.list_(pa.float64(), dimension), nullable=False)
    return pa.schema([pa.field("id", pa.string(), nullable=False), values])


def adapted() -> pa.Schema:
    """The map that `adapt` learned, a row of numbers each, in the order of ids."""
    values = pa.field("values", pa.list_(pa.float64()), nullable=False)
    return pa.schema([pa.field("id", pa.string(), nullable=False), values])


def colorless() -> pa.Schema:
    """What takes color out of looks: the rows of a square matrix for each part of the fit, in the order of ids."""
    return adapted()


def vector_type(dimension: int) -> pa.DataType:
    """Arrow's fixed-size list of float32, which Lance and Embedding Atlas read as a vector."""
    return pa.list_(pa.float32(), dimension)


def added(table: str, there: Sequence[str], dimension: int) -> list[pa.Field]:
    """The fields of `ADDED` that a stored table with the columns `there` lacks."""
    fields = empty(table, dimension).schema
    return [fields.field(name) for name in ADDED.get(table, ()) if name not in there]


def empty(table: str, dimension: int) -> pa.Table:
    """A table without rows, for what was never written."""
    schemas = {
        ITEMS: items(dimension),
        METADATA: metadata(),
        FAILURES: failures(),
        NEIGHBORS: neighbors(),
        CLUSTERS: clusters(),
        SWEEP: sweep(),
        MAP: layout(),
        WHITENING: whitening(dimension),
        ADAPTED: adapted(),
        COLORLESS: colorless(),
    }
    return schemas[table].empty_table()
