"""From SOURCEs to inputs: what is a photo, what is its id, and what was given but cannot be one."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH100, PTH112, PTH116, PTH118
from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import NotFound, Rejected, UsageError
from lookalike.images.globs import Pattern, has_wildcard, split_wildcard
from lookalike.images.inputs import Bounds, Fault, Listing, display, make_input, rejection
from lookalike.images.metadata import stored_names
from lookalike.images.read import OUTSIDE, is_within
from lookalike.images.remote import list_objects
from lookalike.images.sniff import has_image_name, sniff
from lookalike.images.tables import is_table_name, list_columns, read_table
from lookalike.images.walk import first_bytes, list_files
from lookalike.objects import is_address
from lookalike.records import Input


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the SOURCEs of a run hold, in the order of paths.

    `inputs` can be read; `rejected` are inputs that cannot, each with the reason; `ignored` counts files that
    are no images; `sources` are the SOURCEs, absolute, in the order given. No id is there twice.
    """

    inputs: list[Input]
    rejected: list[Fault]
    ignored: int
    sources: tuple[str, ...]


def find(sources: Sequence[str | os.PathLike[str]], *, root: Path | None = None) -> Found:
    """List the photos of every SOURCE, reading none.

    A SOURCE is a folder or an address (`s3://bucket/prefix`), each with all below it, a glob (`**` for any folders; a
    name that starts with a dot needs a pattern that does), an image file, or a CSV, Parquet or JSON-lines table with a
    `path` column. Links to folders are not followed; links to files are, inside their SOURCE. Folders that are catalogs
    are skipped.
    The same file met twice under one id counts once.

    `root` is the folder that the paths of a table, and links, may not leave; by default the SOURCE's own.

    Raises `NotFound` for a SOURCE that is not there or a glob that matches nothing, and `UsageError` for one
    that is of another kind, and when two photos have one id.
    """
    if root is not None and not root.is_dir():
        raise NotFound(f"--root {str(root)!a} is no folder: give an existing one")
    inputs: list[Input] = []
    rejected: list[Fault] = []
    names: list[str] = []
    ignored = 0
    for source in sources:
        given = os.fspath(source)
        name, listing = _list_source(given, None if root is None else os.path.abspath(root))
        names.append(name)
        inputs += listing.inputs
        rejected += listing.rejected
        ignored += listing.ignored
    inputs, rejected = _without_twins(inputs, rejected)
    inputs.sort(key=_order)
    rejected.sort(key=lambda fault: _order(fault[0]))
    return Found(inputs=inputs, rejected=rejected, ignored=ignored, sources=tuple(dict.fromkeys(names)))


def _order(item: Input) -> tuple[str, str, str]:
    return item.path, item.id, item.source


def _list_source(given: str, root: str | None) -> tuple[str, Listing]:
    """One SOURCE's absolute name and what it holds."""
    if not given or "\0" in given:
        raise UsageError(f"SOURCE {given!a} is no path: give a folder, glob, image file or table")
    if is_address(given):
        return list_objects(given)
    place = os.path.abspath(given)
    name = display(place)
    try:
        state = os.stat(place)
    except OSError as exc:
        if has_wildcard(given) and not os.path.lexists(place):
            return name, _list_glob(given, name, root)
        if not os.path.lexists(place):
            raise NotFound(f"no SOURCE {given!a}: give an existing folder, glob, image file or table") from exc
        return name, _list_file(place, name, root)
    if stat.S_ISDIR(state.st_mode):
        listing = list_files(place, source=name, root=root)
        if listing.is_catalog:
            raise UsageError(f"SOURCE {given!a} is a catalog: give the folder that holds the photos")
        return name, listing
    if is_table_name(place):
        return name, _list_table(Path(place), name, root)
    if not has_image_name(place) and sniff(first_bytes(place) or b"") is None:
        raise UsageError(
            f"SOURCE {given!a} is neither an image nor a table: give a folder, a glob, an image file or a "
            "table that ends in .csv, .tsv, .parquet, .pq, .jsonl or .ndjson"
        )
    return name, _list_file(place, name, root)


def _list_file(place: str, name: str, root: str | None) -> Listing:
    folder, file = os.path.split(place)
    listing = Listing()
    bounds = Bounds(folder if root is None else root)
    listing.add(make_input(file, place, name, bounds), rejection(place, bounds))
    return listing


def _list_glob(given: str, name: str, root: str | None) -> Listing:
    base, rest = split_wildcard(given)
    folder = os.path.abspath(base)
    if not os.path.isdir(folder):
        raise NotFound(f"no SOURCE {given!a}: there is no folder {base!a}")
    listing = list_files(folder, source=name, root=root, pattern=Pattern(rest))
    if not listing.inputs and not listing.rejected and not listing.ignored:
        raise NotFound(f"SOURCE {given!a} matches no file: check the pattern")
    return listing


def _list_table(table_path: Path, name: str, root: str | None) -> Listing:
    """The photos of a SOURCE table; each bad line is a rejected input."""
    table = read_table(table_path)
    if "path" not in table.columns:
        raise UsageError(f"table {str(table_path)!a} has no column 'path': {list_columns(table)}")
    stored = stored_names(f"table {str(table_path)!a}", table.columns)
    folder = str(table_path.parent)
    bases = [folder] if root is None else [root, folder]
    bounds = Bounds(bases[0])
    listing = Listing()
    bad = list(table.bad)
    for line, row in zip(table.lines, table.rows(), strict=True):
        path, key = row["path"], row.get("id")
        if not isinstance(path, str) or "\0" in path:
            bad.append((line, "no path" if path is None else f"{ascii(path)[:100]} is no path"))
            continue
        metadata = {new: row[old] for old, new in stored.items()}
        place, relative = _place(path, bases, bounds)
        fault = rejection(place, bounds, resolve=True)
        if relative is None:
            what = "the table's folder" if root is None else "the folder of --root"
            fault = Rejected("E_OUTSIDE_ROOT", "its path " + OUTSIDE.format(what=what), stage="find")
        elif fault is not None and fault.code == "E_GONE" and "://" in path:
            fault = Rejected("E_GONE", "an address is no file: nothing is downloaded", stage="find")
        item = make_input(
            path if relative is None else relative,
            place,
            name,
            bounds,
            key=key if isinstance(key, str) else None,
            metadata=metadata,
        )
        listing.add(item, fault)
    for line, reason in bad:
        label = f"{display(table_path.name)}:{line}"
        item = make_input(label, str(table_path), name, bounds)
        listing.rejected.append((item, Rejected("E_TABLE_ROW", f"line {line}: {reason}", stage="table")))
    return listing


def _place(path: str, bases: list[str], bounds: Bounds) -> tuple[str, str | None]:
    """Where a table's path leads and how it is called from `bounds`, or None where it leads out of it.

    The first base that has the file wins, so that a table made for its own folder works with a wider `--root`.
    """
    places = [os.path.normpath(os.path.join(base, path)) for base in bases]
    for place in places:
        if os.path.lexists(place) and bounds.hold(place):
            named = is_within(place, bases[0])
            return place, _below(bases[0], place) if named else _below(bounds.root, bounds.target(place))
    if is_within(places[0], bases[0]):
        return places[0], _below(bases[0], places[0])
    return places[0], None


def _below(base: str, place: str) -> str:
    """A path inside a folder, from there; much faster than `relpath`."""
    return place[len(base) :].lstrip(os.sep) or "."


def _without_twins(inputs: list[Input], rejected: list[Fault]) -> tuple[list[Input], list[Fault]]:
    """Every id once: the same photo met again is dropped, another photo of the same id is an error."""
    seen: dict[str, Input] = {}
    twins: list[str] = []
    kept = [item for item in inputs if _is_new(item, seen, twins)]
    faults: list[Fault] = []
    for item, fault in rejected:
        named = _told_apart(item, fault, seen)
        if _is_new(named, seen, twins):
            faults.append((named, fault))
    if twins:
        more = f" (and {len(twins) - 1} more)" if len(twins) > 1 else ""
        raise UsageError(
            f"two photos have one id: {twins[0]}{more}; index the folder above them, or give a table with an "
            "'id' column"
        )
    return kept, faults


def _told_apart(item: Input, fault: Rejected, seen: dict[str, Input]) -> Input:
    """Lines of two tables of one name are told apart by the tables' folders."""
    if fault.stage != "table" or item.id not in seen:
        return item
    label = display(str(item.location)) + item.id[item.id.rindex(":") :]
    return Input(id=label, path=label, location=item.location, source=item.source, root=item.root)


def _is_new(item: Input, seen: dict[str, Input], twins: list[str]) -> bool:
    first = seen.setdefault(item.id, item)
    if first is item:
        return True
    if first.location != item.location or (first.metadata or {}) != (item.metadata or {}):
        twins.append(f"{item.id!a} is {_origin(first)} and {_origin(item)}")
    return False


def _origin(item: Input) -> str:
    return f"{str(item.location)!a} (of SOURCE {item.source!a})"
