"""How fast is a model? By batch, with a thread a core, or `--all` models in turn, a core each.

    python -m benchmarks.speed_models [--model NAME] [--threads 2]
    python -m benchmarks.speed_models --all
    python -m benchmarks.speed_models --split

The first prints photos per second, processor milliseconds per photo and the most memory so far, for noise as photos;
vectors do not depend on the batch. The second prints processor milliseconds a photo of every model in every precision,
the least of three runs: `lookalike/models/speeds.py` holds them for `lookalike models list`.
The third shares the cores out in both ways, a call a core and one call on all cores, in turns of 16 photos a call, and
prints the photos/s of both and their ratio, the middle of five rounds.
Models whose weights are no part of an install get random ones in the real layout.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tests.models import keras_layout

from lookalike import models
from lookalike.engines import cores
from lookalike.models import vgg16
from lookalike.models.onnx_model import OnnxModel
from lookalike.records import Bytes

PHOTOS = 96


def measure(model: models.Model, batch: int, threads: int) -> tuple[float, float]:
    """Photos per second and processor milliseconds per photo, `threads` callers at once."""
    pixels = noise(model, PHOTOS)
    if isinstance(model, OnnxModel):
        model.batch = batch
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(model.embed, [pixels[:batch]] * threads))
        started, busy = time.perf_counter(), time.process_time()
        list(pool.map(model.embed, [pixels] * threads))
        seconds, worked = time.perf_counter() - started, time.process_time() - busy
    return PHOTOS * threads / seconds, 1000 * worked / (PHOTOS * threads)


def noise(model: models.Model, photos: int) -> Bytes:
    """Photos of a model's size."""
    size = model.facts.size
    return np.random.default_rng(0).integers(0, 256, (photos, size, size, 3), dtype=np.uint8)


def every(folder: Path) -> None:
    """Print the milliseconds of every model."""
    found: dict[str, float] = {}
    for name in models.names():
        weights = None
        if models.published(name) is not None:
            arrays = keras_layout.random_arrays(vgg16.Plan(), top=name == "vgg16")
            weights = keras_layout.write_released(folder / f"{name}.h5", arrays)
        for precision in models.precisions(name):
            for device in ("auto", "openvino") if name == models.DEFAULT else ("auto",):
                model = models.load(name, precision=precision, device=device, weights=weights)
                count = 16 if weights is not None else 128
                pixels = noise(model, count)
                for _ in range(12):
                    model.embed(pixels[:16] if weights is None else pixels[:1])
                costs = []
                for _ in range(3):
                    busy = time.process_time()
                    model.embed(pixels)
                    costs.append(1000 * (time.process_time() - busy) / count)
                key = f"{name} {precision}{' openvino' if model.facts.device == 'openvino' else ''}"
                found[key] = min(costs)
                print(f"{key:45}{found[key]:8.2f}", flush=True)
                del model


def split() -> None:
    """Print what a thread a core gains over one call on all cores, for the default in every precision."""
    for precision in models.precisions():
        apart, whole = models.load(precision=precision), models.load(precision=precision, threads=cores())
        pixels = noise(apart, PHOTOS)
        parts = [pixels[start : start + 16] for start in range(0, PHOTOS, 16)]
        np.testing.assert_array_equal(apart.embed(parts[0]), whole.embed(parts[0]))
        rates: list[tuple[float, float]] = []
        for _ in range(6):  # the first warms up
            found = []
            for model, callers in ((apart, cores()), (whole, 1)):
                with ThreadPoolExecutor(callers) as pool:
                    started = time.perf_counter()
                    list(pool.map(model.embed, parts))
                    found.append(PHOTOS / (time.perf_counter() - started))
            rates.append((found[0], found[1]))
        a, b, ratio = (statistics.median(column) for column in zip(*((a, b, a / b) for a, b in rates[1:]), strict=True))
        print(f"{precision}: {cores()} calls at once {a:.0f} photos/s, 1 on {cores()} threads {b:.0f}: {ratio:.2f}")


def main() -> None:
    """Prints one line for each model, precision and batch; three rounds, the best of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--model", default=models.DEFAULT)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--split", action="store_true")
    arguments = parser.parse_args()
    if arguments.split:
        split()
        return
    if arguments.all:
        with tempfile.TemporaryDirectory() as aside:
            os.environ["LOOKALIKE_CACHE"] = aside
            every(Path(aside))
        return
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
