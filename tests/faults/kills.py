"""Kill -9 at random moments: `python -m tests.faults.kills [--light 900] [--commands 100] [--seed 0]`.

`--light` children drive the store alone, commit after commit; `--commands` are whole `index`, `cluster`, `map` and
`remove`. After each kill: no acknowledged row lost or doubled, every file of it as written. At the end, or after the
rerun: the same ids and vectors, byte for byte, as of an unbroken run. Ends with 1 and says why if not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

import lookalike
from lookalike.pipeline import indexing
from lookalike.store import LanceStore, Store, schema
from tests.faults import replay
from tests.faults.forks import Ended, forked
from tests.faults.moments import Moments

ROUND = 100
"""Light kills on one catalog."""
MEASURED = 25
"""Light kills after which their duration is measured anew."""
AHEAD = 4
"""Commits in the duration over which light kills are spread."""


def light(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Kill children that commit one version after the other, on a new catalog now and then; returns what went wrong."""
    problems: list[str] = []
    killed, acknowledged, during = 0, 0, Counter[str]()
    moments = Moments(rng)
    for start in range(0, count, ROUND):
        several = min(ROUND, count - start)
        until, found = _one_catalog(several, moments, during, folder.with_name(f"light-{start}.catalog"))
        problems += found
        if found:
            break
        killed, acknowledged = killed + several, acknowledged + until
        print(f"  {killed} killed, {acknowledged} versions acknowledged, {dict(during)}", flush=True)
    print(f"light: {killed} killed, {acknowledged} versions acknowledged, {len(problems)} problems")
    print(f"  {moments}", flush=True)
    return problems


def _one_catalog(count: int, moments: Moments, during: Counter[str], folder: Path) -> tuple[int, list[str]]:
    """Kill so many children that drive one catalog; returns the version it came to, and what went wrong."""
    acknowledged = 0
    for number in range(count):
        if number % MEASURED == 0:  # opening takes longer with every version: the moments follow
            until = max(1, acknowledged) + AHEAD
            moments.measured(forked(lambda until=until: replay.drive(folder, until)).seconds)  # type: ignore[misc]
            acknowledged = until
        after = moments.draw()
        done = forked(lambda: replay.drive(folder, 10**9), kill_after=after)
        if done.status != -9:
            return acknowledged, [f"a child ended by itself, status {done.status}"]
        moments.killed(after)
        acknowledged = max([acknowledged, *map(int, done.lines)])
        during[("while it opened", "in its first commit", "in a later one")[min(2, len(done.lines))]] += 1
        if found := _judged(folder, acknowledged):
            return acknowledged, found
    until, problems = acknowledged + 3, []
    for one in (folder, folder.with_suffix(".unbroken")):
        forked(lambda one=one: replay.drive(one, until), timeout=600)  # type: ignore[misc]
        problems += _judged(one, until)
    return until, problems


def _judged(folder: Path, acknowledged: int) -> list[str]:
    def look() -> None:
        version, found = replay.wrong(folder, acknowledged)
        if found is None:
            found = "; ".join(LanceStore.open(folder).check().problems) or None
        if found is not None:
            print(f"version {version}: {found}")

    judged = forked(look)
    return list(judged.lines) if not judged.status else [f"looking at it failed, status {judged.status}"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One command: what it is called, what it is told, and which ids it may take away."""

    name: str
    told: Sequence[str]
    takes: frozenset[str] = frozenset()
    before: Callable[[], object] = lambda: None


def commands(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Kill whole commands, each on a copy of the catalog before it; rerun them, and compare."""
    photos, base = folder / "photos", folder / "base.catalog"
    gone = frozenset(f"{n:03d}.png" for n in (0, 7, 13))
    again = frozenset(f"{n:03d}.png" for n in (1, 2, 40))
    index = ("index", "{}", str(photos), "--model", "tiny", "--metadata", str(folder / "metadata.csv"))
    stages = [
        Stage("index", index, before=lambda: _draw(photos, range(48))),
        Stage("index again", (*index, "--prune", "--yes"), again, lambda: _change(photos, again)),
        Stage("cluster", ("cluster", "{}", "-k", "4", "--max-k", "12")),
        Stage("map", ("map", "{}")),
        Stage("remove", ("remove", "{}", *sorted(gone)), gone),
    ]
    problems: list[str] = []
    for number, stage in enumerate(stages):
        stage.before()
        before, trial = folder / f"before-{number}", folder / "trial.catalog"
        if base.exists():
            shutil.copytree(base, before)
        whole = _run(stage, base)
        if whole.status not in (0, 3):
            return [f"{stage.name} alone ended with {whole.status}"]
        moments = Moments(rng, whole.seconds)
        share = count // len(stages) + (number < count % len(stages))
        killed = 0
        while killed < share and not problems and moments.missed < 20 + 2 * share:
            shutil.rmtree(trial, ignore_errors=True)
            if before.exists():
                shutil.copytree(before, trial)
            after = moments.draw()
            done = _run(stage, trial, kill_after=after)
            if done.status == -9:
                killed += 1
                moments.killed(after)
            else:
                moments.ran_through(done.seconds)
            problems += _compared(stage, trial, before, base)
        print(f"{stage.name}: {killed} killed, {moments.missed} ran through before that, {len(problems)} problems")
        print(f"  {moments}", flush=True)
    return problems


def _run(stage: Stage, catalog: Path, kill_after: float | None = None) -> Ended:
    return forked(lambda: _call(stage.told, catalog), kill_after=kill_after)


def _call(told: Sequence[str], catalog: Path) -> None:
    from lookalike.cli import main

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    indexing.COMMIT_EVERY = 8  # several commits of few photos
    indexing.TOGETHER = 8
    sys.argv = ["lookalike", *(part.format(catalog) for part in told)]
    main()


def _compared(stage: Stage, trial: Path, before: Path, whole: Path) -> list[str]:
    """What is wrong with a catalog after a kill, and after the same command has run through."""

    def after_the_kill() -> None:
        if not (trial / "versions").exists() or not any((trial / "versions").glob("[0-9]*.json")):
            if before.exists():
                print("the catalog is gone")
            return
        found = LanceStore.open(trial)
        for problem in found.check().problems:
            print(problem)
        ids = _ids(found)
        if len(set(ids)) < len(ids):
            print("doubled ids")
        if before.exists():
            lost = set(_ids(LanceStore.open(before))) - set(ids)
            if lost and lost != stage.takes:
                print(f"lost: {sorted(lost)}")

    def after_the_rerun() -> None:
        one, other = lookalike.open(trial).store, lookalike.open(whole).store
        for table in schema.TABLES:
            if not _rows(one, table).equals(_rows(other, table)):
                print(f"table {table} differs from that of an unbroken run")

    problems = list(forked(after_the_kill).lines)
    again = _run(stage, trial)
    if again.status not in (0, 3) and not (stage.name == "remove" and again.status == 2):  # the ids are gone already
        problems.append(f"the rerun ended with {again.status}")
    judged = forked(after_the_rerun)
    problems += [*judged.lines, *([f"comparing failed, status {judged.status}"] if judged.status else [])]
    return [f"{stage.name}: {problem}" for problem in problems]


def _ids(store: Store) -> list[str]:
    ids: list[str] = store.read(schema.ITEMS, ["id"])["id"].to_pylist()
    return ids


def _rows(store: Store, table: str) -> pa.Table:
    found = store.read(table)
    return found.drop_columns([name for name in ("at",) if name in found.schema.names]).sort_by("id").combine_chunks()


def _draw(folder: Path, numbers: Iterable[int], of: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        pixels = np.random.default_rng([of, number]).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    lines = [f"photos/{path.name},{int(path.stem) % 5 if path.stem.isdigit() else ''}" for path in folder.iterdir()]
    (folder.parent / "metadata.csv").write_text("\n".join(["path,size", *sorted(lines)]))


def _change(folder: Path, gone: Iterable[str]) -> None:
    """Some photos go, some change, some come."""
    for name in gone:
        (folder / name).unlink()
    _draw(folder, (3, 4, 5, 48, 49, 50), of=1)


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--light", type=int, default=900)
    parser.add_argument("--commands", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import lance  # noqa: F401  before the first fork, so that no child has to

    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as aside:
        problems = light(options.light, rng, Path(aside) / "light.catalog") if options.light else []
        problems += commands(options.commands, rng, Path(aside)) if options.commands else []
    for problem in problems:
        print(problem)
    print(f"{options.light + options.commands} kills asked for: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
