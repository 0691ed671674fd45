"""Soles and heels under dress shoes and boots."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    darker,
    patch,
    sole_slab,
    sole_strip,
    tube,
    wall,
)
from lookalike.demo.parts import (
    Color,
    Line,
    Part,
    stitches,
)
from lookalike.demo.shapes import (
    Last,
    Points,
    curve,
    join,
)


def welted_sole(bench: Bench, last: Last, rgb: Color, *, thickness: float, edge: Color | None = None) -> Pieces:
    """A thin sole with a stitched welt and a stacked heel that fills the rest to the ground."""
    strip = sole_strip(last, -1.6, 100.8, 1.0, thickness)
    seat, front = 100.2, bench.j(75.0, 0.02)
    top = last.bed(front - 1.5, seat, 1.6 - thickness)
    heel = join(
        top,
        curve([top[-1], (seat - 0.6, top[-1, 1] * 0.5), (seat - 1.4, 0.3), (seat - 1.8, 0.0)]),
        [(front + 1.4, 0.0)],
        curve([(front + 1.4, 0.0), (front + 0.6, top[0, 1] * 0.5), (front - 1.0, top[0, 1])]),
    )
    lift_line = np.array([(front, 1.3), (seat + 0.5, 1.3)])
    return [
        wall(heel, rgb, "Stacked leather", lift=0.2),
        Line(lines=(lift_line,), width=0.5, depth=-0.8, shade=0.4, clip=heel),
        wall(strip, edge or rgb, "Stacked leather", lift=0.45),
        stitches(last.bed(1.0, 74.0, 0.35), rgb=darker(rgb, 0.3) if sum(rgb) > 240 else (120, 104, 84)),
    ]


def lug_sole(
    bench: Bench, last: Last, rgb: Color, *, welt: Color, top: float = 1.2, teeth: float = 2.6, stitched: bool = True
) -> Pieces:
    """A thick cleated sole with a welt, cut in at the heel's breast."""
    slab = sole_slab(last, -2.0, 101.4, top, heel_lift=0.8, flare=0.8)
    strip = sole_strip(last, -2.2, 101.2, top + 0.6, 2.0)
    breast = curve([(58.0, -0.4), (60.0, 1.8), (66.0, last.ball * 0.42), (73.0, 2.0), (74.5, -0.4)])
    xs = np.concatenate([np.arange(3.0, 57.0, 5.4), np.arange(77.0, 100.0, 5.4)])
    toe = last.spring * np.clip(1 - xs / last.ball_at, 0, 1.3) ** 2
    cuts = tuple(
        np.array([(x - 0.9, t - 0.5), (x - 0.6, t + teeth), (x + 0.6, t + teeth), (x + 0.9, t - 0.5)])
        for x, t in zip(xs, toe, strict=True)
    )
    thread = (232, 208, 150) if bench.odds(0.6) else darker(welt, 0.3)
    row = [stitches(last.bed(0.0, 99.0, top + 0.1), rgb=thread, on=1.3)] if stitched else []
    return [
        wall(slab, rgb, "Rubber", lift=0.4),
        patch((breast, *cuts), darker(rgb, 0.75), "Foam"),
        Line(lines=(last.bed(-1.0, 101.0, top - 2.4),), width=0.6, depth=-0.8, shade=0.3, clip=slab),
        wall(strip, welt, "Stacked leather" if stitched else "Rubber", lift=0.3),
        *row,
    ]


def _profile(kind: str, seat: Points) -> tuple[Points, float, float]:
    """Outline of a heel below its seat line, and its foot's left and right end."""
    top, back = seat[0], seat[-1]
    high = float(back[1])
    if kind == "Stiletto":
        left, right = 92.6, 95.4
        shape = join(
            seat,
            curve([back, (98.2, 0.80 * high), (96.0, 0.45 * high), (right, 0.0)]),
            curve([(left, 0.0), (92.3, 0.40 * high), (90.6, 0.68 * high), (86.5, 0.86 * high), top]),
        )
    elif kind == "Kitten heel":
        left, right = 90.6, 95.2
        shape = join(
            seat,
            curve([back, (98.0, 0.72 * high), (95.6, 0.36 * high), (right, 0.0)]),
            curve([(left, 0.0), (90.2, 0.36 * high), (87.6, 0.68 * high), top]),
        )
    else:
        left, right = 82.2, 98.2
        shape = join(
            seat,
            curve([back, (99.3, 0.70 * high), (98.4, 0.30 * high), (right, 0.0)]),
            curve([(left, 0.0), (81.8, 0.35 * high), (80.3, 0.70 * high), top]),
        )
    return shape, left, right


def high_heel(last: Last, kind: str, rgb: Color, material: str, *, drop: float) -> Pieces:
    """A stiletto, kitten or block heel under the seat, with its dark top piece."""
    start = {"Stiletto": 82.0, "Kitten heel": 83.0}.get(kind, 79.0)
    outline, left, right = _profile(kind, last.bed(start, 99.0, 1.1 - drop, 24))
    tip = np.array([(left - 0.6, -0.2), (left - 0.6, 1.3), (right + 0.6, 1.3), (right + 0.6, -0.2)])
    return [
        tube(outline, rgb, material, puff=1.1),
        patch(tip, (36, 34, 34), "Rubber", outline),
    ]


def thin_sole(last: Last, rgb: Color, *, thickness: float, stop: float = 99.4) -> Part:
    """The thin sole of a dress shoe."""
    return wall(sole_strip(last, -0.6, stop, 0.5, thickness, nose=0.5), rgb, "Synthetic", lift=0.3)
