"""A catalog in memory: the light twin of the one on disk, for tests and for throw-away work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.errors import NotFound, StoreError
from lookalike.records import Checked, Floats, ModelFacts
from lookalike.store import schema
from lookalike.store.base import (
    STREAMED,
    Append,
    Change,
    Computed,
    Delete,
    Head,
    MakeIndex,
    Replace,
    Upsert,
    next_head,
    now,
)
from lookalike.store.lance_store import filtered


class MemoryStore:
    """A catalog that lives as long as this object."""

    def __init__(self, model: ModelFacts) -> None:
        self._head = Head(version=1, at=now(), message="created", model=model)
        self._tables: dict[str, pa.Table] = {}
        self._writing = False
        self._history = {1: (self._head, self._tables)}

    @property
    def head(self) -> Head:
        """The newest state."""
        return self._head

    def newest(self) -> int:
        """That of the head: nobody else commits."""
        return self._head.version

    def reopened(self) -> MemoryStore:
        """A store that stays as this one is now; see `Store.reopened`."""
        other = MemoryStore(self._head.model)
        other._head, other._tables, other._history = self._head, self._tables, dict(self._history)
        return other

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else can hold it; may be nested."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        where: str | None = None,
    ) -> pa.Table:
        """Rows of a table; see `Store.read`."""
        found = self._tables.get(table)
        if found is None:
            found = schema.empty(table, self._head.model.dimension)
        elif where is not None:
            import lance

            found = filtered(lance.write_dataset(found, f"memory://{uuid4().hex}"), None, where)
        if ids is not None:
            found = found.filter(pc.is_in(found["id"], value_set=pa.array(list(ids), pa.string())))
        for field in schema.added(table, found.column_names, self._head.model.dimension):
            if columns is not None and field.name in columns:
                found = found.append_column(field, pa.nulls(found.num_rows, field.type))
        return found.select(columns) if columns is not None else found

    def stream(self, table: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows of a table in parts; see `Store.stream`."""
        found = self.read(table, columns)
        for start in range(0, found.num_rows, STREAMED):
            yield found.slice(start, STREAMED)

    def nearby(self, table: str, column: str, queries: Floats, k: int) -> list[list[str]]:
        """Ids of the k nearest rows: all are compared here; see `Store.nearby`."""
        found = self.read(table, ["id", column]).combine_chunks()
        if not found.num_rows:
            return [[] for _ in queries]
        vectors = pc.list_flatten(found[column]).to_numpy().reshape(found.num_rows, -1)
        nearest = [np.argsort(((vectors - query) ** 2).sum(axis=1), kind="stable")[:k] for query in queries]
        return [found["id"].take(pa.array(rows)).to_pylist() for rows in nearest]

    def commit(
        self,
        message: str,
        changes: Sequence[Change],
        *,
        vectors_changed: bool = False,
        computed: Mapping[str, Computed] | None = None,
    ) -> Head:
        """Apply the changes in one step; see `Store.commit`."""
        if not self._writing:
            raise StoreError("a commit needs `with store.writing():` around it")
        tables = dict(self._tables)
        for change in changes:
            try:
                changed = _changed(tables.get(change.table), change)
            except pa.ArrowException as exc:
                raise StoreError(f"the change to {change.table!r} does not fit the table: {exc}") from exc
            if changed is not None:
                tables[change.table] = changed
        self._tables = tables
        rows = {name: table.num_rows for name, table in tables.items()}
        self._head = next_head(self._head, message, changes, rows, vectors_changed=vectors_changed, computed=computed)
        self._history[self._head.version] = (self._head, tables)
        return self._head

    def check(self) -> Checked:
        """Nothing can be damaged here."""
        return Checked(files=len(self._tables), bytes=self.size())

    def restore(self, version: int) -> Head:
        """Go back to an older version; see `Store.restore`."""
        if version not in self._history:
            raise NotFound(f"there is no version {version}: give one from 1 to {self._head.version}")
        if version != self._head.version:
            head, self._tables = self._history[version]
            message = f"restored version {version}"
            self._head = replace(head, version=self._head.version + 1, at=now(), message=message)
            self._history[self._head.version] = (self._head, self._tables)
        return self._head

    def collect(self, older_than: float) -> int:  # noqa: ARG002  there is nothing to collect
        """Nothing is left behind here."""
        return 0

    def size(self) -> int:
        """Bytes of the Arrow tables."""
        return sum(table.nbytes for table in self._tables.values())


def _changed(table: pa.Table | None, change: Change) -> pa.Table | None:
    if isinstance(change, MakeIndex):
        return None
    if isinstance(change, Replace) or table is None:
        return None if isinstance(change, Delete) else change.rows
    if isinstance(change, Append):
        return pa.concat_tables([_widened(table, change), change.rows])
    gone = pa.array(list(change.ids), pa.string()) if isinstance(change, Delete) else change.rows["id"].combine_chunks()
    kept = _widened(table, change).filter(pc.invert(pc.is_in(table["id"], value_set=gone)))
    return pa.concat_tables([kept, change.rows]) if isinstance(change, Upsert) else kept


def _widened(table: pa.Table, change: Change) -> pa.Table:
    """The table with the columns that an older catalog lacks, null, where the change brings them."""
    if isinstance(change, Delete | MakeIndex):
        return table
    for field in change.rows.schema:
        if field.name in schema.ADDED.get(change.table, ()) and field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(change.rows.column_names) if len(table.column_names) == len(change.rows.column_names) else table
