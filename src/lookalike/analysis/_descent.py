"""Gradient descent to a map: items are drawn to their neighbors and pushed away by all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lookalike.analysis import _forces
from lookalike.analysis._blocks import Workers, spans
from lookalike.analysis._repulsion import Repulsion
from lookalike.analysis.affinities import Affinities
from lookalike.records import Doubles, Floats

BLOCK = 1024
MOMENTUM = 0.8


class Phase(NamedTuple):
    """A stretch of the descent: how many steps, how much stronger items are drawn together, the learning rate."""

    steps: int
    exaggeration: float
    rate: float


def descend(
    start: Doubles,
    drawn: Affinities,
    phases: list[Phase],
    workers: Workers,
    advance: Callable[[int], None],
) -> tuple[Doubles, float]:
    """The places (n, 2) that the descent from `start` (n, 2) ends at, and the divergence there.

    Momentum 0.8 and a gain for each number (Jacobs, 1988). `advance` is told the steps done, after each.
    """
    places: Doubles = np.array(start, np.float64)
    gains, update = np.ones_like(places), np.zeros_like(places)
    blocks = spans(len(places), BLOCK)
    repulsion = Repulsion(len(places), workers)
    here: Floats = places.astype(np.float32)
    done = 0
    for phase in phases:
        for _ in range(phase.steps):
            total = repulsion.update(here)
            settings = (phase.exaggeration, 1 / total, phase.rate, MOMENTUM)

            def run(span: tuple[int, int], settings: tuple[float, float, float, float] = settings) -> None:
                _forces.step(*drawn, here, repulsion.push, settings, gains, update, places, *span)  # noqa: B023

            for _ in workers.map(run, blocks):
                pass
            places -= places.mean(axis=0)
            here = places.astype(np.float32)
            done += 1
            advance(done)
    loss = float(_forces.divergence(*drawn, here, repulsion.update(here)))
    return places, loss
