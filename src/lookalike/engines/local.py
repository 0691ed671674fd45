"""Engines on this machine: threads, and the light twin that does one batch after the other."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """One thread a core, each taking whole batches from reading to vector, so that no core waits for another.

    Decoding and inference release the interpreter's lock. `workers` defaults to the cores of this process.
    """

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` in order; see `Engine.run`."""
        todo = iter(batches)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="lookalike")
        try:
            pending: deque[Future[Result]] = deque(pool.submit(work, batch) for batch in islice(todo, 4 * self.workers))
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(work, batch) for batch in islice(todo, 1))
                yield result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class InlineEngine:
    """Does each batch when it is asked for, in the caller's thread."""

    name = "inline"

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` in order; see `Engine.run`."""
        return map(work, batches)
