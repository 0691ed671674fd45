"""The whole main job on photos of 480 x 360, a command at a time: wall time, CPU time and peak memory of each.

    LOOKALIKE_PHOTOS=... python -m benchmarks.main_job --kind real --items 25000 --work DIR --make
    python -m benchmarks.main_job --kind real --items 25000 --work DIR [--save FILE.json]

`--make` writes the photos into DIR and ends; without it they are made where they are missing:

- `real`: the photos of LOOKALIKE_PHOTOS, enlarged; once all are used, copies of them, each cropped at random, every
  other one mirrored.
- `drawn`: shoes of the demo's generator. Drawing takes long, so 800 are drawn and the rest are copies of them: another
  hue, cropped at random, every other one mirrored, with a little noise. A catalog of so many near relatives is easier
  to search and harder to group than 25,000 different shoes would be.

Then `index` (int8), `recommend`, `cluster --max-k 200`, `map` and `report` run, each as a process of its own in a new
catalog. Memory is that of a command and all its processes together, looked at twice a second; pages that several
share count once. What each prints is checked: items, rows, K, photos placed, the report's file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.memory import children, memory_of
from lookalike.demo import Shoe, draw_shoe, sample_shoes

SIZE = (480, 360)
DRAWN = 800
SECONDS, MEMORY = 300.0, 2 << 30
"""What the whole may take on two cores, and each command's memory."""
STEPS = ("index", "recommend", "cluster", "map", "report")
LOOK = 0.5  # seconds between two looks at the memory


def varied(photo: Image.Image, number: int, copy: int, *, hue: bool) -> Image.Image:
    """Copy number `copy` of a photo: 0 is the photo itself, the others are cropped, mirrored and, with `hue`, dyed."""
    if copy == 0:
        return photo.resize(SIZE, Image.Resampling.BICUBIC)
    rng = np.random.default_rng([number, copy])
    if copy % 2:
        photo = ImageOps.mirror(photo)
    share = rng.uniform(0.82, 0.97)
    width, height = int(photo.width * share), int(photo.height * share)
    left, top = int(rng.integers(photo.width - width + 1)), int(rng.integers(photo.height - height + 1))
    photo = photo.crop((left, top, left + width, top + height)).resize(SIZE, Image.Resampling.BICUBIC)
    if not hue:
        return photo
    shifted = np.array(photo.convert("HSV"))
    shifted[..., 0] += rng.integers(256, dtype=np.uint8)  # hues are a circle of 256
    pixels = np.asarray(Image.fromarray(shifted, "HSV").convert("RGB"), np.float32)
    pixels += rng.normal(0, 3, (*pixels.shape[:2], 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write(folder: Path, items: int, bases: int, source: Path | None, number: int) -> int:
    """Photo `number` and its copies, as many as `items` asks for; how many that were."""
    base = Image.open(sorted_photos(source)[number]).convert("RGB") if source else draw_shoe(drawn()[number])
    rows = range(number, items, bases)
    for copy, row in enumerate(rows):
        varied(base, number, copy, hue=source is None).save(folder / f"{row:06}.jpg", "JPEG", quality=90)
    return len(rows)


@cache
def drawn() -> list[Shoe]:
    """The shoes that are drawn."""
    return sample_shoes(DRAWN)


@cache
def sorted_photos(source: Path) -> list[Path]:
    """The photos that `metadata.csv` names, in its order."""
    return [source / row["path"] for row in facts(source)]


@cache
def facts(source: Path | None) -> list[dict[str, str]]:
    """What is known of each photo or drawn shoe, a row each."""
    if source is None:
        return [
            {"type": shoe.family, "color": shoe.color, "brand": shoe.brand, "gender": shoe.gender} for shoe in drawn()
        ]
    with (source / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make(folder: Path, items: int, source: Path | None) -> None:
    """The photos and their table; `metadata.csv` is written last."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    rows = facts(source)
    bases = min(len(rows), items)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        done = sum(pool.map(partial(write, images, items, bases, source), range(bases), chunksize=16))
    if done != items:
        raise SystemExit(f"{done} of {items} photos were written")
    names = [name for name in rows[0] if name not in ("path", "id")]
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *names])
        writer.writerows([f"images/{row:06}.jpg", *(rows[row % bases][name] for name in names)] for row in range(items))


@dataclass(frozen=True)
class Step:
    """What one command took: seconds of the clock and of all cores, and bytes at most."""

    name: str
    wall: float
    cpu: float
    peak: int


def tree(process: int) -> Iterator[int]:
    """A process and all that come from it."""
    yield process
    for child in children(process):
        yield from tree(child)


def measure(name: str, arguments: list[str]) -> tuple[Step, Any]:
    """Run one command; what it took, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.cli", name, *arguments, "--json"], stdout=out, stderr=err
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(memory_of(each)[1] for each in tree(process.pid)))
            time.sleep(LOOK)
        wall = time.perf_counter() - started
        out.seek(0)
        said = out.read()
        if process.returncode != 0:
            err.seek(0)
            raise SystemExit(f"lookalike {name} ended with {process.returncode}: {err.read()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Step(name, wall, cpu, peak), json.loads(said)


def run(folder: Path, items: int, steps: list[str]) -> Iterator[Step]:
    """Those of the five commands that are asked for, each checked; `index` begins a new catalog."""
    import pyarrow.parquet

    catalog, table, out = folder / "job.catalog", folder / "recommendations.parquet", folder / "report"
    arguments = {
        "index": [str(folder / "metadata.csv"), "--precision", "int8"],
        "recommend": ["--out", str(table)],
        "cluster": ["--max-k", "200"],
        "map": [],
        "report": ["--out", str(out)],
    }
    for name in steps:
        for old in {"index": [catalog], "report": [out]}.get(name, []):
            shutil.rmtree(old, ignore_errors=True)
        step, said = measure(name, [str(catalog), *arguments[name]])
        if name == "index":
            assert said["added"] == items, f"{said['added']} of {items} photos became items"
        elif name == "recommend":
            rows = pyarrow.parquet.read_metadata(table).num_rows
            assert rows == items * min(3, items - 1), f"{rows} rows of recommendations for {items} items"
        elif name == "cluster":
            assert len(said["inertia"]) == min(200, items), f"a sweep of {len(said['inertia'])} K"
            assert sum(said["sizes"]) == items, f"clusters of {sum(said['sizes'])} items"
        elif name == "report":
            assert (out / "report.html").stat().st_size > 10_000, "the report is empty"
        yield step


def main() -> None:
    """Make the photos where they are missing, run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--kind", choices=["real", "drawn"], default="real")
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, catalog and report")
    parser.add_argument("--make", action="store_true", help="only write the photos")
    parser.add_argument("--steps", default=",".join(STEPS), help="some of them, in the catalog that is there")
    parser.add_argument("--save", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    folder = options.work / f"{options.kind}-{options.items}"
    if options.make or not (folder / "metadata.csv").exists():
        make(folder, options.items, Path(os.environ["LOOKALIKE_PHOTOS"]) if options.kind == "real" else None)
    if options.make:
        return
    print(f"{options.items:,} {options.kind} photos of 480 x 360, int8, {os.cpu_count()} cores")
    print(f"{'':10}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}")
    steps: list[Step] = []
    for step in run(folder, options.items, options.steps.split(",")):
        steps.append(step)
        print(f"{step.name:10}{step.wall:8.1f}{step.cpu:8.1f}{step.peak / 2**20:10.0f}", flush=True)
    wall, peak = sum(step.wall for step in steps), max(step.peak for step in steps)
    print(f"{'all':10}{wall:8.1f}{sum(step.cpu for step in steps):8.1f}{peak / 2**20:10.0f}")
    print("share of the time: " + ", ".join(f"{step.name} {step.wall / wall:.0%}" for step in steps))
    print(f"{wall / SECONDS:.2f} of the {SECONDS:.0f} s and {peak / MEMORY:.2f} of the 2 GiB that it may take")
    if options.save is not None:
        options.save.write_text(json.dumps([asdict(step) for step in steps], indent=1))


if __name__ == "__main__":
    main()
