"""What the default ranking fits on a catalog: stored with it, used by every later query, renewed when outgrown."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import models
from lookalike.analysis import Part, Whitening, beside, fit_looks, sample_rows
from lookalike.images import telling
from lookalike.pipeline.loading import load_colors, load_outlines, load_sample
from lookalike.records import Floats, Ints
from lookalike.store import Computed, Replace, Store, schema

COLOR = 0.12
"""The share of color in the default ranking; stored with a fit, so that it stays the same until the next."""
OUTLINE = 0.1
"""The share of the outline in what an item looks like, where a catalog has outlines of all its items."""
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


def renew_whitening(store: Store, *, refit: bool = False) -> None:
    """Fit where nothing is fitted yet, where the catalog has outgrown it, or where asked; under `writing`."""
    items = store.head.rows.get(schema.ITEMS, 0)
    if items == 0 or not (refit or schema.WHITENING not in store.head.computed or is_outgrown(store)):
        return
    rows = sample_rows(items)
    fit = _fit(store, load_sample(store, rows), rows)
    values = np.vstack([fit.mean, fit.axes.T])
    ids = ["mean", *(f"{axis:05d}" for axis in range(fit.axes.shape[1]))]
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    table = pa.table([pa.array(ids, pa.string()), flat], schema=schema.whitening(values.shape[1]))
    parts = [[part.start, part.stop, part.width, part.weight] for part in fit.parts]
    computed = Computed(of=store.head.vectors, options={"items": items, "color": COLOR, "parts": parts})
    store.commit("whitening fitted", [Replace(schema.WHITENING, table)], computed={schema.WHITENING: computed})


def default_color(store: Store) -> float:
    """The share of color in the default ranking of this catalog, 0 to 1; none in fits of old."""
    fitted = store.head.computed.get(schema.WHITENING)
    return COLOR if fitted is None else float(fitted.options.get("color", 0.0))


def whitening(store: Store, vectors: Floats) -> Whitening:
    """The stored fit; where there is none, one of these vectors, which is then not stored."""
    if schema.WHITENING not in store.head.computed:
        return _fit(store, vectors, np.arange(len(vectors)))
    table = store.read(schema.WHITENING).sort_by("id")
    values = pc.list_flatten(table["values"]).to_numpy().reshape(len(table), -1)
    parts = store.head.computed[schema.WHITENING].options.get("parts", [])
    return Whitening(values[-1], np.ascontiguousarray(values[:-1].T), tuple(Part(*part) for part in parts))


def _fit(store: Store, vectors: Floats, rows: Ints) -> Whitening:
    """A fit on the vectors of these rows. Where older items have no color vector or outline it does without; the
    outlines of photos with a scene are left out.
    """
    colors, outlines = load_colors(store), load_outlines(store)
    known = None if np.isnan(colors[:, 0]).any() else colors[rows]
    looks = fit_looks(vectors, models.parts(store.head.model.name), colors=known)
    if np.isnan(outlines[:, 0]).any():
        return looks
    told = telling(outlines[rows])
    told = told[~np.isnan(told[:, 0])]
    return beside(looks, fit_looks(told), OUTLINE) if len(told) > 1 else looks
