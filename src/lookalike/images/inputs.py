"""Inputs as they are gathered: how one is named, and what is wrong with it before it is read."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH114, PTH116, PTH118
from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.errors import Rejected
from lookalike.images.read import OUTSIDE, is_within, translate
from lookalike.records import Input, Value

Fault = tuple[Input, Rejected]


@dataclass(slots=True)
class Listing:
    """What one SOURCE holds; `is_catalog` when it is no SOURCE but a catalog."""

    inputs: list[Input] = field(default_factory=list)
    rejected: list[Fault] = field(default_factory=list)
    ignored: int = 0
    is_catalog: bool = False

    def add(self, item: Input, fault: Rejected | None) -> None:
        """Put an input where it belongs."""
        if fault is None:
            self.inputs.append(item)
        else:
            self.rejected.append((item, fault))


class Bounds:
    """The folder that files may not lie out of, with a memory of where folders really are."""

    def __init__(self, folder: str) -> None:
        self.root = os.path.realpath(folder)
        self.path = Path(self.root)
        self._folders: dict[str, str] = {}

    def target(self, place: str) -> str:
        """Where an absolute path really leads."""
        if os.path.islink(place):
            return os.path.realpath(place)
        folder, name = os.path.split(place)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def hold(self, place: str) -> bool:
        """Whether what is at `place` lies inside."""
        return is_within(self.target(place), self.root)


def display(path: str) -> str:
    """A path that any encoding can hold: bytes that are no UTF-8 become `\\xff`."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def make_input(
    relative: str,
    place: str,
    source: str,
    bounds: Bounds,
    *,
    key: str | None = None,
    metadata: Mapping[str, Value] | None = None,
) -> Input:
    """An `Input` for the file at `place`, named `relative` to its source; `key` is its id if that differs."""
    path = relative if os.sep == "/" else relative.replace(os.sep, "/")
    shown = display(path)
    return Input(
        id=shown if key is None else key,
        path=shown,
        location=Path(place),
        source=source,
        root=bounds.path,
        raw_path=None if shown == path else os.fsencode(path),
        metadata=metadata,
    )


def rejection(place: str, bounds: Bounds, *, resolve: bool = False) -> Rejected | None:
    """Why the file at `place` cannot be read, as far as that shows without opening it; else None.

    A link's target must be a regular file inside `bounds`; with `resolve`, so must a file reached through links
    to folders. What is not regular is called so wherever it lies.
    """
    try:
        mode = os.lstat(place).st_mode
        is_link = stat.S_ISLNK(mode)
        if is_link:
            mode = os.stat(place).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a socket, pipe or device"
            return Rejected("E_NOT_REGULAR", f"{kind} is no photo", stage="find")
        if (is_link or resolve) and not bounds.hold(place):
            return Rejected("E_OUTSIDE_ROOT", "its target " + OUTSIDE.format(what="its SOURCE"), stage="find")
    except OSError as exc:
        return translate(exc, "find")
    return None
