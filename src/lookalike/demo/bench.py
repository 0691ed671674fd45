"""The workbench: a shoe's colors and jitter, and the pieces that many families share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lookalike.demo.parameters import Shoe
from lookalike.demo.parts import Color, Line, Part, Print
from lookalike.demo.shapes import (
    Last,
    Points,
    Waypoints,
    along,
    box,
    curve,
    ellipse,
    join,
    ribbon,
)

_T = TypeVar("_T")
UNITS_PER_CM = 100 / 28
Pieces = list[Part | Line]


def mix(a: Color, b: Color, share: float) -> Color:
    """The color `share` (0 to 1) of the way from `a` to `b`."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def darker(rgb: Color, share: float = 0.3) -> Color:
    """The color with `share` of its light taken away."""
    return mix(rgb, (8, 8, 10), share)


def lighter(rgb: Color, share: float = 0.3) -> Color:
    """The color `share` of the way to white."""
    return mix(rgb, (250, 250, 248), share)


def brightness(rgb: Color) -> float:
    """Mean of the three channels, 0 to 255."""
    return sum(rgb) / 3


class Bench:
    """One shoe being made: its parameters at hand, and its own small irregularities.

    Jitter is drawn from the shoe's `form` alone, in the order asked, so a recolored twin has the same shape.
    """

    def __init__(self, shoe: Shoe) -> None:
        self.shoe = shoe
        self.rng = np.random.default_rng([shoe.form, 11])
        self.main = shoe.rgb
        self.second = shoe.secondary_rgb if shoe.secondary_rgb is not None else shoe.rgb
        self.two_tone = shoe.pattern == "Two-tone"
        self.material = shoe.material
        self.heel = shoe.heel_height * UNITS_PER_CM
        dark = brightness(shoe.rgb) < 70
        self.thread = lighter(self.main, 0.22) if dark else darker(self.main, 0.32)
        self.lining = self.choice(((222, 204, 176), (196, 168, 132), (232, 228, 220), (72, 66, 62)))
        self.hardware = self.choice(((196, 198, 202), (204, 172, 104), (150, 138, 118)))

    def j(self, value: float, spread: float = 0.06) -> float:
        """`value`, up to `spread` of it smaller or larger."""
        return value * (1 + spread * float(self.rng.uniform(-1, 1)))

    def choice(self, values: tuple[_T, ...]) -> _T:
        """One of the values, by lot."""
        return values[int(self.rng.integers(len(values)))]

    def odds(self, share: float) -> bool:
        """True with probability `share`."""
        return bool(self.rng.random() < share)

    def print(self, size: float = 6.0) -> Print | None:
        """The shoe's pattern as a print, or None if it is plain or made of two-colored parts."""
        phase = float(self.rng.uniform(0, 50))
        if self.shoe.pattern in ("Plain", "Two-tone"):
            return None
        return Print(name=self.shoe.pattern, rgb=self.second, size=self.j(size, 0.15), phase=phase)


Shape = Points | tuple[Points, ...]


def _shapes(shape: Shape) -> tuple[Points, ...]:
    return shape if isinstance(shape, tuple) else (shape,)


def patch(
    shape: Shape,
    rgb: Color,
    material: str,
    clip: Points | None = None,
    *,
    edge: float = 0.0,
    lift: float = 0.0,
    print: Print | None = None,
) -> Part:
    """An overlay: follows what lies beneath."""
    return Part(outlines=_shapes(shape), rgb=rgb, material=material, clip=clip, edge=edge, lift=lift, print=print)


def tube(shape: Shape, rgb: Color, material: str, *, lift: float = 0.0, puff: float = 1.0) -> Part:
    """Something round: a lace, a strap, a bead."""
    return Part(outlines=_shapes(shape), rgb=rgb, material=material, volume="tube", lift=lift, puff=puff)


def wall(
    shape: Shape,
    rgb: Color,
    material: str,
    *,
    lift: float = 0.0,
    puff: float = 1.0,
    edge: float = 0.0,
    clip: Points | None = None,
) -> Part:
    """Something upright with rounded rims: a sole, a heel."""
    return Part(
        outlines=_shapes(shape), rgb=rgb, material=material, volume="wall", lift=lift, puff=puff, edge=edge, clip=clip
    )


@dataclass(frozen=True, slots=True)
class Upper:
    """A closed shoe's upper: its outline and the lines that it is made of, all placed on the last.

    `front` runs from the toe up to the throat, `collar` from there to the top of the heel, `back` down from it.
    """

    outline: Points
    body: Points
    front: Points
    collar: Points
    back: Points


def make_upper(last: Last, front: Waypoints, collar: Waypoints, back: Waypoints, *, below: float = -0.6) -> Upper:
    """An upper from way points in foot coordinates (x, height above the footbed)."""
    lines = [last.place(curve(piece)) for piece in (front, collar, back)]
    ends = (lines[2][-1][0], lines[0][0][0])
    feather = last.bed(ends[0], ends[1], below)
    outline = join(*lines, feather)
    # Swelling goes on below the sole and above the collar: leather doesn't curl in where it is held.
    above = lines[1] + np.column_stack(
        [np.zeros(len(lines[1])), 9 * np.sin(np.linspace(0.15, np.pi - 0.15, len(lines[1])))]
    )
    body = join(lines[0], above, lines[2], feather - (0.0, 7.0))
    return Upper(outline, body, *lines)


def shell(
    upper: Upper, rgb: Color, material: str, *, print: Print | None = None, lift: float = 0.0, puff: float = 1.0
) -> Part:
    """The upper itself, swelling like a foot."""
    return Part(
        outlines=(upper.outline,),
        rgb=rgb,
        material=material,
        print=print,
        volume="body",
        body=upper.body,
        lift=lift,
        puff=puff,
    )


def inside(
    collar: Points,
    rgb: Color,
    *,
    height: float = 2.6,
    depth: float = 5.0,
    material: str = "Lining",
    dark: tuple[float, float] = (0.30, 0.82),
) -> Pieces:
    """The far rim of the opening and the lining below it, seen over the near rim `collar`."""
    bulge = np.sin(np.linspace(0, np.pi, len(collar))) ** 0.6
    far = collar + np.column_stack([np.zeros(len(collar)), height * bulge])
    low = collar - np.column_stack([np.zeros(len(collar)), depth * bulge])
    return [
        Part(outlines=(join(far, low[::-1]),), rgb=rgb, material=material, volume="sheet", dark=dark),
        Part(outlines=(ribbon(far, 0.9),), rgb=rgb, material=material, volume="tube", dark=(0.05, 0.2)),
    ]


def bound(line: Points, rgb: Color, material: str, width: float = 1.5, *, lift: float = 0.15) -> Part:
    """A padded or folded binding along an edge."""
    return tube(ribbon(line, width, round_ends=True), rgb, material, lift=lift)


def sole_strip(last: Last, x0: float, x1: float, top: float, thickness: float, *, nose: float = 0.8) -> Points:
    """Outline of a sole that follows the footbed: from `top` above it down `thickness`, rounded at both ends."""
    upper = last.bed(x0, x1, top)
    lower = last.bed(x0 + nose, x1 - nose, top - thickness)
    return join(
        upper,
        curve([upper[-1], upper[-1] + (0.5, -thickness * 0.45), lower[-1]]),
        lower[::-1],
        curve([lower[0], upper[0] + (-0.5, -thickness * 0.45), upper[0]]),
    )


def sole_slab(last: Last, x0: float, x1: float, top: float, *, heel_lift: float = 0.5, flare: float = 0.6) -> Points:
    """Outline of a sole that fills everything from `top` above the footbed to the ground, toe sprung."""
    upper = last.bed(x0, x1, top)
    x = np.linspace(x1 - flare, x0 + 1.0, 60)
    toe = last.spring * np.clip(1 - x / last.ball_at, 0, 1.3) ** 2
    back = heel_lift * np.clip((x - (x1 - 9)) / 9, 0, 1) ** 2
    lower = np.column_stack([x, toe + back])
    height = float(upper[-1, 1] - lower[0, 1])
    toe_height = float(upper[0, 1] - lower[-1, 1])
    return join(
        upper,
        curve([upper[-1], upper[-1] + (flare, -0.5 * height), lower[0] + (0.1, 0.12 * height), lower[0]]),
        lower,
        curve([lower[-1], lower[-1] + (-0.9, 0.2 * toe_height), upper[0] + (-0.5, -0.35 * toe_height), upper[0]]),
    )


def laces(
    bench: Bench,
    near: Points,
    far: Points,
    rgb: Color,
    *,
    rows: int,
    width: float = 1.7,
    crossed: bool = True,
    metal: bool = False,
) -> Pieces:
    """Laces over the throat: `near` is the line of eyelets on this side, `far` the throat's edge behind it."""
    at = np.linspace(0.06, 0.94, rows)
    holes, edges = along(near, at), along(far, at)
    pieces: Pieces = [
        patch(
            tuple(ellipse(x, y, 0.95, 0.95) for x, y in holes),
            bench.hardware if metal else darker(bench.main, 0.55),
            "Metal" if metal else "Synthetic",
            edge=0.8,
        ),
        patch(tuple(ellipse(x, y, 0.45, 0.45) for x, y in holes), (22, 22, 24), "Foam"),
    ]
    bars = []
    for i in range(rows):
        start, stop = holes[i], edges[i] + (-0.2, 0.9)
        middle = (start + stop) / 2 + (-0.4, 0.9)
        bars.append(ribbon(curve([start, middle, stop]), width, round_ends=True))
        if crossed and i + 1 < rows:
            stop = edges[i + 1] + (-0.4, 0.5)
            middle = (start + stop) / 2 + (-0.9, 0.9)
            pieces.append(
                tube(
                    ribbon(curve([start, middle, stop]), width * 0.85, round_ends=True),
                    darker(rgb, 0.12),
                    "Cotton",
                    lift=0.3,
                )
            )
    pieces.append(tube(tuple(bars), rgb, "Cotton", lift=0.35))
    x, y = (holes[-1] + edges[-1]) / 2 + (-0.6, 1.0)
    size = bench.j(1.0, 0.15)
    loop = curve(
        [(x, y), (x + 3.2, y + 1.8), (x + 7.4 * size, y - 1.4), (x + 5.2, y - 4.2), (x + 1.6, y - 1.4), (x, y)]
    )
    other = curve(
        [(x, y), (x - 3.2, y + 1.6), (x - 5.6 * size, y + 0.6), (x - 4.4, y - 1.6), (x - 1.4, y - 0.9), (x, y)]
    )
    ends = (
        curve([(x, y), (x + 2.0, y - 3.6), (x + 1.6 * size, y - 8.0)]),
        curve([(x, y), (x - 2.6, y - 2.8), (x - 4.0 * size, y - 5.6)]),
    )
    shapes = [ribbon(line, width * 0.8, round_ends=True) for line in (*ends, other, loop)]
    pieces.append(tube(tuple(shapes), rgb, "Cotton", lift=0.4))
    pieces.append(tube(ellipse(x, y, 1.5, 1.25, 20), rgb, "Cotton", lift=0.35))
    return pieces


def buckle(bench: Bench, x: float, y: float, size: float, angle: float = 0.0) -> Pieces:
    """A metal buckle: a frame with its tongue."""
    frame = join(box(x, y, size, size * 1.25, angle))
    hole = box(x, y, size * 0.56, size * 0.8, angle)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    tongue = np.array([[x - c * size * 0.1, y - s * size * 0.1], [x + c * size * 0.5, y + s * size * 0.5]])
    return [
        tube(frame, bench.hardware, "Metal", lift=0.45),
        Part(outlines=(hole,), rgb=darker(bench.main, 0.25), material=bench.material, volume="sheet"),
        tube(ribbon(tongue, size * 0.16, round_ends=True), bench.hardware, "Metal", lift=0.3),
    ]
