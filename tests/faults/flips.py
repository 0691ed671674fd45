"""Flipped bits: `python -m tests.faults.flips [--flips 2000] [--seed 0] [--processes 2]`.

One bit of one file of a catalog is flipped at a time, in every file in turn. `check` must find each; and whoever asks
in spite of it must get an error, or the answer that was right before. Ends with 1 if not.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import lookalike
from lookalike.errors import LookalikeError

UNKEPT = ("lock", "latest_version_hint.json")
"""Files that hold nothing: who writes now, and a hint of Lance's that is not used. `check` leaves them out."""
PHOTOS = 260
"""As few as there can be in a catalog with an approximate index."""

Flip = tuple[str, int, int]
"""A file of the catalog, a byte of it, and a bit of that."""


def make(folder: Path) -> Path:
    """A small catalog with several versions, removed items, failures, clusters, a map and an approximate index."""
    photos = folder / "photos"
    photos.mkdir()
    lines = ["path,color"]
    for number in range(PHOTOS):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{number:03d}.png")
        lines.append(f"photos/{number:03d}.png,{'red' if number % 2 else 'blue'}")
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "metadata.csv").write_text("\n".join(lines))
    catalog = lookalike.create(folder / "c.catalog", model="tiny")
    catalog.index(photos, metadata=folder / "metadata.csv")
    catalog.remove(["007.png"])
    catalog.cluster(3, max_k=6)
    catalog.map()
    catalog.make_index()
    catalog.add((photos / "007.png").read_bytes(), "again.png", {"color": "red"})
    return folder / "c.catalog"


def answers(folder: Path) -> str:
    """What a user would be told: look-alikes by all rankings, failures, clusters and places."""
    catalog = lookalike.open(folder)
    told: list[Any] = [catalog.failures(), catalog.info() | {"bytes": 0}, catalog.thumbnails(catalog.ids)[3]]
    item = catalog.ids[1]
    told += [catalog.similar(item, k=5, ranking=one, where="color = 'red'") for one in ("default", "euclidean")]
    told.append(catalog.similar(item, k=5, ranking="euclidean", approximate=True))
    tables = ("clusters", "map", "neighbors", "sweep")
    return repr([*told, *[catalog.store.read(table).sort_by("id").to_pydict() for table in tables]])


def drawn(folder: Path, flips: int, rng: random.Random) -> list[Flip]:
    """Which bits are to be flipped: the files in turn."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    chosen = []
    for number in range(flips):
        path = files[number % len(files)]
        bit = 1 << rng.randrange(8)
        chosen.append((str(path.relative_to(folder)), rng.randrange(path.stat().st_size), bit))
    return chosen


def flip(folder: Path, flips: Sequence[Flip]) -> tuple[Counter[str], list[str]]:
    """Flip these bits one after the other; returns what the answers were like, and what went wrong."""
    right = answers(folder)
    problems: list[str] = []
    seen = Counter[str]()
    for name, place, bit in flips:
        path = folder / name
        data = path.read_bytes()
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        where = f"{name}, byte {place}, bit {bit}"
        try:
            found = bool(lookalike.open(folder).check().problems)
        except LookalikeError:
            found = True
        if not found and path.name not in UNKEPT:
            problems.append(f"not found: {where}")
        try:
            told = answers(folder)
            seen["the right answer all the same" if told == right else "a wrong answer"] += 1
            if told != right:
                problems.append(f"a wrong answer: {where}")
        except LookalikeError:
            seen["an error"] += 1
        except BaseException as exc:  # also what Rust calls a panic
            seen["another error"] += 1
            problems.append(f"{type(exc).__name__}, no error of ours: {where}: {str(exc)[:200]}")
            if isinstance(exc, KeyboardInterrupt):
                raise
        path.write_bytes(data)
    if answers(folder) != right:
        problems.append("the catalog is another one at the end")
    return seen, problems


def apart(folder: Path, flips: Sequence[Flip], processes: int) -> tuple[Counter[str], list[str]]:
    """`flip`, shared among processes, each with a copy of the catalog."""
    running = []
    for number in range(processes):
        copy = folder.with_name(f"{folder.name}-{number}")
        shutil.copytree(folder, copy)
        command = [sys.executable, "-W", "ignore", "-m", "tests.faults.flips", "--child", str(copy)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append((child, json.dumps(flips[number::processes])))
    for child, told in running:
        assert child.stdin is not None
        child.stdin.write(told)
        child.stdin.close()
    seen, problems = Counter[str](), list[str]()
    for child, _ in running:
        assert child.stdout is not None
        said = child.stdout.read()
        if child.wait():
            problems.append(f"a process ended with {child.returncode}")
        else:
            counts, wrong = json.loads(said)
            seen.update(counts)
            problems += wrong
    return seen, problems


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--flips", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        seen, problems = flip(options.child, json.load(sys.stdin))
        print(json.dumps([seen, problems]))
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as aside:
        folder = make(Path(aside))
        flips = drawn(folder, options.flips, random.Random(options.seed))
        seen, problems = apart(folder, flips, max(1, options.processes))
    files = len({name for name, _, _ in flips})
    for problem in problems[:20]:
        print(problem)
    print(f"{len(flips)} flips in {files} files, {time.monotonic() - started:.0f} s: {dict(seen)}")
    print(f"{len(flips)} flipped bits: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
