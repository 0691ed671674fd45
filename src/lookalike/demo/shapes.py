"""Curves and outlines in shoe units: a shoe is 100 units long, toe at x = 0, y up from the ground.

A `Points` array is (n, 2) float64. `Last` bends what is drawn for a flat foot onto a heel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Waypoints = Sequence[tuple[float, float]] | Points


def curve(points: Waypoints, *, closed: bool = False, steps: int = 10) -> Points:
    """Smooth line through `points` (n, 2): a centripetal-like Catmull-Rom spline, `steps` samples a piece."""
    knots = np.asarray(points, dtype=np.float64)
    if len(knots) < 3:
        return knots
    if closed:
        padded = np.vstack([knots[-1], knots, knots[:2]])
    else:
        padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    # Chord-length tangents keep the line from overshooting where way points are unevenly spaced.
    d01, d12, d23 = (
        np.sqrt(np.linalg.norm(b - a, axis=-1, keepdims=True)) + 1e-6 for a, b in ((p0, p1), (p1, p2), (p2, p3))
    )
    m1 = (p2 - p1) + d12 * ((p1 - p0) / d01 - (p2 - p0) / (d01 + d12))
    m2 = (p2 - p1) + d12 * ((p3 - p2) / d23 - (p3 - p1) / (d12 + d23))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    pieces = (
        (2 * t**3 - 3 * t**2 + 1) * p1 + (t**3 - 2 * t**2 + t) * m1 + (-2 * t**3 + 3 * t**2) * p2 + (t**3 - t**2) * m2
    )
    line: Points = pieces.reshape(-1, 2)
    return line if closed else np.vstack([line, knots[-1]])


def join(*pieces: Waypoints) -> Points:
    """One outline of several lines, with a corner wherever two meet."""
    return np.vstack([np.asarray(piece, dtype=np.float64) for piece in pieces])


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Points:
    """Ellipse around (x, y) with half axes `rx`, `ry`, turned by `angle` in degrees."""
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    u, v = rx * np.cos(turn), ry * np.sin(turn)
    return np.column_stack([x + c * u - s * v, y + s * u + c * v])


def box(x: float, y: float, width: float, height: float, angle: float = 0.0, corner: float = 0.25) -> Points:
    """Rounded rectangle around (x, y); `corner` is the share of the shorter side that is rounded."""
    r = corner * min(width, height)
    turns = np.linspace(0, np.pi / 2, 5)
    rows = []
    for i, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        a = turns + i * np.pi / 2
        rows.append(
            np.column_stack(
                [
                    sx * (width / 2 - r) + r * np.cos(a),
                    sy * (height / 2 - r) + r * np.sin(a),
                ]
            )
        )
    flat = np.vstack(rows)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.column_stack([x + c * flat[:, 0] - s * flat[:, 1], y + s * flat[:, 0] + c * flat[:, 1]])


def normals(line: Points) -> Points:
    """Unit normals (n, 2) of a line, to the left of its direction."""
    step = np.gradient(line, axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True) + 1e-9
    return np.column_stack([-step[:, 1], step[:, 0]])


def moved(points: Points, dx: float, dy: float) -> Points:
    """The points moved right by `dx` and up by `dy`."""
    shifted: Points = points + np.array([dx, dy])
    return shifted


def offset(line: Points, distance: float) -> Points:
    """The line moved to the left of its direction by `distance`."""
    return line + normals(line) * distance


def ribbon(line: Points, width: float | Sequence[float], *, round_ends: bool = False) -> Points:
    """Outline of a band along `line`; `width` is one number or several, spread evenly along it."""
    widths = np.atleast_1d(np.asarray(width, dtype=np.float64))
    half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths) / 2
    side = normals(line) * half[:, None]
    left, right = line + side, line - side
    if not round_ends:
        return np.vstack([left, right[::-1]])
    caps = []
    for end, start_angle in ((line[-1], side[-1]), (line[0], -side[0])):
        turn = np.linspace(0, -np.pi, 8)[1:-1]
        c, s = np.cos(turn), np.sin(turn)
        caps.append(
            end
            + np.column_stack(
                [
                    c * start_angle[0] - s * start_angle[1],
                    s * start_angle[0] + c * start_angle[1],
                ]
            )
        )
    return np.vstack([left, caps[0], right[::-1], caps[1]])


def along(line: Points, positions: npt.ArrayLike) -> Points:
    """Points at the given shares (0 to 1) of the line's length."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.asarray(positions, dtype=np.float64) * lengths[-1]
    return np.column_stack([np.interp(at, lengths, line[:, i]) for i in (0, 1)])


def part_of(line: Points, start: float, stop: float, steps: int = 40) -> Points:
    """The part of a line between two shares of its length."""
    return along(line, np.linspace(start, stop, steps))


def length(line: Points) -> float:
    """Length of a line in its own units."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def dashes(line: Points, on: float, off: float) -> list[Points]:
    """The line cut into dashes `on` long with gaps `off`."""
    total = length(line)
    count = max(1, int(total / (on + off)))
    starts = np.arange(count) / count
    share = on / (on + off) / count
    ends = along(line, np.column_stack([starts, starts + share]).ravel())
    return [ends[i : i + 2] for i in range(0, len(ends), 2)]


@dataclass(frozen=True, slots=True)
class Last:
    """The form a shoe is built on: where its footbed runs above the ground, in units.

    `ball` is the footbed's height under the ball, `heel` how much higher it lies under the heel, `spring` how
    much the toe rises, `arch` how far the waist is drawn in upward.
    """

    ball: float = 3.0
    heel: float = 1.0
    spring: float = 2.0
    arch: float = 0.0
    ball_at: float = 27.0
    seat_at: float = 84.0

    def rise(self, x: npt.ArrayLike) -> Points:
        """Height of the footbed at `x`, any shape."""
        at = np.asarray(x, dtype=np.float64)
        toe = self.spring * np.clip(1 - at / self.ball_at, 0, 1.3) ** 2
        t = np.clip((at - self.ball_at) / (self.seat_at - self.ball_at), 0, 1)
        slope = t * t * (3 - 2 * t)
        waist = self.arch * np.sin(np.pi * np.clip((at - 32) / 50, 0, 1)) ** 2
        return self.ball + toe + self.heel * slope + waist

    def place(self, points: Waypoints) -> Points:
        """Points given as (x, height above the footbed), moved onto the last.

        The foot follows the footbed's slope; a boot's shaft, from 20 to 50 units up, stays upright.
        """
        flat = np.asarray(points, dtype=np.float64)
        t = np.clip((flat[:, 1] - 20) / 30, 0, 1)
        upright = t * t * (3 - 2 * t)
        low = self.rise(flat[:, 0])
        return np.column_stack([flat[:, 0], flat[:, 1] + low + (self.ball + self.heel - low) * upright])

    def spot(self, x: float, height: float) -> tuple[float, float]:
        """One point at `x`, `height` above the footbed, moved onto the last."""
        placed = self.place([(x, height)])[0]
        return float(placed[0]), float(placed[1])

    def bed(self, start: float, stop: float, above: float = 0.0, steps: int = 60) -> Points:
        """The footbed's line from x = `start` to `stop`, `above` it."""
        x = np.linspace(start, stop, steps)
        return np.column_stack([x, self.rise(x) + above])
