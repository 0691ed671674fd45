"""How long a thread keeps its core while another waits for it.

Where more threads work than there are cores, the kernel has them take turns of 1 to 3 ms. After each turn a core's
cache holds another's data, which costs a network, whose weights fill it, more than the turn was worth. Threads that
answer nobody can take longer turns; those that wake up to answer still come first.

Since version 6.12 Linux lets every thread ask for that without any right (`sched_setattr(2)`, `sched_runtime`).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

TURN = 0.020
"""Seconds; the kernel takes 0.1 to 100 ms. Above 10 ms nothing more is gained."""
_CALLS = {"x86_64": {"set": 314, "get": 315}, "aarch64": {"set": 274, "get": 275}}
"""The numbers of `sched_setattr` and `sched_getattr`, for which not every C library has functions."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""Size, policy, flags, nice, priority, runtime (here: the turn in nanoseconds), deadline, period."""
_ORDINARY = (0, 3)
"""Policies of threads that take turns: SCHED_OTHER and SCHED_BATCH."""
_RESET_ON_FORK = 1


def turn() -> float | None:
    """Seconds that the calling thread keeps its core while others wait; None where the kernel does not say."""
    found = _attributes()
    return None if found is None else found[5] / 1e9


def lengthen() -> None:
    """Let the calling thread, and processes that it starts, take turns of `TURN`; where that cannot be, as before."""
    found = _attributes()
    if found is None or found[5] >= TURN * 1e9:
        return
    size, policy, flags, nice, priority, *_ = found
    asked = _ATTRIBUTES.pack(size, policy, flags & _RESET_ON_FORK, nice, priority, int(TURN * 1e9), 0, 0)
    _system("set", asked, 0)


def _attributes() -> tuple[int, ...] | None:
    """What the kernel says of the calling thread, if turns are among it."""
    room = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if not _system("get", room, len(room), 0):
        return None
    found: tuple[int, ...] = _ATTRIBUTES.unpack(room.raw)
    return found if found[1] in _ORDINARY and found[5] > 0 else None


def _system(call: str, *arguments: object) -> bool:
    """Whether the kernel of this machine knows a call, and did for this thread what it was asked for."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or (numbers := _CALLS.get(os.uname().machine)) is None:
        return False
    try:
        return bool(ctypes.CDLL(None).syscall(numbers[call], 0, *arguments) == 0)
    except (OSError, AttributeError):  # a Python without a C library to ask
        return False
