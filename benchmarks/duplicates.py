"""Precision and recall of `duplicates` on real photos and nine made variants of each, beside perceptual hashes.

    python -m benchmarks.duplicates --photos 300

Reads LOOKALIKE_PHOTOS. Pairs of items are counted. The truth: two items are one photo if they were made of one, or of
two files with the same pixels. pHash and dHash are those of `imagehash` (which imagededup's compare with), the smaller
distance of the photo and its mirror image, at the usual thresholds; left out where `imagehash` is not installed.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from importlib import import_module, util
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import lookalike
from lookalike.analysis import NEAR
from lookalike.options import RankingOptions

Pairs = set[tuple[int, int]]


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def _crop(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(w * left), round(h * top), round(w * (1 - right)), round(h * (1 - bottom))))


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC),
    "third": lambda image: image.resize((image.width // 3, image.height // 3), Image.Resampling.BICUBIC),
    "quality 60": lambda image: _jpeg(image, 60),
    "quality 30": lambda image: _jpeg(image, 30),
    "crop 5%": lambda image: _crop(image, 0.025, 0.025, 0.025, 0.025),
    "crop 10%": lambda image: _crop(image, 0.08, 0.02, 0.02, 0.06),
    "mirrored": ImageOps.mirror,
    "mirrored, cropped": lambda image: _jpeg(ImageOps.mirror(_crop(image, 0.04, 0.01, 0.02, 0.05)), 60),
    "white border": lambda image: ImageOps.expand(image, round(0.08 * image.width), (255, 255, 255)),
}


def _show(name: str, found: Pairs, truth: Pairs, seconds: float) -> None:
    right = len(found & truth)
    print(f"{name:28} precision {right / max(1, len(found)):.4f}  recall {right / len(truth):.4f}  {seconds:6.1f} s")


def main() -> None:
    """Make the variants, index them, and print a line a method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=300)
    count = parser.parse_args().photos
    files = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").iterdir())
    chosen = np.sort(np.random.default_rng(0).choice(len(files), min(count, len(files)), replace=False))
    with tempfile.TemporaryDirectory() as folder:
        made, owner = Path(folder) / "made", []
        pixels: dict[bytes, int] = {}
        made.mkdir()
        for row in chosen:
            image = Image.open(files[row]).convert("RGB")
            same = pixels.setdefault(image.tobytes(), len(pixels))
            for place, change in enumerate([lambda given: given, *VARIANTS.values()]):
                change(image).save(made / f"{row:05d}-{place}.png")
                owner.append(same)
        catalog = lookalike.create(Path(folder) / "d.catalog")
        catalog.index(made)
        graph = catalog.neighbors
        truth = {(a, b) for a, b in combinations(range(len(owner)), 2) if owner[a] == owner[b]}
        at = {item: row for row, item in enumerate(catalog.ids)}
        start = time.perf_counter()
        groups = [[at[item] for item in group] for group in catalog.duplicates()]
        taken = time.perf_counter() - start
        found = {pair for group in groups for pair in combinations(group, 2)}
        _show("lookalike duplicates", found, truth, taken)
        for place, name in enumerate(VARIANTS, 1):
            asked = [(row, row + place) for row in range(0, len(owner), 10)]
            print(f"  {name:26} recall {np.mean([pair in found for pair in asked]):.4f}")
        scale = catalog.view().space(RankingOptions(ranking="euclidean")).scale
        near = np.argwhere(graph.distances < NEAR * scale)
        pairs = {(int(min(a, graph.ids[a, j])), int(max(a, graph.ids[a, j]))) for a, j in near}
        _show("the rule of --diverse alone", pairs, truth, 0)
        if util.find_spec("imagehash") is None:
            print("imagehash is not installed: pHash and dHash are left out (pip install imagehash)")
            return
        hashes = import_module("imagehash")
        images = [Image.open(made / item) for item in catalog.ids]
        for name, hashed in (("pHash", hashes.phash), ("dHash", hashes.dhash)):
            start = time.perf_counter()
            bits = np.stack([hashed(image).hash.ravel() for image in images]).astype(np.int64)
            turned = np.stack([hashed(ImageOps.mirror(image)).hash.ravel() for image in images]).astype(np.int64)
            apart = np.minimum(*(bits @ (1 - two.T) + (1 - bits) @ two.T for two in (bits, turned)))
            taken = time.perf_counter() - start
            for most in (4, 10):
                rows = np.argwhere(np.triu(apart <= most, 1))
                _show(f"{name}, {most} bits, mirrored too", {(int(a), int(b)) for a, b in rows}, truth, taken)


if __name__ == "__main__":
    main()
