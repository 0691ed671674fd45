"""Which way to make a photo square keeps look-alikes together: stretch, crop or white padding?

    LOOKALIKE_PHOTOS=PRODUCTS python -m benchmarks.resize --photos 2000

PRODUCTS is a folder with `metadata.csv` (columns `path`, `category`, `type`, `color`, `gender`, `brand`) and
the photos it names, on white. Three layouts are made of every photo: `box` is cut to the product with a
margin of 4%, as many shops do; `4:3` puts that box on a white 4:3 page, as the published data; `mixed` draws,
for each photo, one of a box and white pages of 1:1, 4:3 and 3:4, as a catalog of many sellers. Each is
resized in each way, embedded with the default model, and scored: share of the 3 nearest (Euclidean) with the
query's label, for a random sample of all photos and for footwear alone.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike import models
from lookalike.records import Bytes, Floats

LABELS = ("type", "color", "gender", "brand")
WHITE = (255, 255, 255)
DARK = 0.92 * 255
MARGIN = 0.04
PAGE_MARGIN = 0.08
Row = Mapping[str, str]
Way = Callable[[Image.Image, int], Image.Image]


def box(photo: Image.Image) -> Image.Image:
    """The photo cut to its pixels that are not white, with a margin of `MARGIN` of its longer side."""
    dark = np.asarray(photo).min(axis=2) < DARK
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    if not rows.size:
        return photo
    margin = round(MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0]))
    left, top = max(columns[0] - margin, 0), max(rows[0] - margin, 0)
    right, bottom = min(columns[-1] + 1 + margin, photo.width), min(rows[-1] + 1 + margin, photo.height)
    return photo.crop((int(left), int(top), int(right), int(bottom)))


def page(photo: Image.Image, aspect: float) -> Image.Image:
    """The photo in the middle of a white page of width / height `aspect`, with `PAGE_MARGIN` around it."""
    height = (1 + 2 * PAGE_MARGIN) * max(photo.height, photo.width / aspect)
    canvas = Image.new("RGB", (round(height * aspect), round(height)), WHITE)
    canvas.paste(photo, ((canvas.width - photo.width) // 2, (canvas.height - photo.height) // 2))
    return canvas


def stretch(photo: Image.Image, size: int) -> Image.Image:
    """Both sides to `size`."""
    return photo.resize((size, size), Image.Resampling.BICUBIC)


def crop(photo: Image.Image, size: int) -> Image.Image:
    """The middle square, to `size`."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return stretch(photo.crop((left, top, left + side, top + side)), size)


def pad(photo: Image.Image, size: int) -> Image.Image:
    """White around it to a square, to `size`."""
    side = max(photo.size)
    canvas = Image.new("RGB", (side, side), WHITE)
    canvas.paste(photo, ((side - photo.width) // 2, (side - photo.height) // 2))
    return stretch(canvas, size)


WAYS: Mapping[str, Way] = {"stretch": stretch, "crop": crop, "pad": pad}
LAYOUTS = ("box", "4:3", "mixed")


def laid_out(photo: Image.Image, layout: str, draw: int) -> Image.Image:
    """The photo in one of `LAYOUTS`; `draw` from 0 to 3 decides where it is mixed."""
    product = box(photo)
    if layout == "mixed":
        return product if draw == 3 else page(product, (1.0, 4 / 3, 3 / 4)[draw])
    return product if layout == "box" else page(product, 4 / 3)


def embed(folder: Path, rows: Sequence[Row], layout: str, draws: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """Vectors of the rows, one array for each of `WAYS`; every photo is read once."""
    model = models.load()
    size = model.facts.size

    def part(start: int) -> list[Bytes]:
        stacks: list[list[Bytes]] = [[] for _ in WAYS]
        for row, draw in zip(rows[start : start + 16], draws[start : start + 16], strict=True):
            photo = laid_out(Image.open(folder / row["path"]).convert("RGB"), layout, int(draw))
            for stack, way in zip(stacks, WAYS.values(), strict=True):
                stack.append(np.asarray(way(photo, size)))
        return [np.stack(stack) for stack in stacks]

    def run(start: int) -> list[Floats]:
        return [model.embed(pixels) for pixels in part(start)]

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(run, range(0, len(rows), 16)))
    return {name: np.concatenate([chunk[i] for chunk in parts]) for i, name in enumerate(WAYS)}


def agreements(vectors: Floats, rows: Sequence[Row]) -> Iterator[float]:
    """Per label, the share of the 3 nearest that carry the query's."""
    exact = vectors.astype(np.float64)
    squares = (exact**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * exact @ exact.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, 3, axis=1)[:, :3]
    for label in LABELS:
        values = np.array([row[label] for row in rows])
        known = values != ""
        yield float((values[nearest] == values[:, None])[known].mean())


def main() -> None:
    """Prints one line for each layout and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("products", type=Path, nargs="?", default=os.environ.get("LOOKALIKE_PHOTOS"))
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.products is None:
        parser.error("give a folder of photos with metadata.csv, or name it in LOOKALIKE_PHOTOS")
    with (arguments.products / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(arguments.seed)
    sample = np.sort(rng.permutation(len(rows))[: arguments.photos])
    footwear = np.array([i for i, row in enumerate(rows) if row["category"] == "Footwear"])
    used = np.union1d(sample, footwear)
    draws = rng.integers(0, 4, len(rows))
    print(f"{len(sample)} photos, {len(footwear)} of footwear; k = 3; all / footwear alone")
    print(f"{'layout':8}{'resize':9}" + "".join(f"{label:>14}" for label in LABELS))
    for layout in LAYOUTS:
        for name, vectors in embed(arguments.products, [rows[i] for i in used], layout, draws[used]).items():
            scores = [
                agreements(vectors[np.searchsorted(used, part)], [rows[i] for i in part]) for part in (sample, footwear)
            ]
            cells = "".join(f"{a:9.3f}/{b:.3f}"[-14:].rjust(14) for a, b in zip(*scores, strict=True))
            print(f"{layout:8}{name:9}{cells}", flush=True)


if __name__ == "__main__":
    main()
