"""A store driven through a fixed sequence of commits, and what must be in it after each: for the scripts that break it.

Version v of the catalog is made by `step(store, v)`, which depends on v alone; `plan(v)` says, without a store, which
ids it then holds, with which vectors, and which failures. So any state that is found on disk can be judged.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from lookalike import models
from lookalike.records import Floats
from lookalike.store import Append, Change, Delete, LanceStore, Upsert, schema
from lookalike.store.manifest import list_versions
from lookalike.store.place import place_of

DIMENSION = 8
FACTS = replace(models.facts("tiny"), dimension=DIMENSION)


@dataclass(frozen=True, slots=True)
class Step:
    """One commit: ids that are new, changed, gone, and ids that become failures."""

    fresh: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What the catalog holds: the version that last wrote each id, and the ids of the failures."""

    items: dict[str, int]
    failures: frozenset[str]


_STATES: list[tuple[Step, State]] = [(Step(), State({}, frozenset())), (Step(), State({}, frozenset()))]


def plan(version: int) -> tuple[Step, State]:
    """The commit that makes a version, and the state after it."""
    while len(_STATES) <= version:
        _STATES.append(_next(len(_STATES), _STATES[-1][1]))
    return _STATES[version]


def _next(version: int, before: State) -> tuple[Step, State]:
    rng = random.Random(version)
    ids = sorted(before.items)
    kind = rng.random()
    if kind < 0.55 or len(ids) < 6:
        step = Step(fresh=tuple(f"{version:05d}-{n}" for n in range(rng.randint(1, 4))))
    elif kind < 0.7:
        step = Step(changed=tuple(rng.sample(ids, 2)), fresh=(f"{version:05d}-0",))
    elif kind < 0.85 or len(ids) > 60:
        step = Step(gone=tuple(rng.sample(ids, min(len(ids) - 3, 12 if len(ids) > 60 else 2))))
    else:
        step = Step(failed=tuple(rng.sample(ids, 1)))
    kept = {item: made for item, made in before.items.items() if item not in step.gone + step.failed}
    kept |= dict.fromkeys(step.fresh + step.changed, version)
    return step, State(kept, before.failures | frozenset(step.failed))


def vector(item: str, version: int) -> Floats:
    """The vector that a version gives an id."""
    return np.random.default_rng([version, *item.encode()]).random(DIMENSION, np.float32)


def step(store: LanceStore, version: int) -> None:
    """Make `version`, which must be the next one; under `writing`."""
    assert store.head.version == version - 1
    todo, _ = plan(version)
    changes: list[Change] = []
    if todo.fresh:
        changes.append(Append(schema.ITEMS, _items(todo.fresh, version)))
    if todo.changed:
        changes.append(Upsert(schema.ITEMS, _items(todo.changed, version)))
    if todo.gone:
        changes.append(Delete(schema.ITEMS, todo.gone))
    if todo.failed:
        changes += [Delete(schema.ITEMS, todo.failed), Upsert(schema.FAILURES, _failures(todo.failed))]
    store.commit(f"step {version}", changes, vectors_changed=True)


def wrong(folder: Path, at_least: int) -> tuple[int, str | None]:
    """The version that a folder opens at, and what is wrong with it (None: nothing) if `at_least` was acknowledged."""
    store = LanceStore.open(folder)
    version = store.head.version
    if not at_least <= version <= at_least + 1:
        return version, f"version {version} opens, {at_least} was acknowledged"
    return version, differs(store, version)


def differs(store: LanceStore, version: int) -> str | None:
    """How the rows of a store differ from those of a version, byte for byte; None: not at all."""
    _, state = plan(version)
    rows = store.read(schema.ITEMS, ["id", "vector"]).to_pylist()
    found = [row["id"] for row in rows]
    if sorted(found) != sorted(state.items):
        lost, more = set(state.items) - set(found), set(found) - set(state.items)
        return f"{len(lost)} ids lost, {len(more)} more, {len(found) - len(set(found))} doubled"
    for row in rows:
        if np.array(row["vector"], np.float32).tobytes() != vector(row["id"], state.items[row["id"]]).tobytes():
            return f"another vector of {row['id']}"
    failures = store.read(schema.FAILURES, ["id"])["id"].to_pylist()
    return None if sorted(failures) == sorted(state.failures) else "other failures"


def drive(folder: Path, until: int) -> None:
    """Make or open a catalog and bring it to version `until`; says `ready`, then each version that is acknowledged."""
    store = LanceStore.open(folder) if list_versions(place_of(folder)) else LanceStore.create(folder, FACTS)
    with store.writing():
        while store.head.version < until:
            print(store.head.version, flush=True)
            step(store, store.head.version + 1)
    print(store.head.version, flush=True)


def _items(ids: tuple[str, ...], version: int) -> pa.Table:
    count = len(ids)
    vectors = np.concatenate([vector(item, version) for item in ids])
    columns = {
        "id": list(ids),
        "path": list(ids),
        "raw_path": [None] * count,
        "source": ["s"] * count,
        "sha256": [f"{version:064d}"] * count,
        "format": ["PNG"] * count,
        "width": [4] * count,
        "height": [3] * count,
        "frames": [1] * count,
        "degraded": [False] * count,
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIMENSION),
        "thumbnail": [b"picture"] * count,
        "color": [None] * count,
        "outline": [None] * count,
    }
    return pa.table(columns, schema=schema.items(DIMENSION))


def _failures(ids: tuple[str, ...]) -> pa.Table:
    row = {"path": "p", "source": "s", "stage": "decode", "code": "E_DECODE", "detail": "d", "attempts": 1, "at": "now"}
    return pa.Table.from_pylist([{"id": item, **row, "sha256": None} for item in ids], schema=schema.failures())
