"""The heads of a catalog on disk: one small JSON file a version, written aside, synced, then renamed.

A version's file names the state of every table that belongs to it, so tables change together although each is
a data set of its own: until the file is in place, readers see the version before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookalike.errors import CatalogDamaged, CatalogForeign, NotFound
from lookalike.records import ModelFacts
from lookalike.store.base import FORMAT, Computed, Head

MARKER = "lookalike.json"
VERSIONS = "versions"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A head, for each table the version of its data set, and what this version added to the folder.

    `files` maps the path of each new file to its size in bytes and its SHA-256, `crc32` to its CRC-32, which is quick
    enough to be compared whenever the file is read.
    """

    head: Head
    tables: Mapping[str, int]
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    crc32: Mapping[str, int] = field(default_factory=dict)


def write_marker(folder: Path) -> None:
    """Make `folder` a catalog: the marker says so to lookalike and to people."""
    marker = {"what": "a lookalike catalog of photos", "format": FORMAT}
    (folder / VERSIONS).mkdir(exist_ok=True)
    write_aside(folder / MARKER, json.dumps(marker, indent=1).encode() + b"\n")


def is_unfinished(folder: Path) -> bool:
    """Whether a folder holds nothing, or only what making a catalog leaves when it is cut short."""
    ours = {"lock", MARKER, VERSIONS}
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    return not list_versions(folder) and all(name in ours or name.startswith(f".{MARKER}.") for name in names)


def check_marker(folder: Path) -> None:
    """Raise unless `folder` is a catalog that this release can read."""
    if not folder.exists():
        raise NotFound(f"no catalog at {str(folder)!r}: make one with `lookalike index {folder} PHOTOS`")
    try:
        marker = json.loads((folder / MARKER).read_bytes())
        found = int(marker["format"])
    except FileNotFoundError as exc:
        raise CatalogForeign(
            f"{str(folder)!r} is not a lookalike catalog (it has no {MARKER}): give the folder that `index` made"
        ) from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CatalogDamaged(f"{str(folder / MARKER)!r} cannot be read ({exc}): restore it from a copy") from exc
    if found > FORMAT:
        raise CatalogForeign(
            f"catalog {str(folder)!r} has format {found}, this release reads up to {FORMAT}: upgrade lookalike"
        )


def read_manifest(folder: Path, version: int | None = None) -> Manifest | None:
    """The newest version, or the one asked for; None while nothing was committed yet."""
    versions = list_versions(folder)
    if not versions and version is None:
        return None
    if version is not None and version not in versions:
        raise NotFound(f"catalog {str(folder)!r} has no version {version}: it has {versions[:1]} to {versions[-1:]}")
    path = _path(folder, versions[-1] if version is None else version)
    try:
        data = path.read_bytes()
        stored = json.loads(data)
        # Compared as written, too: a changed digit can stand for the same number, and is damage all the same.
        if data != _encoded(stored) or stored.pop("checksum") != _checksum(stored):
            raise ValueError("its checksum does not match")
        return _from_json(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CatalogDamaged(
            f"{str(path)!r} is damaged ({exc}): restore the catalog from a copy, or, to go back to the version "
            "before, move that file away"
        ) from exc


def list_versions(folder: Path) -> list[int]:
    """The numbers of all versions, rising."""
    return sorted(int(path.stem) for path in (folder / VERSIONS).glob("*.json") if path.stem.isdigit())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a version in place; when this returns it is on disk."""
    stored = _to_json(manifest)
    stored["checksum"] = _checksum(stored)
    write_aside(_path(folder, manifest.head.version), _encoded(stored))


def write_aside(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync, rename, sync the folder: `path` is the old file or the whole new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _path(folder: Path, version: int) -> Path:
    return folder / VERSIONS / f"{version:012d}.json"


def _encoded(stored: Mapping[str, Any]) -> bytes:
    return json.dumps(stored, indent=1).encode() + b"\n"


def _checksum(stored: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(stored, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _to_json(manifest: Manifest) -> dict[str, Any]:
    head = manifest.head
    tables = {name: {"version": version, "rows": head.rows[name]} for name, version in manifest.tables.items()}
    return {
        "format": FORMAT,
        "version": head.version,
        "at": head.at,
        "message": head.message,
        "model": dataclasses.asdict(head.model),
        "vectors": head.vectors,
        "content": head.content,
        "tables": tables,
        "files": {path: list(facts) for path, facts in manifest.files.items()},
        "crc32": dict(manifest.crc32),
        "computed": {name: dataclasses.asdict(computed) for name, computed in head.computed.items()},
    }


def _from_json(stored: Mapping[str, Any]) -> Manifest:
    head = Head(
        version=stored["version"],
        at=stored["at"],
        message=stored["message"],
        model=ModelFacts(**stored["model"]),
        vectors=stored["vectors"],
        content=stored["content"],
        rows={name: table["rows"] for name, table in stored["tables"].items()},
        computed={name: Computed(**computed) for name, computed in stored["computed"].items()},
    )
    files = {path: (size, sha256) for path, (size, sha256) in stored.get("files", {}).items()}
    tables = {name: table["version"] for name, table in stored["tables"].items()}
    return Manifest(head, tables, files, stored.get("crc32", {}))
