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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

import lookalike
from lookalike.pipeline import indexing
from lookalike.store import LanceStore, Store, schema
from tests.faults import replay
from tests.faults.forks import Ended, forked


def light(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Kill children that commit one version after the other; returns what went wrong."""
    problems: list[str] = []
    acknowledged, killed, during = 0, 0, Counter[str]()
    few = 5
    usual = forked(lambda: replay.drive(folder.with_name("usual.catalog"), few)).seconds
    while killed < count and not problems:
        done = forked(lambda: replay.drive(folder, 10**9), kill_after=rng.uniform(0, 1.5 * usual))
        if done.status != -9:
            problems.append(f"a child ended by itself, status {done.status}")
            break
        killed += 1
        acknowledged = max([acknowledged, *map(int, done.lines)])
        during[("while it opened", "in its first commit", "in a later one")[min(2, len(done.lines))]] += 1
        if acknowledged:
            problems += _judged(folder, acknowledged)
        if killed % 100 == 0:
            print(f"  {killed} killed, version {acknowledged}, {dict(during)}", flush=True)
    until = acknowledged + 3
    whole = folder.with_name("unbroken")
    for one in (folder, whole):
        forked(lambda one=one: replay.drive(one, until))  # type: ignore[misc]
        problems += _judged(one, until)
    print(f"light: {killed} killed, {acknowledged} versions acknowledged, {len(problems)} problems")
    return problems


def _judged(folder: Path, acknowledged: int) -> list[str]:
    def look() -> None:
        version, found = replay.wrong(folder, acknowledged)
        if found is None:
            found = "; ".join(LanceStore.open(folder).check().problems) or None
        if found is not None:
            print(f"version {version}: {found}")

    judged = forked(look)
    return list(judged.lines) if not judged.status else [f"looking at it failed, status {judged.status}"]


Command = Sequence[str]


def commands(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Kill whole commands, each on a copy of the catalog before it; rerun them, and compare."""
    photos, base = folder / "photos", folder / "base.catalog"
    _draw(photos, 48)
    gone = [f"{n:03d}.png" for n in (0, 7, 13)]
    stages: list[tuple[str, Command]] = [
        ("index", ("index", "{}", str(photos), "--model", "tiny")),
        ("cluster", ("cluster", "{}", "-k", "4", "--max-k", "12")),
        ("map", ("map", "{}")),
        ("remove", ("remove", "{}", *gone)),
    ]
    problems: list[str] = []
    for number, (name, command) in enumerate(stages):
        before = folder / f"before-{name}"
        if base.exists():
            shutil.copytree(base, before)
        whole = forked(lambda command=command: _call(command, base))  # type: ignore[misc]
        if whole.status:
            return [f"{name} alone ended with {whole.status}"]
        share = count // len(stages) + (number < count % len(stages))
        killed = ran_through = 0
        seconds = whole.seconds
        while killed < share and not problems and ran_through < 20 + share:
            trial = folder / "trial.catalog"
            shutil.rmtree(trial, ignore_errors=True)
            if before.exists():
                shutil.copytree(before, trial)
            done = _run(command, trial, kill_after=rng.uniform(0, seconds))
            seconds = min(seconds, done.seconds) if done.status != -9 else seconds
            killed, ran_through = killed + (done.status == -9), ran_through + (done.status != -9)
            problems += _compared(name, trial, before, base, gone, rerun=command)
        print(f"{name}: {killed} killed, {ran_through} ran through before that, {len(problems)} problems", flush=True)
    return problems


def _run(command: Command, catalog: Path, kill_after: float | None = None) -> Ended:
    return forked(lambda: _call(command, catalog), kill_after=kill_after)


def _call(command: Command, catalog: Path) -> None:
    from lookalike.cli import main

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    indexing.COMMIT_EVERY = 8  # several commits of few photos
    indexing.TOGETHER = 8
    sys.argv = ["lookalike", *(part.format(catalog) for part in command)]
    main()


def _compared(name: str, trial: Path, before: Path, whole: Path, gone: list[str], *, rerun: Command) -> list[str]:
    """What is wrong with a catalog after a kill, and after the same command has run through."""

    def after_the_kill() -> None:
        if not (trial / "versions").exists() or not any((trial / "versions").glob("[0-9]*.json")):
            if before.exists():
                print("the catalog is gone")
            return
        found = LanceStore.open(trial)
        for problem in found.check().problems:
            print(problem)
        ids = found.read(schema.ITEMS, ["id"])["id"].to_pylist()
        if len(set(ids)) < len(ids):
            print("doubled ids")
        if before.exists():
            lost = set(LanceStore.open(before).read(schema.ITEMS, ["id"])["id"].to_pylist()) - set(ids)
            if lost and (name != "remove" or lost != set(gone)):
                print(f"lost: {sorted(lost)}")

    def after_the_rerun() -> None:
        tables = (schema.ITEMS, schema.CLUSTERS, schema.MAP, schema.NEIGHBORS)
        one, other = lookalike.open(trial).store, lookalike.open(whole).store
        for table in tables:
            if not _rows(one, table).equals(_rows(other, table)):
                print(f"table {table} differs from that of an unbroken run")

    problems = list(forked(after_the_kill).lines)
    again = _run(rerun, trial)
    if again.status and not (name == "remove" and again.status == 2):  # the ids are gone already
        problems.append(f"the rerun ended with {again.status}")
    judged = forked(after_the_rerun)
    problems += [*judged.lines, *([f"comparing failed, status {judged.status}"] if judged.status else [])]
    return [f"{name}: {problem}" for problem in problems]


def _rows(store: Store, table: str) -> pa.Table:
    columns = ["id", "sha256", "vector", "thumbnail"] if table == schema.ITEMS else None
    return store.read(table, columns).sort_by("id").combine_chunks()


def _draw(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")


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
