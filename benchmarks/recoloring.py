"""What recoloring does to the default vector: measured on recolored photos, written into the package.

    LOOKALIKE_PHOTOS=PRODUCTS python -m benchmarks.recoloring [FILE]

1,200 product photos of half A (`benchmarks.quality` reports on half B) and 400 drawn shoes, of a seed that no benchmark
judges on, each recolored three times as pixels: once as a whole, its hues turned or one dye laid over it, and twice in
its main color alone, shading kept. The covariance of what the vectors of one photo differ in, drawn shoes ten times
as much as photos, is kept as a triangular root of each piece in half precision. `docs/decisions/ranking.md` says why.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import sets
from lookalike import models
from lookalike.demo import draw_shoe, sample_shoes
from lookalike.models.recoloring import FILES
from lookalike.records import Bytes, Doubles

MODEL = "efficientnet-lite0"
PHOTOS, SHOES, SHOES_SEED, SHOES_SHARE = 1_200, 400, 77, 10.0
WHITE = 0.08
"""How far from white the darkest channel of a pixel is that belongs to the product as a whole."""


def linear(srgb: Doubles) -> Doubles:
    """sRGB (0..1) as linear light."""
    light: Doubles = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return light


def encoded(light: Doubles) -> Doubles:
    """Linear light as sRGB (0..1)."""
    light = np.clip(light, 0, 1)
    srgb: Doubles = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return srgb


def hue(rng: np.random.Generator) -> Doubles:
    """A color of any hue and saturation, full value (3,)."""
    pure = np.clip(np.abs(((rng.uniform() + np.array([0, 2 / 3, 1 / 3])) % 1) * 6 - 3) - 1, 0, 1)
    saturation = rng.beta(1.2, 1.2)
    mixed: Doubles = 1 - saturation + saturation * pure
    return mixed


def recolor_whole(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """The product lighter or darker, and one dye over it all or its hues turned; white background stays."""
    given = pixels / 255.0
    cover = np.clip((1 - given.min(axis=2, keepdims=True)) / WHITE, 0, 1)
    inside = cover[..., 0] >= 1
    if inside.sum() < 50:
        return pixels
    luma = np.array([0.2126, 0.7152, 0.0722])
    light = encoded(linear(given) @ luma)
    middle = np.clip(np.median(light[inside]), 0.02, 0.98)
    light_then = (light ** (np.log(rng.uniform(0.08, 0.92)) / np.log(middle)))[..., None]
    if rng.random() < 0.5:
        dye = hue(rng)
        made = light_then * dye / np.sqrt(dye**2 @ luma)
    else:
        turn, third = rng.uniform(0.15, 0.85) * 2 * np.pi, 1 / np.sqrt(3)
        cross = third * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
        around = np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * cross @ cross
        made = light_then + (given - light[..., None]) @ around.T * rng.uniform(0.3, 1.6)
    colored: Bytes = np.round(255 * (cover * np.clip(made, 0, 1) + (1 - cover) * given)).astype(np.uint8)
    return colored


def recolor_main(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """The most frequent color of the product replaced by another, in linear light so that shading stays."""
    given = pixels / 255.0
    light, cover = linear(given), np.clip((1 - given.min(axis=2)) / WHITE, 0, 1)
    inside = given[cover >= 1]
    if len(inside) < 50:
        return pixels
    cells = (inside * 5.999).astype(np.int64) @ np.array([36, 6, 1])
    main = linear(np.median(inside[cells == np.bincount(cells).argmax()], axis=0))
    length = max(float(np.linalg.norm(main)), 1e-6)
    along = light @ (main / length)
    off = np.linalg.norm(light - along[..., None] * main / length, axis=2)
    off = off / np.maximum(np.linalg.norm(light, axis=2), 0.03)
    shade = along / length
    member = np.exp(-((off / 0.25) ** 2)) * cover * np.clip(3 - shade, 0, 1)
    other = linear(rng.uniform(0.1, 0.97) * hue(rng))
    colored: Bytes = np.round(255 * encoded(light + (member * shade)[..., None] * (other - main))).astype(np.uint8)
    return colored


def covariance(pictures: Iterator[Bytes], embed: sets.Embed, seed: int) -> Doubles:
    """What the vectors of a picture and of its recolored copies differ in, (d, d), of trace 1."""
    rng, total = np.random.default_rng(seed), None
    for pixels in pictures:
        copies = [recolor_whole(pixels, rng), recolor_main(pixels, rng), recolor_main(pixels, rng)]
        vectors = embed(np.stack([pixels, *copies])).astype(np.float64)
        apart = vectors - vectors.mean(axis=0)
        total = apart.T @ apart + (0 if total is None else total)
    if total is None:
        raise SystemExit("there are no pictures")
    scaled: Doubles = total / np.trace(total)
    return scaled


def root(covariance: Doubles) -> npt.NDArray[np.float16]:
    """Triangular rows in half precision whose products are a covariance (d, d), scaled to a mean variance of 1."""
    scaled = covariance / (np.trace(covariance) / len(covariance))
    return np.linalg.cholesky(scaled + 1e-6 * np.eye(len(scaled))).T.astype(np.float16)


def photos() -> Iterator[Bytes]:
    """Some product photos of half A."""
    folder, rows = sets.paths()
    rows = [row for row in rows if hashlib.sha256(row["id"].encode()).digest()[3] % 2 == 0]
    some = np.sort(np.random.default_rng(0).choice(len(rows), min(PHOTOS, len(rows)), replace=False))
    return (sets.pixels(Image.open(folder / rows[row]["path"])) for row in some)


def main() -> None:
    """Measure and write."""
    default = Path(models.__file__).with_name(FILES[MODEL])
    embed = sets.networks(peers=False)["statistics"]
    drawn = (sets.pixels(draw_shoe(shoe)) for shoe in sample_shoes(SHOES, SHOES_SEED))
    found = SHOES_SHARE * covariance(drawn, embed, 6) + covariance(photos(), embed, 5)
    pieces, end = {}, 0
    for at, (width, _) in enumerate(models.parts(MODEL)):
        pieces[f"piece{at}"] = root(found[end : end + width, end : end + width])
        end += width
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    np.savez_compressed(target, allow_pickle=False, **pieces)
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
