"""How close `index` comes to the bound that its parts set: cores / (core-seconds of inference + of preparation).

    LOOKALIKE_PHOTOS=... python -m benchmarks.index [--photos 6388] [--rounds 3]

Each part is measured alone, on every core at once, as `index` uses them: machines that share caches or clocks between
cores would make a bound from one core unfair. Rounds alternate parts and whole; the ratio is taken within a round.
Checks that the vectors in the catalog are those of the part measured alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import lookalike
from lookalike import images, models
from lookalike.catalog import build
from lookalike.engines import cores
from lookalike.options import Fit, ImageLimits, IndexOptions, ModelOptions
from lookalike.pipeline.indexing import THUMBNAIL_SIDE
from lookalike.records import Bytes, Photo


def core_seconds(work: Callable[[Sequence[Any]], list[Any]], items: Sequence[Any]) -> tuple[float, list[Any]]:
    """Core-seconds an item of `work`, done in batches on every core at once, and its results."""
    batches = [items[start : start + models.BATCH] for start in range(0, len(items), models.BATCH)]
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        results = [result for part in pool.map(work, batches) for result in part]
        return (time.perf_counter() - started) * cores() / len(items), results


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=6_388)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default=models.DEFAULT)
    options = parser.parse_args()
    folder = Path(os.environ["LOOKALIKE_PHOTOS"]) / "images"
    inputs = images.find([folder], root=None).inputs[: options.photos]
    model = models.load(options.model, precision=models.best_precision(options.model))
    fit, limits = Fit(size=model.facts.size, resize=model.facts.resize), ImageLimits()

    def prepare(batch: Sequence[Any]) -> list[Photo]:
        photos = []
        for item in batch:
            data = images.read(item, limits)
            images.content_hash(data)
            photos.append(images.load(data, fit, limits, thumbnail_side=THUMBNAIL_SIDE))
        return photos

    def embed(batch: Sequence[Bytes]) -> list[Any]:
        return list(model.embed(np.stack(batch)))

    print("round  prepare  infer  (core-ms a photo)  bound  index  (photos/s)  ratio")
    ratios = []
    for number in range(options.rounds):
        preparing, photos = core_seconds(prepare, inputs)
        inferring, vectors = core_seconds(embed, [photo.pixels for photo in photos])
        del photos
        with tempfile.TemporaryDirectory() as aside:
            sources = [item.location for item in inputs] if options.photos < 6_388 else [folder]
            started = time.perf_counter()
            catalog, done, _ = build(
                Path(aside) / "c.catalog", sources, IndexOptions(), model=ModelOptions(name=options.model)
            )
            rate = done.added / (time.perf_counter() - started)
            rows = {item: row for row, item in enumerate(catalog.ids)}
            assert all((catalog.vectors[rows[i.id]] == v).all() for i, v in zip(inputs, vectors, strict=True))
            again = time.perf_counter()
            assert lookalike.open(Path(aside) / "c.catalog").index(*sources).embedded == 0
            again = time.perf_counter() - again
        bound = cores() / (preparing + inferring)
        ratios.append(rate / bound)
        print(
            f"{number:5}  {preparing * 1e3:7.2f}  {inferring * 1e3:5.2f}  {'':17}  {bound:5.0f}  {rate:5.0f}  {'':10}"
            f"  {ratios[-1]:.3f}   again, nothing new: {again:.2f} s"
        )
    print(f"median ratio to the bound: {statistics.median(ratios):.3f}; vectors equal bit for bit")


if __name__ == "__main__":
    main()
