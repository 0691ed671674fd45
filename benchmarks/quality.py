"""Does the default ranking find better look-alikes? Beside plain networks, part by part, and on other kinds of images.

    LOOKALIKE_PHOTOS=PRODUCTS python -m benchmarks.quality [products] [held-out] [unfamiliar] [others] [scenes]
        [recolored] --cache FOLDER

Every table gives the share of the 3 nearest with the query's label and its 95% bootstrap interval over queries, and
the gain of the default over plain distance of the same vectors, with the interval of the paired difference.

- `products`: all photos, and footwear alone as a catalog of its own; peers, and the ranking without lessons part by
  part. The lessons in the package were learned from the labels of these very photos, so what the default reaches here
  is in sample and no measure of it.
- `held-out`: photos are split in two by a hash of their ids, each half a catalog of its own that is judged with lessons
  from the labels of the other. Settings were chosen on half A alone, but the last thousandths on both.
- `unfamiliar`: lessons from other brands, and from other kinds of products, than those that are judged.
- `others`: drawn shoes, digits, textures, and small parts of half B, where a fit could hurt.
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
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks import sets
from benchmarks.sets import Set
from benchmarks.teaching import learned
from lookalike import models, pipeline
from lookalike.analysis import Whitening, agreement, beside, fit_looks, fit_whitening, mix, nearest_neighbors
from lookalike.analysis.evaluation import agreement_shares, label_codes, mean_interval
from lookalike.demo import Shoe
from lookalike.models import Taught
from lookalike.pipeline import COLOR, OUTLINE, Sample, looks_kept
from lookalike.records import Doubles, Floats, Ints

AIMS = {
    "products": {"type": 0.865, "color": 0.450, "gender": 0.910, "brand": 0.570},
    "footwear": {"type": 0.775, "color": 0.510, "gender": 0.820, "brand": 0.520},
}
MODEL = "efficientnet-lite0"
PARTS = models.parts(MODEL)
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
    """By what neighbors differ in, color left as it is."""
    vectors = found.vectors["statistics"]
    return fit_looks(vectors, parts).apply(vectors)


def apart(found: Set, parts: Sequence[tuple[int, float]] = PARTS) -> Floats:
    """The same, and what colors predict is noise too."""
    vectors = found.vectors["statistics"]
    return fit_looks(vectors, parts, colors=found.colors).apply(vectors)


def ranked(found: Set, taught: Taught | None, color: float | None = None) -> Floats:
    """The default ranking with these lessons, at its own share of color or at another.

    Below its own share, what color does to looks goes out of them too.
    """
    fit, usual = pipeline.compose(sample(found), PARTS, taught)
    looks = applied(fit, found)
    share = usual if color is None else color
    if share < usual and (less := pipeline.take_color_out(MODEL, fit)) is not None:
        looks = less.apply(looks, looks_kept(share, usual))
    return mix(looks, found.colors, share)


def outlined(found: Set, taught: Taught | None = None) -> Floats:
    """What the default ranking measures before color is mixed in."""
    return applied(pipeline.compose(sample(found), PARTS, taught)[0], found)


def sample(found: Set) -> Sample:
    """A set as a fit sees it."""
    return Sample(found.vectors["statistics"], found.colors, found.outlines)


def applied(fit: Whitening, found: Set) -> Floats:
    """What a fit makes of a set."""
    return pipeline.looks_of(fit, found.vectors["statistics"], found.outlines, found.colors)


def all_outlined(found: Set) -> Floats:
    """Without lessons, where photos with a scene behind them have an outline too: it fills the picture."""
    vectors = found.vectors["statistics"]
    fit = beside(fit_looks(vectors, PARTS, colors=found.colors), fit_looks(found.outlines), OUTLINE)
    return fit.apply(vectors, found.outlines)


def colored(points: Points, share: float) -> Points:
    """A ranking with a share of color."""
    return lambda found: mix(points(found), found.colors, share)


def peer(net: str) -> Points:
    """Another network as it is used: fastdup compares by cosine."""
    return lambda found: unit(found.vectors[net]) if net.startswith("fastdup") else found.vectors[net]


def peers(photos: Set) -> dict[str, Points]:
    """The other networks that a set was put through, by name and by how each is used."""
    others = sorted(set(photos.vectors) - {"statistics"})
    return {f"{net}, {'cosine' if net.startswith('fastdup') else 'Euclidean'}": peer(net) for net in others}


PLAIN = "statistics, Euclidean"
BEFORE = "one piece, partly whitened"
UNTAUGHT = f"without lessons: color {COLOR:g}"
WITHOUT, DEFAULT = "default without color", "default"
AT_0 = "at color 0"
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
    "without lessons: color 0": outlined,
    UNTAUGHT: colored(outlined, COLOR),
    "without lessons: color 0.3": colored(outlined, 0.3),
    "outline alone": lambda found: found.outlines,
    "color alone": lambda found: found.colors,
}
"""What there is without lessons."""


def with_lessons(taught: Taught | None, *, parts: bool = False) -> dict[str, Points]:
    """Plain distance, what there is without lessons, and the default with these; `parts`: lessons one by one, too."""
    found = {name: RANKINGS[name] for name in (PLAIN, UNTAUGHT)}
    if parts and taught is not None:
        kinds = "what products of a kind differ in"
        alone = replace(taught, lessons=())
        found[f"{kinds} alone"] = lambda found: mix(outlined(found, alone), found.colors, COLOR)
        for lesson in taught.lessons:
            left = replace(taught, lessons=tuple(other for other in taught.lessons if other is not lesson))
            found[f"default without the lesson of {lesson.name}"] = partial(ranked, taught=left)
        found[f"default without {kinds}"] = partial(ranked, taught=replace(taught, alike=()))
    found[WITHOUT] = partial(outlined, taught=taught)
    found[AT_0] = partial(ranked, taught=taught, color=0.0)
    found[DEFAULT] = partial(ranked, taught=taught)
    return found


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
    """All photos and footwear alone: peers, and what there is without lessons."""
    rankings = peers(photos)
    in_sample: dict[str, Points] = {"default (in sample)": partial(ranked, taught=models.taught(MODEL))}
    for found in (photos, footwear(photos)):
        near = table(found, rankings | RANKINGS | in_sample)
        for other in [*rankings, PLAIN, BEFORE]:
            gains(found, near, other, UNTAUGHT)


def held_out(photos: Set) -> None:
    """Each half with the lessons of the other; half A is where settings were chosen, half B reports."""
    wanted = {}  # the aims are of all photos, lessons are judged on halves: what is missing there has to be gained here
    for found in (photos, footwear(photos)):
        reached = nearest(RANKINGS[UNTAUGHT](found))
        aims = AIMS[found.name]
        wanted[found.name] = {n: aims[n] - agreement(reached, list(c)).value for n, c in found.labels.items()}
    for half, other in (("A", "B"), ("B", "A")):
        part, taught = split(photos, half), learned(split(photos, other))
        for found in (part, footwear(part, f"half {half}, footwear")):
            near = table(found, peers(photos) | with_lessons(taught, parts=True))
            for before in (PLAIN, UNTAUGHT):
                gains(found, near, before, DEFAULT)
            gains(found, near, WITHOUT, AT_0)
            kind = "footwear" if found is not part else "products"
            print(f"aim as a gain over {UNTAUGHT}: {'; '.join(f'{n} {gain:+.3f}' for n, gain in wanted[kind].items())}")


def unfamiliar(photos: Set) -> None:
    """Lessons of other brands, and of other categories, than those that are judged."""
    brands = sorted(set(photos.labels["brand"]))
    first = set(np.random.default_rng(0).choice(brands, len(brands) // 2, replace=False).tolist())
    groups = {"some brands": np.array([brand in first for brand in photos.labels["brand"]])}
    groups["the other brands"] = ~groups["some brands"]
    for category in ("Footwear", "Apparel", "Accessories"):
        groups[category.lower()] = np.array(photos.more["category"]) == category
    for name, inside in groups.items():
        taught = learned(photos.part("lessons", np.flatnonzero(~inside)))
        found = photos.part(f"{name}, lessons of the rest", np.flatnonzero(inside))
        near = table(found, with_lessons(taught))
        gains(found, near, UNTAUGHT, DEFAULT)


def others(photos: Set, nets: Mapping[str, sets.Embed], cache: Path | None) -> None:
    """Other kinds of images with the lessons in the package; small catalogs of half B with those of half A."""
    rng, taught = np.random.default_rng(0), models.taught(MODEL)
    kinds_of = (sets.shoes(600, nets, cache), sets.digits(nets, cache), sets.textures(nets, cache))
    found = [(each, taught) for each in kinds_of]
    of_a, half = learned(split(photos, "A")), split(photos, "B")
    kinds = (half, footwear(half, "half B, footwear"))
    found += [
        (kind.part(f"{size} of {kind.name}, {part}", rng.choice(len(kind.colors), size, replace=False)), of_a)
        for size, parts in ((60, 4), (200, 4), (600, 1))
        for kind in kinds
        for part in range(parts)
    ]
    for each, lessons in found:
        near = table(each, with_lessons(lessons))
        gains(each, near, PLAIN, DEFAULT)
        gains(each, near, UNTAUGHT, DEFAULT)


def scenes(photos: Set, nets: Mapping[str, sets.Embed], cache: Path | None) -> None:
    """Photos before a wall among photos on white, half B with the lessons of half A: each kind's queries apart, and how
    many neighbors have a wall.
    """
    found, taught = split(sets.walls(nets, cache), "B"), learned(split(photos, "A"))
    walled = np.array(found.more["wall"]) == "yes"
    rankings: dict[str, Points] = {
        "without outlines, without lessons": colored(apart, COLOR),
        "every photo has an outline": colored(all_outlined, COLOR),
        UNTAUGHT: RANKINGS[UNTAUGHT],
        DEFAULT: partial(ranked, taught=taught),
    }
    near = table(found, rankings)
    gains(found, near, UNTAUGHT, DEFAULT)
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
    taught = models.taught(MODEL)
    steps = (0, 0.25, 0.5, 0.75, 1, *np.linspace(0.2, 1, 9).round(1).tolist())
    print(f"\n{count} shoes and their twins in another color: the twin first; palette error of the 3 nearest by color")
    told = [f"{step:5.2f}" for step in steps]
    print(f"of the default's share {' '.join(told[:5])}, then color {' '.join(told[5:])}")
    print("seed           plain  at 0  default")
    for name, seeds in (("chosen on", CHOSEN_ON), ("unseen", UNSEEN)):
        firsts = []
        for seed in seeds:
            pairs = sets.twins(count, seed)
            found = sets.recolored(pairs, nets, cache, seed)
            usual = pipeline.compose(sample(found), PARTS, taught)[1]
            shares = [*(step * usual for step in steps[:5]), *(step for step in steps[5:] if step > usual)]
            twin = (np.arange(2 * count) + count) % (2 * count)
            near = [nearest(ranked(found, taught, share)) for share in shares]
            ways = (nearest(found.vectors["statistics"]), near[0], near[4])
            firsts.append([float((ids[:, 0] == twin).mean()) for ids in ways])
            errors = [palette_error(pairs, ids) for ids in near]
            falls = all(later <= sooner for sooner, later in pairwise(errors))
            told = [f"{error:5.1f}" for error in errors]
            values = "   ".join(f"{value:.3f}" for value in firsts[-1])
            print(f"{seed:<14} {values}  {' '.join(told)}  {falls}  (share {usual:.3f})", flush=True)
        print(f"{name:14} {'   '.join(f'{value:.3f}' for value in np.mean(firsts, axis=0))}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = ("products", "held-out", "unfamiliar", "others", "scenes", "recolored")
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
    if "recolored" in what:
        recolored(options.shoes, nets, options.cache)
    if set(what) <= {"recolored"}:
        return
    photos = sets.products(sets.networks(peers=not options.alone), options.cache, options.photos)
    if "products" in what:
        products(photos)
    if "held-out" in what:
        held_out(photos)
    if "unfamiliar" in what:
        unfamiliar(photos)
    if "others" in what:
        others(photos, nets, options.cache)
    if "scenes" in what:
        scenes(photos, nets, options.cache)


if __name__ == "__main__":
    main()
