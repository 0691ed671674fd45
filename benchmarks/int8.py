"""Does int8 find the same look-alikes as fp32? Share of the 3 nearest with the query's type and color, both ways.

    [LOOKALIKE_PHOTOS=...] python -m benchmarks.int8 [--shoes 1000] [--photos 6388]

A demo catalog, and the product photos where they are, are indexed in both precisions. Prints the agreement of each, for
plain distance and for the default ranking, and their difference in points (aim: at most 0.5), the share of the 3
nearest that both find, and the mean cosine between the vectors of an item. Ends with 1 where a difference is larger.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lookalike.analysis import nearest_neighbors
from lookalike.catalog import Catalog, build
from lookalike.demo import write_catalog
from lookalike.options import IndexOptions, ModelOptions

LABELS = ("type", "color")
AIM = 0.005 + 1e-9


def sources(aside: Path, shoes: int, photos: int) -> Iterator[tuple[str, list[Path], Path]]:
    """A name, photos and their metadata."""
    if shoes:
        yield f"demo, {shoes:,} shoes", [aside / "demo" / "images"], write_catalog(aside / "demo", shoes)
    if photos and "LOOKALIKE_PHOTOS" in os.environ:
        folder = Path(os.environ["LOOKALIKE_PHOTOS"])
        found = sorted((folder / "images").rglob("*.jpg"))
        few = found[:: max(1, len(found) // photos)]
        yield f"products, {len(few):,} photos", few, folder / "metadata.csv"


def alike(one: Catalog, other: Catalog) -> str:
    """How near the vectors are, and how many of the nearest both find."""
    a, b = one.vectors.astype(np.float64), other.vectors.astype(np.float64)
    cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    near, also = nearest_neighbors(one.vectors, 3).ids, nearest_neighbors(other.vectors, 3).ids
    both = (near[:, :, None] == also[:, None, :]).any(axis=2).mean()
    return f"mean cosine {cosines.mean():.4f}, least {cosines.min():.4f}; {both:.1%} of the 3 nearest are the same"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shoes", type=int, default=1_000)
    parser.add_argument("--photos", type=int, default=6_388)
    options = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        for name, photos, table in sources(aside, options.shoes, options.photos):
            catalogs: dict[str, Catalog] = {}
            for precision in ("int8", "fp32"):
                catalogs[precision], _, _ = build(
                    aside / f"{len(catalogs)}-{name}.catalog", photos, IndexOptions(metadata=table),
                    model=ModelOptions(precision=precision),
                )  # fmt: skip
            print(f"{name}: {alike(catalogs['int8'], catalogs['fp32'])}", flush=True)
            for ranking in ("euclidean", "default"):
                small, full = (catalogs[p].evaluate(LABELS, ranking=ranking).agreement for p in ("int8", "fp32"))
                for label in LABELS:
                    change = small[label].value - full[label].value
                    worst = max(worst, abs(change))
                    print(
                        f"  {ranking:9} {label:5}  int8 {small[label].value:.4f}  fp32 {full[label].value:.4f}  "
                        f"{100 * change:+.2f} points ({'met' if abs(change) <= AIM else 'MISSED'})",
                        flush=True,
                    )
    return int(worst > AIM)


if __name__ == "__main__":
    raise SystemExit(main())
