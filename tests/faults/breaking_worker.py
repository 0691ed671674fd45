"""A worker whose decoder breaks in the way that a photo asks for: `python -m tests.faults.breaking_worker A B`.

A photo is told by the bytes after the end of its picture; all others are decoded as ever.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lookalike.images import wire, worker
from lookalike.images.decode import load as decode
from lookalike.records import Photo

_SEEN: list[Any] = []
MARK = b"\xff\xd9BREAK:"


def load(data: bytes, *given: Any, **named: Any) -> Photo:
    """As `images.load`, but for marked photos."""
    how = data.partition(MARK)[2].decode()
    if how.startswith("once "):
        flag = Path(how.removeprefix("once "))
        if flag.exists():
            flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
    elif how == "spin":
        while True:
            pass
    elif how == "sleep":
        time.sleep(1e6)
    elif how == "grow":
        return load(bytes(bytearray(64 << 30)), *given, **named)
    elif how.startswith("write "):
        Path(how.removeprefix("write ")).write_bytes(b"x" * 100)
    elif how.startswith("say "):  # of a worker that was taken over: lies about how far it is, then ends
        wire.put_progress(_SEEN[-1], *map(int, how.split()[1:]))
        os._exit(0)
    elif how == "exit":
        os._exit(7)
    elif how:
        os.kill(os.getpid(), signal.Signals[how])
    return decode(data, *given, **named)


def decoding(shared: Any, request: wire.Request) -> None:
    """As the worker does, and note the memory that it shares."""
    _SEEN.append(shared)
    decode_all(shared, request)


if __name__ == "__main__":
    decode_all, worker._decode = worker._decode, decoding
    worker.load = load  # type: ignore[attr-defined]
    worker.main(int(sys.argv[1]), int(sys.argv[2]))
