"""The catalog on disk: one Lance data set a table, tied together by the manifest of a version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from lookalike.errors import CatalogDamaged, CatalogForeign, LookalikeError, StoreError, UsageError
from lookalike.records import Checked, ModelFacts
from lookalike.store import schema
from lookalike.store.base import Append, Change, Computed, Delete, Head, Replace, Upsert, next_head, now
from lookalike.store.integrity import check_files, check_written, data_files, remove_orphans, settle
from lookalike.store.lock import no_space, write_lock
from lookalike.store.manifest import (
    MARKER,
    Manifest,
    check_marker,
    is_unfinished,
    list_versions,
    read_manifest,
    sync_folder,
    write_manifest,
    write_marker,
)
from lookalike.store.reading import Reading

STORAGE_VERSION: Literal["2.1"] = "2.1"
"""Version of Lance's file format that is written out, so that a newer Lance does not change it silently."""


class LanceStore:
    """A catalog in a folder. Make one with `create` or `open`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self._manifest = manifest
        self._writing = False
        self.pinned = False
        self._known: set[str] = set()
        self._read = Reading(folder)

    @classmethod
    def create(cls, folder: Path, model: ModelFacts) -> LanceStore:
        """Make an empty catalog; `folder` must not exist, be empty, or hold what a `create` that was cut short left."""
        try:
            made = [one for one in folder.absolute().parents if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            if not is_unfinished(folder):
                raise CatalogForeign(
                    f"{str(folder)!r} holds other files and is no lookalike catalog: give a new or empty folder"
                )
            with write_lock(folder / "lock"):
                manifest = Manifest(Head(version=1, at=now(), message="created", model=model), {})
                write_marker(folder)
                files, crc32 = settle(folder, {MARKER})
                manifest = replace(manifest, files=files, crc32=crc32)
                write_manifest(folder, manifest)
            for one in (folder.absolute(), *made):
                with suppress(PermissionError):  # a folder that may be passed through, but not read
                    sync_folder(one.parent)
        except NotADirectoryError as exc:
            raise CatalogForeign(f"{str(folder)!r} is a file: a catalog is a folder") from exc
        except FileExistsError as exc:
            raise CatalogForeign(f"{str(folder)!r} is a file: a catalog is a folder") from exc
        except OSError as exc:
            raise _translated(folder, exc) from exc
        return cls(folder, manifest)

    @classmethod
    def open(cls, folder: Path, version: int | None = None) -> LanceStore:
        """Open a catalog at its newest version, or at an older one, which can be read only (`pinned`)."""
        if folder.is_file():
            raise CatalogForeign(f"{str(folder)!r} is a file: a catalog is a folder that `lookalike index` made")
        check_marker(folder)
        manifest = read_manifest(folder, version)
        if manifest is None:
            raise CatalogDamaged(
                f"catalog {str(folder)!r} has no version: run `lookalike index` to make it, or restore it"
            )
        store = cls(folder, manifest)
        store.pinned = version is not None and version != list_versions(folder)[-1]
        return store

    @property
    def head(self) -> Head:
        """The state that this object reads."""
        return self._manifest.head

    def newest(self) -> int:
        """The newest version on disk; see `Store.newest`."""
        versions = list_versions(self.folder)
        if self.pinned:
            return self.head.version
        return versions[-1] if versions else self.head.version

    def reopened(self) -> LanceStore:
        """The newest version on disk; see `Store.reopened`."""
        return self if self.pinned else LanceStore.open(self.folder)

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
        with write_lock(self.folder / "lock"):
            newest = read_manifest(self.folder)
            if newest is not None:
                self._manifest = newest
            self._known = data_files(self.folder)
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
            fresh = data_files(self.folder) - self._known
            for table in {change.table for change in changes} & tables.keys():
                check_written(self._uri(table), tables[table], fresh)
            files, crc32 = settle(self.folder, fresh)
            head = next_head(self.head, message, changes, rows, vectors_changed=vectors_changed, computed=computed)
            manifest = Manifest(head, tables, files, crc32)
            write_manifest(self.folder, manifest)
        except (OSError, ValueError, pa.ArrowException) as exc:
            raise _translated(self.folder, exc) from exc
        self._manifest = manifest
        self._known |= fresh
        return head

    def check(self) -> Checked:
        """Read every byte; see `Store.check`."""
        return check_files(self.folder)

    def restore(self, version: int) -> Head:
        """Go back to an older version; see `Store.restore`."""
        if not self._writing:
            raise StoreError("a restore needs `with store.writing():` around it")
        old = read_manifest(self.folder, version)
        newest = list_versions(self.folder)[-1]
        if old is None or version == newest:
            return self.head
        head = replace(old.head, version=newest + 1, at=now(), message=f"restored version {version}")
        self._manifest = Manifest(head, old.tables)
        write_manifest(self.folder, self._manifest)
        return head

    def collect(self, older_than: float) -> int:
        """Remove what no version names; see `Store.collect`."""
        with self.writing():
            return remove_orphans(self.folder, older_than)

    def size(self) -> int:
        """Bytes of all files of the catalog, those of older versions included."""
        return sum((Path(root) / name).lstat().st_size for root, _, names in os.walk(self.folder) for name in names)

    def _dataset(self, table: str) -> Any:
        import lance

        version = self._manifest.tables[table]
        try:
            data = lance.dataset(str(self._uri(table)), version=version)
            self._read.check(f"{table}.lance", version, data, self.head.version)
        except (OSError, ValueError) as exc:
            raise self._damaged(table, exc) from exc
        return data

    def _apply(self, change: Change, tables: Mapping[str, int]) -> Any:
        """Apply one change to its data set and return that, or None if there was nothing to do."""
        import lance

        uri = str(self._uri(change.table))
        if isinstance(change, Replace) or change.table not in tables:
            if isinstance(change, Delete):
                return None
            # Also takes the place of what an interrupted first commit may have left.
            mode = "overwrite" if self._uri(change.table).exists() else "create"
            return lance.write_dataset(change.rows, uri, mode=mode, data_storage_version=STORAGE_VERSION)
        data: Any = lance.dataset(uri, version=tables[change.table])
        if data.latest_version != tables[change.table]:
            data.restore()  # an interrupted commit left a version that no manifest names
        if not isinstance(change, Delete):
            lacking = schema.added(change.table, data.schema.names, self.head.model.dimension)
            if new := [field for field in lacking if field.name in change.rows.schema.names]:
                data.add_columns(pa.schema(new))
        if isinstance(change, Append):
            return lance.write_dataset(change.rows, uri, mode="append", data_storage_version=STORAGE_VERSION)
        if isinstance(change, Upsert):
            merge = data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge.execute(change.rows)
            return data
        for part in _parts(change.ids):
            data.delete(f"id IN ({_quoted(part)})")
        return data

    def _uri(self, table: str) -> Path:
        return self.folder / f"{table}.lance"

    def _damaged(self, table: str, exc: Exception) -> StoreError:
        return CatalogDamaged(
            f"table {table!r} of catalog {str(self.folder)!r} cannot be read ({_short(exc)}): restore it from a copy"
        )


def filtered(data: Any, names: list[str] | None, where: str) -> pa.Table:
    try:
        return data.to_table(columns=names, filter=where)
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as exc:
        # RuntimeError: Lance gives up on parts of SQL that it parses and does not know
        raise UsageError(
            f"where={where!r} is no filter over the metadata ({_short(exc)}); "
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


def _translated(folder: Path, exc: Exception) -> LookalikeError:
    if "No space left" in str(exc):
        return no_space(folder, _short(exc))
    if "Read-only" in str(exc) or "Permission denied" in str(exc):
        return LookalikeError(
            f"catalog {str(folder)!r} cannot be written ({_short(exc)}): make the folder writable",
            code="E_READ_ONLY",
        )
    return StoreError(f"catalog {str(folder)!r} could not be written ({_short(exc)}); the version before is kept")
