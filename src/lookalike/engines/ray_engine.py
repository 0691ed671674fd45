"""The engine for a Ray cluster: one actor a CPU, each taking whole batches from reading to vector.

As on one machine, nothing but the disk is waited for: an actor reads, decodes and embeds, so there are no readers that
actors could starve. Ray starts processes, carries batches and outcomes, and says when a process has died. Which batch
is done again and when one is given up is decided here, where it is known what was in it.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import Any, Generic, TypeVar

from lookalike.engines.base import Divisible
from lookalike.errors import LookalikeError, UsageError

Batch = TypeVar("Batch")
Result = TypeVar("Result")

AHEAD = 3
"""Batches that an actor has at a time: one that it works on, the others so that it need not wait."""
TRIES = 3
"""Deaths of workers over one batch before it is cut into its parts, and over one part before it is given up."""
START_SECONDS = 300.0


class RayEngine:
    """Runs batches in Ray actors, one a CPU of the cluster that `RAY_ADDRESS` names, else of this machine.

    `workers` None: as many as the cluster has CPUs. A worker that dies is replaced and its batches are done again. A
    batch over which `TRIES` workers died is cut into its parts; a part over which as many died is given up, where the
    work says how (see `Divisible`), else `LookalikeError` is raised. Raises `UsageError` where Ray is not installed.
    """

    name = "ray"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers
        self._ray = _import_ray()

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` in order; see `Engine.run`. Closing the iterator stops what runs."""
        todo = iter(batches)
        first = list(islice(todo, 1))
        if not first:
            return
        crew = _Crew(self._ray, work, self.workers)
        try:
            pending = deque(crew.submit(batch) for batch in [*first, *islice(todo, AHEAD * crew.size - 1)])
            while pending:
                result = crew.result(pending.popleft())
                pending.extend(crew.submit(batch) for batch in islice(todo, 1))
                yield result
        finally:
            crew.dismiss()


class _Worker:
    """What runs in an actor."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def ready(self) -> bool:
        """Answers once the actor has started."""
        return True

    def do(self, batch: Any) -> Any:
        """The result of one batch."""
        return self._work(batch)


@dataclass(slots=True)
class _Job(Generic[Batch]):
    batch: Batch
    actor: Any
    ref: Any
    deaths: int = 0


class _Crew:
    """The actors of one run: who is ready, who has how much to do, who died over what."""

    def __init__(self, ray: Any, work: Callable[[Any], Any], workers: int | None) -> None:
        self._ray = ray
        self._deaths = _deaths(ray)
        connect(ray)
        self.size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._work = work
        self._shipped = ray.put(work)
        # what dies is replaced here and not restarted by Ray, so that no batch is sent to an actor that is not there
        self._class = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        self._starting: dict[Any, Any] = {}
        self._load: dict[Any, set[Any]] = {}
        self._failed_starts = 0
        for _ in range(self.size):
            self._hire()

    def submit(self, batch: Batch, deaths: int = 0) -> _Job[Batch]:
        """Give a batch to the actor with the least to do."""
        self._await_any()
        unfinished = [ref for refs in self._load.values() for ref in refs]
        if unfinished:
            done, _ = self._ray.wait(unfinished, num_returns=len(unfinished), timeout=0, fetch_local=False)
            finished = set(done)
            for refs in self._load.values():
                refs.difference_update(finished)
        actor = min(self._load, key=lambda one: len(self._load[one]))
        ref = actor.do.remote(batch)
        self._load[actor].add(ref)
        return _Job(batch, actor, ref, deaths)

    def result(self, job: _Job[Any]) -> Any:
        """The result of a job, done again if its worker died."""
        while True:
            try:
                return self._ray.get(job.ref)
            except self._ray.exceptions.RayTaskError as exc:
                raise getattr(exc, "cause", None) or exc from None
            except self._deaths:
                # only the batch that it worked on is to blame, which is asked for before those that waited behind it
                deaths = job.deaths + self._replace(job.actor)
                if deaths == TRIES:
                    return self._part_by_part(job.batch)
                job = self.submit(job.batch, deaths)

    def dismiss(self) -> None:
        """Stop all actors."""
        for actor in [*self._load, *self._starting.values()]:
            self._ray.kill(actor)
        self._load.clear()
        self._starting.clear()

    def _part_by_part(self, batch: Any) -> Any:
        if not isinstance(self._work, Divisible):
            raise LookalikeError(f"{TRIES} workers died over one batch: see the logs of Ray", code="E_WORKER")
        parts = self._work.split(batch)
        if len(parts) > 1:
            return self._work.join([self.result(self.submit(part)) for part in parts])
        return self._work.lost(batch, f"{TRIES} processes died while they worked on it: the next run tries it again")

    def _hire(self) -> None:
        actor = self._class.remote(self._shipped)
        self._starting[actor.ready.remote()] = actor

    def _replace(self, actor: Any) -> bool:
        """Hire another in the place of a dead one; False if that was done before."""
        if self._load.pop(actor, None) is None:
            return False
        self._ray.kill(actor)
        self._hire()
        return True

    def _await_any(self) -> None:
        """Take up the actors that have started; wait for one if there is none."""
        while self._starting:
            wait = 0.0 if self._load else START_SECONDS
            done, _ = self._ray.wait(list(self._starting), num_returns=1, timeout=wait)
            if not done:
                break
            actor = self._starting.pop(done[0])
            try:
                self._ray.get(done[0])
            except self._deaths as exc:
                self._failed_starts += 1
                if self._failed_starts > TRIES * self.size:
                    raise LookalikeError(
                        f"Ray's workers do not start: {' '.join(str(exc).split())[:300]}", code="E_WORKER"
                    ) from exc
                self._hire()
            else:
                self._failed_starts = 0
                self._load[actor] = set()
        if not self._load:
            raise LookalikeError(
                f"no worker of Ray has started in {START_SECONDS:.0f} s: the cluster has no free CPU, wait or add some",
                code="E_WORKER",
            )


def _import_ray() -> Any:
    # asked before Ray is loaded, which reads them then
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return import_module("ray")
    except ImportError as exc:
        raise UsageError("--engine ray needs Ray: pip install 'lookalike[ray]', or leave --engine out") from exc


def connect(ray: Any, **options: Any) -> None:
    """Join the cluster that `RAY_ADDRESS` names, else start one on this machine, unless that was done already."""
    if not ray.is_initialized():
        try:
            with warnings.catch_warnings():
                # Ray's processes are other programs, so what Lance says of forks does not concern them
                warnings.filterwarnings("ignore", message="lance is not fork-safe")
                ray.init(include_dashboard=False, log_to_driver=False, logging_level="error", **options)
        except (OSError, RuntimeError, ValueError) as exc:
            where = os.environ.get("RAY_ADDRESS", "this machine")
            raise LookalikeError(f"Ray cannot be reached at {where}: {exc}", code="E_WORKER") from exc
        # Ray reports dead workers on stdout, which is not its place: here they are counted and replaced
        import_module("ray._private.worker").__dict__["_worker_logs_enabled"] = False


def _deaths(ray: Any) -> tuple[type[Exception], ...]:
    """Errors that say that a process or what it made is gone, and not that the work failed."""
    errors = ray.exceptions
    return (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError)
