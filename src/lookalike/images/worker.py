"""The process that decodes: `python -m lookalike.images.worker SOCKET MEMORY` (two inherited file descriptors).

It is given bytes and gives back pixels; it opens no file and writes none. Every photo has a limit of processor time and
of time on the clock, kept by the kernel: its signals end the process even inside of a decoder that never returns.
"""

from __future__ import annotations

import contextlib
import mmap
import resource
import signal
import socket
import sys
from pathlib import Path

from lookalike import timeslice
from lookalike.errors import Rejected
from lookalike.images import loops, wire
from lookalike.images.decode import load

IDLE_SECONDS = 120.0
"""A worker without work for so long ends: another is started when there is some."""
GRACE = 0.25
"""Seconds of processor time above `limits.seconds`: by then the decoder's own clock should have ended it."""
BUSY = 12
"""Seconds on the clock for one of processor time: a busy machine must not turn good photos into failures."""
SPARE_BYTES = 256 << 20
BYTES_A_PIXEL = 20
"""Memory a photo of the largest allowed size may take: the picture itself, and copies in other color spaces."""


def main(channel: int, memory: int) -> None:
    """Answer requests until the other side closes."""
    _confine()
    timeslice.lengthen()
    asked = socket.socket(fileno=channel)
    asked.settimeout(IDLE_SECONDS)
    shared, allowed = None, None
    with contextlib.suppress(TimeoutError, ConnectionError):
        while head := _received(asked, wire.LENGTH_BYTES):
            request = wire.Request.decoded(_received(asked, wire.length_of(head)))
            if shared is None or len(shared) < request.size:
                shared = mmap.mmap(memory, request.size)
            if request.loops and loops.current() is None:
                # between photos: no photo pays for it with its own time or memory
                _allow(resource.RLIM_INFINITY)
                loops.take()
                allowed = None
            if allowed != (limit := (len(shared), request.limits.pixels)):
                allowed = limit
                _limit_memory(SPARE_BYTES + BYTES_A_PIXEL * request.limits.pixels)
            _decode(shared, request)
            asked.sendall(b".")


def _decode(shared: mmap.mmap, request: wire.Request) -> None:
    for row, ((start, length), slot) in enumerate(zip(request.files, request.slots, strict=True)):
        wire.put_progress(shared, row, row)
        seconds = request.limits.seconds
        signal.setitimer(signal.ITIMER_PROF, seconds + GRACE)
        signal.setitimer(signal.ITIMER_REAL, seconds * BUSY + 1)
        try:
            photo = load(shared[start : start + length], request.fit, request.limits, thumbnail_side=request.side)
            wire.put_photo(shared, slot, request.fit, photo)
        except Rejected as reason:
            wire.put_rejected(shared, slot, reason)
        except MemoryError:
            detail = "decoding it takes more memory than one photo may have"
            wire.put_rejected(shared, slot, Rejected("E_MEMORY", detail, stage="decode"))
        wire.put_progress(shared, row, row + 1)
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _received(asked: socket.socket, length: int) -> bytes:
    """So many bytes, or none where the other side closed."""
    parts = b""
    while len(parts) < length:
        part = asked.recv(length - len(parts))
        if not part:
            return b""
        parts += part
    return parts


def _confine() -> None:
    """No file may be written, no core dumped, and the kernel's clocks end the process."""
    for name in ("RLIMIT_FSIZE", "RLIMIT_CORE"):
        resource.setrlimit(getattr(resource, name), (0, 0))
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which ends its workers


def _limit_memory(more: int) -> None:
    """Allow `more` bytes than now are mapped; where that is not known, nothing is limited."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    _allow(pages * resource.getpagesize() + more)


def _allow(size: int) -> None:
    """Allow `size` bytes to be mapped, but never more than the process was started with (`ulimit -v`)."""
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    bounded = size if most == resource.RLIM_INFINITY else most if size == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (bounded, most))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
