"""How much memory and time does each command take in a large catalog?

    python -m benchmarks.memory_commands [--items 10000,50000] [--steps info,cluster,...] [--work DIR]

The catalog is made up, so that no photo has to go through the network: 768 numbers, a color vector and an outline an
item, in 500 groups with a spectrum that falls like that of photos' features; four columns of metadata; 2,000 different
thumbnails of drawn shoes. Each command runs as a process of its own, in the order of `STEPS`, so that later ones find
what earlier ones stored. Printed are seconds of the clock and of all cores, the peak of the process and all its
children together (looked at ten times a second; of the process itself also the peak that the system keeps),
and the ratio to the same command on the first size. What each prints is checked. For `index` see `benchmarks.memory`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from benchmarks.main_job import Step, tree
from benchmarks.memory import memory_of
from lookalike import models, pipeline
from lookalike.demo import draw_shoe, sample_shoes
from lookalike.images import THUMBNAIL_SIDE
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Floats
from lookalike.store import Append, LanceStore, schema

LIMIT = 1 << 30
PART, GROUPS, LATENT, DRAWN, PICTURES = 2_048, 500, 64, 40, 2_000
NAMES = {"type": 24, "color": 12, "brand": 60, "gender": 4}
"""The columns of metadata, and how many values each has."""
STEPS = (
    *("info", "similar", "recommend", "evaluate", "euclidean", "cluster", "map", "report"),
    *("duplicates", "parquet", "html"),
)
QUERY = "000017"


def thumbnails(rng: np.random.Generator) -> list[bytes]:
    """Different JPEG files of a few drawn shoes: cropped, mirrored, in other colors."""
    shoes = [draw_shoe(shoe) for shoe in sample_shoes(DRAWN)]
    shoes = [shoe.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE * 3 // 4), Image.Resampling.BICUBIC) for shoe in shoes]
    made = []
    for number in range(PICTURES):
        shoe = shoes[number % DRAWN]
        left, top = (int(rng.integers(0, side // 8)) for side in shoe.size)
        shoe = shoe.crop((left, top, *shoe.size)).resize(shoe.size)
        shoe = ImageOps.mirror(shoe) if number % 2 else shoe
        bands = [band.point(lambda v, g=g: int(255 * (v / 255) ** g)) for band, g in zip(shoe.split(), rng.uniform(0.6, 2, 3), strict=True)]  # fmt: skip  # noqa: E501
        buffer = io.BytesIO()
        Image.merge("RGB", bands).save(buffer, "JPEG", quality=85)
        made.append(buffer.getvalue())
    return made


def numbers(values: Floats) -> pa.Array:
    """An (n, d) array as a column of vectors."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def make(folder: Path, items: int) -> Path:
    """A catalog of so many items with its fit; commits of two thousand each."""
    place = folder / f"made-up-{items}.catalog"
    if place.exists():
        return place
    facts = models.facts("efficientnet-lite0")
    rng, store = np.random.default_rng(0), LanceStore.create(place, facts)
    pictures = thumbnails(rng)
    axes = rng.normal(size=(LATENT, facts.dimension)) * np.arange(1, LATENT + 1)[:, None] ** -0.7
    centers = rng.normal(size=(GROUPS, LATENT))
    words = {name: [f"{name} {value}" for value in range(count)] for name, count in NAMES.items()}
    columns = schema.metadata([(name, pa.string()) for name in NAMES])
    with store.writing():
        for start in range(0, items, PART):
            ids = [f"{row:06}" for row in range(start, min(items, start + PART))]
            n, groups = len(ids), rng.integers(0, GROUPS, min(items, start + PART) - start)
            vectors = (centers[groups] + 0.6 * rng.normal(size=(n, LATENT))) @ axes
            colors = rng.random((n, COLOR_BINS)) * (rng.random((n, COLOR_BINS)) < 0.05)
            one, texts = np.ones(n, np.int32), {"path": ids, "source": ["made up"] * n, "sha256": ids}
            values: dict[str, Any] = {"id": ids, **texts, "format": ["JPEG"] * n, "degraded": [False] * n}
            values |= {"raw_path": pa.nulls(n, pa.binary()), "width": one, "height": one, "frames": one}
            values |= {"vector": numbers((vectors + 0.1 * rng.normal(size=vectors.shape)).astype(np.float32))}
            values |= {"color": numbers((colors / np.linalg.norm(colors + 1e-9, axis=1)[:, None]).astype(np.float32))}
            values |= {"outline": numbers(rng.random((n, OUTLINE_CELLS), np.float32))}
            values |= {"thumbnail": [pictures[picture] for picture in rng.integers(0, PICTURES, n)]}
            of_groups = {name: [own[group % len(own)] for group in groups] for name, own in words.items()}
            changes = [
                Append(
                    schema.ITEMS, pa.table(values).select(schema.items(1).names).cast(schema.items(facts.dimension))
                ),
                Append(schema.METADATA, pa.table({"id": ids, "path": ids, **of_groups}, schema=columns)),
            ]
            store.commit("made up", changes, vectors_changed=True)
        pipeline.renew_whitening(store)
    return place


def commands(catalog: Path, out: Path) -> dict[str, list[str]]:
    """The arguments of each step."""
    place, table = str(catalog), str(out / "recommendations.parquet")
    return {
        "info": ["info", place, "--json"],
        "similar": ["similar", place, QUERY, "--json"],
        "recommend": ["recommend", place, "--out", table],
        "evaluate": ["evaluate", place, "--labels", "type,color", "--json"],
        "euclidean": ["recommend", place, "--out", table, "--ranking", "euclidean"],
        "cluster": ["cluster", place, "--json"],
        "map": ["map", place, "--json"],
        "report": ["report", place, "--out", str(out / "report")],
        "duplicates": ["duplicates", place, "--json"],
        "parquet": ["export", place, str(out / "all.parquet")],
        "html": ["export", place, str(out / "explorer.html")],
    }


def check(name: str, items: int, out: Path, said: str) -> None:
    """Whether a step did what it was asked for."""
    answer = json.loads(said) if name in ("info", "similar", "evaluate", "cluster", "map", "duplicates") else {}
    checks: dict[str, Callable[[], bool]] = {
        "info": lambda: answer["items"] == items,
        "similar": lambda: len(answer["results"]) == 3 and answer["exact"],
        "evaluate": lambda: answer["n"] == items and answer["agreement"]["type"]["value"] > 0.5,
        "cluster": lambda: sum(answer["sizes"]) == items,
        "map": lambda: answer["items"] == items,
        "duplicates": lambda: isinstance(answer["groups"], list),
        "report": lambda: (out / "report" / "report.html").stat().st_size > 10_000,
        "parquet": lambda: pq.read_metadata(out / "all.parquet").num_rows == items,
        "html": lambda: (out / "explorer.html").stat().st_size > 100 * items,
    }
    usual: Callable[[], bool] = lambda: pq.read_metadata(out / "recommendations.parquet").num_rows == 3 * items  # noqa: E731
    assert checks.get(name, usual)(), f"{name} of {items} items said {said[:500]}"


def own_peak(process: int) -> int:
    """The largest resident memory of a process since it began its program; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def measure(name: str, arguments: Sequence[str]) -> tuple[Step, str]:
    """Run one command; what it took, and what it printed."""
    started, peak, waited, usage = time.perf_counter(), 0, (0, 0), None
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, "-m", "lookalike.cli", *arguments], stdout=out, stderr=subprocess.DEVNULL)  # fmt: skip  # noqa: E501
        while waited[0] == 0:
            peak = max(peak, sum(memory_of(each)[1] for each in tree(process.pid)), own_peak(process.pid))
            time.sleep(0.1)
            *waited, usage = os.wait4(process.pid, os.WNOHANG)  # type: ignore[assignment]
        process.returncode = os.waitstatus_to_exitcode(waited[1])
        out.seek(0)
        said = out.read()
    if process.returncode != 0 or usage is None:
        raise SystemExit(f"lookalike {' '.join(arguments)} ended with {process.returncode}")
    wall = time.perf_counter() - started
    return Step(name, wall, usage.ru_utime + usage.ru_stime, peak), said


def run(work: Path, items: int, steps: Sequence[str]) -> Iterator[Step]:
    """Every step on a catalog of so many items, checked."""
    catalog = make(work, items)
    for name in steps:
        step, said = measure(name, commands(catalog, work)[name])
        check(name, items, work, said)
        yield step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", default="10000,50000")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--work", type=Path, help="folder for the catalogs, which are kept and used again")
    options = parser.parse_args()
    first: dict[str, Step] = {}
    most = 0
    with tempfile.TemporaryDirectory() as aside:
        work = options.work or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        print(f"{'items':>8}  {'command':12}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}{'of first: time':>16}{'peak':>6}")
        for items in map(int, options.items.split(",")):
            for step in run(work, items, options.steps.split(",")):
                before = first.setdefault(step.name, step)
                ratios = f"{step.cpu / before.cpu:16.1f}{step.peak / before.peak:6.2f}"
                print(f"{items:8}  {step.name:12}{step.wall:8.1f}{step.cpu:8.1f}{step.peak / 2**20:10.0f}{ratios}", flush=True)  # fmt: skip  # noqa: E501
                most = max(most, step.peak)
    print(f"largest {most / 2**20:.0f} MiB: {'under' if most < LIMIT else 'OVER'} 1 GiB")


if __name__ == "__main__":
    main()
