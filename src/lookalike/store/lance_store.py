"""The catalog as stored: one Lance data set a table, tied together by the manifest of a version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, Literal

import pyarrow as pa

from lookalike.errors import CatalogDamaged, CatalogForeign, CatalogLocked, LookalikeError, StoreError, UsageError
from lookalike.records import Checked, Floats, ModelFacts
from lookalike.store import schema
from lookalike.store.approximate import make_index, nearby
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
from lookalike.store.filters import check_filter, shown
from lookalike.store.integrity import check_files, check_written, data_files, remove_orphans
from lookalike.store.lock import no_space
from lookalike.store.manifest import (
    MARKER,
    Manifest,
    check_marker,
    is_unfinished,
    list_versions,
    read_manifest,
    write_manifest,
    write_marker,
)
from lookalike.store.place import Place, foreign, place_of
from lookalike.store.reading import Reading

STORAGE_VERSION: Literal["2.1"] = "2.1"
"""Version of Lance's file format that is written out, so that a newer Lance does not change it silently."""


class LanceStore:
    """A catalog in a folder or in an object store. Make one with `create` or `open`."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self.place = place
        self._manifest = manifest
        self._writing = False
        self.pinned = False
        self._known: set[str] = set()
        self._indexed: tuple[tuple[str, int], Any] = (("", 0), None)
        self._read = Reading(place)

    @classmethod
    def create(cls, path: str | os.PathLike[str], model: ModelFacts) -> LanceStore:
        """Make an empty catalog in a folder or at an `s3://` address.

        It must not exist, be empty, or hold what a `create` that was cut short left.
        """
        place = place_of(path)
        try:
            place.make()
            if not is_unfinished(place):
                raise foreign(place)
            with place.lock():
                manifest = Manifest(Head(version=1, at=now(), message="created", model=model), {})
                write_marker(place)
                files, crc32 = place.settle({MARKER})
                manifest = replace(manifest, files=files, crc32=crc32)
                write_manifest(place, manifest)
            place.anchor()
        except OSError as exc:
            raise _translated(place, exc) from exc
        return cls(place, manifest)

    @classmethod
    def open(cls, path: str | os.PathLike[str], version: int | None = None) -> LanceStore:
        """Open a catalog at its newest version, or at an older one, which can be read only (`pinned`)."""
        return cls._open(place_of(path), version)

    @classmethod
    def _open(cls, place: Place, version: int | None = None) -> LanceStore:
        if isinstance(place.path, Path) and place.path.is_file():
            raise CatalogForeign(f"{str(place)!r} is a file: a catalog is a folder that `lookalike index` made")
        try:
            check_marker(place)
            manifest = read_manifest(place, version)
        except OSError as exc:
            raise StoreError(f"catalog {str(place)!r} cannot be read: {exc.strerror or exc}") from exc
        if manifest is None:
            raise CatalogDamaged(
                f"catalog {str(place)!r} has no version: run `lookalike index` to make it, or restore it"
            )
        store = cls(place, manifest)
        store.pinned = version is not None and version != list_versions(place)[-1]
        return store

    @property
    def folder(self) -> PurePath:
        """Where the catalog is: its folder, or its address without the `s3://`."""
        return self.place.path

    @property
    def title(self) -> str:
        """The name of its folder, without `.catalog`."""
        path = self.folder
        return (path.resolve() if isinstance(path, Path) else path).name.removesuffix(".catalog")

    @property
    def head(self) -> Head:
        """The state that this object reads."""
        return self._manifest.head

    def newest(self) -> int:
        """The newest version on disk; see `Store.newest`."""
        if self.pinned:
            return self.head.version
        versions = list_versions(self.place)
        return versions[-1] if versions else self.head.version

    def reopened(self) -> LanceStore:
        """The newest version on disk; see `Store.reopened`."""
        return self if self.pinned else LanceStore._open(self.place)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock, on the newest version. May be nested."""
        if self._writing:
            yield
            return
        if self.pinned:
            raise UsageError(
                f"catalog {str(self.folder)!r} was opened at version {self.head.version}, which is not the newest: "
                f"it can be read only; `lookalike restore {self.folder} {self.head.version}` makes it the newest again"
            )
        with self.place.lock():
            newest = read_manifest(self.place)
            if newest is not None:
                self._manifest = newest
            self._known = data_files(self.place)
            self._writing = True
            try:
                yield
            finally:
                self._writing = False

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        where: str | None = None,
    ) -> pa.Table:
        """Rows of a table; see `Store.read`."""
        if table not in self._manifest.tables:
            found = schema.empty(table, self.head.model.dimension)
            return found.select(columns) if columns is not None else found
        data = self._dataset(table)
        names = list(columns) if columns is not None else None
        if names is not None:
            lacking = {field.name: field for field in schema.added(table, data.schema.names, self.head.model.dimension)}
            if asked := [name for name in names if name in lacking]:
                found = self.read(table, [name for name in names if name not in lacking], ids=ids, where=where)
                for name in asked:
                    found = found.append_column(lacking[name], pa.nulls(found.num_rows, lacking[name].type))
                return found.select(names)
        if where is not None:
            return filtered(data, names, where)
        try:
            if ids is None:
                return data.to_table(columns=names)
            parts = [data.to_table(columns=names, filter=f"id IN ({_quoted(part)})") for part in _parts(ids)]
            return pa.concat_tables(parts) if parts else data.schema.empty_table().select(names or data.schema.names)
        except (OSError, ValueError, pa.ArrowException) as exc:
            raise self._damaged(table, exc) from exc

    def stream(self, table: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows of a table in parts; see `Store.stream`."""
        if table not in self._manifest.tables:
            return
        data = self._dataset(table)
        lacking = {field.name: field for field in schema.added(table, data.schema.names, self.head.model.dimension)}
        there = [name for name in columns if name not in lacking]
        # Lance reads as many fragments ahead as there are cores, which on a disk takes memory and saves no time
        ahead = {} if self.place.shared else {"batch_readahead": 2, "fragment_readahead": 1}
        try:
            for batch in data.to_batches(columns=there, batch_size=STREAMED, **ahead):
                found = pa.Table.from_batches([batch])
                for name in columns:
                    if name in lacking:
                        found = found.append_column(lacking[name], pa.nulls(len(batch), lacking[name].type))
                yield found.select(list(columns))
        except (OSError, ValueError, pa.ArrowException) as exc:
            raise self._damaged(table, exc) from exc

    def nearby(self, table: str, column: str, queries: Floats, k: int) -> list[list[str]]:
        """Ids of about the k nearest rows; see `Store.nearby`."""
        if table not in self._manifest.tables:
            return [[] for _ in queries]
        try:
            version = self._manifest.tables[table]
            if self._indexed[0] != (table, version):  # kept open, with the index that Lance has loaded
                data = self._dataset(table)
                self._read.check_indices(f"{table}.lance", data)
                self._indexed = (table, version), data
            return nearby(self._indexed[1], column, queries, k)
        except (OSError, ValueError, RuntimeError, pa.ArrowException) as exc:
            raise CatalogDamaged(
                f"the approximate index of catalog {str(self.place)!r} cannot be read ({_short(exc)}): "
                "make it anew with `Catalog.make_index()`, or leave --approximate out"
            ) from exc

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
        tables, rows = dict(self._manifest.tables), dict(self.head.rows)
        try:
            for change in changes:
                data = self._apply(change, tables)
                if data is not None:
                    tables[change.table], rows[change.table] = data.version, data.count_rows()
            fresh = data_files(self.place) - self._known
            for table in {change.table for change in changes} & tables.keys():
                check_written(self.place, table, tables[table], fresh)
            files, crc32 = self.place.settle(fresh)
            head = next_head(self.head, message, changes, rows, vectors_changed=vectors_changed, computed=computed)
            manifest = Manifest(head, tables, files, crc32)
            write_manifest(self.place, manifest)
        except (OSError, ValueError, pa.ArrowException) as exc:
            raise _translated(self.place, exc) from exc
        self._manifest = manifest
        self._known |= fresh
        return head

    def check(self) -> Checked:
        """Read every byte; see `Store.check`."""
        return check_files(self.place)

    def restore(self, version: int) -> Head:
        """Go back to an older version; see `Store.restore`."""
        if not self._writing:
            raise StoreError("a restore needs `with store.writing():` around it")
        old = read_manifest(self.place, version)
        newest = list_versions(self.place)[-1]
        if old is None or version == newest:
            return self.head
        head = replace(old.head, version=newest + 1, at=now(), message=f"restored version {version}")
        self._manifest = Manifest(head, old.tables)
        write_manifest(self.place, self._manifest)
        return head

    def collect(self, older_than: float) -> int:
        """Remove what no version names; see `Store.collect`."""
        with self.writing():
            return remove_orphans(self.place, older_than)

    def size(self) -> int:
        """Bytes of all files of the catalog, those of older versions included."""
        return self.place.size()

    def _dataset(self, table: str) -> Any:
        import lance

        version = self._manifest.tables[table]
        try:
            self._read.check_manifest(f"{table}.lance", version, self.head.version)
            data = lance.dataset(self._uri(table), version=version)
            self._read.check(f"{table}.lance", version, data)
        except (OSError, ValueError) as exc:
            raise self._damaged(table, exc) from exc
        return data

    def _apply(self, change: Change, tables: Mapping[str, int]) -> Any:
        """Apply one change to its data set and return that, or None if there was nothing to do."""
        import lance

        uri = self._uri(change.table)
        if isinstance(change, Replace) or change.table not in tables:
            if isinstance(change, Delete | MakeIndex):
                return None
            # Also takes the place of what an interrupted first commit may have left.
            mode = "overwrite" if self.place.names(f"{change.table}.lance") else "create"
            return lance.write_dataset(change.rows, uri, mode=mode, data_storage_version=STORAGE_VERSION)
        data: Any = lance.dataset(uri, version=tables[change.table])
        expected = data.latest_version
        if expected != tables[change.table]:
            data.restore()  # an interrupted commit left a version that no manifest names
            expected += 1
        if isinstance(change, MakeIndex):
            make_index(data, change.column)
            data = lance.dataset(uri)
            expected += 1
        elif not isinstance(change, Delete):
            lacking = schema.added(change.table, data.schema.names, self.head.model.dimension)
            if new := [field for field in lacking if field.name in change.rows.schema.names]:
                data.add_columns(pa.schema(new))
                expected += 1
        if isinstance(change, Append):
            data = lance.write_dataset(change.rows, uri, mode="append", data_storage_version=STORAGE_VERSION)
            expected += 1
        elif isinstance(change, Upsert):
            merge = data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge.execute(change.rows)
            expected += 1
        elif isinstance(change, Delete):
            for part in _parts(change.ids):
                data.delete(f"id IN ({_quoted(part)})")
                expected += 1
        if self.place.shared and data.version != expected:
            # Lance puts what is appended behind what another has just written: it would become part of this commit
            raise CatalogLocked(
                f"another process writes to catalog {str(self.place)!r}: nothing was committed, run the command again"
            )
        return data

    def _uri(self, table: str) -> str:
        return self.place.uri(f"{table}.lance")

    def _damaged(self, table: str, exc: Exception) -> StoreError:
        return CatalogDamaged(
            f"table {table!r} of catalog {str(self.place)!r} cannot be read ({_short(exc)}): restore it from a copy"
        )


def filtered(data: Any, names: list[str] | None, where: str) -> pa.Table:
    check_filter(where)
    try:
        # in parentheses, since Lance would not read on behind a whole expression: `year > 2011 brand = 'Nike'`
        return data.to_table(columns=names, filter=f"({where})")
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as exc:
        # RuntimeError: Lance gives up on parts of SQL that it parses and does not know
        raise UsageError(
            f"where={shown(where)} is no filter over the metadata ({_short(exc)}); "
            f"give an SQL expression over {', '.join(data.schema.names)}, such as \"brand = 'Nike' AND year > 2012\""
        ) from exc


def _short(exc: Exception) -> str:
    """The first sentence of a Lance error, without the place in Lance's own code."""
    text = re.sub(r",? /\S+\.rs:\d+:\d+.*", "", str(exc), flags=re.DOTALL)
    return " ".join(text.split())[:300]


def _quoted(ids: Sequence[str]) -> str:
    return ", ".join("'" + item.replace("'", "''") + "'" for item in ids)


def _parts(ids: Sequence[str], size: int = 1_000) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _translated(place: Place, exc: Exception) -> LookalikeError:
    if "No space left" in str(exc):
        return no_space(str(place), _short(exc))
    if "Read-only" in str(exc) or "Permission denied" in str(exc):
        return LookalikeError(
            f"catalog {str(place)!r} cannot be written ({_short(exc)}): make the folder writable",
            code="E_READ_ONLY",
        )
    return StoreError(f"catalog {str(place)!r} could not be written ({_short(exc)}); the version before is kept")
