"""The sweep over K = 1..200 against scikit-learn's loop and FAISS's K-means, in time and inertia.

    python -m benchmarks.clusters FEATURES.npy [--rows 25000] [--seeds 5] [--ks 10,20,50,100,150,200] [--skip growth]
    LOOKALIKE_PHOTOS=... python -m benchmarks.clusters --make FEATURES.npy [--rows 25000]

`--make` embeds the photos, their mirror images, random crops and turned copies with `efficientnet-lite0-gap` (1,280
numbers). The peers run at the given K, one after another with sweeps in between; their times at all other K are
projected linearly between these. scikit-learn: n_init=1, to convergence; FAISS: its defaults (25 steps). The inertia of
each is that of its centers on all rows. Needs `faiss-cpu` for the FAISS column.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.analysis import kmeans_sweep, refine_best
from lookalike.analysis._lloyd import exact_inertia
from lookalike.analysis.clusters import nearest_center


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


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = CLOCKS["wall"]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, of wall time unless asked otherwise, and what came out."""
    started = clock()
    found = run()
    return clock() - started, found


def projected(ks: list[int], seconds: list[float], max_k: int) -> float:
    """The time for every K = 1..max_k, linear between the measured ones."""
    return float(np.interp(np.arange(1, max_k + 1), [0, *ks], [0.0, *seconds]).sum())


def scikit_learn(vectors: Any, k: int, seed: int, n_init: int = 1) -> float:
    """The inertia that scikit-learn reaches."""
    from sklearn.cluster import KMeans

    return float(KMeans(k, n_init=n_init, random_state=seed).fit(vectors).inertia_)


def faiss(vectors: Any, k: int, seed: int) -> Any:
    """The centers that FAISS finds."""
    import faiss

    found = faiss.Kmeans(vectors.shape[1], k, seed=seed + 1, gpu=False)
    found.train(vectors)
    return np.asarray(found.centroids, np.float64)


def has_faiss() -> bool:
    """Whether FAISS is installed."""
    from importlib.util import find_spec

    return find_spec("faiss") is not None


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ks", default="10,20,50,100,150,200")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for machines that do other work too")
    parser.add_argument("--skip", default="", help="of growth,chosen: parts to leave out")
    options = parser.parse_args()
    global clock  # noqa: PLW0603
    clock = CLOCKS[options.clock]
    if options.make:
        make(options.features, options.rows)
        return
    vectors = np.load(options.features).astype(np.float32)
    vectors = np.ascontiguousarray(vectors[np.random.default_rng(0).permutation(len(vectors))[: options.rows]])
    ks = [int(k) for k in options.ks.split(",")]
    print(f"{vectors.shape[0]:,} x {vectors.shape[1]:,}, K = 1..{max(ks)}")
    peers(vectors, ks, options.seeds)
    if "chosen" not in options.skip:
        chosen(vectors, 20)
    if "growth" not in options.skip:
        growth(vectors, max(ks))


def peers(vectors: Any, ks: list[int], seeds: int) -> None:
    """Time and inertia beside scikit-learn and FAISS."""
    sweeps = [timed(lambda: kmeans_sweep(vectors, max(ks)))]
    ours = sweeps[0][1].inertia
    slow: list[float] = []
    quick: list[float] = []
    ratios, other = [], []
    with_faiss = has_faiss()
    print("    K   inertia/sklearn (median of seeds; best, worst)   /FAISS   sklearn s   FAISS s")
    for k in ks:
        fits = [timed(partial(scikit_learn, vectors, k, seed)) for seed in range(seeds)]
        slow.append(statistics.median(seconds for seconds, _ in fits))
        values = [inertia for _, inertia in fits]
        ratios.append(ours[k - 1] / statistics.median(values))
        if with_faiss:
            seconds, centers = timed(partial(faiss, vectors, k, 0))
            quick.append(seconds)
            other.append(ours[k - 1] / exact_inertia(vectors, centers, nearest_center(vectors, centers)))
        sweeps.append(timed(lambda: kmeans_sweep(vectors, max(ks))))
        assert sweeps[-1][1].inertia.tobytes() == ours.tobytes(), "two runs must be equal"
        spread = f"{ours[k - 1] / max(values):.4f}, {ours[k - 1] / min(values):.4f}"
        tail = f"{other[-1]:.4f}  {slow[-1]:10.1f}  {quick[-1]:8.1f}" if with_faiss else f"     -  {slow[-1]:10.1f}"
        print(f"{k:5}   {ratios[-1]:.4f}   ({spread})   {tail}", flush=True)
    own = statistics.median(seconds for seconds, _ in sweeps)
    print(f"inertia / scikit-learn's: mean {np.mean(ratios):.4f}, worst {max(ratios):.4f}")
    print(f"never rising: {bool((np.diff(ours) <= 0).all())}; two runs equal byte for byte: True")
    print(f"sweep {own:.1f} s (median of {len(sweeps)}); scikit-learn {projected(ks, slow, max(ks)):.0f} s: "
          f"{projected(ks, slow, max(ks)) / own:.0f} times")  # fmt: skip
    if with_faiss:
        print(f"FAISS {projected(ks, quick, max(ks)):.0f} s: {projected(ks, quick, max(ks)) / own:.1f} times")


def chosen(vectors: Any, k: int) -> None:
    """The clusters of one K, brought to rest from several starts, beside scikit-learn with n_init=10."""
    sweep = kmeans_sweep(vectors, 2 * k)
    seconds, found = timed(lambda: refine_best(vectors, sweep, k))
    peer, inertia = timed(lambda: scikit_learn(vectors, k, 0, n_init=10))
    print(f"K = {k}: {found.inertia / inertia:.4f} of scikit-learn's inertia with n_init=10; {seconds:.1f} s, "
          f"scikit-learn {peer:.1f} s")  # fmt: skip


def growth(vectors: Any, max_k: int) -> None:
    """How time grows with rows and dimensions: the exponent between a half and the whole."""
    half = vectors[: len(vectors) // 2]
    narrow = np.ascontiguousarray(vectors[:, : vectors.shape[1] // 2])
    rounds = [[timed(partial(kmeans_sweep, x, max_k))[0] for x in (vectors, half, narrow)] for _ in range(3)]
    whole, rows, columns = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"time grows like rows^{np.log2(whole / rows):.2f}, dimensions^{np.log2(whole / columns):.2f}")


if __name__ == "__main__":
    main()
