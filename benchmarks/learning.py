"""What `tune` and `adapt` gain on held-out items, beside pictures alone, and what `tune` does with shuffled metadata.

    python -m benchmarks.learning shop.catalog --targets brand,type,color --adapt type,brand --shuffles 5
    python -m benchmarks.learning shoes.catalog --targets "heel class,fit,gender" --fields size,heel_height,year

Where the catalog has the demo's numbers `size` and `heel_height`, two targets are made of them: `heel class` (flat
under 2 cm, low under 4, mid under 6.5, high) and `fit` (a quarter of the size and half of the heel, both rounded).
Shuffled: the values of every field are dealt to other items, each field by itself, and the target stays where it is,
so no weight can help; the halves change with every deal. Nothing is written into the catalog. Ratio: agreement with
what was learned to agreement of pictures alone, on held-out items.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from time import process_time

import numpy as np

import lookalike
from lookalike.analysis import Field, Learned, learn_weights, make_field
from lookalike.catalog.adapting import adapt
from lookalike.catalog.view import View
from lookalike.options import RankingOptions
from lookalike.pipeline import half
from lookalike.records import Estimate

CLASSES = ((2.0, "flat"), (4.0, "low"), (6.5, "mid"), (np.inf, "high"))


def made(view: View) -> dict[str, Field]:
    """Targets that follow from the demo's numbers; none for a catalog without them."""
    if not {"size", "heel_height"} <= set(view.metadata.column_names):
        return {}
    sizes, heels = (np.array(view.labels(name), np.float64) for name in ("size", "heel_height"))
    steep = [next(name for top, name in CLASSES if heel < top) for heel in heels]
    fit = [f"{round(size / 4)}-{round(heel / 2)}" for size, heel in zip(sizes, heels, strict=True)]
    return {"heel class": make_field("heel class", steep), "fit": make_field("fit", fit)}


def dealt(field: Field, rng: np.random.Generator) -> Field:
    """The field with its values at other items."""
    order = rng.permutation(len(field.values))
    return replace(field, values=field.values[order], average=field.average[order])


def learn(view: View, fields: Sequence[Field], target: Field, seed: int) -> Learned:
    """As `tune` does it with the default ranking."""
    space = view.space(RankingOptions())
    return learn_weights(space.searcher, fields, target, half(view.ids, seed), unit=space.scale or 1.0, seed=seed)


def told(gain: Estimate) -> str:
    """A gain with its interval."""
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def line(name: str, before: float, after: float, gain: Estimate, seconds: float) -> str:
    """One result: what it is, agreement before and after, their ratio, the gain."""
    return f"{name:32} {before:.3f} {after:.3f}  ratio {after / before:5.3f}  {told(gain)}  {seconds:.1f} CPU s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog")
    parser.add_argument("--targets", default="")
    parser.add_argument("--fields", default="", help="which may have a say; default: all that several items share")
    parser.add_argument("--adapt", default="", help="labels, each by itself")
    parser.add_argument("--shuffles", type=int, default=5)
    options = parser.parse_args()
    catalog = lookalike.open(options.catalog)
    view = catalog.view()
    own = made(view)
    names = [name for name in options.fields.split(",") if name] or list(view.telling)
    print(f"{len(view.ids):,} items; without, with, on held-out items; 95% intervals")
    for name in filter(None, options.targets.split(",")):
        target = own.get(name) or view.field(name)
        fields = [view.field(field) for field in names if field != name]
        start = process_time()
        found = learn(view, fields, target, 0)
        print(line(f"tune {name}", found.pictures, found.tuned, found.gain, process_time() - start))
        for field, gain in found.gains.items():
            print(
                f"    {field:28} learned {found.learned[field]:4g}  {told(gain)}  kept {found.weights.get(field, 0):g}"
            )
        kept = [
            sorted(
                learn(
                    view,
                    [dealt(field, np.random.default_rng([seed, place])) for place, field in enumerate(fields)],
                    target,
                    seed,
                ).weights
            )
            for seed in range(options.shuffles)
        ]
        zero = sum(not weights for weights in kept)
        print(
            f"    shuffled: no weight in {zero} of {len(kept)} deals {[names for names in kept if names] or ''}",
            flush=True,
        )
    for label in filter(None, options.adapt.split(",")):
        start = process_time()
        learned, _ = adapt(view, [label], 3, 0)
        words = f"adapt {label}" + ("" if learned.helps else " (not kept)")
        print(line(words, learned.plain, learned.adapted, learned.gain, process_time() - start), flush=True)


if __name__ == "__main__":
    main()
