"""Between two steps of a run: memory that the first has freed goes back to the system before the second takes more."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def hand_back() -> None:
    """Give memory that is no longer used back to the system; takes about 10 ms, and is only a matter of the peak.

    What a step frees stays with the process, in pieces for each thread, and the next step's large arrays lie beside it.
    Where the C library has no `malloc_trim`, as on macOS, that part is left to it.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))
