"""Weight files that are no part of the install: where they are looked for, and how one is known again.

A file is known by its checksum, never by its name or place. Published weights have a checksum that their publisher
states; others are allowed where the user names the file, and the model's facts say so from then on.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from lookalike.cache import cache_folder
from lookalike.errors import ModelError

_given: dict[str, Path] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """Weights as their publisher offers them: `md5` is the checksum that the publisher states, `bytes` the size."""

    file: str
    url: str
    md5: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Digests:
    """The checksums of a file, hexadecimal."""

    sha256: str
    md5: str


def weights_folder() -> Path:
    """Where downloaded weights are kept: `weights` in the cache folder. May not exist."""
    return cache_folder() / "weights"


def digests(path: Path) -> Digests:
    """The checksums of a file. Raises `ModelError` if it cannot be read."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    try:
        if not path.is_file():
            raise ModelError(f"there is no weight file {str(path)!r}: give the path of a file", code="E_MODEL_MISSING")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha256.update(block)
                md5.update(block)
    except OSError as exc:
        raise ModelError(
            f"the weight file {str(path)!r} cannot be read ({exc.strerror or exc}): give a file that can",
            code="E_MODEL_MISSING",
        ) from exc
    return Digests(sha256.hexdigest(), md5.hexdigest())


def take(name: str, published: Published, given: str | os.PathLike[str] | None) -> tuple[Path, Digests]:
    """The weight file of model `name` and its checksums: the one that was given, else the downloaded one.

    Raises `ModelError` where there is none, or where the file in the cache folder is not the published one.
    """
    path = weights_folder() / published.file if given is None else Path(given)
    if given is None and not path.is_file():
        raise ModelError(
            f"the weights of {name} are not here: `lookalike models download {name}` fetches them "
            f"({published.bytes / 1e6:,.0f} MB); offline, put {published.url} (MD5 {published.md5}) at {str(path)!r}, "
            "or give any file of that layout with --weights FILE",
            code="E_MODEL_MISSING",
        )
    found = digests(path)
    if given is None and found.md5 != published.md5:
        raise ModelError(
            f"{str(path)!r} has MD5 {found.md5}, not {published.md5} as published: remove it and run "
            f"`lookalike models download {name}`, or give it with --weights if it is meant",
            code="E_MODEL_CHECKSUM",
        )
    _given[found.sha256] = path
    return path, found


def find(name: str, published: Published, sha256: str) -> Path:
    """The weight file of model `name` with this checksum. Raises `ModelError` where it is no longer known."""
    for path in (_given.get(sha256), weights_folder() / published.file):
        if path is not None and path.is_file() and digests(path).sha256 == sha256:
            return path
    raise ModelError(
        f"the weights of {name} that the catalog was made with (SHA-256 {sha256}) are no longer in the cache folder "
        f"{str(cache_folder())!r}: give their file once more, with `lookalike index CATALOG SOURCE --weights FILE`",
        code="E_MODEL_MISSING",
    )
