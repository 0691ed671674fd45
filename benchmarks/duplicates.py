"""Precision and recall of `duplicates` on real photos and nine made variants of each, beside its peers.

    python -m benchmarks.duplicates --photos 200
    python -m benchmarks.duplicates --photos 1000 --methods lookalike    # then hashes, then networks

Reads LOOKALIKE_PHOTOS. Pairs of items are counted. The truth: two items are one photo if they were made of one, or of
two files with the same pixels; a pair of other files that a person would call one photo counts as wrong for everyone.

Hashes: the kinds that imagededup has (pHash, dHash, aHash, wHash; 64 bits), as `imagehash` computes them, at its
default of 10 bits and at 4; the smaller distance of a photo and its mirror image counts, which is more than imagededup
does. Networks: those in fastdup's wheel, run by ONNX Runtime, cosine of at least 0.96 (fastdup's own default for one
component of near-duplicates) and 0.9. What is not installed is left out (pip install imagehash; --no-deps fastdup).
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module, util
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import lookalike
from benchmarks.sets import networks
from lookalike.analysis import NEAR
from lookalike.options import RankingOptions
from lookalike.records import Floats, Ints

BLOCK = 1_000


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


class Truth:
    """Which of n items are of one photo, `owner` (n,), and how many pairs that makes."""

    def __init__(self, owner: Ints) -> None:
        self.owner = owner
        counts = np.bincount(owner)
        self.pairs = int((counts * (counts - 1) // 2).sum())

    def show(self, name: str, found: Ints, seconds: float) -> None:
        """One line for pairs (p, 2), each once."""
        right = int((self.owner[found[:, 0]] == self.owner[found[:, 1]]).sum())
        precision, recall = right / max(1, len(found)), right / self.pairs
        print(f"{name:38} precision {precision:.4f}  recall {recall:.4f}  {seconds:6.1f} s", flush=True)


def _in_groups(groups: list[list[int]]) -> Ints:
    """Each pair of rows that stand in one group, (p, 2)."""
    parts = [np.zeros((0, 2), np.int64)]
    for group in groups:
        a, b = np.triu_indices(len(group), 1)
        rows = np.sort(np.array(group))
        parts.append(np.stack([rows[a], rows[b]], axis=1))
    return np.concatenate(parts)


def _alike(n: int, close: Callable[[int, int], Ints]) -> Ints:
    """Pairs (p, 2), first below second, of the (row, column) that `close` finds among rows from start to stop."""
    parts = []
    for start in range(0, n, BLOCK):
        found = close(start, min(start + BLOCK, n))
        found[:, 0] += start
        parts.append(found[found[:, 0] < found[:, 1]])
    return np.concatenate(parts)


def _variants(folder: Path, count: int) -> tuple[list[str], Ints]:
    """Write `count` photos and nine variants of each; the ids in their order, and which photo each is of."""
    files = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").iterdir())
    chosen = np.sort(np.random.default_rng(0).choice(len(files), min(count, len(files)), replace=False))
    ids, owner = [], []
    pixels: dict[bytes, int] = {}
    for row in chosen:
        image = Image.open(files[row]).convert("RGB")
        same = pixels.setdefault(image.tobytes(), len(pixels))
        for place, change in enumerate([lambda given: given, *VARIANTS.values()]):
            ids.append(f"{row:05d}-{place}.png")
            change(image).save(folder / ids[-1], compress_level=1)
            owner.append(same)
    return ids, np.array(owner)


def _lookalike(made: Path, ids: list[str], truth: Truth) -> None:
    catalog = lookalike.create(made.parent / "d.catalog")
    start = time.perf_counter()
    catalog.index(made)
    print(f"indexed in {time.perf_counter() - start:.1f} s", flush=True)
    assert catalog.ids == ids
    graph = catalog.neighbors
    at = {item: row for row, item in enumerate(ids)}
    start = time.perf_counter()
    groups = [[at[item] for item in group] for group in catalog.duplicates()]
    taken = time.perf_counter() - start
    found = _in_groups(groups)
    truth.show("lookalike duplicates (graph was there)", found, taken)
    known = set(map(tuple, found.tolist()))
    for place, name in enumerate(VARIANTS, 1):
        hits = [(row, row + place) in known for row in range(0, len(ids), 10)]
        print(f"  {name:36} recall {np.mean(hits):.4f}")
    wrong = found[truth.owner[found[:, 0]] != truth.owner[found[:, 1]]]
    mixed = {tuple(sorted(pair)) for pair in truth.owner[wrong].tolist()}
    print(f"  {len(mixed)} pairs of different photos in one group, such as {[(ids[a], ids[b]) for a, b in wrong[:3]]}")
    scale = catalog.view().space(RankingOptions(ranking="euclidean")).scale
    near = np.argwhere(graph.distances < NEAR * scale)
    pairs = np.sort(np.stack([near[:, 0], graph.ids[near[:, 0], near[:, 1]]], axis=1), axis=1)
    truth.show("the rule of --diverse alone", np.unique(pairs, axis=0), 0)


def _hashes(made: Path, ids: list[str], truth: Truth) -> None:
    if util.find_spec("imagehash") is None:
        print("imagehash is not installed: the hashes are left out (pip install imagehash)")
        return
    hashes = import_module("imagehash")
    for name in ("phash", "dhash", "average_hash", "whash"):
        start, hashed = time.perf_counter(), getattr(hashes, name)
        both = [(hashed(image).hash, hashed(ImageOps.mirror(image)).hash) for image in _open(made, ids)]
        bits, turned = (np.stack([each[side].ravel() for each in both]).astype(np.float32) for side in (0, 1))
        for most in (10, 4):

            def close(a: int, b: int, bits: Floats = bits, turned: Floats = turned, most: int = most) -> Ints:
                gaps = [bits[a:b] @ (1 - two.T) + (1 - bits[a:b]) @ two.T for two in (bits, turned)]
                return np.argwhere(np.minimum(*gaps) <= most)

            found = _alike(len(ids), close)
            truth.show(f"{name}, {most} of 64 bits, mirrored too", found, time.perf_counter() - start)


def _networks(made: Path, ids: list[str], truth: Truth) -> None:
    for name, embed in networks(peers=True).items():
        if not name.startswith("fastdup"):
            continue
        start, parts = time.perf_counter(), []
        for at in range(0, len(ids), 64):
            block = [np.asarray(image.resize((224, 224))) for image in _open(made, ids[at : at + 64])]
            parts.append(embed(np.stack(block)))
        vectors = np.concatenate(parts)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        for least in (0.96, 0.9):

            def close(a: int, b: int, vectors: Floats = vectors, least: float = least) -> Ints:
                return np.argwhere(vectors[a:b] @ vectors.T >= least)

            found = _alike(len(ids), close)
            truth.show(f"{name}, cosine {least}", found, time.perf_counter() - start)


def _open(made: Path, ids: list[str]) -> Iterator[Image.Image]:
    for item in ids:
        with Image.open(made / item) as image:
            yield image.convert("RGB")


METHODS = {"lookalike": _lookalike, "hashes": _hashes, "networks": _networks}


def main() -> None:
    """Make the variants and print a line a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        made.mkdir()
        ids, owner = _variants(made, asked.photos)
        truth = Truth(owner)
        print(f"{len(ids)} items of {len(set(owner.tolist()))} photos, {truth.pairs} pairs are one photo", flush=True)
        for method in asked.methods:
            METHODS[method](made, ids, truth)


if __name__ == "__main__":
    main()
