"""Work that keeps a core busy: as much at once as there are cores, fair between clients, and never a long queue.

Each client has a queue of its own and they take turns (fair queueing, Nagle 1987, RFC 970), so one that asks for
much waits for itself. Where the wait would be longer than people wait, the newest request of the longest queue is told
to come again (McKenney 1990): an early "later" is worth more than a late answer. Threads take their next task from the
queues themselves: an event loop with a thousand connections to look after would leave them idle for long.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from lookalike.web.problems import busy, closing

Result = TypeVar("Result")
LEAST = 16
"""Tasks a core that may wait, however long tasks take."""
MEMORY = 0.1
"""How much the newest task counts in the mean of their durations."""
OUTLIER = 4.0
"""A task that takes so many times the mean counts as that."""
IDLE = 30.0
"""Seconds after which a thread without work ends."""


@dataclass(slots=True, eq=False)
class _Job:
    future: asyncio.Future[Any]
    task: Callable[[], Any]

    def run(self) -> None:
        """Do it, in a thread."""
        try:
            result = self.task()
        except BaseException as exc:
            self.tell(exc)
        else:
            self.tell(None, result)

    def tell(self, error: BaseException | None, result: Any = None) -> None:
        """Hand the result, or the error, to who waits for it."""

        def now() -> None:
            if self.future.done():
                return  # nobody waits any longer
            if error is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(error)

        self.future.get_loop().call_soon_threadsafe(now)


class Turns:
    """Runs tasks in threads, `at_once` of them (None: as many as there are cores), others wait about `patience` s."""

    def __init__(self, patience: float = 1.0, at_once: int | None = None) -> None:
        self._at_once = at_once or max(2, os.cpu_count() or 2)
        self._patience = patience
        self._there = threading.Condition()
        self._queues: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._threads = self._idle = 0
        self._spent = 0.02
        self._closed = False
        self.busy = self.waiting = 0

    async def run(self, client: str, task: Callable[..., Result], *given: Any) -> Result:
        """What `task` returns. Raises `Problem` (503) where too many wait, or the server ends."""
        job = _Job(asyncio.get_running_loop().create_future(), partial(task, *given))
        with self._there:
            self._put(client, job)
        try:
            result: Result = await job.future
        except asyncio.CancelledError:
            self._forget(client, job)
            raise
        return result

    def close(self) -> None:
        """The server ends: nobody waits any longer."""
        with self._there:
            self._closed = True
            for queue in self._queues.values():
                for job in queue:
                    job.tell(closing())
            self._queues.clear()
            self.waiting = 0

    def _put(self, client: str, job: _Job) -> None:
        if self._closed:
            raise closing()
        room = max(LEAST * self._at_once, int(self._patience * self._at_once / max(self._spent, 1e-4)))
        if self.waiting >= room:
            longest = max(self._queues, key=lambda name: len(self._queues[name]))
            seconds = max(1, math.ceil(self.waiting * self._spent / self._at_once))
            refusal = busy("too many ask for look-alikes at once: try again in a moment", seconds)
            if len(self._queues.get(client, ())) + 1 >= len(self._queues[longest]):
                raise refusal
            self._queues[longest].pop().tell(refusal)
            self.waiting -= 1
        self._queues.setdefault(client, deque()).append(job)
        self.waiting += 1
        if self.waiting > self._idle and self._threads < self._at_once:
            self._threads += 1
            threading.Thread(target=self._work, name="lookalike-turns", daemon=True).start()
        self._there.notify()

    def _forget(self, client: str, job: _Job) -> None:
        with self._there:
            queue = self._queues.get(client, deque())
            if job in queue:
                queue.remove(job)
                self.waiting -= 1
                if not queue:
                    del self._queues[client]

    def _work(self) -> None:
        """What a thread does."""
        while True:
            with self._there:
                self._idle += 1
                there = self._there.wait_for(lambda: self._queues, IDLE)
                self._idle -= 1
                if not there:
                    self._threads -= 1
                    return
                job = self._next()
                self.busy += 1
            began = time.perf_counter()
            if not job.future.cancelled():
                job.run()
            with self._there:
                self.busy -= 1
                spent = min(time.perf_counter() - began, OUTLIER * self._spent)
                self._spent += MEMORY * (spent - self._spent)

    def _next(self) -> _Job:
        """The first task of the client whose turn it is, which then is the last one's."""
        client, queue = next(iter(self._queues.items()))
        self.waiting -= 1
        job = queue.popleft()
        if queue:
            self._queues.move_to_end(client)
        else:
            del self._queues[client]
        return job
