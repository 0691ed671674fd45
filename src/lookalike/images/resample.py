"""Bicubic resizing with antialiasing that gives Pillow's bits, several times faster where many photos are resized.

Pillow weighs the pixels along one axis, then along the other, in integers with 22 bits behind the point; so do the
loops here, many pixels at a time. Because the bits are the same, a vector does not depend on which of the two made its
pixels. That is not taken on trust: photos of a size go through the loops only after noise of that size came out of them
as it comes out of Pillow (which also tells the axis that Pillow begins with).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.images import loops
from lookalike.images.machine import Loops, Packed, Table
from lookalike.records import Bytes

GAP = 2.0
"""A photo more than twice this many times larger than needed is first reduced by whole numbers (`reducing_gap`)."""
BITS = 22
SEEN = 8
"""Resizes of one size before it is tried whether the loops agree with Pillow on it."""
MOST_PIXELS = 4_000_000
MOST_SIZES = 4_096

Box = tuple[float, float, float, float]
Key = tuple[int, int, int, int, Box]
"""Width and height of the photo and of the result, and the part of the photo."""


@dataclass(frozen=True, slots=True)
class Way:
    """How photos of one size are resized: the weights of both axes, and the axis that comes first.

    `half` names what the first axis gives: sizes that share it share its work.
    """

    across: Table
    down: Table
    across_first: bool
    half: tuple[bool, float, float, int]


class Resizer:
    """Resizes one RGB image to several sizes; work that two sizes share is done once."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._done: dict[object, Packed] = {}

    def __call__(self, size: tuple[int, int], box: Box | None = None) -> Image.Image:
        """`image.resize(size, BICUBIC, box=box, reducing_gap=2)`, with the same bits."""
        done = self._packed(size, box)
        if done is None:
            return self.image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=GAP)
        return Image.frombytes("RGB", size, done.tobytes(), "raw", "RGBX")

    def array(self, size: tuple[int, int], box: Box | None = None) -> Bytes | None:
        """The pixels of the same, (height, width, 3) uint8; None where the loops do not make them."""
        done, there = self._packed(size, box), loops.current()
        return None if done is None or there is None else there.unpacked(done)

    def run(self, there: Loops, way: Way) -> Packed:
        """The resized pixels, (height, width)."""
        first = way.across if way.across_first else way.down
        if way.half not in self._done:
            self._done[way.half] = there.turned(there.weighed(self._pixels(there, turned=way.across_first), first))
        done = there.weighed(self._done[way.half], way.down if way.across_first else way.across)
        return done if way.across_first else there.turned(done)

    def _packed(self, size: tuple[int, int], box: Box | None) -> Packed | None:
        """The resized pixels; None where the loops do not make them."""
        width, height = self.image.size
        left, top, right, bottom = box = box or (0.0, 0.0, float(width), float(height))
        # further down, Pillow reduces by whole numbers first
        near = (right - left) / size[0] < 2 * GAP and (bottom - top) / size[1] < 2 * GAP
        there = loops.current()
        if there is None or not near or self.image.mode != "RGB" or width * height > MOST_PIXELS:
            return None
        way = _ways.get((width, height, *size, box))
        return None if way is None else self.run(there, way)

    def _pixels(self, there: Loops, *, turned: bool) -> Packed:
        """The photo, (height, width), or (width, height) where `turned`."""
        if False not in self._done:
            pixels = np.frombuffer(self.image.tobytes("raw", "RGBX"), "<u4")
            self._done[False] = pixels.reshape(self.image.height, self.image.width)
        if turned and True not in self._done:
            self._done[True] = there.turned(self._done[False])
        return self._done[turned]


class _Ways:
    """How each size is resized, as far as it is known."""

    def __init__(self) -> None:
        self.known: dict[Key, Way | None] = {}
        self.seen: dict[Key, int] = {}

    def get(self, key: Key) -> Way | None:
        """The way of a size; None where it was seen too seldom to be tried, or where Pillow has another."""
        if key in self.known:
            return self.known[key]
        if len(self.seen) >= MOST_SIZES:
            self.seen.clear()
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] < SEEN or len(self.known) >= MOST_SIZES:
            return None
        self.known[key] = way = find_way(key)
        return way


_ways = _Ways()


def find_way(key: Key) -> Way | None:
    """The way that gives what Pillow gives for noise of this size; None where there is none."""
    width, height, wide, high, box = key
    there = loops.prepare()
    if there is None:
        return None
    left, top, right, bottom = box
    across, down = make_table(width, left, right, wide), make_table(height, top, bottom, high)
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    resizer = Resizer(Image.fromarray(noise))
    expected = resizer.image.resize((wide, high), Image.Resampling.BICUBIC, box=box)
    pixels = np.frombuffer(expected.tobytes("raw", "RGBX"), "<u4").reshape(high, wide) & 0xFFFFFF
    for across_first in (True, False):
        half = (across_first, left, right, wide) if across_first else (across_first, top, bottom, high)
        way = Way(across, down, across_first, half)
        if np.array_equal(resizer.run(there, way), pixels):
            return way
    return None


def make_table(size: int, low: float, high: float, out: int) -> Table:
    """For each of `out` pixels: the first of `size` pixels that it is made of, how many, and their int32 weights.

    `low` to `high` is the part that is resized. The cubic of Keys (1981, doi:10.1109/TASSP.1981.1163711) with
    a = -0.5, stretched where the photo shrinks.

    >>> first, counts, weights = make_table(4, 0.0, 4.0, 2)
    >>> first.tolist(), counts.tolist(), (weights.sum(axis=1) / 2**BITS).round(3).tolist()
    ([0, 0], [4, 4], [1.0, 1.0])
    """
    # Pillow holds the box in 32 bits
    scale, low = float(np.float32(high) - np.float32(low)) / out, float(np.float32(low))
    stretch = max(scale, 1.0)
    reach = 2.0 * stretch
    center = low + (np.arange(out) + 0.5) * scale
    first = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    counts = np.minimum((center + reach + 0.5).astype(np.int64), size) - first
    taps = np.arange(int(np.ceil(reach)) * 2 + 1)
    values = _cubic(np.abs((taps + first[:, None] - center[:, None] + 0.5) * (1.0 / stretch)))
    values[taps >= counts[:, None]] = 0.0
    total = np.zeros(out)
    for column in values.T:  # in Pillow's order
        total += column
    values /= np.where(total == 0.0, 1.0, total)[:, None]
    weights = np.trunc(values * (1 << BITS) + np.where(values < 0, -0.5, 0.5)).astype(np.int32)
    return first, counts, weights


def _cubic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    near = (1.5 * x - 2.5) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
