"""Flipped bits: `python -m tests.faults.flips [--flips 2000] [--seed 0]`.

One bit of one file of a catalog is flipped at a time, in every file in turn. `check` must find each; and whoever asks
in spite of it must get an error, or the answer that was right before. Ends with 1 if not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import lookalike
from lookalike.errors import LookalikeError

UNKEPT = ("lock", "latest_version_hint.json")
"""Files that hold nothing: who writes now, and a hint of Lance's that is not used. `check` leaves them out."""


def make(folder: Path) -> Path:
    """A small catalog with several versions, a removed item, clusters and a map."""
    photos = folder / "photos"
    photos.mkdir()
    lines = ["path,color"]
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{number:02d}.png")
        lines.append(f"photos/{number:02d}.png,{'red' if number % 2 else 'blue'}")
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "metadata.csv").write_text("\n".join(lines))
    catalog = lookalike.create(folder / "c.catalog", model="tiny")
    catalog.index(photos, metadata=folder / "metadata.csv")
    catalog.remove(["07.png"])
    catalog.cluster(3, max_k=6)
    catalog.map()
    return folder / "c.catalog"


def answers(folder: Path) -> Any:
    """What a user would be told: look-alikes by both rankings, failures, clusters and places."""
    catalog = lookalike.open(folder)
    told: list[Any] = [catalog.failures(), catalog.info() | {"bytes": 0}, catalog.thumbnails(catalog.ids)[3]]
    for ranking in ("default", "euclidean"):
        told += [catalog.similar(item, k=5, ranking=ranking, where="color = 'red'") for item in catalog.ids[:2]]
    told += [catalog.store.read(table).sort_by("id").to_pylist() for table in ("clusters", "map", "neighbors")]
    return repr(told)


def flip(folder: Path, flips: int, rng: random.Random) -> tuple[int, list[str]]:
    """Flip bits; returns how many, and what went wrong."""
    right = answers(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    newest = max((folder / "versions").glob("*.json"))
    problems: list[str] = []
    seen = Counter[str]()
    for number in range(flips):
        path = files[number % len(files)]
        data = path.read_bytes()
        if not data:
            continue
        place, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        where = f"{path.relative_to(folder)}, byte {place}, bit {bit}"
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
        path.write_bytes(data)
    assert newest.exists()
    assert answers(folder) == right
    print(f"{flips} flips in {len(files)} files: {dict(seen)}")
    return flips, problems


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--flips", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        flips, problems = flip(make(Path(aside)), options.flips, random.Random(options.seed))
    for problem in problems[:20]:
        print(problem)
    print(f"{flips} flipped bits: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
