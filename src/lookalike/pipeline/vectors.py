"""Vectors that were computed elsewhere, matched to the photos of a run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lookalike.errors import NotFound, UsageError
from lookalike.records import Floats, Input, ModelFacts

NAME = "vectors"
"""What a catalog of such vectors has for the name of its model."""
_LARGEST = 65_536


def read_vectors(path: Path, inputs: Sequence[Input]) -> tuple[dict[str, Floats], int]:
    """The vectors of a file by the ids of `inputs`, and their dimension.

    A Parquet file has a column `vector` (lists of numbers, all of one length) and `id` or `path`; an id that is a
    unique file stem will do. A `.npy` file has (n, d) numbers, a row for each photo in the order of their ids; nothing
    in it is unpickled. Raises `NotFound` where there is no file, `UsageError` where it is another.
    """
    if not path.is_file():
        raise NotFound(f"there is no file of vectors {str(path)!r}: give a .npy or .parquet file")
    if path.suffix not in (".npy", ".parquet"):
        raise UsageError(f"cannot read vectors from {path.name!r}: give a .npy or .parquet file")
    keys, vectors = _from_npy(path, inputs) if path.suffix == ".npy" else _from_parquet(path, inputs)
    if not 1 <= vectors.shape[1] <= _LARGEST:
        raise UsageError(f"the vectors of {path.name!r} have {vectors.shape[1]} numbers: give 1 to {_LARGEST:,}")
    return {key: vectors[row] for key, row in keys.items()}, vectors.shape[1]


def vectors_facts(path: Path, dimension: int) -> ModelFacts:
    """The facts of a catalog of such vectors: whoever computes them sees to it that they belong together."""
    return ModelFacts(
        name=NAME,
        dimension=dimension,
        size=224,
        resize="stretch",
        precision="fp32",
        preprocessing=f"elsewhere-{dimension}",
        license="as their owner says",
        origin=f"computed elsewhere, first from {path.name!a}",
        paper="",
        sha256=hashlib.sha256(NAME.encode()).hexdigest(),
        summary="vectors that were computed elsewhere",
        published=False,
    )


def _from_npy(path: Path, inputs: Sequence[Input]) -> tuple[dict[str, int], Floats]:
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError) as exc:  # the last: a shape beyond all memory
        raise UsageError(f"{path.name!r} is no .npy file of numbers ({exc}): write one with numpy.save") from exc
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu":
        raise UsageError(f"{path.name!r} does not hold numbers of two axes: give (photos, dimension)")
    if len(array) != len(inputs):
        raise UsageError(
            f"{path.name!r} has {len(array)} rows for {len(inputs)} photos: give one row a photo in the order of their "
            "ids, or a .parquet file with a column `id`"
        )
    return {item: row for row, item in enumerate(sorted(one.id for one in inputs))}, _float32(array)


def _from_parquet(path: Path, inputs: Sequence[Input]) -> tuple[dict[str, int], Floats]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as exc:
        raise UsageError(f"{path.name!r} cannot be read as Parquet: {exc}") from exc
    key = next((name for name in ("id", "path") if name in table.column_names), None)
    if key is None or "vector" not in table.column_names:
        raise UsageError(
            f"{path.name!r} has the columns {', '.join(table.column_names)}: it needs `vector`, and `id` or `path`"
        )
    kind = table.schema.field("vector").type
    if not _holds_numbers(kind):
        raise UsageError(f"the column `vector` of {path.name!r} holds {kind}: it must hold lists of numbers")
    column = table["vector"].to_pylist()
    if len({len(row) if row is not None else -1 for row in column}) > 1 or None in column:
        raise UsageError(f"the vectors of {path.name!r} do not all have one length: fill or leave out the others")
    if not column:
        raise UsageError(f"{path.name!r} has no rows: give a vector for each photo")
    vectors = np.array(column, np.float64).reshape(len(column), -1)  # a missing number is NaN, and refused by its photo
    if table[key].null_count:
        raise UsageError(f"{path.name!r} has rows without {key}: give each vector the {key} of its photo")
    names = [str(name) for name in table[key].to_pylist()]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"{path.name!r} has two vectors for {key} {twice[0]!r}: keep one")
    return _matched({name: row for row, name in enumerate(names)}, inputs), _float32(vectors)


def _holds_numbers(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return bool(pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _matched(rows: Mapping[str, int], inputs: Sequence[Input]) -> dict[str, int]:
    stems = Counter(PurePosixPath(item.id).stem for item in inputs)
    found = {}
    for item in inputs:
        stem = PurePosixPath(item.id).stem
        keys = [item.id, item.path, *([stem] if stems[stem] == 1 else [])]
        row = next((rows[key] for key in keys if key in rows), None)
        if row is not None:
            found[item.id] = row
    return found


def _float32(array: Any) -> Floats:
    with np.errstate(over="ignore"):  # what does not fit is refused photo by photo
        return np.asarray(array, np.float32)
