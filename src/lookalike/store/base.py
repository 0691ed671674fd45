"""The seam between lookalike and what keeps a catalog: a few tables that change together.

A store holds named Arrow tables and one `Head`, which says what the catalog is and which state of each table
belongs together. `commit` changes any of them in one step: a reader sees all of it or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from lookalike.records import Checked, Floats, ModelFacts
from lookalike.store import schema

STREAMED = 4_096
"""Rows that `Store.stream` gives at a time, at most."""
FORMAT = 1
"""Version of the on-disk format that this release writes, and the newest that it reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """Something computed from the items: `of` is the state of the vectors it was computed from.

    `options` are what it was asked for; `results` whatever is small enough to be kept beside them. Both hold
    JSON values only.
    """

    of: int
    options: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """One state of a catalog.

    `version` counts commits from 1; `vectors` is the version at which a vector was last added, changed or
    removed, `content` that of the last change to items, metadata or failures; `rows` the number of rows of
    each table; `computed` what was computed from the items, by name.
    """

    version: int
    at: str
    message: str
    model: ModelFacts
    vectors: int = 0
    content: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)

    def is_current(self, name: str) -> bool:
        """Whether `name` was computed from the vectors as they are now."""
        return name in self.computed and self.computed[name].of == self.vectors


@dataclass(frozen=True, slots=True)
class Append:
    """Add rows whose ids are not in the table yet."""

    table: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Upsert:
    """Add rows, or replace those with the same id."""

    table: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the rows with these ids; ids that are not there are ignored."""

    table: str
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `rows` in the place of the whole table, whose columns may change."""

    table: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class MakeIndex:
    """Make the approximate index of a table's vectors, in the place of one that is there. No row changes."""

    table: str
    column: str


Change = Append | Upsert | Delete | Replace | MakeIndex


def next_head(
    head: Head,
    message: str,
    changes: Sequence[Change],
    rows: Mapping[str, int],
    *,
    vectors_changed: bool,
    computed: Mapping[str, Computed] | None,
) -> Head:
    """The head after a commit."""
    version = head.version + 1
    content_changed = any(
        change.table in (schema.ITEMS, schema.METADATA, schema.FAILURES) and not isinstance(change, MakeIndex)
        for change in changes
    )
    return replace(
        head,
        version=version,
        at=now(),
        message=message,
        vectors=version if vectors_changed else head.vectors,
        content=version if content_changed else head.content,
        rows=rows,
        computed={**head.computed, **(computed or {})},
    )


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Store(Protocol):
    """What a catalog is kept in. Every implementation passes `tests/contracts/test_store_contract.py`."""

    @property
    def head(self) -> Head:
        """The state that this object reads: the newest one when it was opened, moved on by its own commits."""
        ...

    def newest(self) -> int:
        """The newest version that there is, also by others' commits: `head` may be older."""
        ...

    def reopened(self) -> Store:
        """Another store on the same catalog, at its newest version; it stays there whatever this one commits."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Hold the right to commit; raises `CatalogLocked` at once if another process holds it."""
        ...

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        where: str | None = None,
    ) -> pa.Table:
        """Rows of a table in no particular order; of `ids` only, or those for which the SQL `where` holds."""
        ...

    def stream(self, table: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows of a table, in the order of `read`, a few thousand at a time."""
        ...

    def nearby(self, table: str, column: str, queries: Floats, k: int) -> list[list[str]]:
        """Ids of about the k rows with the nearest vectors, for each of `queries` (m, d), by the index.

        Rows that were added or changed since the index was made are all compared; where none was made, all rows are.
        """
        ...

    def commit(
        self,
        message: str,
        changes: Sequence[Change],
        *,
        vectors_changed: bool = False,
        computed: Mapping[str, Computed] | None = None,
    ) -> Head:
        """Apply the changes in one step, under `writing`; `computed` entries are added to the head's."""
        ...

    def check(self) -> Checked:
        """Read every byte of every version and compare it with what was written."""
        ...

    def restore(self, version: int) -> Head:
        """Make an older version the newest again, under `writing`; raises `NotFound` if there is none of it."""
        ...

    def collect(self, older_than: float) -> int:
        """Remove files that no version names and that are older, in seconds; returns how many."""
        ...

    def size(self) -> int:
        """Bytes that the catalog takes."""
        ...
