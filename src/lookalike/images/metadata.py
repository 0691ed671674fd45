"""Which row of a table belongs to which photo."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH100, PTH118, PTH122
from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lookalike.errors import UsageError
from lookalike.images.tables import KEYS, list_columns, read_table
from lookalike.records import Value

TAKEN = ("vector", "x", "y", "cluster", "neighbors", *KEYS)
"""Names that mean something else in a catalog; a column of that name, in any case, is stored as `meta_NAME`."""
_RESERVED = "_row"
"""So do the names begin that the catalog's format keeps for itself."""
_SYNTAX = str.maketrans(dict.fromkeys(".`\0", "_"))
"""Characters that a name may not have there: `price.usd` is stored as `price_usd`."""


class Located(Protocol):
    """What matching needs to know of a photo; an `Input` is one."""

    @property
    def id(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def location(self) -> Path: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Matched:
    """A metadata table laid on photos.

    `rows` maps a photo's id to its values, for photos that have a row; `columns` are the names stored, in the
    order of the table; `unmatched` counts the rows that no photo took, bad ones among them; `bad` lists lines
    that could not be read and later rows for a photo that has one, each with its line number and the reason.
    """

    rows: dict[str, dict[str, Value]]
    columns: tuple[str, ...]
    unmatched: int
    bad: list[tuple[int, str]]


def stored_names(table: str, names: Iterable[str]) -> dict[str, str]:
    """Under what name each column of `table`, as errors call it, is stored; the keys `path` and `id` are not.

    Raises `UsageError` where two columns would have one name.
    """
    stored: dict[str, str] = {}
    owners: dict[str, str] = {}
    kept = [name for name in names if name not in KEYS]
    for name in kept:
        new = name.translate(_SYNTAX)
        if new.lower() in TAKEN or new.lower().startswith(_RESERVED):
            new = f"meta_{new}"
        stored[name] = new
        other = owners.setdefault(new, name)
        if other != name:
            first, second = (other, name) if new == name else (name, other)
            raise UsageError(
                f"{table}: column {first!r} would be stored as {new!r}, and so would {second!r}: rename one"
            )
    return stored


def match_metadata(table_path: str | Path, photos: Sequence[Located], *, root: Path | None = None) -> Matched:
    """Find each row's photo.

    A row belongs to the photo that its `path` names: relative to the table's folder, to `root`, or to the
    photo's SOURCE, or absolute. Else it belongs to the photo whose id equals its `id`, else to the only one
    whose file stem does; a stem that several photos share matches none. The first row for a photo counts.

    Raises `UsageError` for a table with neither `path` nor `id`, and what `read_table` raises.
    """
    table = read_table(table_path)
    if not any(key in table.columns for key in KEYS):
        shown = ascii(str(table.path))
        raise UsageError(f"table {shown} has no column 'path' or 'id' to find photos by: {list_columns(table)}")
    stored = stored_names(f"table {str(table.path)!a}", table.columns)
    finder = _Finder(photos, [table.path.parent, *([] if root is None else [root])])
    rows: dict[str, dict[str, Value]] = {}
    lines: dict[str, int] = {}
    bad = list(table.bad)
    unmatched = len(bad)
    for line, row in zip(table.lines, table.rows(), strict=True):
        found = finder.find(row.get("path"), row.get("id"))
        if found is None:
            unmatched += 1
        elif found in rows:
            unmatched += 1
            bad.append((line, f"photo {found!a} has a row already, in line {lines[found]}"))
        else:
            lines[found] = line
            rows[found] = {new: row[name] for name, new in stored.items()}
    bad.sort()
    return Matched(rows=rows, columns=tuple(stored.values()), unmatched=unmatched, bad=bad)


class _Finder:
    """Photos by location, path, id and stem; None where two share one."""

    def __init__(self, photos: Sequence[Located], bases: Sequence[Path]) -> None:
        self._bases = [os.path.abspath(base) for base in bases]
        self._ids = {photo.id for photo in photos}
        self._locations: dict[str, str | None] = {}
        self._paths: dict[str, str | None] = {}
        self._stems: dict[str, str | None] = {}
        for photo in photos:
            _add(self._locations, os.path.abspath(photo.location), photo.id)
            _add(self._paths, photo.path, photo.id)
            _add(self._stems, os.path.splitext(photo.path.rpartition("/")[2])[0], photo.id)

    def find(self, path: Value, key: Value) -> str | None:
        if isinstance(path, str):
            # The table's own folder comes first: two SOURCEs may have photos of the same path.
            for base in self._bases:
                found = self._locations.get(os.path.normpath(os.path.join(base, path)))
                if found is not None:
                    return found
            found = self._paths.get(os.path.normpath(path))
            if found is not None:
                return found
        if isinstance(key, str):
            return key if key in self._ids else self._stems.get(key)
        return None


def _add(index: dict[str, str | None], name: str, photo: str) -> None:
    index[name] = None if name in index else photo
