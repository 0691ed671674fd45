"""Near-identical items: one photo resized, recompressed, cropped a little or mirrored, in groups."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from lookalike.analysis import nearest_neighbors
from lookalike.analysis.duplicates import SHADE, SIDE, Sketches, join, lay_over, likeness, sketch
from lookalike.catalog.overview import Thumbnails
from lookalike.catalog.view import View
from lookalike.options import DuplicateOptions
from lookalike.pipeline import GRAPH_K, compute_neighbors, step
from lookalike.records import Advance, Bytes, Ints, Progress

READ = 512
"""Thumbnails that are read, and pairs that are compared, at a time."""


def find_duplicates(view: View, options: DuplicateOptions, *, progress: Progress | None = None) -> list[list[str]]:
    """Groups of ids, two or more each; ids ascend in a group, groups by their first id.

    Pairs are looked for among the neighbors of the stored graph, which is computed where it is missing or older than
    the items, and told apart by their thumbnails.
    """
    if len(view.ids) < 2:
        return []
    if getattr(view.store, "pinned", False):  # of an older version no graph can be kept
        graph = nearest_neighbors(view.vectors, GRAPH_K, progress=step(progress, "neighbors"))
    else:
        graph = compute_neighbors(view.store, progress=progress)
    near = graph.ids[:, :GRAPH_K]
    pairs = np.stack([np.repeat(np.arange(len(near)), near.shape[1]), near.ravel()], axis=1)
    pairs = np.unique(np.sort(pairs[pairs[:, 1] >= 0], axis=1), axis=0)
    same = same_photo(view, pairs, options, progress=progress)
    return [[view.ids[row] for row in group] for group in join(map(tuple, same.tolist()))]


def same_photo(view: View, pairs: Ints, options: DuplicateOptions, *, progress: Progress | None = None) -> Ints:
    """Those of the pairs (p, 2) of rows whose thumbnails are of one photo, (q, 2)."""
    laid = lay_over(_sketches(view, step(progress, "thumbnails")), pairs)
    order = np.lexsort((laid.pairs.max(axis=1), laid.pairs.min(axis=1)))  # what shows one item lies together
    advance = step(progress, "duplicates")
    found = np.zeros(len(order), bool)
    for start in range(0, len(order), READ):
        part = order[start : start + READ]
        rows, inverse = np.unique(laid.pairs[part], return_inverse=True)
        shown = pictures(list(Thumbnails(view.store, [view.ids[row] for row in rows])))
        first, second = (shown[inverse.reshape(-1, 2)[:, side]] for side in (0, 1))
        mirrored = laid.mirrored[part]
        second[mirrored] = second[mirrored][:, :, ::-1]
        detail, shade = likeness(first, second, laid.place[part])
        found[part] = (detail >= options.threshold) & (shade <= SHADE)
        if advance:
            advance(min(start + READ, len(order)), len(order))
    same: Ints = np.unique(np.sort(laid.pairs[found], axis=1), axis=0)
    return same


def pictures(thumbnails: Sequence[bytes]) -> Bytes:
    """(n, 64, 64, 3) uint8 of JPEG bytes, both sides stretched to fit."""
    found = np.empty((len(thumbnails), SIDE, SIDE, 3), np.uint8)
    for place, data in enumerate(thumbnails):
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            kind = Image.Resampling.BOX if min(image.size) >= SIDE else Image.Resampling.BILINEAR
            found[place] = np.asarray(image.convert("RGB").resize((SIDE, SIDE), kind))
    return found


def _sketches(view: View, advance: Advance | None) -> Sketches:
    n, thumbnails = len(view.ids), Thumbnails(view.store, view.ids)
    parts = []
    for start in range(0, n, READ):
        parts.append(sketch(pictures(thumbnails[start : start + READ])))
        if advance:
            advance(min(start + READ, n), n)
    return Sketches(np.concatenate([part.coarse for part in parts]), np.concatenate([part.tint for part in parts]))
