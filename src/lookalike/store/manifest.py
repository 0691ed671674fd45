"""The heads of a catalog as stored: one small JSON file a version, which is there as a whole or not at all.

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
from pathlib import PurePosixPath
from typing import Any

from lookalike.errors import CatalogDamaged, CatalogForeign, LookalikeError, NotFound
from lookalike.records import ModelFacts
from lookalike.store.base import FORMAT, Computed, Head
from lookalike.store.place import Place, place_of

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


def write_marker(place: Place) -> None:
    """Make `place` a catalog: the marker says so to lookalike and to people."""
    marker = {"what": "a lookalike catalog of photos", "format": FORMAT}
    place.create(MARKER, json.dumps(marker, indent=1).encode() + b"\n")


def is_unfinished(place: Place) -> bool:
    """Whether a place holds nothing, or only what making a catalog leaves when it is cut short."""
    ours = {"lock", MARKER, VERSIONS}
    names = {name.partition("/")[0] for name in place.entries()}
    return not list_versions(place) and all(name in ours or name.startswith(f".{MARKER}.") for name in names)


def is_used(path: str | os.PathLike[str]) -> bool:
    """Whether a folder or an address holds more than a catalog that was never finished: a catalog, or what is none."""
    place = place_of(path)
    try:
        return place.exists() and not is_unfinished(place)
    except OSError as exc:
        raise LookalikeError(f"{str(place)!r} cannot be read: {exc.strerror or exc}", code="E_READ") from exc


def check_marker(place: Place) -> None:
    """Raise unless `place` is a catalog that this release can read."""
    if not place.exists():
        raise NotFound(f"no catalog at {str(place)!r}: make one with `lookalike index {place} PHOTOS`")
    try:
        marker = json.loads(place.read(MARKER))
        found = int(marker["format"])
        if found < 1:
            raise ValueError(f"there is no format {found}")
    except FileNotFoundError as exc:
        raise CatalogForeign(
            f"{str(place)!r} is not a lookalike catalog (it has no {MARKER}): give the folder that `index` made"
        ) from exc
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise CatalogDamaged(f"{place.uri(MARKER)!r} cannot be read ({exc}): restore it from a copy") from exc
    if found > FORMAT:
        raise CatalogForeign(
            f"catalog {str(place)!r} has format {found}, this release reads up to {FORMAT}: upgrade lookalike"
        )


def read_manifest(place: Place, version: int | None = None) -> Manifest | None:
    """The newest version, or the one asked for; None while nothing was committed yet."""
    versions = list_versions(place)
    if not versions and version is None:
        return None
    if version is not None and version not in versions:
        raise NotFound(f"catalog {str(place)!r} has no version {version}: it has {versions[:1]} to {versions[-1:]}")
    name = _name(versions[-1] if version is None else version)
    try:
        data = place.read(name)
        stored = json.loads(data)
        # Compared as written, too: a changed digit can stand for the same number, and is damage all the same.
        if data != _encoded(stored) or stored.pop("checksum") != _checksum(stored):
            raise ValueError("its checksum does not match")
        return _from_json(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CatalogDamaged(
            f"{place.uri(name)!r} is damaged ({exc}): restore the catalog from a copy, or, to go back to the version "
            "before, move that file away"
        ) from exc


def list_versions(place: Place) -> list[int]:
    """The numbers of all versions, rising."""
    paths = [PurePosixPath(name) for name in place.names(VERSIONS)]
    numbers = [path.stem for path in paths if path.suffix == ".json" and path.stem.isascii()]
    return sorted(int(number) for number in numbers if number.isdigit())


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Put a version in place; when this returns it is durable."""
    stored = _to_json(manifest)
    stored["checksum"] = _checksum(stored)
    place.create(_name(manifest.head.version), _encoded(stored))


def _name(version: int) -> str:
    return f"{VERSIONS}/{version:012d}.json"


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
