"""Decoding in processes of its own, so that a photo that crashes or hangs a decoder costs that photo and nothing else.

Whoever decodes starts a worker when it first needs one and keeps it, as many as decode at once; `worker` keeps the
limits, `wire` is how they talk. A worker decodes while its caller does something else, or sleeps.
"""

from __future__ import annotations

import atexit
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Protocol, Self

from lookalike.errors import LookalikeError, Rejected
from lookalike.images import wire
from lookalike.images.decode import THUMBNAIL_SIDE, load
from lookalike.images.fit import is_resized
from lookalike.images.loops import Compiler, warm_up
from lookalike.images.processes import environment
from lookalike.images.worker import BUSY
from lookalike.options import Fit, ImageLimits
from lookalike.records import Photo

TRIES = 2
"""How often a photo that ends its process is tried, the second time alone: the reason may have been another."""
STARTS = 3
"""Workers that may end before their first photo until that is an error."""
SLACK = 30.0
"""Seconds above the workers' own limits after which one is taken for hung."""
_DOT = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
"""A photo of one pixel, which every worker can decode."""
_TIME = (-signal.SIGPROF, -signal.SIGALRM)
_ENVIRONMENT = {
    # The library behind NumPy would start a thread a core, which nothing here needs.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # A photo's memory serves the next one: glibc would return it, and the system clear its pages, for each.
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}
"""What a worker's environment has besides ours."""


class Pending(Protocol):
    """Photos that are being decoded."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def results(self) -> list[Photo | Rejected]:
        """Each photo, or why it is none, in their order; waits for them."""
        ...

    def end(self) -> None:
        """End what is not waited for, as leaving the `with` does."""
        ...


class Decoder(Protocol):
    """Something that decodes several photos, here or elsewhere."""

    def start(
        self, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, *, thumbnail_side: int = THUMBNAIL_SIDE
    ) -> Pending:
        """Begin; the arguments are those of `load`. Use it in a `with`, or call `end`: what is not waited for ends."""
        ...

    def expect(self, photos: int) -> None:
        """Say how many photos are to come, so that what pays for many is begun at once."""
        ...


class Here:
    """Decodes in this process, when it is asked for results."""

    def start(
        self, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, *, thumbnail_side: int = THUMBNAIL_SIDE
    ) -> _Here:
        """See `Decoder.start`."""
        return _Here(photos, fit, limits, thumbnail_side)

    def expect(self, photos: int) -> None:
        """See `Decoder.expect`."""


class _Here:
    def __init__(self, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, side: int) -> None:
        self._given = (photos, fit, limits, side)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        pass

    def results(self) -> list[Photo | Rejected]:
        photos, fit, limits, side = self._given
        found: list[Photo | Rejected] = []
        for data in photos:
            try:
                found.append(load(data, fit, limits, thumbnail_side=side))
            except Rejected as reason:
                found.append(reason)
        warm_up(len(found), _resized(found, fit, side))
        return found


class Workers:
    """Decodes in worker processes; safe for many threads, each of which uses a worker of its own.

    `command` starts one, with two file descriptors as its last arguments. Raises `LookalikeError` (E_WORKER) where
    workers do not start.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        # -P: a folder of photos may hold a file that is named like one of Python's modules.
        self._command = tuple(command or (sys.executable, "-P", "-m", "lookalike.images.worker"))
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self.compiler = Compiler()

    def start(
        self, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, *, thumbnail_side: int = THUMBNAIL_SIDE
    ) -> _Apart:
        """See `Decoder.start`."""
        return _Apart(self, photos, fit, limits, thumbnail_side)

    def expect(self, photos: int) -> None:
        """See `Decoder.expect`."""
        self.compiler.expect(photos)

    def begin(self, count: int) -> None:
        """Start workers that are soon to be used, up to `count` idle ones; they come up while other things are done."""
        for _ in range(count - len(self._idle)):
            self.give(_Worker(self._command))

    def take(self) -> _Worker:
        """A worker that is not used by another thread."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker(self._command)
            if worker.is_alive():
                return worker
            worker.kill()  # it had no work for long, or was ended from outside

    def give(self, worker: _Worker) -> None:
        """Hand a worker back that has answered everything."""
        with self._lock:
            self._idle.append(worker)

    def work(self) -> bool:
        """Whether a new worker decodes a photo that is known to be good."""
        worker = _Worker(self._command)
        try:
            worker.ask([_DOT], Fit(), ImageLimits(), THUMBNAIL_SIDE, loops=False)
            found: dict[int, Photo | Rejected] = {}
            return worker.waited() and worker.take_results([0], found) == (0, 1) and isinstance(found[0], Photo)
        finally:
            worker.kill()

    def close(self) -> None:
        """End the workers that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        # They hold nothing; ending by themselves they would take a fifth of a second each.
        for worker in idle:
            worker.end()
        for worker in idle:
            worker.kill()

    def forget(self) -> None:
        """Leave the workers to another process: this one is a fork of their owner."""
        self._lock, self._idle = threading.Lock(), []


class _Apart:
    """A batch that workers decode: those that a dead worker left go on with the next one."""

    def __init__(self, workers: Workers, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, side: int) -> None:
        self._workers, self._photos = workers, photos
        self._how = (fit, limits, side)
        self._found: dict[int, Photo | Rejected] = {}
        self._tries = dict.fromkeys(range(len(photos)), 0)
        self._rows: list[int] = []
        self._worker: _Worker | None = None
        self._stillborn = 0
        if photos:
            self._ask(list(range(len(photos))))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()

    def results(self) -> list[Photo | Rejected]:
        while self._worker is not None:
            worker, self._worker = self._worker, None
            try:
                whole = worker.waited()
                at, done = worker.take_results(self._rows, self._found)
            except BaseException:
                worker.kill()
                raise
            if whole and done == len(self._rows):
                self._workers.give(worker)
            else:
                self._blame(worker, at, done)
            rest = [row for row in range(len(self._photos)) if row not in self._found]
            if rest:
                # What ended a process is tried again alone, after the others.
                first = [row for row in rest if not self._tries[row]]
                self._ask(first or rest[:1])
        found = [self._found[row] for row in range(len(self._photos))]
        fit, _, side = self._how
        self._workers.compiler.count(_resized(found, fit, side))
        return found

    def _blame(self, worker: _Worker, at: int, done: int) -> None:
        """Note what the photo `at` did to its worker."""
        status = worker.kill()
        if at == wire.NONE or at >= len(self._rows) or done > at:
            self._stillborn += 1
            if self._stillborn >= STARTS:
                self._stillborn = 0
                self._blame_all(status)
            return
        row, limits = self._rows[at], self._how[1]
        self._tries[row] += 1
        if status in _TIME or worker.hung:
            detail = f"decoding took more than {limits.seconds:g} s: its process was ended"
            self._found[row] = Rejected("E_TIMEOUT", detail, stage="decode")
        elif self._tries[row] >= TRIES:
            detail = f"it ended the process that decoded it, {TRIES} times ({_named(status)})"
            self._found[row] = Rejected("E_CRASHED", detail, stage="decode")

    def _blame_all(self, status: int) -> None:
        """Workers end, and none says over which photo: are they broken, or did a photo take over what they say?"""
        if not self._workers.work():
            raise LookalikeError(
                f"the process that decodes photos ends at once (status {status}): set LOOKALIKE_DEBUG=1 to see what "
                "it says",
                code="E_WORKER",
            )
        for row in self._rows:
            self._tries[row] += 1  # from now on each alone
        if len(self._rows) == 1:
            detail = f"it ended the process that decoded it, {STARTS} times ({_named(status)})"
            self._found.setdefault(self._rows[0], Rejected("E_CRASHED", detail, stage="decode"))

    def _ask(self, rows: list[int]) -> None:
        worker = self._workers.take()
        self._rows = rows
        try:
            loops = self._workers.compiler.pays(worker.asked)
            worker.ask([self._photos[row] for row in rows], *self._how, loops=loops)
        except BaseException:
            worker.kill()
            raise
        self._worker = worker


class _Worker:
    """One process, the socket to it and the memory that both see."""

    def __init__(self, command: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        self._memory = _shared_file()
        self._map: mmap.mmap | None = None
        self._socket = ours
        self.asked = 0
        self.hung = False
        with theirs:
            descriptors = (theirs.fileno(), self._memory)
            try:
                self._process = subprocess.Popen(  # noqa: S603  our own module
                    [*command, *map(str, descriptors)],
                    pass_fds=descriptors,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=None if os.environ.get("LOOKALIKE_DEBUG") else subprocess.DEVNULL,
                    env=environment(**_ENVIRONMENT),
                    process_group=0,
                )
            except OSError as exc:
                ours.close()
                os.close(self._memory)
                raise LookalikeError(
                    f"no process can be started to decode photos ({exc}): give this program more processes and memory",
                    code="E_WORKER",
                ) from exc

    def ask(self, photos: Sequence[bytes], fit: Fit, limits: ImageLimits, side: int, *, loops: bool) -> None:
        """Send photos; what a worker that is gone would have said is seen when it is waited for."""
        self.asked += len(photos)
        self._request = request = wire.laid_out([len(data) for data in photos], fit, limits, side, loops=loops)
        if self._map is None or len(self._map) < request.size:
            os.ftruncate(self._memory, request.size)
            self._map = mmap.mmap(self._memory, request.size)
        wire.put_progress(self._map, wire.NONE, 0)
        for data, (start, length) in zip(photos, request.files, strict=True):
            self._map[start : start + length] = data
        self._socket.settimeout(len(photos) * limits.seconds * (BUSY + 1) + SLACK)
        try:
            self._socket.sendall(request.encoded())
        except (ConnectionError, TimeoutError):
            return

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def waited(self) -> bool:
        """Whether it answered; else it is gone, or hung."""
        try:
            return self._socket.recv(1) == b"."
        except TimeoutError:
            self.hung = True
            return False
        except ConnectionError:
            return False

    def take_results(self, rows: Sequence[int], found: dict[int, Photo | Rejected]) -> tuple[int, int]:
        """Add what is done to `found`; returns which photo was begun last, and how many are done."""
        if self._map is None:
            raise ValueError("this worker was not asked for anything")
        at, done = wire.progress(self._map)
        if not (wire.NONE <= at < len(rows) and 0 <= done <= len(rows)):
            at, done = wire.NONE, 0
        for row, slot in list(zip(rows, self._request.slots, strict=True))[: max(0, done)]:
            try:
                found[row] = wire.taken(self._map, slot, self._request)
            except (ValueError, TypeError, KeyError):
                detail = "the process that decoded it answered nonsense"
                found[row] = Rejected("E_CRASHED", detail, stage="decode")
        return at, done

    def end(self) -> None:
        """Tell it to end, without waiting; `kill` must follow."""
        self._process.kill()

    def kill(self) -> int:
        """End it now; returns its exit status, negative for a signal."""
        # One that ended by itself is asked for its own reason.
        try:
            status = self._process.wait(0 if self.hung else 0.5) if self._closed() else None
        except subprocess.TimeoutExpired:
            status = None
        if status is None:
            self._process.kill()
            status = self._process.wait()
        self._release()
        return status

    def _closed(self) -> bool:
        """Whether the other side of the socket is closed."""
        try:
            self._socket.setblocking(False)
            return self._socket.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _release(self) -> None:
        self._socket.close()
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1


def _shared_file() -> int:
    """A file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lookalike", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _resized(found: Sequence[Photo | Rejected], fit: Fit, side: int) -> int:
    """How many photos were resized: for the others, loops that resize are not worth loading."""
    return sum(isinstance(one, Photo) and is_resized(one.width, one.height, fit, side) for one in found)


def _named(status: int) -> str:
    try:
        return signal.strsignal(-status) or f"signal {-status}" if status < 0 else f"status {status}"
    except ValueError:
        return f"signal {-status}"


HERE = Here()
WORKERS = Workers()
"""The workers of this process, for all who decode in it."""
atexit.register(WORKERS.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WORKERS.forget)
