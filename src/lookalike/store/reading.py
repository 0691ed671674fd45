"""Damage is noticed when a table is read: every file that the answer comes from is compared with its CRC-32 once.

`check` compares all bytes of all versions with their SHA-256. Here only the files of one state of one table count, once
for each opened catalog, by a sum that runs at several gigabytes a second: a flipped bit is always seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lookalike.errors import CatalogDamaged, LookalikeError
from lookalike.store.manifest import list_versions, read_manifest
from lookalike.store.place import Place

MOST_BYTES = 8 << 30
"""A table with more bytes is compared by `check` alone: reading all of it would take longer than what is asked."""
_NEWEST_FIRST = 2**64 - 1
_MEND = "restore the catalog from a copy, or index into a new one"


class Reading:
    """What was compared already in a catalog."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sums: dict[str, int] = {}
        self._versions: set[int] = set()
        self._right: set[tuple[str, int]] = set()
        self._files: set[str] = set()

    def check_manifest(self, table: str, version: int, head: int) -> None:
        """Compare what names the files of `version` of a data set, before Lance reads it; see `check`."""
        if (table, version) not in self._right:
            self._learn(head)
            self._compare([_manifest_of(table, version)])

    def check(self, table: str, version: int, data: Any) -> None:
        """Compare the files of `version` of a data set; raises `CatalogDamaged`. After `check_manifest`."""
        if (table, version) not in self._right:
            self._compare(_files_of(self._place, table, data))
            self._right.add((table, version))

    def check_indices(self, table: str, data: Any) -> None:
        """Compare the files of the approximate indices of a data set, which only approximate answers read."""
        folders = [f"{table}/_indices/{part.uuid}" for index in data.describe_indices() for part in index.segments]
        mend = "make the index anew with `Catalog.make_index()`, or leave --approximate out"
        self._compare((name for folder in folders for name in self._place.names(folder)), mend)

    def _compare(self, consists: Iterable[str], mend: str = _MEND) -> None:
        names = [name for name in consists if name in self._sums and name not in self._files]
        if sum(self._place.sizes(names).values()) <= MOST_BYTES:
            with ThreadPoolExecutor(4) as pool:
                for name, found in zip(names, pool.map(self._place.crc32, names), strict=True):
                    if found != self._sums[name]:
                        raise CatalogDamaged(
                            f"{name!r} of catalog {str(self._place)!r} is not as it was written: `lookalike check` "
                            f"lists what is damaged; {mend}"
                        )
            self._files.update(names)

    def _learn(self, head: int) -> None:
        for version in list_versions(self._place):
            if version <= head and version not in self._versions:
                self._versions.add(version)
                try:
                    manifest = read_manifest(self._place, version)
                except LookalikeError:
                    continue  # an older version that nobody asked for; `check` names it
                self._sums |= manifest.crc32 if manifest is not None else {}


def _manifest_of(table: str, version: int) -> str:
    """Lance's own file of a version, relative to the catalog."""
    return f"{table}/_versions/{_NEWEST_FIRST - version}.manifest"


def _files_of(place: Place, table: str, data: Any) -> Iterator[str]:
    """The files that hold the rows of a version of a data set, relative to the catalog."""
    deletions = {name.rpartition("/")[2] for name in place.names(f"{table}/_deletions")}
    for fragment in data.get_fragments():
        for file in fragment.metadata.files:
            yield f"{table}/data/{file.path}"
        for name in deletions:
            if name.startswith(f"{fragment.fragment_id}-"):
                yield f"{table}/_deletions/{name}"
