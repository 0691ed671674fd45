"""How loops become machine code: by Numba, when they are first used, kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """`function` as machine code that runs without the GIL."""
    return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_loosely(function: F) -> F:
    """As `compiled`, but sums may be added in any order."""
    return cast(
        "F", numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})(function)
    )
