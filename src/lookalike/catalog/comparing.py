"""Two catalogs of the same items: how far their look-alikes are the same, and whose agree more often on a label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookalike import analysis, report
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import step
from lookalike.records import Doubles, Ints, Progress, Value

if TYPE_CHECKING:
    from lookalike.catalog.study import Study

DEPTH = 30
"""Look-alikes that rank-biased overlap compares: with its weights the first 30 places carry 99% of the sum."""
SHOWN = 24
DECIMALS = 4
"""Of a query's rank-biased overlap: so that its interval is drawn from at most 10,001 values, however many items."""


def compare(
    a: View, b: View, labels: Sequence[str], options: RankingOptions, *, progress: Progress | None = None
) -> analysis.Comparison:
    """What two catalogs find among the items that both have, by id; see `Catalog.compare`."""
    there = set(b.ids)
    ids = [item for item in a.ids if item in there]
    common = len(ids)
    for view in (a, b):
        held = view.held_out(options)
        if held is not None:  # what a map was learned from says nothing of what it is worth
            ids = [item for item in ids if held[view.rows[item]]]
    n = len(ids)
    if n < 2:
        raise UsageError(
            f"{n} of {len(a.ids):,} and {len(b.ids):,} items are in both catalogs, and 2 are the fewest to compare: "
            "index both from the same SOURCE"
        )
    columns = {label: _labels(a, b, label, ids) for label in labels}
    k, depth = min(options.k, n - 1), min(max(options.k, DEPTH), n - 1)
    of_a, of_b = (_nearest(view, ids, depth, options, progress) for view in (a, b))
    biased: Doubles = analysis.rank_biased_overlap(of_a, of_b).round(DECIMALS)
    of_a, of_b = of_a[:, :k], of_b[:, :k]
    changed = tuple(
        analysis.Changed(
            id=ids[row],
            rank_biased_overlap=float(biased[row]),
            a=tuple(ids[item] for item in of_a[row]),
            b=tuple(ids[item] for item in of_b[row]),
        )
        for row in analysis.most_changed(biased, SHOWN)
    )
    return analysis.Comparison(
        k=options.k,
        n=n,
        overlap=analysis.mean_interval(analysis.overlap(of_a, of_b)),
        rank_biased_overlap=analysis.mean_interval(biased),
        agreement={label: analysis.paired_difference(of_a, of_b, values) for label, values in columns.items()},
        only_a=len(a.ids) - common,
        only_b=len(b.ids) - common,
        depth=depth,
        changed=changed,
    )


def _nearest(view: View, ids: Sequence[str], depth: int, options: RankingOptions, progress: Progress | None) -> Ints:
    """The `depth` nearest of each of `ids` among them, exactly, as places in `ids`."""
    rows = np.array([view.rows[item] for item in ids])
    points = view.space(options).points
    points = points if len(rows) == len(points) else points[rows]
    return analysis.nearest_neighbors(points, depth, progress=step(progress, "recommend")).ids


def _labels(a: View, b: View, label: str, ids: Sequence[str]) -> list[Value]:
    """The values of a metadata column of `a`, of `b` where `a` has no such column."""
    holder = a if label in a.metadata.column_names or label not in b.metadata.column_names else b
    values = holder.labels(label)
    return [values[holder.rows[item]] for item in ids]


def write_sheet(found: analysis.Comparison, a: Study, b: Study, out: Path) -> Path:
    """One HTML file that shows the queries that changed most; pictures and metadata are those of `a`."""
    ids = list(dict.fromkeys(item for one in found.changed for item in (one.id, *one.a, *one.b)))
    view = a.view()
    said = view.described([view.rows[item] for item in ids])
    metadata = {view.ids[row]: values for row, (_, values) in said.items()}
    names = [f"{side.title()} ({side.store.head.model.name})" for side in (a, b)]
    thumbnails = dict(zip(ids, a.thumbnails(ids), strict=True))
    return report.write_comparison(found, (names[0], names[1]), thumbnails, metadata, out)
