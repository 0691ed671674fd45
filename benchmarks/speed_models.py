"""How fast is a model, by batch and precision, with worker threads that each run their own inference?

    python -m benchmarks.speed_models --threads 2

Prints photos per second, processor milliseconds per photo and the most memory so far, for noise as photos. The
vectors do not depend on the batch, so the fastest small one is the default (`lookalike.models.BATCH`).
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lookalike import models
from lookalike.models import onnx_model

PHOTOS = 96


def measure(model: models.Model, batch: int, threads: int) -> tuple[float, float]:
    """Photos per second and processor milliseconds per photo, `threads` callers at once."""
    size = model.facts.size
    pixels = np.random.default_rng(0).integers(0, 256, (PHOTOS, size, size, 3), dtype=np.uint8)
    onnx_model.BATCH = batch
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(model.embed, [pixels[:batch]] * threads))
        started, busy = time.perf_counter(), time.process_time()
        list(pool.map(model.embed, [pixels] * threads))
        seconds, worked = time.perf_counter() - started, time.process_time() - busy
    return PHOTOS * threads / seconds, 1000 * worked / (PHOTOS * threads)


def main() -> None:
    """Prints one line for each model, precision and batch; three rounds, the best of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--model", default=models.DEFAULT)
    arguments = parser.parse_args()
    print(f"{'precision':10}{'batch':>6}{'photos/s':>10}{'core-ms':>9}{'peak MB':>9}")
    for precision in models.precisions(arguments.model):
        model = models.load(arguments.model, precision=precision)
        for batch in arguments.batches:
            rounds = [measure(model, batch, arguments.threads) for _ in range(3)]
            speed, cost = max(a for a, _ in rounds), min(b for _, b in rounds)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{precision:10}{batch:6}{speed:10.0f}{cost:9.2f}{peak:9}", flush=True)


if __name__ == "__main__":
    main()
