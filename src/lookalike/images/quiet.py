"""Keep what Pillow and its libraries say about broken files inside, in many threads at once."""

from __future__ import annotations

import ctypes
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from PIL import _imaging

_FILTER = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_lock = threading.Lock()
_users = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings that modules of Pillow raise, until the last user leaves.

    `warnings.catch_warnings` swaps the filters of the whole process and mixes them up when two threads overlap;
    here one filter is put in front when the first user comes and taken out when the last one goes.
    """
    global _users  # noqa: PLW0603  (a count of users is what makes it safe)
    with _lock:
        _users += 1
        filters = cast("list[Any]", warnings.filters)
        if not filters or filters[0] is not _FILTER:
            filters.insert(0, _FILTER)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                filters = cast("list[Any]", warnings.filters)
                filters[:] = [entry for entry in filters if entry is not _FILTER]


@cache
def silence_libtiff() -> None:
    """Stop libtiff from printing its findings on standard error; Pillow raises what matters.

    The library is asked through the module that loaded it. Where it cannot be reached it goes on printing.
    """
    try:
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
    except (OSError, AttributeError, TypeError):
        return
