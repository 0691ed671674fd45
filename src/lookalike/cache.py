"""What takes long to make, kept in the user's cache folder: networks as graphs, loops as machine code.

It is a file `KEY.SHA256.SUFFIX`, where KEY names all that it was made from and SHA256 is that of its bytes: a damaged
file no longer fits its name and is made again. A folder that cannot be written is no error, what is kept there is then
made in memory every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

GRAPH = "onnx"
"""The suffix of a network."""


def cache_folder() -> Path:
    """`$LOOKALIKE_CACHE`, else `$XDG_CACHE_HOME/lookalike`, else `~/.cache/lookalike`.

    It may not exist, and where the user has no home it cannot.
    """
    if own := os.environ.get("LOOKALIKE_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "lookalike"
    try:
        return Path("~/.cache/lookalike").expanduser()
    except RuntimeError:  # a user without a home, as in some containers: nothing is kept
        return Path(os.devnull) / "lookalike"


def cached(key: str, build: Callable[[], bytes], *, folder: Path | None = None, suffix: str = GRAPH) -> bytes:
    """The bytes kept under `key`, else `build()`, which are then kept. `key` is part of a file name."""
    folder = cache_folder() if folder is None else folder
    found = _read(folder, key, suffix)
    if found is None:
        found = build()
        with contextlib.suppress(OSError):
            _write(folder, key, found, suffix)
    return found


def cached_already(key: str, *, suffix: str = GRAPH) -> bytes | None:
    """The bytes kept under `key`, None where there are none."""
    return _read(cache_folder(), key, suffix)


def _read(folder: Path, key: str, suffix: str) -> bytes | None:
    found: list[Path] = []
    with contextlib.suppress(OSError):
        found = sorted(folder.glob(f"{key}.*.{suffix}"))
    for path in found:
        with contextlib.suppress(OSError):  # one that cannot be read or removed hides no other
            data = path.read_bytes()
            if path.name == _name(key, data, suffix):
                return data
            path.unlink()
    return None


def _write(folder: Path, key: str, data: bytes, suffix: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=folder, prefix=f"{key}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(folder / _name(key, data, suffix))
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _name(key: str, data: bytes, suffix: str) -> str:
    return f"{key}.{hashlib.sha256(data).hexdigest()}.{suffix}"
