"""What a shoe is drawn from: parts with an outline, a material and the way they catch the light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.demo.shapes import Points, Waypoints, dashes, length

Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Print:
    """A pattern printed or woven into a part: its `name`, its other color, and the size of its repeat in units."""

    name: str
    rgb: Color
    size: float = 6.0
    phase: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One piece of material, drawn over what came before.

    `outlines` are polygons in units. `volume`: `keep` follows what lies beneath (an overlay), `body` swells
    like a foot, `wall` is upright with rounded rims (a sole), `tube` round like a lace, `sheet` flat. `body` is
    the outline that swells, where it is not the part's own. `edge` rounds its rim, `lift` (0 to 1) is the
    shadow that it throws, `opacity` 0 to 1, `clip` keeps it inside another outline. `dark` darkens it from
    its top (first) to its bottom (second), 0 to 1: the inside of a shoe.
    """

    outlines: tuple[Points, ...]
    rgb: Color
    material: str
    print: Print | None = None
    volume: str = "keep"
    body: Points | None = None
    puff: float = 1.0
    edge: float = 0.0
    lift: float = 0.0
    opacity: float = 1.0
    clip: Points | None = None
    dark: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Thin lines: seams, stitches, creases. `width` in units; `depth` above 0 is a ridge, below 0 a groove.

    `shade` darkens (0 to 1) without changing the color; `rgb` None keeps the color beneath.
    """

    lines: tuple[Points, ...]
    width: float
    rgb: Color | None = None
    opacity: float = 1.0
    depth: float = 0.0
    shade: float = 0.0
    soft: float = 0.0
    clip: Points | None = None


@dataclass(frozen=True, slots=True)
class Sketch:
    """A whole shoe: its pieces from back to front, and the outline of what touches the ground."""

    pieces: tuple[Part | Line, ...]
    lighting: float = 0.0


def seam(*lines: Waypoints, clip: Points | None = None, width: float = 0.55) -> Line:
    """Where two pieces of material meet: a fine groove."""
    return Line(lines=_points(lines), width=width, depth=-0.9, shade=0.45, clip=clip)


def stitches(*lines: Points, rgb: Color, clip: Points | None = None, on: float = 1.05, gap: float = 0.6) -> Line:
    """A row of stitches along each line."""
    cut = [piece for line in lines if length(line) > on for piece in dashes(line, on, gap)]
    return Line(lines=tuple(cut), width=0.42, rgb=rgb, opacity=0.85, depth=0.8, clip=clip)


def crease(*lines: Waypoints, clip: Points | None = None, width: float = 1.6, shade: float = 0.16) -> Line:
    """Where leather folds: a soft shadow."""
    return Line(lines=_points(lines), width=width, depth=-0.5, shade=shade, soft=1.0, clip=clip)


def _points(lines: tuple[Waypoints, ...]) -> tuple[Points, ...]:
    return tuple(np.asarray(line, dtype=np.float64) for line in lines)
