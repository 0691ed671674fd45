"""Every file of a catalog is written once, synced, and remembered with its checksum: so damage can be found.

Lance was seen to return a vector with a flipped bit as if it were right, and to acknowledge files that were not
yet on the disk. Both are mended here.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from lookalike.errors import CatalogDamaged, LookalikeError
from lookalike.records import Checked
from lookalike.store import schema
from lookalike.store.manifest import MARKER, list_versions, read_manifest, sync_folder

HINT = "latest_version_hint.json"
"""Lance rewrites this file at each commit. Versions are always asked for by number here, so it is not kept."""


def data_files(folder: Path) -> set[str]:
    """The files of all tables, as paths relative to the catalog."""
    tables = (folder / f"{table}.lance" for table in schema.TABLES)
    walked = (os.walk(table) for table in tables)
    return {
        str((Path(root) / name).relative_to(folder))
        for walk in walked
        for root, _, names in walk
        for name in names
        if name != HINT
    }


def check_written(uri: Path, version: int, fresh: Container[str]) -> None:
    """Raise `OSError` unless the `fresh` files of a data set are as long as Lance says that it wrote them.

    Lance was seen to go on after a write that failed (EIO, once), and to leave a file without its middle.
    """
    import lance

    for fragment in lance.dataset(str(uri), version=version).get_fragments():
        for file in fragment.metadata.files:
            path = uri / "data" / file.path
            expected = file.file_size_bytes
            if str(path.relative_to(uri.parent)) in fresh and expected and path.stat().st_size != expected:
                raise OSError(f"{path.name!r} has {path.stat().st_size} of {expected} bytes: a write to it was lost")


def settle(folder: Path, fresh: Iterable[str]) -> tuple[dict[str, tuple[int, str]], dict[str, int]]:
    """Make files durable, their names too, and return the size and SHA-256 of each, and the CRC-32 of each."""
    facts, short = {}, {}
    for name in sorted(fresh):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
            long, short[name], size = hashlib.sha256(), 0, 0
            while part := file.read(1 << 20):
                long.update(part)
                short[name] = zlib.crc32(part, short[name])
                size += len(part)
            facts[name] = (size, long.hexdigest())
    for parent in sorted({above for name in facts for above in _folders(name)}):
        sync_folder(folder / parent)
    return facts, short


def check_files(folder: Path) -> Checked:
    """Compare every file with what the versions say of it."""
    problems = []
    named: dict[str, tuple[int, str]] = {}
    size = 0
    versions = list_versions(folder)
    for version in versions:
        try:
            manifest = read_manifest(folder, version)
        except LookalikeError as exc:
            problems.append(str(exc))
            continue
        named |= manifest.files if manifest is not None else {}
    missing = sorted(set(range(1, max(versions, default=1))) - set(versions))
    problems += [f"version {version} is missing" for version in missing]
    for name, (expected, checksum) in named.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                size += file.tell()
        except OSError as exc:
            problems.append(f"{name!r} cannot be read ({exc.strerror})")
            continue
        if found != checksum:
            problems.append(f"{name!r} is not as it was written ({expected} bytes then)")
    orphans = data_files(folder) - set(named)
    return Checked(files=len(named) + len(versions), bytes=size, problems=tuple(problems), orphans=len(orphans))


def remove_orphans(folder: Path, older_than: float) -> int:
    """Remove files of the tables that no version names and that were not touched for `older_than` seconds."""
    named: set[str] = set()
    for version in list_versions(folder):
        manifest = read_manifest(folder, version)
        named |= set(manifest.files if manifest is not None else {})
    if MARKER not in named:
        raise CatalogDamaged(f"the first versions of catalog {str(folder)!r} are missing: nothing was removed")
    removed = 0
    for name in sorted(data_files(folder) - named):
        path = folder / name
        if time.time() - path.stat().st_mtime >= older_than:
            path.unlink()
            removed += 1
    return removed


def _folders(name: str) -> Iterator[str]:
    """The folders above a file, up to the catalog itself."""
    yield from (str(parent) for parent in Path(name).parents)
