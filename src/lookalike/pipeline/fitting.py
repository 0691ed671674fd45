"""What the default ranking fits on a catalog: stored with it, used by every later query, renewed when outgrown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import models
from lookalike.analysis import Colorless, Part, Whitening, beside, fit_colorless, fit_looks, sample_rows
from lookalike.images import telling
from lookalike.pipeline.freeing import hand_back
from lookalike.pipeline.loading import load_sample
from lookalike.store import Computed, Replace, Store, schema

COLOR = 0.12
"""The share of color in the default ranking; stored with a fit, so that it stays the same until the next."""
OUTLINE = 0.1
"""The share of the outline in what an item looks like, where a catalog has outlines of all its items."""
OUTLINE_ALONE = 0.25
"""The share of the outline where color has no say at all."""
OUTGROWN = 2.0
"""A fit is outgrown by a catalog of more than this many times its items, or of less than one part in this many."""


def is_outgrown(store: Store) -> bool:
    """Whether the stored fit, if there is one, was made on a catalog of another size."""
    fitted = store.head.computed.get(schema.WHITENING)
    items = store.head.rows.get(schema.ITEMS, 0)
    if fitted is None:
        return False
    before = max(int(fitted.options["items"]), 1)
    return not before / OUTGROWN <= items <= before * OUTGROWN


def is_fit_due(store: Store, *, refit: bool = False) -> bool:
    """Whether there are items and nothing is fitted yet, the catalog has outgrown it, or it is asked for."""
    items = store.head.rows.get(schema.ITEMS, 0)
    return items > 0 and (refit or schema.WHITENING not in store.head.computed or is_outgrown(store))


def renew_whitening(store: Store, *, refit: bool = False) -> None:
    """Fit where that is due, see `is_fit_due`; under `writing`."""
    if not is_fit_due(store, refit=refit):
        return
    items, (fit, colorless) = store.head.rows[schema.ITEMS], _fit(store)
    values = np.vstack([fit.mean, fit.axes.T])
    ids = ["mean", *(f"{axis:05d}" for axis in range(fit.axes.shape[1]))]
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    table = pa.table([pa.array(ids, pa.string()), flat], schema=schema.whitening(values.shape[1]))
    parts = [[part.start, part.stop, part.width, part.weight] for part in fit.parts]
    options: dict[str, Any] = {"items": items, "color": COLOR, "parts": parts}
    changes = [Replace(schema.WHITENING, table)]
    if colorless is not None:
        options["colorless"] = list(colorless.weights)
        changes.append(Replace(schema.COLORLESS, _turns_table(colorless)))
    elif store.head.rows.get(schema.COLORLESS):
        changes.append(Replace(schema.COLORLESS, schema.colorless().empty_table()))
    computed = Computed(of=store.head.vectors, options=options)
    store.commit("whitening fitted", changes, computed={schema.WHITENING: computed})


def default_color(store: Store) -> float:
    """The share of color in the default ranking of this catalog, 0 to 1; none in fits of old."""
    fitted = store.head.computed.get(schema.WHITENING)
    return COLOR if fitted is None else float(fitted.options.get("color", 0.0))


def whitening(store: Store) -> Whitening:
    """The stored fit; where there is none, one of the items, which is then not stored."""
    if schema.WHITENING not in store.head.computed:
        return _fit(store)[0]
    table = store.read(schema.WHITENING).sort_by("id")
    values = pc.list_flatten(table["values"]).to_numpy().reshape(len(table), -1)
    parts = store.head.computed[schema.WHITENING].options.get("parts", [])
    return Whitening(values[-1], np.ascontiguousarray(values[:-1].T), tuple(Part(*part) for part in parts))


def colorless(store: Store, fit: Whitening) -> Colorless | None:
    """What takes color out of the looks that the fit in use makes; None where none is known.

    Fits of earlier releases have none, nor have models of which it is not known what recoloring does to their vectors.
    """
    if schema.WHITENING not in store.head.computed:
        return _colorless(store, fit)
    weights = store.head.computed[schema.WHITENING].options.get("colorless")
    if not weights:
        return None
    values = pc.list_flatten(store.read(schema.COLORLESS).sort_by("id")["values"]).to_numpy()
    turns, first = [], 0
    for part in fit.parts:
        turns.append(values[first : first + part.width**2].reshape(part.width, part.width))
        first += part.width**2
    return Colorless(fit.parts, tuple(turns), tuple(weights))


def looks_kept(color: float, usual: float) -> float:
    """How much of what color does to looks stays at the share `color`: all from the default's share on, none at 0.

    Between the two it leaves the default slowly, 1 - (1 - color / usual) ** 2, so that there too a larger share of
    color brings nearer colors: forgetting shortens distances of looks, which gives color a larger say.

    >>> looks_kept(0.0, 0.12), looks_kept(0.06, 0.12), looks_kept(0.5, 0.12)
    (0.0, 0.75, 1.0)
    """
    return 1.0 if color >= usual else 1 - (1 - color / usual) ** 2


def _turns_table(found: Colorless) -> pa.Table:
    """Its matrices row by row."""
    rows = [row for turn in found.turns for row in turn]
    values = pa.ListArray.from_arrays(np.cumsum([0, *map(len, rows)]), pa.array(np.concatenate(rows)))
    return pa.table([[f"{row:05d}" for row in range(len(rows))], values], schema=schema.colorless())


def _colorless(store: Store, fit: Whitening) -> Colorless | None:
    """As `colorless`, made now."""
    changes = models.recolored(store.head.model.name)
    if not changes:
        return None
    weights = models.weights_without_color(store.head.model.name)
    if len(fit.mean) > store.head.model.dimension:
        weights = (*((1 - OUTLINE_ALONE) * weight for weight in weights), OUTLINE_ALONE)
    return fit_colorless(fit, changes, weights)


def _fit(store: Store) -> tuple[Whitening, Colorless | None]:
    """A fit on the items, or on a sample of them, and what takes color out of it. Where older items have no color
    vector or outline it does without; the outlines of photos with a scene are left out.
    """
    sample = load_sample(store, sample_rows(store.head.rows.get(schema.ITEMS, 0)))
    hand_back()
    looks = fit_looks(sample.vectors, models.parts(store.head.model.name), colors=sample.colors)
    if sample.outlines is not None:
        told = telling(sample.outlines)
        told = told[~np.isnan(told[:, 0])]
        looks = beside(looks, fit_looks(told), OUTLINE) if len(told) > 1 else looks
    return looks, None if sample.colors is None else _colorless(store, looks)
