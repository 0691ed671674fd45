"""Does the default ranking find better look-alikes? Beside plain networks, part by part, and on other kinds of images.

    LOOKALIKE_PHOTOS=PRODUCTS python -m benchmarks.quality [products] [held-out] [others] [scenes] [recolored]
        --cache FOLDER

Every table gives the share of the 3 nearest with the query's label and its 95% bootstrap interval over queries, and
the gain of the default over plain distance of the same vectors, with the interval of the paired difference.

- `products`: all photos, and footwear alone as a catalog of its own; peers, the default, and its parts one by one.
- `held-out`: photos are split in two by a hash of their ids. All settings were chosen on half A alone (the share of
  color as the largest at which no label fell below plain distance); half B reports. Each half is its own catalog.
- `others`: drawn shoes, digits, textures, and small parts of the products, where a fit could hurt.
- `scenes`: footwear, a quarter of it before a made wall and floor: what a rule for outlines without a background gives.
- `recolored`: drawn shoes and their twins in another color. At color 0 the twin should come first; from 0 to 1 the
  difference between the colors of a shoe and of its look-alikes should fall. What color 0 takes out was chosen on the
  shoes of three seeds; the others report.

The 3 nearest of 50 items are compared with a float64 brute force; a difference ends the run.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks import sets
from benchmarks.sets import Set
from lookalike import models
from lookalike.analysis import (
    Whitening,
    agreement,
    beside,
    fit_colorless,
    fit_looks,
    fit_whitening,
    mix,
    nearest_neighbors,
)
from lookalike.analysis.evaluation import agreement_shares, label_codes, mean_interval
from lookalike.demo import Shoe
from lookalike.images import telling
from lookalike.pipeline import COLOR, OUTLINE, OUTLINE_ALONE, looks_kept
from lookalike.records import Doubles, Floats, Ints

AIMS = {
    "products": {"type": 0.865, "color": 0.450, "gender": 0.910, "brand": 0.570},
    "footwear": {"type": 0.775, "color": 0.510, "gender": 0.820, "brand": 0.520},
}
PARTS = models.parts("efficientnet-lite0")
CHOSEN_ON, UNSEEN = (1, 2, 3), (4, 5, 6, 7, 8, 9)
"""Seeds of recolored shoes."""
Points = Callable[[Set], Floats]


def unit(vectors: Floats) -> Floats:
    """Rows of length 1: Euclidean distance then orders as the cosine does."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return rows


def whitened(found: Set) -> Floats:
    """The default ranking before this one: one fit of all axes, partly whitened."""
    vectors = found.vectors["statistics"]
    return fit_whitening(vectors).apply(vectors)


def whitened_parts(found: Set) -> Floats:
    """Each layer partly whitened by itself, weighted as in the default."""
    vectors, ends = found.vectors["statistics"], np.cumsum([width for width, _ in PARTS])
    pieces = [vectors[:, end - width : end] for (width, _), end in zip(PARTS, ends, strict=True)]
    shares = [weight**0.5 for _, weight in PARTS]
    return np.hstack([s * fit_whitening(p).apply(p) for s, p in zip(shares, pieces, strict=True)]).astype(np.float32)


def looks(found: Set, parts: Sequence[tuple[int, float]] = PARTS) -> Floats:
    """By what neighbors differ in, color left as it is: the default ranking before this one."""
    vectors = found.vectors["statistics"]
    return fit_looks(vectors, parts).apply(vectors)


def apart(found: Set, parts: Sequence[tuple[int, float]] = PARTS) -> Floats:
    """The same, and what colors predict is noise too."""
    vectors = found.vectors["statistics"]
    return fit_looks(vectors, parts, colors=found.colors).apply(vectors)


def outlined(found: Set, parts: Sequence[tuple[int, float]] = PARTS) -> Floats:
    """The default ranking without color."""
    return _default(found, parts)[1]


def at_color(found: Set, color: float = 0.0) -> Floats:
    """The default ranking at any share of color: below its own, what color does to looks goes out of them too."""
    fit, looks = _default(found)
    weights = models.weights_without_color("efficientnet-lite0")
    if len(fit.mean) > found.vectors["statistics"].shape[1]:
        weights = (*((1 - OUTLINE_ALONE) * weight for weight in weights), OUTLINE_ALONE)
    less = fit_colorless(fit, models.recolored("efficientnet-lite0"), weights)
    return mix(less.apply(looks, looks_kept(color, COLOR)), found.colors, color)


def _default(found: Set, parts: Sequence[tuple[int, float]] = PARTS) -> tuple[Whitening, Floats]:
    """The fit of the default ranking, and what it makes of a set."""
    vectors = found.vectors["statistics"]
    told = telling(found.outlines)
    return _beside(fit_looks(vectors, parts, colors=found.colors), vectors, told[~np.isnan(told[:, 0])], told)


def all_outlined(found: Set) -> Floats:
    """The same where photos with a scene behind them have an outline too: it fills the picture."""
    vectors = found.vectors["statistics"]
    return _beside(fit_looks(vectors, PARTS, colors=found.colors), vectors, found.outlines, found.outlines)[1]


def _beside(fit: Whitening, vectors: Floats, known: Floats, outlines: Floats) -> tuple[Whitening, Floats]:
    """A fit of vectors with the outlines beside it, fitted on the known ones, and what it makes of them."""
    fit = beside(fit, fit_looks(known), OUTLINE) if len(known) > 1 else fit
    return fit, fit.apply(vectors, outlines if len(fit.mean) > vectors.shape[1] else None)


def colored(points: Points, share: float) -> Points:
    """A ranking with a share of color."""
    return lambda found: mix(points(found), found.colors, share)


def peer(net: str) -> Points:
    """Another network as it is used: fastdup compares by cosine."""
    return lambda found: unit(found.vectors[net]) if net.startswith("fastdup") else found.vectors[net]


PLAIN = "statistics, Euclidean"
DEFAULT = f"default: color {COLOR:g}"
WITHOUT, AT_0, AT_HALF = "default without color", "at color 0", f"at color {COLOR / 2:g}"
BEFORE = "one piece, partly whitened"
RANKINGS: dict[str, Points] = {
    PLAIN: lambda found: found.vectors["statistics"],
    BEFORE: whitened,
    f"{BEFORE}, color {COLOR:g}": colored(whitened, COLOR),
    "one piece, neighbors": lambda found: looks(found, ()),
    "one piece, neighbors, color apart": lambda found: apart(found, ()),
    f"one piece, neighbors, color apart, color {COLOR:g}": colored(lambda found: apart(found, ()), COLOR),
    "by layer, partly whitened": whitened_parts,
    f"by layer, partly whitened, color {COLOR:g}": colored(whitened_parts, COLOR),
    "by layer, neighbors": looks,
    "by layer, neighbors, color 0.06": colored(looks, 0.06),
    "by layer, neighbors, color 0.12": colored(looks, 0.12),
    "by layer, neighbors, color apart": apart,
    f"by layer, neighbors, color apart, color {COLOR:g}": colored(apart, COLOR),
    WITHOUT: outlined,
    AT_0: at_color,
    AT_HALF: lambda found: at_color(found, COLOR / 2),
    DEFAULT: colored(outlined, COLOR),
    "default, color 0.06": colored(outlined, 0.06),
    "default, color 0.3": colored(outlined, 0.3),
    "outline alone": lambda found: found.outlines,
    "color alone": lambda found: found.colors,
}
SHORT = (PLAIN, BEFORE, "by layer, neighbors, color 0.06", WITHOUT, AT_0, AT_HALF, DEFAULT)


def nearest(points: Floats) -> Ints:
    """The 3 nearest of each; 50 of them are checked."""
    found = nearest_neighbors(points, 3).ids
    wide, rows = points.astype(np.float64), np.linspace(0, len(points) - 1, 50).astype(np.int64)
    for row in rows:
        squared = ((wide - wide[row]) ** 2).sum(axis=1)
        squared[row] = np.inf
        best = np.sort(squared)[: found.shape[1]]
        if not np.array_equal(squared[found[row]], best):
            raise SystemExit(f"row {row}: {found[row].tolist()} are not the nearest")
    return found


def table(found: Set, rankings: Mapping[str, Points]) -> dict[str, Ints]:
    """Print one table; returns the neighbors by ranking."""
    names = list(found.labels)
    print(f"\n{found.name}, {len(found.colors):,} items{'':24} " + " ".join(f"{name:>18}" for name in names))
    near = {}
    for ranking, points in rankings.items():
        near[ranking] = nearest(points(found))
        shares = [agreement(near[ranking], list(column)) for column in found.labels.values()]
        told = " ".join(f"{s.value:.3f} [{s.low:.3f} {s.high:.3f}]" for s in shares)
        print(f"{ranking.rstrip():40} {told}", flush=True)
    if found.name in AIMS:
        print(f"{'aim':40} " + " ".join(f"{AIMS[found.name][name]:.3f}{'':14}" for name in names))
    return near


def gains(found: Set, near: Mapping[str, Ints], first: str, second: str) -> None:
    """What the second gains over the first: the paired difference of two rankings, and the ratio of what they miss."""
    parts = []
    for name, column in found.labels.items():
        codes = label_codes(list(column))
        shares = [agreement_shares(near[ranking], codes) for ranking in (first, second)]
        gain = mean_interval(shares[1] - shares[0])
        ratio = (1 - shares[1].mean()) / (1 - shares[0].mean())
        parts.append(f"{name} {gain.value:+.3f} [{gain.low:+.3f} {gain.high:+.3f}] misses x{ratio:.2f}")
    print(f"{second} over {first}: {'; '.join(parts)}", flush=True)


def split(found: Set, half: str) -> Set:
    """Half A or B, by a hash of the ids."""
    odd = [hashlib.sha256(item.encode()).digest()[3] % 2 == 1 for item in found.more["id"]]
    return found.part(f"half {half}", np.flatnonzero(np.array(odd) == (half == "B")))


def footwear(found: Set, name: str = "footwear") -> Set:
    """Its footwear alone, as a catalog of its own."""
    return found.part(name, np.flatnonzero(np.array(found.more["category"]) == "Footwear"))


def products(photos: Set) -> None:
    """All photos and footwear alone: peers, the default, its parts."""
    rankings = {
        f"{net}, {'cosine' if net.startswith('fastdup') else 'Euclidean'}": peer(net)
        for net in sorted(set(photos.vectors) - {"statistics"})
    }
    for found in (photos, footwear(photos)):
        near = table(found, rankings | RANKINGS)
        for other in [*rankings, PLAIN, BEFORE]:
            gains(found, near, other, DEFAULT)


def held_out(photos: Set) -> None:
    """Half A, on which settings were chosen, and half B, which reports."""
    for half in ("A", "B"):
        part = split(photos, half)
        for found in (part, footwear(part, f"half {half}, footwear")):
            near = table(found, {name: RANKINGS[name] for name in SHORT})
            gains(found, near, PLAIN, DEFAULT)
            gains(found, near, WITHOUT, AT_0)


def others(photos: Set | None, nets: Mapping[str, sets.Embed], cache: Path | None) -> None:
    """Other kinds of images, and small catalogs."""
    rng = np.random.default_rng(0)
    found = [sets.shoes(600, nets, cache), sets.digits(nets, cache), sets.textures(nets, cache)]
    if photos is not None:
        kinds = (photos, footwear(photos))
        found += [
            kind.part(f"{size} of {kind.name}", rng.choice(len(kind.colors), size, replace=False))
            for size in (60, 200, 600)
            for kind in kinds
        ]
    for each in found:
        near = table(each, {name: RANKINGS[name] for name in SHORT})
        gains(each, near, PLAIN, DEFAULT)


def scenes(nets: Mapping[str, sets.Embed], cache: Path | None) -> None:
    """Photos before a wall among photos on white: each kind's queries apart, and how many neighbors have a wall."""
    found = sets.walls(nets, cache)
    walled = np.array(found.more["wall"]) == "yes"
    rankings = {
        "default without outlines": colored(apart, COLOR),
        "every photo has an outline": colored(all_outlined, COLOR),
        DEFAULT: colored(outlined, COLOR),
    }
    near = table(found, rankings)
    gains(found, near, "every photo has an outline", DEFAULT)
    print(f"{'queries before a wall / on white':40} {' '.join(f'{name:>18}' for name in found.labels)}  walls found")
    for ranking, ids in near.items():
        shares = [agreement_shares(ids, label_codes(list(column))) for column in found.labels.values()]
        told = [f"{share[walled].mean():>10.3f} / {share[~walled].mean():.3f}" for share in shares]
        print(f"{ranking:40} {' '.join(told)}  {walled[ids][walled].mean():.3f} / {walled[ids][~walled].mean():.3f}")


def palette_error(pairs: Sequence[tuple[Shoe, Shoe]], near: Ints) -> float:
    """How far the colors of a shoe and of its look-alikes are apart: mean distance of their sRGB."""
    both: Doubles = np.array([shoe.rgb for shoe, _ in pairs] + [twin.rgb for _, twin in pairs], np.float64)
    return float(np.linalg.norm(both[near] - both[:, None], axis=2).mean())


def recolored(count: int, nets: Mapping[str, sets.Embed], cache: Path | None) -> None:
    """Twins first at color 0, colors nearer with every step to color 1; by seed, those chosen on and those not seen."""
    shares = sorted({0.0, COLOR / 4, COLOR / 2, 0.75 * COLOR, COLOR, *np.linspace(0.2, 1, 9).round(1).tolist()})
    print(f"\n{count} shoes and their twins in another color: the twin first; palette error of the 3 nearest by color")
    print(f"{'seed':14} plain  before  at 0  default  {' '.join(f'{share:5.2f}' for share in shares)}  falls")
    for name, seeds in (("chosen on", CHOSEN_ON), ("unseen", UNSEEN)):
        firsts = []
        for seed in seeds:
            pairs = sets.twins(count, seed)
            found = sets.recolored(pairs, nets, cache, seed)
            twin = (np.arange(2 * count) + count) % (2 * count)
            near = [nearest(at_color(found, share)) for share in shares]
            ways = (nearest(found.vectors["statistics"]), nearest(outlined(found)), near[0], near[shares.index(COLOR)])
            firsts.append([float((ids[:, 0] == twin).mean()) for ids in ways])
            errors = [palette_error(pairs, ids) for ids in near]
            falls = all(later <= sooner for sooner, later in pairwise(errors))
            told = " ".join(f"{error:5.1f}" for error in errors)
            print(f"{seed:<14} {'   '.join(f'{value:.3f}' for value in firsts[-1])}  {told}  {falls}", flush=True)
        print(f"{name:14} {'   '.join(f'{value:.3f}' for value in np.mean(firsts, axis=0))}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = ("products", "held-out", "others", "scenes", "recolored")
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(every)}; all without")
    parser.add_argument("--cache", type=Path, help="keep vectors in this folder")
    parser.add_argument("--alone", action="store_true", help="without the other networks")
    parser.add_argument("--photos", type=int, help="only the first of them")
    parser.add_argument("--shoes", type=int, default=200, help="shoes to recolor")
    options = parser.parse_args()
    what = options.what or every
    if wrong := sorted(set(what) - set(every)):
        parser.error(f"{wrong[0]!r} is not known: give some of {', '.join(every)}")
    nets = sets.networks(peers=False)
    if "products" in what or "held-out" in what:
        photos = sets.products(sets.networks(peers=not options.alone), options.cache, options.photos)
        if "products" in what:
            products(photos)
        if "held-out" in what:
            held_out(photos)
    else:
        photos = None
    if "others" in what:
        others(photos, nets, options.cache)
    if "scenes" in what:
        scenes(nets, options.cache)
    if "recolored" in what:
        recolored(options.shoes, nets, options.cache)


if __name__ == "__main__":
    main()
