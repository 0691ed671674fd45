"""A folder's files, from one walk that follows no link to a folder and opens nothing that could block."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH116
from __future__ import annotations

import os
import stat

from lookalike.errors import UsageError
from lookalike.images.globs import Pattern
from lookalike.images.inputs import Bounds, Listing, make_input, rejection
from lookalike.images.read import translate
from lookalike.images.sniff import has_image_name, sniff

CATALOG_MARK = "lookalike.json"
"""The file that makes a folder a catalog."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


def list_files(folder: str, *, source: str, root: str | None = None, pattern: Pattern | None = None) -> Listing:
    """All photos in a folder and below it, or those that a pattern takes.

    Folders that hold a catalog are skipped. A folder that cannot be listed is a rejected input, as what it holds
    is unknown; if it is `folder` itself, `UsageError` is raised. Links may lead as far as `root`, by default
    `folder`.
    """
    listing = Listing()
    bounds = Bounds(folder if root is None else root)
    stack: list[tuple[str, tuple[str, ...]]] = [(folder, ())]
    while stack:
        place, names = stack.pop()
        try:
            with os.scandir(place) as scan:
                entries = list(scan)
        except OSError as exc:
            if not names:
                raise UsageError(f"SOURCE {folder!a} cannot be listed: {exc.strerror}") from exc
            # One that went away meanwhile holds nothing.
            if not isinstance(exc, (FileNotFoundError, NotADirectoryError)):
                folder_input = make_input("/".join(names) + "/", place, source, bounds)
                listing.rejected.append((folder_input, translate(exc, "find")))
            continue
        if any(entry.name == CATALOG_MARK and not entry.is_dir() for entry in entries):
            listing.is_catalog = listing.is_catalog or not names
            continue
        for entry in entries:
            path = (*names, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if pattern is None or pattern.enters(path):
                    stack.append((entry.path, path))
            elif pattern is None or pattern.takes(path):
                _add_file(listing, entry, "/".join(path), source, bounds)
    return listing


def _add_file(listing: Listing, entry: os.DirEntry[str], relative: str, source: str, bounds: Bounds) -> None:
    if entry.is_symlink() and _is_folder(entry.path):
        return
    if has_image_name(entry.name):
        plain = entry.is_file(follow_symlinks=False) and len(entry.path) < 1024
        fault = None if plain else rejection(entry.path, bounds)
        listing.add(make_input(relative, entry.path, source, bounds), fault)
    elif _begins_like_image(entry, bounds):
        listing.inputs.append(make_input(relative, entry.path, source, bounds))
    else:
        listing.ignored += 1


def _is_folder(place: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(place).st_mode)
    except OSError:
        return False


def _begins_like_image(entry: os.DirEntry[str], bounds: Bounds) -> bool:
    """Whether a regular file of another name starts with an accepted image's bytes."""
    if rejection(entry.path, bounds) is not None:
        return False
    head = first_bytes(entry.path)
    return head is not None and sniff(head) is not None


def first_bytes(place: str) -> bytes | None:
    """The first 16 bytes of a regular file; None where it cannot be read or is something else."""
    try:
        descriptor = os.open(place, _FLAGS)
    except OSError:
        return None
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, 16) if regular else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
