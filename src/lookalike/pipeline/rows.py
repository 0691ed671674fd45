"""Outcomes of a run as rows of the catalog's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from lookalike.errors import Rejected
from lookalike.pipeline.embed import Embedded, Twin
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Failure, Input
from lookalike.store import schema

Row = Mapping[str, Any]
_SEEN = {"color": COLOR_BINS, "outline": OUTLINE_CELLS}
"""What a photo's pixels say besides its vector, and how many numbers that is; older rows may have none."""


def embedded_row(done: Embedded) -> Row:
    """The row of a photo that went through the network."""
    photo = done.photo
    return {
        **_origin(done.input),
        "sha256": done.sha256,
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "frames": photo.frames,
        "degraded": photo.degraded,
        "vector": done.vector,
        "thumbnail": photo.thumbnail,
        "color": photo.color,
        "outline": photo.outline,
    }


def twin_row(twin: Twin, other: Row) -> Row:
    """The row of a photo whose bytes are those of another one's row."""
    return {"color": None, "outline": None, **other, **_origin(twin.input)}


def items_table(rows: Sequence[Row], dimension: int) -> pa.Table:
    """Rows as the items table has them."""
    target = schema.items(dimension)
    columns = {name: [row[name] for row in rows] for name in target.names if name not in ("vector", *_SEEN)}
    flat = np.concatenate([np.asarray(row["vector"], np.float32) for row in rows])
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension)
    for name, width in _SEEN.items():
        unknown = np.array([row[name] is None for row in rows])
        numbers = np.zeros((len(rows), width), np.float32)
        for found, row in zip(numbers, rows, strict=True):
            if row[name] is not None:
                found[:] = row[name]
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), width, mask=pa.array(unknown))
    return pa.table(columns, schema=target)


def failure_row(item: Input, sha256: str | None, reason: Rejected, before: Row | None) -> Row:
    """The row of an input that cannot be used; the same bytes again are one attempt more."""
    again = before is not None and before["sha256"] == sha256
    return {
        "id": item.id,
        "path": item.path,
        "source": item.source,
        "stage": reason.stage,
        "code": reason.code,
        "detail": reason.detail[:500],
        "attempts": before["attempts"] + 1 if before is not None and again else 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": sha256,
    }


def failures_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as the failures table has them."""
    return pa.Table.from_pylist(list(rows), schema=schema.failures())


def failure_of(row: Row) -> Failure:
    """A row of the failures as a record."""
    names = ("id", "path", "stage", "code", "detail", "attempts", "at")
    return Failure(**{name: row[name] for name in names})


def _origin(item: Input) -> dict[str, Any]:
    return {"id": item.id, "path": item.path, "raw_path": item.raw_path, "source": item.source}
