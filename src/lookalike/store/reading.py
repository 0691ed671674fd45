"""Damage is noticed when a table is read: every file that the answer comes from is compared with its CRC-32 once.

`check` compares all bytes of all versions with their SHA-256. Here only the files of one state of one table count, once
for each opened catalog, by a sum that runs at several gigabytes a second: a flipped bit is always seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lookalike.errors import CatalogDamaged, LookalikeError
from lookalike.store.manifest import list_versions, read_manifest
from lookalike.store.place import Place

MOST_BYTES = 8 << 30
"""A table with more bytes is compared by `check` alone: reading all of it would take longer than what is asked."""
_NEWEST_FIRST = 2**64 - 1


class Reading:
    """What was compared already in a catalog."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sums: dict[str, int] = {}
        self._versions: set[int] = set()
        self._right: set[tuple[str, int]] = set()
        self._files: set[str] = set()

    def check(self, table: str, version: int, data: Any, head: int) -> None:
        """Compare the files of `version` of a data set; raises `CatalogDamaged`. `head` is the catalog's version."""
        if (table, version) in self._right:
            return
        self._learn(head)
        consists = _files_of(self._place, table, version, data)
        names = [name for name in consists if name in self._sums and name not in self._files]
        if sum(self._place.sizes(names).values()) <= MOST_BYTES:
            with ThreadPoolExecutor(4) as pool:
                for name, found in zip(names, pool.map(self._place.crc32, names), strict=True):
                    if found != self._sums[name]:
                        raise CatalogDamaged(
                            f"{name!r} of catalog {str(self._place)!r} is not as it was written: `lookalike check` "
                            "lists what is damaged; restore the catalog from a copy, or index into a new one"
                        )
            self._files.update(names)
        self._right.add((table, version))

    def _learn(self, head: int) -> None:
        for version in list_versions(self._place):
            if version <= head and version not in self._versions:
                self._versions.add(version)
                try:
                    manifest = read_manifest(self._place, version)
                except LookalikeError:
                    continue  # an older version that nobody asked for; `check` names it
                self._sums |= manifest.crc32 if manifest is not None else {}


def _files_of(place: Place, table: str, version: int, data: Any) -> Iterator[str]:
    """The files that one version of a data set consists of, relative to the catalog."""
    yield f"{table}/_versions/{_NEWEST_FIRST - version}.manifest"
    deletions = {name.rpartition("/")[2] for name in place.names(f"{table}/_deletions")}
    for fragment in data.get_fragments():
        for file in fragment.metadata.files:
            yield f"{table}/data/{file.path}"
        for name in deletions:
            if name.startswith(f"{fragment.fragment_id}-"):
                yield f"{table}/_deletions/{name}"
