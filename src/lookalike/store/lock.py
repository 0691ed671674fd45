"""One writer at a time: a lock that names its holder and dies with it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import CatalogLocked, LookalikeError


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; raise `CatalogLocked`, which names the holder, if another process does.

    The kernel drops the lock when its holder ends, however it ends, so nothing is ever left locked.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as exc:
        raise _unwritable(path, exc) from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise CatalogLocked(
                f"catalog {str(path.parent)!r} is being written, {_holder(handle)}: wait until it ends, then try again"
            ) from exc
        holder = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
        except OSError as exc:
            raise _unwritable(path, exc) from exc
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"held by pid {int(holder['pid'])} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "held by another process"


def _unwritable(path: Path, exc: OSError) -> LookalikeError:
    if exc.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LookalikeError(
            f"catalog {str(path.parent)!r} cannot be written ({exc.strerror}): make the folder writable, or copy it",
            code="E_READ_ONLY",
        )
    if exc.errno == errno.ENOSPC:
        return no_space(str(path.parent), str(exc))
    if exc.errno == errno.ELOOP:
        return LookalikeError(f"{str(path)!r} is a link, and a lock is a file: remove it, no command needs it")
    return LookalikeError(f"catalog {str(path.parent)!r} cannot be written: {exc.strerror}")


def no_space(place: str, why: str) -> LookalikeError:
    """The error for a full disk."""
    return LookalikeError(
        f"no space left for catalog {place!r} ({why}): what was committed before is kept; "
        "make room and run the same command again",
        code="E_NO_SPACE",
    )
