"""Where a catalog lies: a folder, or a prefix of an object store. What a store needs of either is the same."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Protocol

from lookalike import objects
from lookalike.errors import CatalogForeign, CatalogLocked, UsageError
from lookalike.store.lock import write_lock

Facts = tuple[int, str]
"""Size in bytes and SHA-256."""
LOCK = "lock"
_BLOCK = 1 << 20
LEASE = 60.0
"""Seconds after which a lock in an object store is void, unless its holder renews it, as it does three times as often.

It spares two writers the work of one; that they do no harm to each other, `create` sees to.
"""


class Place(Protocol):
    """Files by name, a path with `/` below the catalog."""

    @property
    def path(self) -> PurePath:
        """The place as a path, for its name."""
        ...

    @property
    def shared(self) -> bool:
        """Whether others may write although the lock is held, so that every step has to be checked."""
        ...

    def __str__(self) -> str: ...

    def uri(self, name: str) -> str:
        """What Lance opens."""
        ...

    def make(self) -> None:
        """Make the place; raises `CatalogForeign` where it is a file."""
        ...

    def anchor(self) -> None:
        """Make the name of the place durable."""
        ...

    def exists(self) -> bool:
        """Whether there is such a place."""
        ...

    def entries(self) -> Iterator[str]:
        """Names in it."""
        ...

    def names(self, below: str) -> list[str]:
        """The files in a folder and below it; none where it is not there."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        ...

    def create(self, name: str, data: bytes) -> None:
        """Write a file that is not there, all of it or none; it is durable then."""
        ...

    def settle(self, names: Iterable[str]) -> tuple[dict[str, Facts], dict[str, int]]:
        """Make files durable that others wrote, and return what they hold, and the CRC-32 of each."""
        ...

    def crc32(self, name: str) -> int:
        """The CRC-32 of a file."""
        ...

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """The bytes of files."""
        ...

    def facts(self, name: str) -> Facts:
        """Size and checksum of a file."""
        ...

    def ages(self, names: Iterable[str]) -> dict[str, float]:
        """Seconds since each file was written."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def size(self) -> int:
        """Bytes of all files."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Hold the right to write; raises `CatalogLocked` at once where another process does."""
        ...


def place_of(path: str | os.PathLike[str]) -> Place:
    """The place that a path or an address names; raises `UsageError` for what can be no name."""
    if "\0" in os.fspath(path):
        raise UsageError(f"{os.fspath(path)!a} is no name of a folder: it holds a NUL character")
    return Bucket(path) if objects.is_address(path) else Folder(Path(path))


class Folder:
    """A folder of this machine: files are synced, and so are their names."""

    shared = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made: list[Path] = []

    def __str__(self) -> str:
        return str(self.path)

    def uri(self, name: str) -> str:
        """See `Place.uri`."""
        return str(self.path / name)

    def make(self) -> None:
        """See `Place.make`."""
        self._made = [one for one in self.path.absolute().parents if not one.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (NotADirectoryError, FileExistsError) as exc:
            raise CatalogForeign(f"{str(self)!r} is a file: a catalog is a folder") from exc

    def anchor(self) -> None:
        """See `Place.anchor`. The folders above that were made for it are synced, too."""
        for one in (self.path.absolute(), *self._made):
            with suppress(PermissionError):  # a folder that may be passed through, but not read
                sync_folder(one.parent)

    def exists(self) -> bool:
        """See `Place.exists`."""
        return self.path.exists()

    def entries(self) -> Iterator[str]:
        """See `Place.entries`."""
        return (entry.name for entry in self.path.iterdir()) if self.path.is_dir() else iter(())

    def names(self, below: str) -> list[str]:
        """See `Place.names`."""
        walked = os.walk(self.path / below)
        return [str((Path(root) / name).relative_to(self.path)) for root, _, files in walked for name in files]

    def read(self, name: str) -> bytes:
        """See `Place.read`."""
        return (self.path / name).read_bytes()

    def create(self, name: str, data: bytes) -> None:
        """Write beside it, sync, rename, sync the folder; who holds the lock is the only one."""
        path = self.path / name
        if not path.parent.exists():
            path.parent.mkdir()
            sync_folder(path.parent.parent)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)

    def settle(self, names: Iterable[str]) -> tuple[dict[str, Facts], dict[str, int]]:
        """See `Place.settle`."""
        found, short = {}, {}
        for name in sorted(names):
            with (self.path / name).open("rb") as file:
                os.fsync(file.fileno())
                found[name], short[name] = _sums(iter(partial(file.read, _BLOCK), b""))
        for parent in sorted({above for name in found for above in Path(name).parents}):
            sync_folder(self.path / parent)
        return found, short

    def facts(self, name: str) -> Facts:
        """See `Place.facts`."""
        with (self.path / name).open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), checksum

    def crc32(self, name: str) -> int:
        """See `Place.crc32`."""
        found = 0
        with (self.path / name).open("rb") as file:
            while part := file.read(_BLOCK):
                found = zlib.crc32(part, found)
        return found

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """See `Place.sizes`."""
        return {name: (self.path / name).stat().st_size for name in names}

    def ages(self, names: Iterable[str]) -> dict[str, float]:
        """See `Place.ages`."""
        return {name: time.time() - (self.path / name).stat().st_mtime for name in names}

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        (self.path / name).unlink()

    def size(self) -> int:
        """See `Place.size`."""
        return sum((Path(root) / name).lstat().st_size for root, _, names in os.walk(self.path) for name in names)

    def lock(self) -> AbstractContextManager[None]:
        """See `Place.lock`."""
        return write_lock(self.path / LOCK)


class Bucket:
    """A prefix of an object store: objects are whole and durable once they are there, and are never changed."""

    shared = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._prefix = objects.Prefix(path)
        self.path = PurePosixPath(self._prefix.address.removeprefix("s3://"))

    def __str__(self) -> str:
        return self._prefix.address

    def uri(self, name: str) -> str:
        """See `Place.uri`."""
        return f"{self._prefix.address}/{name}"

    def make(self) -> None:
        """See `Place.make`. A prefix is there once an object is."""

    def anchor(self) -> None:
        """See `Place.anchor`. An object is durable with its name."""

    def exists(self) -> bool:
        """See `Place.exists`."""
        return next(self.entries(), None) is not None

    def entries(self) -> Iterator[str]:
        """See `Place.entries`."""
        return (found.name for found in self._prefix.list())

    def names(self, below: str) -> list[str]:
        """See `Place.names`."""
        return [found.name for found in self._prefix.list(below)]

    def read(self, name: str) -> bytes:
        """See `Place.read`."""
        return self._prefix.read(name)

    def create(self, name: str, data: bytes) -> None:
        """Write it only if it is not there, which the store decides: of two writers one commits a version."""
        try:
            self._prefix.create(name, data)
        except FileExistsError as exc:
            raise CatalogLocked(
                f"another process has written {name!r} of catalog {str(self)!r} meanwhile: run the same command again"
            ) from exc

    def settle(self, names: Iterable[str]) -> tuple[dict[str, Facts], dict[str, int]]:
        """See `Place.settle`. What was written is read back, as nothing else shows that all of it arrived."""
        ordered = sorted(names)
        with ThreadPoolExecutor(8) as pool:
            sums = list(pool.map(lambda name: _sums(self._prefix.blocks(name)), ordered))
        return (
            {name: facts for name, (facts, _) in zip(ordered, sums, strict=True)},
            {name: short for name, (_, short) in zip(ordered, sums, strict=True)},
        )

    def facts(self, name: str) -> Facts:
        """See `Place.facts`."""
        return _sums(self._prefix.blocks(name))[0]

    def crc32(self, name: str) -> int:
        """See `Place.crc32`."""
        return _sums(self._prefix.blocks(name))[1]

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """See `Place.sizes`. Folder by folder, as one list of a folder holds the sizes of all that is in it."""
        asked = set(names)
        folders = {name.rpartition("/")[0] for name in asked}
        listed = (found for folder in sorted(folders) for found in self._prefix.list(folder))
        return {found.name: found.size for found in listed if found.name in asked}

    def ages(self, names: Iterable[str]) -> dict[str, float]:
        """See `Place.ages`."""
        asked = set(names)
        return {found.name: time.time() - found.at for found in self._prefix.list() if found.name in asked}

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        self._prefix.remove(name)

    def size(self) -> int:
        """See `Place.size`."""
        return sum(found.size for found in self._prefix.list())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `Place.lock`. The lock is an object that names its holder and is void after `LEASE` seconds."""
        me = {"pid": os.getpid(), "host": socket.gethostname(), "token": uuid.uuid4().hex, "since": _clock(time.time())}
        self._take_lock(me)
        over = threading.Event()

        def renew() -> None:
            while not over.wait(LEASE / 3):
                with suppress(OSError):
                    self._prefix.replace(LOCK, _lease(me))

        renewing = threading.Thread(target=renew, name="lookalike-lock", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            over.set()
            renewing.join()
            with suppress(OSError, ValueError):
                if json.loads(self._prefix.read(LOCK)).get("token") == me["token"]:
                    self._prefix.remove(LOCK)

    def _take_lock(self, me: dict[str, Any]) -> None:
        for _ in range(2):
            try:
                self._prefix.create(LOCK, _lease(me))
                return
            except FileExistsError:
                with suppress(FileNotFoundError):
                    held = self._holder()
                    if held is not None:
                        raise CatalogLocked(
                            f"catalog {str(self)!r} is being written, {held}: wait until it ends, then try again"
                        ) from None
                    self._prefix.remove(LOCK)
        raise CatalogLocked(f"catalog {str(self)!r} is being written by another process: try again")

    def _holder(self) -> str | None:
        """Who holds the lock, None where it is void."""
        try:
            held = json.loads(self._prefix.read(LOCK))
            if held["until"] < time.time():
                return None
            return f"held by pid {int(held['pid'])} on {held['host']} since {held['since']}"
        except (ValueError, KeyError, TypeError):
            return None


def foreign(place: Place) -> CatalogForeign:
    """The error for a place that holds something else."""
    return CatalogForeign(f"{str(place)!r} holds other files and is no lookalike catalog: give a new or empty folder")


def _sums(blocks: Iterable[bytes]) -> tuple[Facts, int]:
    """Size and SHA-256, and the CRC-32, of what comes in blocks."""
    long, short, size = hashlib.sha256(), 0, 0
    for block in blocks:
        long.update(block)
        short = zlib.crc32(block, short)
        size += len(block)
    return (size, long.hexdigest()), short


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lease(me: dict[str, Any]) -> bytes:
    return json.dumps({**me, "until": time.time() + LEASE}).encode()


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
