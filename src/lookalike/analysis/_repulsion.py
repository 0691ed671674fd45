"""How all items of a map push each other away, in time that grows with the items and the map's area.

The kernel 1 / (1 + r^2) is interpolated on a grid by cubic B-splines, so that the potential of all items is one
convolution: items are spread onto the nodes, two FFTs, and the potential and its slope are read off between the nodes.
This is the smooth particle-mesh method (Essmann et al., 1995) with the kernel of t-SNE; FIt-SNE (Linderman et al.,
2019) does the same with polynomials and four convolutions. A few items are summed up pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lookalike.analysis import _forces
from lookalike.analysis._blocks import Workers, spans
from lookalike.records import Floats

EXACT_BELOW = 800
SPACING = 0.25  # of the nodes; the kernel has a width of 1
MOST_NODES = 3000  # along one side; a map too wide for them gets a wider spacing
ROOM = 1.1  # a new grid is this much larger than needed, since maps grow
BLOCK = 2048


class Repulsion:
    """The repulsion in a map of n items; holds the grid from step to step."""

    def __init__(self, n: int, workers: Workers) -> None:
        self._workers = workers
        self._blocks = spans(n, BLOCK)
        self.push: Floats = np.zeros((n, 2), np.float32)
        self._exact = n < EXACT_BELOW
        self._nodes = 0
        self._spacing = SPACING

    def update(self, places: Floats) -> float:
        """Fill `push` (n, 2) for `places` (n, 2); returns Z, the sum of 1 / (1 + r^2) over all ordered pairs."""
        if self._exact:
            return self._total(lambda span: _forces.repel_exactly(places, self.push, *span))
        from scipy import fft

        low, high = places.min(axis=0).astype(np.float64), places.max(axis=0).astype(np.float64)
        self._fit(float((high - low).max()))
        nodes, padded = self._nodes, self._padded
        grid = np.zeros((nodes, nodes), np.float32)
        _forces.spread(places, low, 1 / self._spacing, grid)
        threads = self._workers.threads
        # rows of zeros need no transform on the way in, and rows that nobody reads none on the way out
        waves = fft.fft(fft.rfft(grid, padded, workers=threads), padded, axis=0, workers=threads, overwrite_x=True)
        waves *= self._kernel
        waves = fft.ifft(waves, axis=0, workers=threads, overwrite_x=True)[:nodes]
        field = fft.irfft(waves, padded, workers=threads, overwrite_x=True)
        total = self._total(lambda span: _forces.gather(places, low, 1 / self._spacing, field, self.push, *span))
        self.push -= self.push.mean(axis=0, dtype=np.float64)  # all pairs push each other alike: the sum is zero
        return max(total - len(places), 1e-9)  # each item meets itself at distance 0

    def _total(self, run: Callable[[tuple[int, int]], float]) -> float:
        return float(sum(self._workers.map(run, self._blocks)))

    def _fit(self, width: float) -> None:
        """Have a grid that holds a map of this width, and the transform of its kernel."""
        needed = int(width / self._spacing) + 5
        if needed <= self._nodes and (self._spacing == SPACING or needed > self._nodes / 2):
            return
        from scipy import fft

        self._spacing = max(SPACING, width * ROOM / (MOST_NODES - 5))
        wanted = int(width * ROOM / self._spacing) + 16
        self._padded = fft.next_fast_len(2 * wanted, real=True)
        self._nodes = self._padded // 2
        self._kernel = kernel_waves(self._padded, self._spacing)


def kernel_waves(padded: int, spacing: float) -> Floats:
    """The transform (padded, padded // 2 + 1) of the coefficients that interpolate 1 / (1 + r^2) on the grid.

    Both where items are spread and where the potential is read, a B-spline smooths: the transform of the sampled kernel
    is divided by that of the spline's values at the nodes, twice for each axis.
    """
    from scipy import fft

    steps = np.arange(padded, dtype=np.float64)
    squares = np.square(np.minimum(steps, padded - steps) * spacing)
    waves = fft.rfft2(1 / (1 + squares[:, None] + squares)).real
    smoothed = np.square((2 + np.cos(2 * np.pi * np.arange(padded) / padded)) / 3)
    waves /= smoothed[:, None]
    waves /= smoothed[: padded // 2 + 1]
    found: Floats = waves.astype(np.float32)
    return found
