"""Photos to items: what a run was given is found, embedded where new or changed, and committed in steps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np

from lookalike import images
from lookalike.engines import Engine, cores
from lookalike.errors import Interrupted, NotFound, Rejected, UsageError
from lookalike.options import IndexOptions
from lookalike.pipeline import rows
from lookalike.pipeline.embed import Embedded, Embedder, Failed, Outcome, Task, Twin, Unchanged
from lookalike.pipeline.fitting import is_fit_due, renew_whitening
from lookalike.pipeline.freeing import hand_back
from lookalike.pipeline.loading import load_vectors
from lookalike.pipeline.metadata import plan_metadata
from lookalike.records import Failure, Floats, Indexed, Input, Progress, Value
from lookalike.store import Append, Change, Delete, Store, Upsert, schema

COMMIT_EVERY = 1_024
"""Outcomes between two commits: with `COMMIT_SECONDS`, what an interrupted run may have to do again."""
COMMIT_SECONDS = 15.0
TOGETHER, FEWEST = 16, 4
"""Photos that a worker takes at a time, and toward the end of a run: so that all are done at about the same time."""
THUMBNAIL_SIDE = images.THUMBNAIL_SIDE
PRUNE_SHARE = 0.10

Item = TypeVar("Item")
Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was given, found but not read: nothing is written before this exists."""

    found: images.Found
    rows: Mapping[str, Mapping[str, Value]]
    unmatched: int
    notices: tuple[str, ...]


def plan(sources: Sequence[str | os.PathLike[str]], options: IndexOptions) -> Plan:
    """Find the inputs of `sources` and what the metadata says of them.

    Raises `NotFound` for a source that is not there and `UsageError` for two inputs with one id.
    """
    found = images.find(sources, root=options.root)
    said = {item.id: item.metadata for item in found.inputs if item.metadata is not None}
    unmatched, notices = 0, []
    if not found.inputs and not found.rejected:
        notices.append(f"no photos in {', '.join(found.sources)}")
    if options.metadata is not None:
        matched = images.match_metadata(options.metadata, found.inputs)
        said |= {item: {**said.get(item, {}), **row} for item, row in matched.rows.items()}
        unmatched = matched.unmatched
        notices += [f"{options.metadata.name}, line {line}: {reason}" for line, reason in matched.bad]
    return Plan(found, said, unmatched, tuple(notices))


def begin(plan: Plan, options: IndexOptions) -> None:
    """Start the processes that will decode the photos of a new catalog, so that they come up while it is made."""
    if options.isolated and options.engine == "local":
        images.WORKERS.begin(_workers(len(plan.found.inputs)))


def index(
    store: Store,
    plan: Plan,
    options: IndexOptions,
    engine: Engine,
    *,
    vectors: Mapping[str, Floats] | None = None,
    progress: Progress | None = None,
    confirm: Confirm | None = None,
) -> Indexed:
    """Bring the catalog up to date with `plan`; commits as it goes, so that it can be stopped at any time.

    `vectors`, by id, take the place of the network's.

    Raises `Interrupted` after Ctrl-C, with all that was done committed, and `UsageError` where pruning needs a
    yes that `confirm` does not give.
    """
    started = time.perf_counter()
    with store.writing():
        run = _Run(store, plan, options, vectors)
        gone = run.gone(confirm) if options.prune else ()
        tasks, settled = run.tasks()
        done = 0
        try:
            run.start()
            run.take(settled)
            images.WORKERS.expect(sum(task.known is None for task in tasks))
            for outcomes in engine.run(run.embedder(run.contents), _shared_out(tasks)):
                run.take(outcomes)
                done += len(outcomes)
                if progress:
                    progress("index", done, len(tasks))
            run.finish(engine)
        except KeyboardInterrupt:
            run.commit()
            raise Interrupted(
                f"stopped after {done} of {len(tasks)} photos; what was committed is kept: "
                "run the same command again to go on from there"
            ) from None
        run.prune(gone)
        if is_fit_due(store, refit=options.refit):
            images.WORKERS.close()  # a fit comes after many photos; what they took is not to lie beside what it takes
            hand_back()
            renew_whitening(store, refit=options.refit)
            hand_back()
        return run.result(time.perf_counter() - started)


def remove(store: Store, ids: Sequence[str]) -> int:
    """Remove items and what is known of them, under `writing`; see `Catalog.remove`."""
    asked = dict.fromkeys(ids)
    there = set(store.read(schema.ITEMS, ["id"], ids=list(asked))["id"].to_pylist())
    missing = [item for item in asked if item not in there]
    if missing:
        raise NotFound(f"{len(missing)} of {len(asked)} ids are no items, {missing[0]!r} first: nothing was removed")
    if asked:
        changes = [Delete(table, list(asked)) for table in (schema.ITEMS, schema.METADATA)]
        store.commit(f"{len(asked)} removed", changes, vectors_changed=True)
    return len(asked)


@dataclass(slots=True)
class _Pending:
    """What the next commit will write: new rows by id, inputs with new metadata only, new failures by id."""

    items: dict[str, rows.Row] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    failures: dict[str, rows.Row] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        count = len(self.inputs) + len(self.failures)
        return count >= COMMIT_EVERY or (count > 0 and time.monotonic() - self.since > COMMIT_SECONDS)


class _Run:
    """The state of one `index` run."""

    def __init__(
        self, store: Store, plan: Plan, options: IndexOptions, vectors: Mapping[str, Floats] | None = None
    ) -> None:
        self.store, self.plan, self.options, self.vectors = store, plan, options, vectors
        stored = store.read(schema.ITEMS, ["id", "sha256", "source"]).to_pylist()
        failures = store.read(schema.FAILURES).to_pylist()
        self.items = {row["id"]: row["sha256"] for row in stored}
        self.failures: dict[str, rows.Row] = {row["id"]: row for row in failures}
        self.sources = {row["id"]: row["source"] for row in stored + failures}
        self.contents = {row["sha256"]: row["id"] for row in stored}
        self.metadata = plan_metadata(store, plan.rows, [item.id for item in plan.found.inputs])
        self.pending = _Pending()
        self.twins: list[Twin] = []
        self.owners: dict[str, str] = {}
        self.reasons: dict[str, Rejected] = {}
        self.added = self.updated = self.unchanged = self.removed = self.embedded = 0
        self.failed: list[Failure] = []

    def embedder(self, contents: Mapping[str, str]) -> Embedder:
        """The work on a batch, for photos other than `contents` (checksum -> id)."""
        decoder = None if self.options.isolated else images.HERE
        limits = self.options.limits
        return Embedder(self.store.head.model, limits, THUMBNAIL_SIDE, contents, self.vectors, decoder)

    def gone(self, confirm: Confirm | None) -> tuple[str, ...]:
        """Ids of these sources that are no longer in them; asks before a large loss."""
        found = self.plan.found
        there = {item.id for item in found.inputs} | {item.id for item, _ in found.rejected}
        gone = tuple(item for item, source in self.sources.items() if source in found.sources and item not in there)
        count = sum(item in self.items for item in gone)
        if count > PRUNE_SHARE * len(self.items) and not self.options.yes:
            question = f"--prune would remove {count} of {len(self.items)} items, more than {PRUNE_SHARE:.0%}"
            if confirm is None or not confirm(question):
                raise UsageError(f"{question}: nothing was removed; check the SOURCE, or say --yes")
        return gone

    def tasks(self) -> tuple[list[Task], list[Unchanged]]:
        """What the engine is to look at, with the checksum that needs no second look; and what it need not look at.

        With `retry` these are the photos of items: what failed, and what is new, is all that is read.
        """
        remembered = {} if self.options.retry else {name: row["sha256"] for name, row in self.failures.items()}
        known = remembered | self.items
        if self.vectors is not None:
            ids, stored = load_vectors(self.store)
            for item, vector in zip(ids, stored, strict=True):
                if item in self.vectors and not np.array_equal(vector, self.vectors[item]):
                    known[item] = None
            for item, row in self.failures.items():
                if item in self.vectors and row["code"] == "E_NO_VECTOR":
                    known[item] = None
        tasks = [Task(item, known.get(item.id)) for item in self.plan.found.inputs]
        if not self.options.retry:
            return tasks, []
        settled = {task.input.id for task in tasks if task.known is not None}
        unread = [Unchanged(task.input) for task in tasks if task.input.id in settled]
        return [task for task in tasks if task.input.id not in settled], unread

    def start(self) -> None:
        """Settle what needs no photo: the columns of the metadata, and inputs that were refused unread."""
        if self.metadata.replaced is not None:
            self.store.commit("index: metadata columns", [self.metadata.replaced])
        for item, reason in self.plan.found.rejected:
            self._fail(item, None, reason)

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Note outcomes; commit when enough have come together."""
        for outcome in outcomes:
            match outcome:
                case Embedded() if self.vectors is None and self._is_twin(outcome):
                    self.twins.append(Twin(outcome.input, outcome.sha256))
                case Embedded():
                    self.embedded += 1
                    self.contents[outcome.sha256] = outcome.input.id
                    self._put(outcome.input, rows.embedded_row(outcome))
                case Twin():
                    self.twins.append(outcome)
                case Failed():
                    if outcome.sha256 is not None:
                        self.reasons[outcome.sha256] = outcome.reason
                    self._fail(outcome.input, outcome.sha256, outcome.reason)
                case Unchanged():
                    self._same(outcome.input)
        if self.pending.is_due():
            self.commit()

    def finish(self, engine: Engine) -> None:
        """Settle photos whose bytes are another photo's, then commit the rest."""
        while self.twins:
            settled, self.twins = self.twins, []
            alone: list[Task] = []
            for twins in _batched(settled, COMMIT_EVERY):
                alone += self._settle(twins)
                if self.pending.is_due():
                    self.commit()
            # Their other has changed in this run: the first of them is embedded itself, and the rest are its twins.
            for outcomes in engine.run(self.embedder({}), ([task] for task in alone)):
                self.take(outcomes)
        self.commit()

    def prune(self, gone: Sequence[str]) -> None:
        """Remove what is no longer in its source."""
        if not gone:
            return
        self.removed = sum(item in self.items for item in gone)
        changes = [Delete(table, gone) for table in (schema.ITEMS, schema.METADATA, schema.FAILURES)]
        self.store.commit(f"index: {self.removed} pruned", changes, vectors_changed=self.removed > 0)

    def result(self, seconds: float) -> Indexed:
        """The counts of this run."""
        return Indexed(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            removed=self.removed,
            failed=len(self.failed),
            ignored=self.plan.found.ignored,
            embedded=self.embedded,
            unmatched=self.plan.unmatched,
            total=self.store.head.rows.get(schema.ITEMS, 0),
            seconds=seconds,
            failures=tuple(self.failed),
        )

    def commit(self) -> None:
        """Write what is pending in one step."""
        pending, self.pending = self.pending, _Pending()
        dimension = self.store.head.model.dimension
        changes: list[Change] = []
        fresh = [row for item, row in pending.items.items() if item not in self.items]
        changed = [row for item, row in pending.items.items() if item in self.items]
        healed = [item for item in pending.items if item in self.failures]
        lost = [item for item in pending.failures if item in self.items]
        if fresh:
            changes.append(Append(schema.ITEMS, rows.items_table(fresh, dimension)))
        if changed:
            changes.append(Upsert(schema.ITEMS, rows.items_table(changed, dimension)))
        if pending.inputs:
            changes.append(Upsert(schema.METADATA, self.metadata.table(pending.inputs)))
        if healed:
            changes.append(Delete(schema.FAILURES, healed))
        if lost:
            changes += [Delete(schema.ITEMS, lost), Delete(schema.METADATA, lost)]
        if pending.failures:
            changes.append(Upsert(schema.FAILURES, rows.failures_table(pending.failures.values())))
        if not changes:
            return
        message = f"index: {len(pending.items)} items, {len(pending.failures)} failures"
        self.store.commit(message, changes, vectors_changed=bool(pending.items or lost))
        self.items.update((item, row["sha256"]) for item, row in pending.items.items())
        for item in lost:
            del self.items[item]

    def _is_twin(self, outcome: Embedded) -> bool:
        """Whether another photo of these bytes went through the network in this run, in another process."""
        return self.owners.setdefault(outcome.sha256, outcome.input.id) != outcome.input.id

    def _put(self, item: Input, row: rows.Row) -> None:
        if item.id in self.items:
            self.updated += 1
        else:
            self.added += 1
        self.pending.items[item.id] = row
        self.pending.inputs.append(item)

    def _same(self, item: Input) -> None:
        if item.id not in self.items:
            self.failed.append(rows.failure_of(self.failures[item.id]))
        elif item.id in self.metadata.changed:
            self.updated += 1
            self.pending.inputs.append(item)
        else:
            self.unchanged += 1

    def _fail(self, item: Input, sha256: str | None, reason: Rejected) -> None:
        row = before = self.failures.get(item.id)
        # What could not even be read before, and still cannot for the same reason, is nothing new.
        if row is None or row["sha256"] != sha256 or sha256 is not None or row["code"] != reason.code:
            row = self.pending.failures[item.id] = rows.failure_row(item, sha256, reason, before)
        self.failed.append(rows.failure_of(row))

    def _settle(self, twins: Sequence[Twin]) -> list[Task]:
        """Give twins the vector of their other; return those whose other is no longer there."""
        owners = sorted({self.contents[twin.sha256] for twin in twins if twin.sha256 in self.contents})
        there = [self.pending.items[owner] for owner in owners if owner in self.pending.items]
        stored = [owner for owner in owners if owner not in self.pending.items]
        others = {row["sha256"]: row for row in [*there, *self.store.read(schema.ITEMS, ids=stored).to_pylist()]}
        alone = []
        for twin in twins:
            if twin.sha256 in others:
                self._put(twin.input, rows.twin_row(twin, others[twin.sha256]))
            elif twin.sha256 in self.reasons:
                self._fail(twin.input, twin.sha256, self.reasons[twin.sha256])
            else:
                alone.append(Task(twin.input))
        return alone


def _workers(photos: int) -> int:
    """How many threads, and processes that decode, so many photos are worth: another costs as much as 16 photos."""
    return min(cores(), -(-photos // TOGETHER))


def _shared_out(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """Batches of `TOGETHER`; of what is left at the end, half of each worker's share, but at least `FEWEST`."""
    start, workers = 0, _workers(len(tasks))
    least = FEWEST if workers > 1 else TOGETHER
    while start < len(tasks):
        share = -(-(len(tasks) - start) // (2 * workers))
        stop = start + min(TOGETHER, max(least, share))
        yield tasks[start:stop]
        start = stop


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
