"""Engines on this machine: threads, and the light twin that does one batch after the other."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from lookalike import timeslice
from lookalike.engines.base import Overlapping

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """One thread a core, each taking whole batches from reading to vector, so that no core waits for another.

    Decoding and inference release the interpreter's lock. A thread begins its next batch before it finishes the one at
    hand where the work says how (see `Overlapping`). `workers` defaults to the cores of this process.
    """

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` in order; see `Engine.run`."""
        lanes = _Lanes(work if isinstance(work, Overlapping) else _Whole(work), self.workers)
        todo = iter(batches)
        pending: deque[Future[Result]] = deque()
        try:
            pending.extend(lanes.put(batch) for batch in islice(todo, 4 * self.workers))
            while pending:
                result = pending.popleft().result()
                pending.extend(lanes.put(batch) for batch in islice(todo, 1))
                yield result
        finally:
            lanes.close()


class _Whole:
    """Work that knows of no two steps."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def begin(self, batch: Any) -> Any:
        return batch

    def finish(self, begun: Any, following: Any = None) -> Any:
        del following
        return self._work(begun)

    def drop(self, begun: Any) -> None:
        pass


class _Lanes:
    """Threads that take batches from a queue; each has at most one begun while it finishes another."""

    def __init__(self, work: Overlapping, workers: int) -> None:
        self._work, self._workers = work, workers
        self._waiting: SimpleQueue[tuple[Any, Future[Any]] | None] = SimpleQueue()
        self._closing = False
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="lookalike")
        for _ in range(workers):
            self._pool.submit(self._lane)

    def put(self, batch: Any) -> Future[Any]:
        """A batch to be worked on."""
        future: Future[Any] = Future()
        self._waiting.put((batch, future))
        return future

    def close(self) -> None:
        """End the threads: what runs is waited for, what is begun is dropped."""
        self._closing = True
        for _ in range(self._workers):
            self._waiting.put(None)
        self._pool.shutdown(wait=True)

    def _lane(self) -> None:
        timeslice.lengthen()
        at_hand: tuple[Any, Future[Any]] | None = None
        while True:
            taken = self._taken(wait=at_hand is None)
            if self._closing:
                if at_hand is not None:
                    self._work.drop(at_hand[0])
                return
            following = None if taken is None else self._begun(*taken)
            if at_hand is not None:
                begun, future = at_hand
                try:
                    future.set_result(self._work.finish(begun, None if following is None else following[0]))
                except BaseException as exc:  # whoever waits for the result is told, whatever it is
                    future.set_exception(exc)
            at_hand = following

    def _taken(self, *, wait: bool) -> tuple[Any, Future[Any]] | None:
        """The next batch; without `wait` only while there are enough for every thread, else none."""
        if not wait and self._waiting.qsize() < self._workers:
            return None
        try:
            return self._waiting.get(block=wait)
        except Empty:
            return None

    def _begun(self, batch: Any, future: Future[Any]) -> tuple[Any, Future[Any]] | None:
        try:
            return self._work.begin(batch), future
        except BaseException as exc:  # as above
            future.set_exception(exc)
            return None


class InlineEngine:
    """Does each batch when it is asked for, in the caller's thread."""

    name = "inline"

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` in order; see `Engine.run`."""
        return map(work, batches)
