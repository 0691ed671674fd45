"""Every file of a catalog is written once, settled, and remembered with its checksum: so damage can be found.

Lance was seen to return a vector with a flipped bit as if it were right, and to acknowledge files that were not
yet on the disk. Both are mended here.
"""

from __future__ import annotations

from collections.abc import Collection

from lookalike.errors import CatalogDamaged, LookalikeError
from lookalike.records import Checked
from lookalike.store import schema
from lookalike.store.manifest import MARKER, list_versions, read_manifest
from lookalike.store.place import Facts, Place

HINT = "latest_version_hint.json"
"""Lance rewrites this file at each commit. Versions are always asked for by number here, so it is not kept."""


def data_files(place: Place) -> set[str]:
    """The files of all tables, as paths relative to the catalog."""
    found = (name for table in schema.TABLES for name in place.names(f"{table}.lance"))
    return {name for name in found if name.rpartition("/")[2] != HINT}


def check_written(place: Place, table: str, version: int, fresh: Collection[str]) -> None:
    """Raise `OSError` unless the `fresh` files of a data set are as long as Lance says that it wrote them.

    Lance was seen to go on after a write that failed (EIO, once), and to leave a file without its middle.
    """
    import lance

    sizes = place.sizes(name for name in fresh if name.startswith(f"{table}.lance/data/"))
    for fragment in lance.dataset(place.uri(f"{table}.lance"), version=version).get_fragments():
        for file in fragment.metadata.files:
            found, expected = sizes.get(f"{table}.lance/data/{file.path}"), file.file_size_bytes
            if found is not None and expected and found != expected:
                raise OSError(f"{file.path!r} has {found} of {expected} bytes: a write to it was lost")


def check_files(place: Place) -> Checked:
    """Compare every file with what the versions say of it."""
    problems = []
    named: dict[str, Facts] = {}
    size = 0
    versions = list_versions(place)
    for version in versions:
        try:
            manifest = read_manifest(place, version)
        except LookalikeError as exc:
            problems.append(str(exc))
            continue
        named |= manifest.files if manifest is not None else {}
    missing = sorted(set(range(1, max(versions, default=1))) - set(versions))
    problems += [f"version {version} is missing" for version in missing]
    for name, (expected, checksum) in named.items():
        try:
            length, found = place.facts(name)
            size += length
        except OSError as exc:
            problems.append(f"{name!r} cannot be read ({exc.strerror or exc})")
            continue
        if found != checksum:
            problems.append(f"{name!r} is not as it was written ({expected} bytes then)")
    orphans = data_files(place) - set(named)
    return Checked(files=len(named) + len(versions), bytes=size, problems=tuple(problems), orphans=len(orphans))


def remove_orphans(place: Place, older_than: float) -> int:
    """Remove files of the tables that no version names and that were not touched for `older_than` seconds."""
    named: set[str] = set()
    for version in list_versions(place):
        manifest = read_manifest(place, version)
        named |= set(manifest.files if manifest is not None else {})
    if MARKER not in named:
        raise CatalogDamaged(f"the first versions of catalog {str(place)!r} are missing: nothing was removed")
    removed = 0
    for name, age in sorted(place.ages(data_files(place) - named).items()):
        if age >= older_than:
            place.remove(name)
            removed += 1
    return removed
