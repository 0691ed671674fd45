"""What the default ranking fits on a catalog: stored with it, used by every later query, renewed when outgrown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import models
from lookalike.analysis import Colorless, Part, Whitening, beside, fit_colorless, fit_looks, sample_rows, teach
from lookalike.images import telling
from lookalike.models import Taught
from lookalike.pipeline.freeing import hand_back
from lookalike.pipeline.loading import Sample, load_sample
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Floats
from lookalike.store import Computed, Replace, Store, schema

COLOR = 0.12
"""The share of color in the default ranking where no lessons count; a fit stores its own, which stays with it."""
OUTLINE = 0.1
"""The share of the outline in what an item looks like where no lessons count, if all items have outlines."""
OUTLINE_ALONE = 0.25
"""The share of the outline where color has no say at all."""
ON_WHITE = 0.95
"""The share of photos without a scene from which on it counts what labels taught, which knows of no scenes."""
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
    items, (fit, color, colorless) = store.head.rows[schema.ITEMS], _fit(store)
    values = np.vstack([fit.mean, fit.axes.T])
    ids = ["mean", *(f"{axis:05d}" for axis in range(fit.axes.shape[1]))]
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    table = pa.table([pa.array(ids, pa.string()), flat], schema=schema.whitening(values.shape[1]))
    parts = [[part.start, part.stop, part.width, part.weight] for part in fit.parts]
    options: dict[str, Any] = {"items": items, "color": color, "parts": parts}
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
        return take_color_out(store.head.model.name, fit)
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


def compose(
    sample: Sample, parts: Sequence[tuple[int, float]] = (), taught: Taught | None = None
) -> tuple[Whitening, float]:
    """What the default ranking fits on some items, and its share of color.

    `parts` as in `fit_looks`; `taught`: what is known of such vectors by labels of other photos, None for nothing. It
    is known of products on white, and counts only in catalogs of such photos. Where items have no color vectors or
    outlines a fit does without; the outlines of photos with a scene are left out. Its columns are those of the vector,
    then of the outline, then of the color vector, as far as they count.
    """
    told = np.empty((0, OUTLINE_CELLS), np.float32) if sample.outlines is None else telling(sample.outlines)
    known = ~np.isnan(told[:, 0])
    if known.sum() < max(2, ON_WHITE * len(known)):
        taught = None
    looks = fit_looks(sample.vectors, parts, colors=sample.colors, alike=() if taught is None else taught.alike)
    outlined = beside(looks, fit_looks(told[known]), OUTLINE) if known.sum() > 1 else looks
    if taught is None:
        return outlined, COLOR
    weights = taught.pieces if outlined is looks else (*taught.pieces, taught.outline)
    return teach(outlined, sample.vectors, taught.lessons, weights, taught.color, colors=sample.colors)


def looks_of(fit: Whitening, vectors: Floats, outlines: Floats | None, colors: Floats | None) -> Floats:
    """What items look like, (n, k), of what the fit knows: fits of old are of vectors alone. A scene has no outline.

    The widths tell which columns follow those of the vectors in a fit.
    """
    more, left = [], len(fit.mean) - vectors.shape[1]
    if left in (OUTLINE_CELLS, OUTLINE_CELLS + COLOR_BINS) and outlines is not None:
        more.append(telling(outlines))
    if left >= COLOR_BINS and colors is not None:
        more.append(colors)
    return fit.apply(vectors, np.hstack(more) if more else None)


def take_color_out(name: str, fit: Whitening) -> Colorless | None:
    """What takes color out of the looks that `fit` makes of a model's vectors; None where it is not known how.

    Outlines know no color and weigh more where it has no say; lessons, which were taught of colors too, weigh nothing.
    """
    changes = models.recolored(name)
    if not changes:
        return None
    weights = list(models.weights_without_color(name))
    d = sum(rows.shape[1] for rows in changes)
    if any(part.start == d and part.stop == d + OUTLINE_CELLS for part in fit.parts):
        weights = [*((1 - OUTLINE_ALONE) * weight for weight in weights), OUTLINE_ALONE]
    weights += [0.0] * (len(fit.parts) - len(weights))
    return fit_colorless(fit, changes, weights)


def _fit(store: Store) -> tuple[Whitening, float, Colorless | None]:
    """A fit on the items, or on a sample of them, its share of color, and what takes color out of it."""
    sample = load_sample(store, sample_rows(store.head.rows.get(schema.ITEMS, 0)))
    hand_back()
    name = store.head.model.name
    fit, color = compose(sample, models.parts(name), models.taught(name))
    return fit, color, None if sample.colors is None else take_color_out(name, fit)
