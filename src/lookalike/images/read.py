"""From an input to its bytes: once, whole, bounded, and only from a regular file inside its root."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH115
from __future__ import annotations

import errno
import os
import stat
import time
from functools import lru_cache

from lookalike.errors import Rejected
from lookalike.images.fetch import read_object
from lookalike.options import ImageLimits
from lookalike.records import Input

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
_PAUSE = 0.01
_CODES = {
    errno.ENOENT: ("E_GONE", "the file is not there"),
    errno.ENOTDIR: ("E_GONE", "the file is not there: a part of its path is no folder"),
    errno.ESTALE: ("E_GONE", "the file is not there any more"),
    errno.EACCES: ("E_PERMISSION", "the file may not be read: change its permissions"),
    errno.EPERM: ("E_PERMISSION", "the file may not be read: change its permissions"),
    errno.ELOOP: ("E_NOT_REGULAR", "the link leads back to itself"),
    errno.ENXIO: ("E_NOT_REGULAR", "a socket, pipe or device is no photo"),
    errno.EISDIR: ("E_NOT_REGULAR", "a folder is no photo"),
    errno.ENAMETOOLONG: ("E_NAME_TOO_LONG", "the name or path is longer than the system allows"),
}
OUTSIDE = "leads out of {what}: give --root DIR, a folder that holds it, to allow it"


def translate(exc: OSError, stage: str) -> Rejected:
    """The `Rejected` that an error of the operating system means; E_READ where it is none of the usual ones."""
    known = _CODES.get(exc.errno or 0)
    if known is None:
        return Rejected("E_READ", f"the file cannot be read: {exc.strerror or type(exc).__name__}", stage=stage)
    return Rejected(*known, stage=stage)


def is_within(path: str, root: str) -> bool:
    """Whether an absolute, resolved path lies in a resolved folder."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def read(item: Input, limits: ImageLimits) -> bytes:
    """All bytes of one input, at most `limits.bytes`.

    The file is opened without blocking, checked on the open descriptor and read once, so what is hashed is what
    is decoded. If its size or time of change moved meanwhile it is read once more.

    Raises `Rejected` (stage `read`) with code E_GONE, E_PERMISSION, E_NOT_REGULAR (pipe, socket, device,
    folder), E_OUTSIDE_ROOT, E_EMPTY, E_TOO_LARGE, E_NAME_TOO_LONG, E_CHANGED or E_READ.
    """
    if item.address is not None:
        return read_object(item, limits)
    for attempt in range(2):
        if attempt:
            time.sleep(_PAUSE)
        try:
            data, changed = _read_once(item, limits)
        except OSError as exc:
            raise translate(exc, "read") from exc
        except ValueError as exc:
            raise Rejected("E_READ", f"the path cannot be opened: {exc}", stage="read") from exc
        if not changed:
            if not data:
                raise Rejected("E_EMPTY", "the file has 0 bytes", stage="read")
            return data
    raise Rejected("E_CHANGED", "the file changed while it was read, twice", stage="read")


def _read_once(item: Input, limits: ImageLimits) -> tuple[bytes, bool]:
    """The bytes, and whether the file changed while they were read."""
    descriptor = os.open(item.location, _FLAGS)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Rejected("E_NOT_REGULAR", "a folder, socket, pipe or device is no photo", stage="read")
        if not is_within(_opened_path(descriptor, item), _resolved(os.fspath(item.root))):
            raise Rejected("E_OUTSIDE_ROOT", "its target " + OUTSIDE.format(what="its SOURCE"), stage="read")
        _check_bytes(before.st_size, limits)
        # One byte more than allowed shows a file that grows without end.
        data = _read_up_to(descriptor, before.st_size, limits.bytes + 1)
        _check_bytes(len(data), limits)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    states = [(state.st_size, state.st_mtime_ns) for state in (before, after)]
    return data, states[0] != states[1] or len(data) != before.st_size


def _read_up_to(descriptor: int, expected: int, most: int) -> bytes:
    first = os.read(descriptor, min(expected + 1, most))
    if len(first) == expected:
        return first
    parts, size = [first], len(first)
    while size < most and parts[-1]:
        parts.append(os.read(descriptor, min(most - size, 1 << 20)))
        size += len(parts[-1])
    return b"".join(parts)


def _check_bytes(size: int, limits: ImageLimits) -> None:
    if size > limits.bytes:
        raise Rejected("E_TOO_LARGE", f"the file has {size:,} bytes, allowed are {limits.bytes:,}", stage="read")


def _opened_path(descriptor: int, item: Input) -> str:
    """Where the open file really is. Asking the descriptor leaves no gap between the check and the reading."""
    try:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        path = ""
    return path if path.startswith("/") else os.path.realpath(item.location)


@lru_cache(maxsize=256)
def _resolved(root: str) -> str:
    return os.path.realpath(root)
