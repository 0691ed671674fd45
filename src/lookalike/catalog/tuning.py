"""Weights for `--prefer` that are learned from a catalog's own metadata."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.analysis import learn_weights
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import half, step
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
