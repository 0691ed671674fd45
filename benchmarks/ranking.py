"""The default ranking beside plain distance: share of the 3 nearest with the query's label.

    python -m benchmarks.ranking shop.catalog demo/shoes.catalog --labels type,color,gender,brand

Each catalog is also cut to random parts of 60, 200 and 600 items, four times each, as small catalogs are where a fit
could hurt. Prints plain distance, cosine, and whitening with several powers and shrinks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np

import lookalike
from lookalike.analysis import agreement, fit_whitening, nearest_neighbors
from lookalike.records import Floats

SIZES = (60, 200, 600)


def _whitened(power: float, shrink: float) -> Callable[[Floats], Floats]:
    return lambda vectors: fit_whitening(vectors, power=power, shrink=shrink).apply(vectors)


RANKINGS: dict[str, Callable[[Floats], Floats]] = {
    "euclidean": lambda vectors: vectors,
    "cosine": _whitened(0.0, 0.0),
    "power 0.15": _whitened(0.15, 0.0),
    "power 0.25": _whitened(0.25, 0.0),
    "power 0.25, shrink 0.5": _whitened(0.25, 0.5),
    "power 0.5": _whitened(0.5, 0.0),
}


def _parts(n: int) -> Iterator[list[np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    rng = np.random.default_rng(0)
    for size in SIZES:
        if size < n:
            yield [np.sort(rng.choice(n, size, replace=False)) for _ in range(4)]
    yield [np.arange(n)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogs", nargs="+")
    parser.add_argument("--labels", default="type,color,gender,brand")
    options = parser.parse_args()
    names = options.labels.split(",")
    print(f"{'catalog':24} {'items':>6}  {'ranking':24} " + " ".join(f"{name:>8}" for name in names))
    for path in options.catalogs:
        catalog = lookalike.open(path)
        table = catalog.store.read("metadata").sort_by("id")
        for parts in _parts(len(catalog)):
            for ranking, points in RANKINGS.items():
                shares = []
                for rows in parts:
                    near = nearest_neighbors(points(catalog.vectors[rows]), 3).ids
                    labels = [table[name].take(rows).to_pylist() for name in names]
                    shares.append([agreement(near, column, resamples=1).value for column in labels])
                mean = " ".join(f"{share:8.3f}" for share in np.mean(shares, axis=0))
                print(f"{path[-24:]:24} {len(parts[0]):6}  {ranking:24} {mean}", flush=True)


if __name__ == "__main__":
    main()
