"""How good a catalog's look-alikes are, by its own labels and by pairs that people made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike import analysis, images
from lookalike.catalog.ranking import rank_items
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.records import Ints, Progress, Value

ALIKE = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def evaluate(
    view: View,
    labels: Sequence[str],
    options: RankingOptions,
    *,
    by: str | None = None,
    pairs: Path | None = None,
    progress: Progress | None = None,
) -> analysis.Evaluation:
    """What `Catalog.evaluate` says."""
    for name, fields in (("same", options.same), ("prefer", tuple(field for field, _ in options.prefer))):
        if scored := [label for label in labels if label in fields]:
            raise UsageError(f"label {scored[0]!r} is scored, so it cannot be in {name}: leave it out of one of them")
    if not labels and (pairs is None or by is not None):
        raise UsageError("there is nothing to score: name metadata columns as labels, or give pairs of items")
    columns = {label: view.labels(label) for label in labels}
    groups = None if by is None else view.labels(by)
    judged = None if pairs is None else read_pairs(view, pairs)
    allowed = None if options.where is None else view.mask(options.where)
    found, held = rank_items(view, options, progress=progress).ids, view.held_out(options)
    if held is not None:  # the items that a map was learned from say nothing of what it is worth
        if options.diverse or options.prefer or options.same or options.where is not None:
            raise UsageError(
                "this catalog is adapted, so held-out items are scored alone, without filters, preferences, diversity: "
                "leave these out, or drop the map with `lookalike adapt CATALOG --drop`"
            )
        found, allowed = among(view, held, options), held
        columns = {
            label: [value if kept else None for value, kept in zip(values, held, strict=True)]
            for label, values in columns.items()
        }
    told = None
    if judged is not None:
        if held is not None:
            kept_pairs = held[judged[0]].all(axis=1)
            judged = judged[0][kept_pairs], judged[1][kept_pairs]
        points = view.space(options).points
        gaps = points[judged[0][:, 0]].astype(np.float64) - points[judged[0][:, 1]]
        told = analysis.judge_pairs(found, *judged, np.linalg.norm(gaps, axis=1))
    return analysis.Evaluation(
        k=options.k,
        n=len(view.ids) if held is None else int(held.sum()),
        agreement={label: analysis.agreement(found, values) for label, values in columns.items()},
        precision={label: analysis.precision_at(found, values) for label, values in columns.items()},
        ndcg={label: analysis.ndcg(found, values, allowed) for label, values in columns.items()},
        by=by,
        groups={}
        if groups is None
        else {label: analysis.by_group(found, values, groups) for label, values in columns.items()},
        pairs=told,
        held_out=held is not None,
    )


def among(view: View, held: npt.NDArray[np.bool_], options: RankingOptions) -> Ints:
    """(n, k) the nearest of the held-out items among themselves; -1 for the others."""
    rows = np.flatnonzero(held)
    near = analysis.nearest_neighbors(view.space(options).points[rows], options.k).ids
    found = np.full((len(view.ids), near.shape[1]), -1, np.int64)
    found[rows] = rows[near]
    return found


def read_pairs(view: View, path: Path) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Rows (p, 2) of pairs in a table with the columns `id`, `other` and, if it likes, `alike`; and whether they are.

    Raises `UsageError`, naming the line, for an id that is not there, an item beside itself or another word than yes
    or no; `alike` is yes where there is no such column.
    """
    table = images.read_table(path)
    if missing := [name for name in ("id", "other") if name not in table.columns]:
        names = ", ".join(table.columns)
        raise UsageError(f"table {str(path)!a} has no column {missing[0]!r} ({names}): give id, other and maybe alike")
    if table.bad:
        raise UsageError(f"table {str(path)!a}, line {table.bad[0][0]}: {table.bad[0][1]}")
    said: Sequence[Value] = table.columns.get("alike", [True] * len(table.lines))
    rows, alike = [], []
    for line, one, other, word in zip(table.lines, table.columns["id"], table.columns["other"], said, strict=True):
        items = [str(item) for item in (one, other)]
        if unknown := [item for item in items if item not in view.rows]:
            raise UsageError(f"table {str(path)!a}, line {line}: there is no item {unknown[0]!r}")
        if items[0] == items[1]:
            raise UsageError(f"table {str(path)!a}, line {line}: {items[0]!r} stands beside itself")
        verdict = ALIKE.get(str(word).lower())
        if verdict is None:
            raise UsageError(f"table {str(path)!a}, line {line}: alike is {word!r}: give yes or no")
        rows.append([view.rows[item] for item in items])
        alike.append(verdict)
    return np.array(rows, np.int64).reshape(-1, 2), np.array(alike, bool)
