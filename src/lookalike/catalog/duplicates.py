"""Near-identical items: one photo resized, recompressed, cropped a little or mirrored, in groups."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from lookalike.analysis import nearest_neighbors
from lookalike.analysis.duplicates import SIDE, Sketches, lay_over, one_photo, sketch
from lookalike.catalog.overview import Thumbnails
from lookalike.catalog.view import View
from lookalike.engines import LocalEngine
from lookalike.options import DuplicateOptions
from lookalike.pipeline import GRAPH_K, compute_neighbors, room, step
from lookalike.records import Advance, Bytes, Progress

DECODED = 64
"""Thumbnails that a thread takes at a time."""


def find_duplicates(view: View, options: DuplicateOptions, *, progress: Progress | None = None) -> list[list[str]]:
    """Groups of ids, two or more each; ids ascend in a group, groups by their first id.

    Pairs are looked for among the neighbors of the stored graph, which is computed where it is missing or older than
    the items, so there are at most 30 a item; thumbnails tell them apart.
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
    pictures, sketches = _pictures(view, step(progress, "thumbnails"))
    laid = lay_over(sketches, pairs, progress=step(progress, "pairs"))
    groups = one_photo(pictures, laid, options.threshold, progress=step(progress, "duplicates"))
    return [[view.ids[row] for row in group] for group in groups]


def small_pictures(thumbnails: Sequence[bytes]) -> Bytes:
    """(n, 64, 64, 3) uint8 of JPEG bytes, both sides stretched to fit."""
    found = np.empty((len(thumbnails), SIDE, SIDE, 3), np.uint8)
    for place, data in enumerate(thumbnails):
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            kind = Image.Resampling.BOX if min(image.size) >= SIDE else Image.Resampling.BILINEAR
            found[place] = np.asarray(image.convert("RGB").resize((SIDE, SIDE), kind))
    return found


def _pictures(view: View, advance: Advance | None) -> tuple[Bytes, Sketches]:
    """All thumbnails, small, decoded by several threads, and their sketches."""
    n, thumbnails = len(view.ids), Thumbnails(view.store, view.ids)
    pictures: Bytes = room((n, SIDE, SIDE, 3), np.uint8, "small pictures")
    coarse, tint, done = [], [], 0
    batches = (thumbnails[start : start + DECODED] for start in range(0, n, DECODED))
    for shown, known in LocalEngine().run(_decoded, batches):
        pictures[done : done + len(shown)] = shown
        coarse.append(known.coarse)
        tint.append(known.tint)
        done += len(shown)
        if advance:
            advance(done, n)
    return pictures, Sketches(np.concatenate(coarse), np.concatenate(tint))


def _decoded(thumbnails: Sequence[bytes]) -> tuple[Bytes, Sketches]:
    pictures = small_pictures(thumbnails)
    return pictures, sketch(pictures)
