"""Why actors of our own and not Ray Data: the same work through both, and a row that ends its process each time.

    pip install 'lookalike[ray]' 'ray[data]'
    LOOKALIKE_PHOTOS=... python -m benchmarks.ray_data [--photos 320] [--rounds 3] [--patience 60]

Alternates the two over the same photos and the same embedder, checks that the vectors are the same, and prints
photos/s of the whole run and their ratio. Then each gets 20 rows, one of which ends the process that works on it;
prints how many rows came back within `--patience` seconds.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lookalike import images, models
from lookalike.engines import RayEngine, ray_engine
from lookalike.options import ImageLimits
from lookalike.pipeline.embed import Embedded, Embedder, Task

TOGETHER = 16
ROWS, BAD = 20, 5


class Stage:
    """The embedder as Ray Data runs it: rows of pickled batches in, rows of pickled outcomes out."""

    def __init__(self, work: Embedder) -> None:
        self._work = work

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        return {"found": [pickle.dumps(self._work(pickle.loads(batch))) for batch in rows["batch"]]}


class Deadly:
    """Gives rows back; one of them ends the process."""

    def __call__(self, rows: Any) -> Any:
        if BAD in (rows["id"] if isinstance(rows, dict) else rows):
            os._exit(1)
        return rows

    def split(self, rows: Sequence[int]) -> list[list[int]]:
        return [[row] for row in rows]

    def join(self, results: Sequence[list[int]]) -> list[int]:
        return [row for result in results for row in result]

    def lost(self, rows: Sequence[int], detail: str) -> list[int]:
        return []


def by_actors(work: Embedder, batches: list[list[Task]]) -> list[Any]:
    """Outcomes of our own engine."""
    return [outcome for outcomes in RayEngine().run(work, batches) for outcome in outcomes]


def by_ray_data(work: Embedder, batches: list[list[Task]]) -> list[Any]:
    """Outcomes of a Ray Data pipeline with one actor a CPU, but for a tenth of each, which the rest of it needs."""
    data: Any = import_module("ray.data")
    actors: Any = data.ActorPoolStrategy(size=int(import_module("ray").cluster_resources()["CPU"]))
    rows = data.from_items([{"batch": pickle.dumps(batch)} for batch in batches])
    mapped = rows.map_batches(Stage, fn_constructor_args=(work,), batch_size=1, compute=actors, num_cpus=0.9)
    return [one for part in mapped.iter_batches(batch_size=1) for found in part["found"] for one in pickle.loads(found)]


def vectors(outcomes: Sequence[Any]) -> dict[str, bytes]:
    """The bits of each vector by id."""
    return {one.input.id: one.vector.tobytes() for one in outcomes if isinstance(one, Embedded)}


def came_back(patience: float, consume: Callable[[list[Any]], None]) -> int:
    """How many rows `consume` has put into its list in time."""
    rows: list[Any] = []
    thread = threading.Thread(target=consume, args=(rows,), daemon=True)
    thread.start()
    thread.join(patience)
    return len(rows)


def actors_with_a_bad_row(rows: list[Any]) -> None:
    """20 rows through our own engine."""
    for part in RayEngine(1).run(Deadly(), [[row, row + 1] for row in range(0, ROWS, 2)]):
        rows.extend(part)


def ray_data_with_a_bad_row(rows: list[Any]) -> None:
    """20 rows through Ray Data."""
    data: Any = import_module("ray.data")
    pool = data.ActorPoolStrategy(size=1)
    mapped = data.range(ROWS).map_batches(Deadly, batch_size=2, compute=pool, num_cpus=0.9)
    rows.extend(row["id"] for row in mapped.iter_rows())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=60)
    options = parser.parse_args()
    paths = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))[: options.photos]
    tasks = [Task(item) for item in images.find(paths).inputs]
    batches = [tasks[start : start + TOGETHER] for start in range(0, len(tasks), TOGETHER)]
    work = Embedder(models.facts(precision=models.best_precision()), ImageLimits(), images.THUMBNAIL_SIDE, {})
    ray_engine.connect(import_module("ray"))
    import_module("ray.data").DataContext.get_current().enable_progress_bars = False
    import_module("logging").getLogger("ray.data").setLevel("ERROR")
    ratios = []
    for number in range(options.rounds + 1):
        rates = []
        found = []
        for way in (by_actors, by_ray_data):
            started = time.perf_counter()
            found.append(vectors(way(work, batches)))
            rates.append(len(tasks) / (time.perf_counter() - started))
        assert found[0] == found[1], "the vectors differ"
        if number:  # the first round starts what Ray keeps
            ratios.append(rates[0] / rates[1])
            print(f"actors {rates[0]:.1f} photos/s, Ray Data {rates[1]:.1f}, ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}; the vectors are the same")
    for name, consume in (("actors", actors_with_a_bad_row), ("Ray Data", ray_data_with_a_bad_row)):
        rows = came_back(options.patience, consume)
        print(f"{name}: {rows} of {ROWS} rows in {options.patience:.0f} s with one that ends its process", flush=True)
    os._exit(0)  # what still waits for that row would wait for ever


if __name__ == "__main__":
    main()
