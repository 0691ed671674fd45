"""One picture laid over another by shift and stretch: the loops, compiled by Numba when they are first used.

The place is found by Gauss-Newton steps on the difference of gray values (Lucas and Kanade 1981, "An iterative image
registration technique with an application to stereo vision"), with contrast and brightness solved for beside it. A
place is four numbers, stretch along x and y and shift along x and y: the middle of a picture is 0 and its edges are -1
and 1, and pixel x of the one below shows pixel `stretch * x + shift` of the one on top.

float32, with float64 sums for each row of pixels. What a pair gives depends on nothing but its two pictures. The
plain NumPy version that the tests compare with is `tests/analysis/overlay.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled_loosely

RED, GREEN, BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)
MOST_STRETCH, MOST_SHIFT, MOST_STEP = 1.4, 0.4, 0.1
"""Limits of the stretch (and of its inverse), of the shift in half sides, and of one step of either."""
DAMPING = 1.001
STILL = 1e-3
"""Steps end where none is longer than this, in half sides: a thirtieth of a pixel of 64."""
WHITE = np.float32(243)
LIGHT, FEW, NOISE = np.float32(235), 40, 4.0
"""The inside of a product: darker than this, and so two pixels around; with fewer pixels nothing is said of it. The
variance that compression may add."""
WINDOW, STEP = 8, 4
"""Side of the windows whose hues are compared, and pixels from one to the next."""
QUARTER, TWO = np.float32(0.25), np.float32(2)


@compiled_loosely
def _axis(stretch: Any, shift: Any, low: Array, part: Array, there: Array) -> None:
    """For each pixel of an axis: the pixel below its place, how far it is on to the next, and 1 where it is inside."""
    side = len(low)
    for i in range(side):
        at = (((i + 0.5) / side * 2 - 1) * stretch + shift + 1) * (side / 2) - 0.5
        there[i] = 1 if -0.5 <= at <= side - 0.5 else 0
        at = min(max(at, 0.0), side - 1.0)
        low[i] = min(int(at), side - 2)
        part[i] = at - low[i]


@compiled_loosely
def _row(plane: Array, y: Any, part_y: Any, low: Array, part: Array, line: Array, out: Array) -> None:
    """One row of `plane` (s, s) at its place, between pixels linearly."""
    upper, lower = plane[y], plane[y + 1]
    for c in range(len(out)):
        line[c] = upper[c] + part_y * (lower[c] - upper[c])
    for c in range(len(out)):
        left = line[low[c]]
        out[c] = left + part[c] * (line[low[c] + 1] - left)


@compiled_loosely
def _slopes(gray: Array, across: Array, down: Array) -> None:
    """Central differences of (s, s) in units of half sides, one-sided at the edges."""
    side = len(gray)
    half = np.float32(side / 2)
    for r in range(side):
        above, below = max(r - 1, 0), min(r + 1, side - 1)
        scale = half / np.float32(below - above)
        for c in range(side):
            down[r, c] = (gray[below, c] - gray[above, c]) * scale
        for c in range(1, side - 1):
            across[r, c] = (gray[r, c + 1] - gray[r, c - 1]) * half * np.float32(0.5)
        across[r, 0] = (gray[r, 1] - gray[r, 0]) * half
        across[r, side - 1] = (gray[r, side - 1] - gray[r, side - 2]) * half


@compiled_loosely
def _solve(system: Array) -> None:
    """The last column of `system` (6, 7) becomes the solution of the positive definite equations that its rows are."""
    size = len(system)
    for i in range(size):
        for j in range(i + 1, size):
            factor = system[j, i] / system[i, i]
            for m in range(i, size + 1):
                system[j, m] -= factor * system[i, m]
    for back in range(size):
        i = size - 1 - back
        for m in range(i + 1, size):
            system[i, size] -= system[i, m] * system[m, size]
        system[i, size] /= system[i, i]


@compiled_loosely
def settle(a: Array, b: Array, steps: Any, place: Array) -> None:
    """Move `place` (4,), by at most `steps` steps to where `b` lies best on `a`."""
    side = len(a)
    across, down = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    _slopes(b, across, down)
    low_x, low_y = np.empty(side, np.int64), np.empty(side, np.int64)
    part_x, part_y = np.empty(side, np.float32), np.empty(side, np.float32)
    there_x, there_y = np.empty(side, np.float32), np.empty(side, np.float32)
    line, value = np.empty(side, np.float32), np.empty(side, np.float32)
    to_x, to_y, x = np.empty(side, np.float32), np.empty(side, np.float32), np.empty(side, np.float32)
    for i in range(side):
        x[i] = (i + 0.5) / side * 2 - 1
    lines, system = np.empty((7, side), np.float32), np.empty((6, 7))
    for _ in range(steps):
        _axis(place[0], place[2], low_x, part_x, there_x)
        _axis(place[1], place[3], low_y, part_y, there_y)
        system[:] = 0
        for r in range(side):
            if there_y[r] == 0:
                continue
            _row(b, low_y[r], part_y[r], low_x, part_x, line, value)
            _row(across, low_y[r], part_y[r], low_x, part_x, line, to_x)
            _row(down, low_y[r], part_y[r], low_x, part_x, line, to_y)
            for c in range(side):
                seen = there_x[c]
                lines[0, c], lines[1, c] = to_x[c] * x[c] * seen, to_y[c] * x[r] * seen
                lines[2, c], lines[3, c] = to_x[c] * seen, to_y[c] * seen
                lines[4, c], lines[5, c], lines[6, c] = value[c] * seen, seen, (a[r, c] - value[c]) * seen
            _add_row(lines, system)
        for i in range(6):
            for j in range(i):
                system[i, j] = system[j, i]
        for i in range(6):
            system[i, i] = system[i, i] * DAMPING + 1e-3
        _solve(system)
        moved = 0.0
        for i in range(4):
            step = min(max(system[i, 6], -MOST_STEP), MOST_STEP)
            moved = max(moved, abs(step))
            low, high = (1 / MOST_STRETCH, MOST_STRETCH) if i < 2 else (-MOST_SHIFT, MOST_SHIFT)
            place[i] = min(max(place[i] + step, low), high)
        if moved < STILL:
            break


@compiled_loosely
def _add_row(lines: Array, system: Array) -> None:
    """Add the products of what one row of pixels says, `lines` (7, s), to the upper half of the equations."""
    for i in range(6):
        for j in range(i, 7):
            total = np.float32(0)
            for c in range(lines.shape[1]):
                total += lines[i, c] * lines[j, c]
            system[i, j] += total


@compiled_loosely
def _split(picture: Array, mirrored: Any, planes: Array, gray: Array) -> None:
    """Colors (s, s, 3) as three planes (3, s, s) and as gray (s, s), turned left to right if `mirrored`."""
    side = len(gray)
    for r in range(side):
        for c in range(side):
            at = side - 1 - c if mirrored else c
            red, green = np.float32(picture[r, at, 0]), np.float32(picture[r, at, 1])
            blue = np.float32(picture[r, at, 2])
            planes[0, r, c], planes[1, r, c], planes[2, r, c] = red, green, blue
            gray[r, c] = red * RED + green * GREEN + blue * BLUE


@compiled_loosely
def _lay(planes: Array, place: Array, laid: Array, gray: Array, there: Array) -> Any:
    """`planes` (3, s, s) at their place, their gray, and where they are, 1 or 0; the share of pixels that are there."""
    side = len(gray)
    low_x, low_y = np.empty(side, np.int64), np.empty(side, np.int64)
    part_x, part_y = np.empty(side, np.float32), np.empty(side, np.float32)
    there_x, there_y = np.empty(side, np.float32), np.empty(side, np.float32)
    line = np.empty(side, np.float32)
    _axis(place[0], place[2], low_x, part_x, there_x)
    _axis(place[1], place[3], low_y, part_y, there_y)
    for r in range(side):
        for channel in range(3):
            _row(planes[channel], low_y[r], part_y[r], low_x, part_x, line, laid[channel, r])
        for c in range(side):
            gray[r, c] = laid[0, r, c] * RED + laid[1, r, c] * GREEN + laid[2, r, c] * BLUE
            there[r, c] = there_x[c] * there_y[r]
    return there_x.mean() * there_y.mean()


@compiled_loosely
def _products(a: Array, b: Array, there: Array) -> Any:
    """How many pixels of (s, s) are `there`; over these the sums of (a - mean)^2, of (b - mean)^2, of their product."""
    count, sum_a, sum_b = 0.0, 0.0, 0.0
    for r in range(len(a)):
        for c in range(len(a)):
            count += there[r, c]
            sum_a += a[r, c] * there[r, c]
            sum_b += b[r, c] * there[r, c]
    count = max(count, 1.0)
    mean_a, mean_b = np.float32(sum_a / count), np.float32(sum_b / count)
    aa, bb, ab = 0.0, 0.0, 0.0
    for r in range(len(a)):
        for c in range(len(a)):
            x, y = (a[r, c] - mean_a) * there[r, c], (b[r, c] - mean_b) * there[r, c]
            aa += x * x
            bb += y * y
            ab += x * y
    return count, aa, bb, ab


@compiled_loosely
def _correlation(a: Array, b: Array, there: Array) -> Any:
    """Correlation of pictures (s, s) over the pixels that are `there`; 1 for two that are even all over."""
    count, aa, bb, ab = _products(a, b, there)
    return 1.0 if max(aa, bb) < 0.01 * count else ab / np.sqrt(aa * bb + 1e-3)


@compiled_loosely
def _shade(a: Array, gray_a: Array, b: Array, gray_b: Array, there: Array) -> Any:
    """Mean difference of the colors (3, s, s) over the pixels that are `there` and not white in both."""
    apart, count = 0.0, 0.0
    for r in range(len(there)):
        for c in range(len(there)):
            if there[r, c] > 0 and min(gray_a[r, c], gray_b[r, c]) < WHITE:
                count += 1
                apart += abs(a[0, r, c] - b[0, r, c]) + abs(a[1, r, c] - b[1, r, c]) + abs(a[2, r, c] - b[2, r, c])
    return apart / 3 / max(count, 1.0)


@compiled_loosely
def _alike_inside(a: Array, b: Array, there: Array, spare: Array, inside: Array) -> Any:
    """Correlation of gray (s, s) inside the product, its outline left out, and all that compression may change."""
    side = len(a)
    for r in range(side):
        for c in range(side):
            inside[r, c] = there[r, c] if max(a[r, c], b[r, c]) < LIGHT else np.float32(0)
    _smooth(inside, spare, inside)
    _smooth(inside, spare, inside)
    for r in range(side):
        for c in range(side):
            inside[r, c] = 1 if inside[r, c] > 0.999 else 0
    count, aa, bb, ab = _products(a, b, inside)
    noise = NOISE * count
    return 1.0 if count < FEW else (ab + noise) / (np.sqrt(aa * bb) + noise)


@compiled_loosely
def _hue(a: Array, gray_a: Array, b: Array, gray_b: Array, there: Array, apart: Array) -> Any:
    """How far the hues of the colors (3, s, s) are apart in the window where they are so most: colors less their mean
    over the channels, over the pixels that are `there` and not white in both, which at least half of a window must be.
    """
    side, third = len(there), np.float32(1 / 3)
    for r in range(side):
        for c in range(side):
            apart[r, c] = -1
            if there[r, c] > 0 and min(gray_a[r, c], gray_b[r, c]) < WHITE:
                red, green, blue = a[0, r, c] - b[0, r, c], a[1, r, c] - b[1, r, c], a[2, r, c] - b[2, r, c]
                mean = (red + green + blue) * third
                apart[r, c] = (abs(red - mean) + abs(green - mean) + abs(blue - mean)) * third
    most = 0.0
    for top in range(0, side - WINDOW + 1, STEP):
        for left in range(0, side - WINDOW + 1, STEP):
            total, count = 0.0, 0
            for r in range(top, top + WINDOW):
                for c in range(left, left + WINDOW):
                    if apart[r, c] >= 0:
                        total += apart[r, c]
                        count += 1
            if 2 * count >= WINDOW * WINDOW:
                most = max(most, total / count)
    return most


@compiled_loosely
def _smooth(picture: Array, spare: Array, out: Array) -> None:
    """`picture` (s, s), each pixel with its neighbors by 1, 2, 1 along both axes, to `out`, which may be the same."""
    side = len(picture)
    for r in range(side):
        above, below = picture[max(r - 1, 0)], picture[min(r + 1, side - 1)]
        here = picture[r]
        for c in range(side):
            spare[r, c] = (above[c] + TWO * here[c] + below[c]) * QUARTER
    for r in range(side):
        line = spare[r]
        for c in range(1, side - 1):
            out[r, c] = (line[c - 1] + TWO * line[c] + line[c + 1]) * QUARTER
        out[r, 0] = (line[0] + TWO * line[0] + line[1]) * QUARTER
        out[r, side - 1] = (line[side - 2] + TWO * line[side - 1] + line[side - 1]) * QUARTER


@compiled_loosely
def lay_coarse(coarse: Array, pairs: Array, limits: Array, fit: Array, place: Array, way: Array) -> None:
    """The best way to lay one of each pair (p, 2) over the other by `coarse` (n, s, s, 3) pictures, smooth already.

    `limits`: the least correlation as they come, how much less one look may have than the other, and once laid over
    each other the least correlation, the least share covered and the largest shade. Written: `fit` (p,) the
    correlation, -1 where nothing passes; `place` (p, 4); `way` (p,): + 1 where the second is mirrored, + 2 where it is
    the first of the pair that is laid over the second.
    """
    side = coarse.shape[1]
    rough, symmetric, close, overlap, shade = limits[0], limits[1], limits[2], limits[3], limits[4]
    planes, grays = np.empty((3, 3, side, side), np.float32), np.empty((3, side, side), np.float32)
    laid, gray = np.empty((3, side, side), np.float32), np.empty((side, side), np.float32)
    there, all_there = np.empty((side, side), np.float32), np.ones((side, side), np.float32)
    alike, at = np.empty(2), np.empty(4)
    for pair in range(len(pairs)):
        fit[pair] = -1
        for turned in range(2):
            first, second = pairs[pair, turned], pairs[pair, 1 - turned]
            _split(coarse[first], False, planes[2], grays[2])
            for look in range(2):
                _split(coarse[second], look == 1, planes[look], grays[look])
                alike[look] = _correlation(grays[2], grays[look], all_there)
            for look in range(2):
                if alike[look] < rough or alike[look] < alike.max() - symmetric:
                    continue
                at[0], at[1], at[2], at[3] = 1, 1, 0, 0
                settle(grays[2], grays[look], 8, at)
                covered = _lay(planes[look], at, laid, gray, there)
                found = _correlation(grays[2], gray, there)
                if found <= fit[pair] or found < close or covered < overlap:
                    continue
                if _shade(planes[2], grays[2], laid, gray, there) > shade:
                    continue
                fit[pair], way[pair], place[pair] = found, look + 2 * turned, at


@compiled_loosely
def lay_fine(pictures: Array, pairs: Array, way: Array, place: Array, overlap: Any, told: Array) -> None:
    """How alike `pictures` (n, s, s, 3) uint8 of the pairs (p, 2) are, laid over each other as `lay_coarse` found.

    Written: `told` (p, 4): the correlation of their fine detail, 0 where they cover less than `overlap`; that of what
    is inside the outline; how far the colors of both are apart once they are smoothed; and their hues where most.
    """
    side = pictures.shape[1]
    planes, grays = np.empty((2, 3, side, side), np.float32), np.empty((2, side, side), np.float32)
    laid, gray = np.empty((3, side, side), np.float32), np.empty((side, side), np.float32)
    there, spare = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    broad, at = np.empty((2, side, side), np.float32), np.empty(4)
    for pair in range(len(pairs)):
        turned = way[pair] // 2
        _split(pictures[pairs[pair, turned]], False, planes[0], grays[0])
        _split(pictures[pairs[pair, 1 - turned]], way[pair] % 2 == 1, planes[1], grays[1])
        for side_of in range(2):
            _smooth(grays[side_of], spare, grays[side_of])
        for i in range(4):
            at[i] = place[pair, i]
        settle(grays[0], grays[1], 6, at)
        covered = _lay(planes[1], at, laid, gray, there)
        _smooth(gray, spare, gray)
        told[pair, 1] = _alike_inside(grays[0], gray, there, spare, broad[0])
        for image, blurred in ((grays[0], broad[0]), (gray, broad[1])):
            _smooth(image, spare, blurred)
            _smooth(blurred, spare, blurred)
            _smooth(blurred, spare, blurred)
            image[:] = image - blurred
        told[pair, 0] = _correlation(grays[0], gray, there) if covered >= overlap else 0.0
        for _ in range(4):
            for channel in range(3):
                _smooth(planes[0, channel], spare, planes[0, channel])
                _smooth(laid[channel], spare, laid[channel])
        told[pair, 2] = _shade(planes[0], broad[0], laid, broad[1], there)
        told[pair, 3] = _hue(planes[0], broad[0], laid, broad[1], there, spare)
