"""The sweep over K = 1..200 against scikit-learn's loop and FAISS's K-means, in inertia and time.

    LOOKALIKE_PHOTOS=... python -m benchmarks.clusters FEATURES.npy --make [--rows 25000]
    python -m benchmarks.clusters FEATURES.npy --cache DIR [--part inertia] [--seeds 5] [--ks 10,20,50,100,150,200]
    python -m benchmarks.clusters FEATURES.npy --part time|chosen|growth

`--make` embeds the photos, their mirror images, random crops and turned copies with `efficientnet-lite0-gap` (1,280
numbers). scikit-learn: n_init=1, to convergence; FAISS: its defaults (25 steps). The inertia of each is that of its
centers on all rows.

- `inertia`: several seeds at each K. What the peers reached is kept in DIR, by the features' checksum, so a long run
  can be stopped and gone on with.
- `time`: in turns within one run, a sweep before and after each peer; times at all other K are projected linearly
  between the measured ones.
- `chosen`: K = 20 brought to rest from several starts beside scikit-learn with n_init=10.
- `growth`: the exponents of time over rows and dimensions, fitted to three sizes each (the whole, a half, a quarter;
  medians of two runs in turns), and over K, from the times at which one sweep passes 25, 50 and 100. It goes to K = 100
  only, to end within two minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.neighbors import faiss_with_kernels
from lookalike.analysis import kmeans_sweep, refine_best
from lookalike.analysis._lloyd import exact_inertia
from lookalike.analysis.clusters import nearest_center

GROWTH_K = 100
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def make(out: Path, rows: int) -> None:
    """Features of photos and of changed copies of them, as many as `rows`."""
    from PIL import Image, ImageOps

    from lookalike import models

    model = models.load("efficientnet-lite0-gap")
    files = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))
    found = np.empty((min(rows, 4 * len(files)), model.facts.dimension), np.float32)
    for start in range(0, len(found), 32):
        batch = []
        for row in range(start, min(start + 32, len(found))):
            kind, number = divmod(row, len(files))
            rng = np.random.default_rng([kind, number])
            image = Image.open(files[number]).convert("RGB")
            if kind == 1:
                image = ImageOps.mirror(image)
            elif kind == 2:
                width, height = (int(side * rng.uniform(0.75, 0.9)) for side in image.size)
                left, top = rng.integers(image.width - width + 1), rng.integers(image.height - height + 1)
                image = image.crop((int(left), int(top), int(left) + width, int(top) + height))
            elif kind == 3:
                angle = rng.uniform(8, 25) * rng.choice([-1, 1])
                image = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
            batch.append(np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.uint8))
        found[start : start + len(batch)] = model.embed(np.stack(batch))
    np.save(out, found)


def scikit_learn(vectors: Any, k: int, seed: int, n_init: int = 1) -> float:
    """The inertia that scikit-learn reaches."""
    from sklearn.cluster import KMeans

    return float(KMeans(k, n_init=n_init, random_state=seed).fit(vectors).inertia_)


def faiss(vectors: Any, k: int, seed: int) -> Any:
    """The centers that FAISS finds."""
    found = faiss_with_kernels().Kmeans(vectors.shape[1], k, seed=seed + 1, gpu=False)
    found.train(vectors)
    return np.asarray(found.centroids, np.float64)


def faiss_inertia(vectors: Any, k: int, seed: int) -> float:
    """The inertia of the centers that FAISS finds."""
    centers = faiss(vectors, k, seed)
    return exact_inertia(vectors, centers, nearest_center(vectors, centers))


def peer_names() -> list[str]:
    """The peers that are installed."""
    return ["scikit-learn", *(["FAISS"] if find_spec("faiss") else [])]


class Cache:
    """What peers reached on one set of vectors, kept in a JSON file under `folder`, if there is one."""

    def __init__(self, folder: Path | None, vectors: Any) -> None:
        digest = hashlib.sha256(np.ascontiguousarray(vectors).data).hexdigest()[:16]
        self.path = folder / f"clusters-{digest}.json" if folder is not None else None
        self.known: dict[str, float] = json.loads(self.path.read_text()) if self.path and self.path.exists() else {}

    def value(self, key: str, compute: Callable[[], float]) -> float:
        """The value of `key`, computed and written down if it is new."""
        if key not in self.known:
            self.known[key] = compute()
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                aside = self.path.with_suffix(".part")
                aside.write_text(json.dumps(self.known, indent=1, sort_keys=True))
                aside.replace(self.path)
        return self.known[key]


def inertia(vectors: Any, ks: list[int], seeds: int, cache: Cache) -> None:
    """The inertia of the sweep beside that of the peers, at each K, over several seeds."""
    runs = {"scikit-learn": scikit_learn, "FAISS": faiss_inertia}
    names = peer_names()
    for k in ks:
        for name in names:
            for seed in range(seeds):
                key = f"{name} {k} {seed}"
                if key not in cache.known:
                    print(f"{key}: {cache.value(key, partial(runs[name], vectors, k, seed)):.1f}", flush=True)
    found = [kmeans_sweep(vectors, max(ks), threads=threads).inertia for threads in (None, 1)]
    ours = found[0]
    print(f"inertia / that of the peer (median of {seeds} seeds; best and worst seed)")
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for k in ks:
        cells = []
        for name in names:
            values = [cache.known[f"{name} {k} {seed}"] for seed in range(seeds)]
            ratios[name].append(ours[k - 1] / statistics.median(values))
            cells.append(
                f"{name} {ratios[name][-1]:.4f} ({ours[k - 1] / max(values):.4f}, {ours[k - 1] / min(values):.4f})"
            )
        print(f"K = {k:3}: " + "   ".join(cells))
    for name, each in ratios.items():
        print(f"{name}: mean {np.mean(each):.4f}, worst {max(each):.4f}")
    print(f"never rising: {bool((np.diff(ours) <= 0).all())}; one thread and all give equal bytes: "
          f"{found[0].tobytes() == found[1].tobytes()}")  # fmt: skip


def timed(clock: Callable[[], float], run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    started = clock()
    found = run()
    return clock() - started, found


def projected(ks: list[int], seconds: list[float], max_k: int) -> float:
    """The time for every K = 1..max_k, linear between the measured ones."""
    return float(np.interp(np.arange(1, max_k + 1), [0, *ks], [0.0, *seconds]).sum())


def times(vectors: Any, ks: list[int], clock: Callable[[], float], max_k: int) -> None:
    """Time beside the peers, in turns: one seed of each at each K, sweeps in between."""
    runs = {"scikit-learn": scikit_learn, "FAISS": faiss}
    kmeans_sweep(vectors[:2000], 10)  # loads what is loaded at first use
    sweeps = [timed(clock, partial(kmeans_sweep, vectors, max_k))[0]]
    seconds: dict[str, list[float]] = {name: [] for name in peer_names()}
    for place, k in enumerate(ks):
        for name, spent in seconds.items():
            spent.append(timed(clock, partial(runs[name], vectors, k, 0))[0])
            print(f"K = {k:3}: {name} {spent[-1]:.1f} s", flush=True)
        if place % 2:
            sweeps.append(timed(clock, partial(kmeans_sweep, vectors, max_k))[0])
    own = statistics.median(sweeps)
    print(f"sweep over K = 1..{max_k}: {own:.1f} s (median of {len(sweeps)}: {', '.join(f'{s:.1f}' for s in sweeps)})")
    for name, spent in seconds.items():
        whole = projected(ks, spent, max_k)
        print(f"{name}: {whole:.0f} s projected to all K, {whole / own:.1f} times")


def chosen(vectors: Any, k: int, clock: Callable[[], float], cache: Cache) -> None:
    """The clusters of one K, brought to rest from several starts, beside scikit-learn with n_init=10."""
    swept, sweep = timed(clock, lambda: kmeans_sweep(vectors, 200))
    seconds, found = timed(clock, lambda: refine_best(vectors, sweep, k))
    peer = cache.value(f"scikit-learn n_init=10 {k} 0", lambda: scikit_learn(vectors, k, 0, n_init=10))
    print(f"K = {k}: {found.inertia / peer:.4f} of scikit-learn's inertia with n_init=10; the sweep of 200 took "
          f"{swept:.1f} s, this K {seconds:.1f} s more")  # fmt: skip


def passed(vectors: Any, marks: list[int], clock: Callable[[], float]) -> list[float]:
    """The seconds after which a sweep up to the last of `marks` had each of these K."""
    seconds: dict[int, float] = {}
    started = clock()
    kmeans_sweep(vectors, marks[-1], progress=lambda k, _: seconds.update({k: clock() - started}))
    return [seconds[k] for k in marks]


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The p of seconds ~ size^p, by least squares on logarithmic axes."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(vectors: Any, max_k: int, clock: Callable[[], float]) -> None:
    """How time grows with rows, dimensions and K: exponents fitted to the whole, a half and a quarter."""
    n, d = vectors.shape
    shapes = [(n, d), (n // 2, d), (n // 4, d), (n, d // 2), (n, d // 4)]
    parts = [np.ascontiguousarray(vectors[:rows, :columns]) for rows, columns in shapes]
    marks = [max_k // 4, max_k // 2, max_k]
    kmeans_sweep(vectors[:2000], 10)  # loads what is loaded at first use
    rounds = [[passed(part, marks, clock) for part in parts] for _ in range(2)]
    spent = [[statistics.median(each) for each in zip(*runs, strict=True)] for runs in zip(*rounds, strict=True)]
    whole = [seconds[-1] for seconds in spent]
    for (rows, columns), seconds in zip(shapes, whole, strict=True):
        print(f"{rows:7,} x {columns:5,}, K = 1..{max_k}: {seconds:.1f} s")
    by_rows = exponent([n, n // 2, n // 4], whole[:3])
    by_columns = exponent([d, d // 2, d // 4], [whole[0], *whole[3:]])
    print(f"time grows like rows^{by_rows:.2f}, dimensions^{by_columns:.2f}, K^{exponent(marks, spent[0]):.2f}")


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ks", default="10,20,50,100,150,200")
    parser.add_argument("--part", choices=["inertia", "time", "chosen", "growth", "all"], default="all")
    parser.add_argument("--cache", type=Path, help="folder that keeps what the peers reached")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for machines that do other work too")
    options = parser.parse_args()
    clock = CLOCKS[options.clock]
    if options.make:
        make(options.features, options.rows)
        return
    vectors = np.load(options.features).astype(np.float32)
    vectors = np.ascontiguousarray(vectors[np.random.default_rng(0).permutation(len(vectors))[: options.rows]])
    ks = [int(k) for k in options.ks.split(",")]
    print(f"{vectors.shape[0]:,} x {vectors.shape[1]:,}, K = 1..{max(ks)}")
    cache = Cache(options.cache, vectors)
    parts: dict[str, Callable[[], None]] = {
        "inertia": lambda: inertia(vectors, ks, options.seeds, cache),
        "time": lambda: times(vectors, ks, clock, max(ks)),
        "chosen": lambda: chosen(vectors, 20, clock, cache),
        "growth": lambda: growth(vectors, min(GROWTH_K, max(ks)), clock),
    }
    for name, run in parts.items():
        if options.part in (name, "all"):
            run()


if __name__ == "__main__":
    main()
