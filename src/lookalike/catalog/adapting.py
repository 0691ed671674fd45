"""A map of a catalog's vectors that is learned from its own labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike import analysis, images, pipeline
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.records import Floats, Ints, Progress, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapted:
    """What `adapt` learned for `labels`, and whether it is `kept`; `found` says what it gains on held-out items."""

    labels: tuple[str, ...]
    k: int
    kept: bool
    found: analysis.Adaptation

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike adapt --json`."""
        told = self.found
        return {
            "labels": list(self.labels),
            "k": self.k,
            "kept": self.kept,
            "fitted": told.fitted,
            "held_out": told.held,
            "within": told.within,
            "between": told.between,
            "plain": told.plain,
            "adapted": told.adapted,
            "gain": told.gain.as_json(),
            "gains": {name: gain.as_json() for name, gain in told.gains.items()},
        }


def read_labels(view: View, labels: Sequence[str] | Path) -> dict[str, list[Value]]:
    """Values by name, one a row: of metadata columns, or of all columns of a table beside its `id`.

    Raises `UsageError` for a column that is not there, a table without one, and ids that are not in the catalog.
    """
    if not isinstance(labels, Path):
        if not labels:
            raise UsageError("labels are empty: name metadata columns, or a table with `id` and a column of labels")
        return {name: view.labels(name) for name in labels}
    table = images.read_table(labels)
    names = [name for name in table.columns if name not in ("id", "path")]
    if "id" not in table.columns or not names:
        raise UsageError(f"table {str(labels)!a} has the columns {', '.join(table.columns)}: give id and a label")
    if table.bad:
        raise UsageError(f"table {str(labels)!a}, line {table.bad[0][0]}: {table.bad[0][1]}")
    found: dict[str, list[Value]] = {name: [None] * len(view.ids) for name in names}
    for line, item in zip(table.lines, table.columns["id"], strict=True):
        if str(item) not in view.rows:
            raise UsageError(f"table {str(labels)!a}, line {line}: there is no item {str(item)!r}")
    for name in names:
        for item, value in zip(table.columns["id"], table.columns[name], strict=True):
            found[name][view.rows[str(item)]] = value
    return found


def adapt(
    view: View, labels: Sequence[str] | Path, k: int, seed: int, *, progress: Progress | None = None
) -> tuple[analysis.Adaptation, tuple[str, ...]]:
    """What `Catalog.adapt` learns, not kept yet, and the names of the labels."""
    options = RankingOptions(k=k)
    values = read_labels(view, labels)

    def ready(points: Floats, rows: Ints) -> Floats:
        return view.colored(points, rows, options)

    fit = pipeline.half(view.ids, seed)
    step = pipeline.step(progress, "adapt")
    found = analysis.learn_map(view.plain_looks, values, fit, k=k, ready=ready, seed=seed, progress=step)
    return found, tuple(values)
