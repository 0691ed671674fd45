"""Globs, matched against the names of a walk that follows no links."""

# Names stay as they are given, where pathlib would resolve links, and a million files take no longer than needed.
# ruff: noqa: PTH118, PTH206
from __future__ import annotations

import fnmatch
import os
import re
from functools import lru_cache

_WILD = re.compile(r"[*?\[]")


def has_wildcard(text: str) -> bool:
    """Whether a SOURCE holds `*`, `?` or `[`."""
    return _WILD.search(text) is not None


def split_wildcard(text: str) -> tuple[str, tuple[str, ...]]:
    """The folder before the first component with a wildcard (`.` if there is none), and the components from it.

    >>> split_wildcard("photos/2024/*/a?.jpg"), split_wildcard("*.jpg")
    (('photos/2024', ('*', 'a?.jpg')), ('.', ('*.jpg',)))
    """
    parts = text.split(os.sep)
    first = next(index for index, part in enumerate(parts) if has_wildcard(part))
    base = os.sep.join(parts[:first]) or (os.sep if text.startswith(os.sep) else ".")
    return base, tuple(part for part in parts[first:] if part and part != ".")


class Pattern:
    """The components of a glob. `**` stands for any number of folders; a matched folder takes all below it."""

    def __init__(self, parts: tuple[str, ...]) -> None:
        # Two `**` in a row say what one does; at the end `**` takes every name.
        single = [part for index, part in enumerate(parts) if part != "**" or parts[index - 1 : index] != ("**",)]
        self._parts = (*single, "*") if single and single[-1] == "**" else tuple(single)

    def takes(self, path: tuple[str, ...]) -> bool:
        """Whether the file of these names is matched, by itself or through a folder above it."""
        return any(len(self._parts) in states for states in self._states(path))

    def enters(self, path: tuple[str, ...]) -> bool:
        """Whether the folder of these names may hold a match."""
        history = self._states(path)
        return bool(history[-1]) or any(len(self._parts) in states for states in history)

    def _states(self, path: tuple[str, ...]) -> list[frozenset[int]]:
        """How many parts of the pattern may be used up after each name of the path."""
        states = self._skipping({0})
        history = []
        for name in path:
            following: set[int] = set()
            for state in states - {len(self._parts)}:
                if self._parts[state] != "**":
                    following.update({state + 1} if _matches(name, self._parts[state]) else ())
                elif not name.startswith("."):
                    following.add(state)
            states = self._skipping(following)
            history.append(states)
        return history

    def _skipping(self, states: set[int]) -> frozenset[int]:
        """`**` may stand for no folder at all."""
        after = {state + 1 for state in states if state < len(self._parts) and self._parts[state] == "**"}
        return frozenset(states | after)


def _matches(name: str, part: str) -> bool:
    # As in a shell, a wildcard does not match the dot that hides a file.
    if name.startswith(".") and not part.startswith("."):
        return False
    return _compiled(part).match(name) is not None


@lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
