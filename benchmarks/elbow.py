"""How often the elbow's interval holds what it should, on sources whose samples can be drawn again and again.

    python -m benchmarks.elbow [--samples 40] [--refits 6] [--features FEATURES.npy]

From each source many samples are drawn and swept. The typical elbow is the median over the samples. An interval of 95%
should hold it in 95 of 100 samples (`typical`); how often it holds the elbow of another sample (`fresh`) says what a
user may expect of another such catalog, which varies too. `restart=0` leaves the noise of other local optima out.
Beside it is the plain way: resamples that are swept anew (`refitted`, 40 resamples of the first few samples), at the
cost of a sweep for each. Rows that are drawn twice make that one see clusters that are not there.

`--features` adds a real source: samples of 1,200 rows along 48 principal axes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.analysis import elbow_interval, find_elbow, kmeans_sweep

Draw = Callable[[np.random.Generator, int], Any]
REFITS = 40


def mixture(centers: Any, shares: Any = None) -> Draw:
    """Normal blobs around `centers`, of these shares."""
    return lambda rng, n: centers[rng.choice(len(centers), n, p=shares)] + rng.normal(size=(n, centers.shape[1]))


def sources(features: Path | None) -> Iterator[tuple[str, Draw, int, int]]:
    """Name, how to draw a sample, its rows, and the largest K."""
    rng = np.random.default_rng(11)
    yield "8 blobs apart", mixture(rng.normal(size=(8, 10)) * 8), 600, 50
    twelve = rng.normal(size=(12, 10))
    yield "12 blobs, half merged", mixture(1.8 * twelve), 800, 60
    yield "12 blobs, merged", mixture(twelve), 800, 60
    groups = np.repeat(rng.normal(size=(5, 10)) * 8, 6, axis=0)
    yield "5 groups of 6 blobs", mixture(groups + rng.normal(size=(30, 10)) * 2.2), 800, 80
    shares = rng.dirichlet(np.ones(20))
    yield "20 blobs of all sizes", mixture(rng.normal(size=(20, 6)) * 2.5, shares), 800, 60
    yield "uniform", lambda rng, n: rng.random((n, 8)), 800, 60
    yield "one normal blob", lambda rng, n: rng.normal(size=(n, 20)), 800, 60
    if features is not None:
        rows = np.load(features).astype(np.float64)
        rows -= rows.mean(axis=0)
        rows = rows @ np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :48]
        yield "photo features", lambda rng, n: rows[rng.permutation(len(rows))[:n]], 1200, 100


def refitted(rows: Any, max_k: int) -> tuple[int, int]:
    """The interval from resamples that are swept anew."""
    rng = np.random.default_rng(3)
    drawn = (rows[rng.integers(0, len(rows), len(rows))] for _ in range(REFITS))
    found = sorted(find_elbow(kmeans_sweep(each, max_k).inertia).k for each in drawn)
    return found[1], found[-2]


def told(intervals: list[tuple[int, int]], typical: int, elbows: list[int]) -> str:
    """Two shares, and how many K an interval holds."""
    holds = statistics.mean(low <= typical <= high for low, high in intervals)
    fresh = statistics.mean(low <= k <= high for low, high in intervals for k in elbows)
    wide = statistics.mean(high - low + 1 for low, high in intervals)
    return f"{holds:8.2f}{fresh:7.2f}{wide:7.1f}"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--refits", type=int, default=6, help="samples whose resamples are swept anew; 0: none")
    parser.add_argument("--features", type=Path, help="a .npy file of real vectors")
    options = parser.parse_args()
    columns = f"{'typical':>8}{'fresh':>7}{'width':>7}"
    print(f"{'':24}{'typical elbow':>16}   {'interval':22}   {'restart=0':22}   refitted")
    print(f"{'':24}{'(middle 95%)':>16}   " + "   ".join([columns] * 3))
    for name, draw, n, max_k in sources(options.features):
        elbows, ours, held, again = [], [], [], []
        seconds = [0.0, 0.0]
        for number in range(options.samples):
            rows = draw(np.random.default_rng([5, number]), n).astype(np.float32)
            sweep = kmeans_sweep(rows, max_k)
            elbows.append(find_elbow(sweep.inertia).k)
            started = time.perf_counter()
            ours.append(elbow_interval(sweep)[:2])
            seconds[0] += (time.perf_counter() - started) / options.samples
            held.append(elbow_interval(sweep, restart=0)[:2])
            if number < options.refits:
                started = time.perf_counter()
                again.append(refitted(rows, max_k))
                seconds[1] += (time.perf_counter() - started) / options.refits
        typical = int(statistics.median_low(elbows))
        low, high = np.percentile(elbows, [2.5, 97.5])
        line = [told(each, typical, elbows) for each in (ours, held, again) if each]
        cost = f"   {seconds[1] / seconds[0]:.0f} times the time, for {REFITS} instead of 200" if again else ""
        print(f"{name:24}{f'{typical} ({low:.0f}-{high:.0f})':>16}   " + "   ".join(line) + cost, flush=True)


if __name__ == "__main__":
    main()
