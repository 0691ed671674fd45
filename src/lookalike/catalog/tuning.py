"""Weights for `--prefer` that are learned from a catalog's own metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.analysis import learn_weights
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import step
from lookalike.records import Progress, Tuned


def tune(
    view: View, target: str, fields: Sequence[str] | None, options: RankingOptions, seed: int, progress: Progress | None
) -> Tuned:
    """What `Catalog.tune` says."""
    aim = view.field(target)
    if fields is None:
        fields = [name for name in view.telling if name != target]
    if target in fields:
        raise UsageError(f"target {target!r} is scored, so it cannot be among the fields: leave it out of them")
    if twice := [name for name in fields if list(fields).count(name) > 1]:
        raise UsageError(f"fields name {twice[0]!r} more than once: give each field once")
    if not fields:
        raise UsageError(
            f"no field beside {target!r} has values that several items share: index with --metadata, or name fields"
        )
    used = [view.field(name) for name in fields]
    space = view.space(options)
    found = learn_weights(
        space.searcher,
        used,
        aim,
        half(view.ids, seed),
        k=options.k,
        unit=space.scale or 1.0,
        seed=seed,
        progress=step(progress, "tune"),
    )
    return Tuned(
        target=target,
        k=options.k,
        fitted=found.fitted,
        held_out=found.held,
        pictures=found.pictures,
        tuned=found.tuned,
        gain=found.gain,
        weights=found.weights,
        learned=found.learned,
        gains=found.gains,
    )


def half(ids: Sequence[str], seed: int) -> npt.NDArray[np.bool_]:
    """(n,) whether an item is of the half to learn from: by its id and the seed alone, so it stays as others come."""
    digests = (hashlib.sha256(f"{seed}:{item}".encode("utf-8", "surrogatepass")).digest() for item in ids)
    return np.array([digest[0] & 1 == 0 for digest in digests], bool)
