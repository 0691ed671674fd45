"""Run a function in a forked child that may be killed at any moment: what it printed is what it acknowledged.

Forking spares each child the second that its imports take. The parent imports Lance but never uses it, so that no
thread of it holds anything when it forks; whoever calls this is a script of its own, never the process of the tests.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its lines, its exit status (negative: a signal), seconds."""

    lines: tuple[str, ...]
    status: int
    seconds: float

    @property
    def last(self) -> str:
        """The last line."""
        return self.lines[-1] if self.lines else ""


def forked(work: Callable[[], object], *, kill_after: float | None = None, timeout: float = 60.0) -> Ended:
    """Call `work` in a child, and kill it after `kill_after` seconds; one that is still there at `timeout` hangs."""
    reading, writing = os.pipe()
    started = time.monotonic()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        ending = 1
        try:
            os.close(reading)
            os.dup2(writing, 1)
            warnings.simplefilter("ignore")  # that Lance was imported before the fork
            work()
            sys.stdout.flush()
            ending = 0
        except SystemExit as exc:
            sys.stdout.flush()
            ending = exc.code if isinstance(exc.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(ending)
    os.close(writing)
    text = b""
    os.set_blocking(reading, False)
    end = started + (kill_after if kill_after is not None else timeout)
    status: int | None = None
    while status is None:
        left = end - time.monotonic()
        if left <= 0:
            os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
        else:
            found, raw = os.waitpid(pid, os.WNOHANG)
            status = raw if found else None
            if status is None:
                time.sleep(min(left, 0.001))
        text += _read(reading)
    text += _read(reading)
    os.close(reading)
    code = os.waitstatus_to_exitcode(status)
    if kill_after is None and code == -signal.SIGKILL:
        raise TimeoutError(f"a child was still there after {timeout:g} s")
    whole = text[: text.rfind(b"\n") + 1].decode()
    return Ended(tuple(whole.splitlines()), code, time.monotonic() - started)


def _read(descriptor: int) -> bytes:
    parts = b""
    try:
        while part := os.read(descriptor, 65_536):
            parts += part
    except BlockingIOError:
        pass
    return parts
