"""What the tables say of each item: types over all rows, changes found, nothing that was known lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from lookalike.records import Input, Value
from lookalike.store import Replace, Store, schema

Row = Mapping[str, Value]
KEYS = ("id", "path")
EXACT = 2**53
"""Integers beyond it are rounded in float64: a column that has such and fractions is kept as text."""


@dataclass(frozen=True, slots=True)
class MetadataPlan:
    """What this run says of its inputs, and the columns that the table has from now on.

    `rows` maps an input's id to its new values; `changed` are the ids of items whose values differ from what
    is stored; `stored` those values of every item that this run speaks of.
    """

    rows: Mapping[str, Row]
    stored: Mapping[str, Row]
    changed: frozenset[str]
    columns: tuple[tuple[str, pa.DataType], ...]
    replaced: Replace | None

    def table(self, inputs: Iterable[Input]) -> pa.Table:
        """Rows of the metadata table for these inputs: the new values over the stored ones."""
        made = [
            {**self.stored.get(item.id, {}), **self.rows.get(item.id, {}), "id": item.id, "path": item.path}
            for item in inputs
        ]
        target = schema.metadata(self.columns)
        return pa.table([_array(field, [row.get(field.name) for row in made]) for field in target], schema=target)


def plan_metadata(store: Store, rows: Mapping[str, Row], ids: Sequence[str]) -> MetadataPlan:
    """Compare new `rows` with what the catalog knows of `ids`, the inputs of this run."""
    stored = store.read(schema.METADATA)
    old = [(field.name, field.type) for field in stored.schema if field.name not in KEYS]
    columns = tuple(_merged(old, rows.values(), {name for name, _ in old if _is_large(stored[name])}))
    concerned = _rows_of(stored, ids) if rows else {}
    changed = frozenset(item for item, row in concerned.items() if _differs(row, rows.get(item, {}), columns))
    replaced = None
    if columns != tuple(old) and stored.num_rows:
        replaced = Replace(schema.METADATA, _cast(stored, schema.metadata(columns)))
    return MetadataPlan(rows, concerned, changed, columns, replaced)


def _merged(
    old: Sequence[tuple[str, pa.DataType]], rows: Iterable[Row], large: set[str]
) -> list[tuple[str, pa.DataType]]:
    """Columns with the kinds that hold all values; those of `large` hold integers that float64 would round."""
    kinds = dict(old)
    for row in rows:
        for name, value in row.items():
            kind = _kind(value)
            if kind == pa.int64() and abs(int(value or 0)) > EXACT:
                large.add(name)
            known = kinds.get(name)
            if known is None or (known == pa.null() and kind is not None):
                kinds[name] = kind if kind is not None else pa.null()
            elif kind is not None and known != kind:
                numbers = {known, kind} == {pa.int64(), pa.float64()}
                kinds[name] = pa.float64() if numbers and name not in large else pa.string()
    return [(name, pa.string() if kind == pa.null() else kind) for name, kind in kinds.items()]


def _is_large(column: pa.ChunkedArray) -> bool:
    if column.type != pa.int64() or column.null_count == len(column):
        return False
    ends = pc.min_max(column)
    return bool(ends["min"].as_py() < -EXACT or ends["max"].as_py() > EXACT)


def _kind(value: Value) -> pa.DataType | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if -(2**63) <= value < 2**63 else pa.string()
    return pa.float64() if isinstance(value, float) else pa.string()


def _array(field: pa.Field, values: Sequence[Value]) -> pa.Array:
    return pa.array([_typed(value, field.type) for value in values], field.type)


def _typed(value: Value, kind: pa.DataType) -> Value:
    if value is None or kind in (pa.bool_(), pa.int64()):
        return value
    if kind == pa.float64():
        return float(value)
    return value if isinstance(value, str) else str(value)


def _differs(stored: Row, new: Row, columns: Iterable[tuple[str, pa.DataType]]) -> bool:
    kinds = dict(columns)
    return any(_typed(value, kinds[name]) != _typed(stored.get(name), kinds[name]) for name, value in new.items())


def _rows_of(table: pa.Table, ids: Sequence[str]) -> dict[str, Row]:
    concerned = table.filter(pc.is_in(table["id"], value_set=pa.array(ids, pa.string())))
    return {row["id"]: {k: v for k, v in row.items() if k not in KEYS} for row in concerned.to_pylist()}


def _cast(table: pa.Table, target: pa.Schema) -> pa.Table:
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in target
    ]
    return pa.table(columns, schema=target)
