"""Moments at which something is killed: spread evenly over the whole of its duration, as it was measured."""

from __future__ import annotations

import random
import statistics

PARTS = 10


class Moments:
    """Draws moments for one kind of work, and counts in which tenth of its duration the kills fell.

    A moment is drawn from the tenth that was hit least. Work that ended before its moment tells how long it takes now:
    the median of the last few durations is what the tenths are parts of, on a machine that is busy at times.
    """

    def __init__(self, rng: random.Random, *seconds: float) -> None:
        self._rng = rng
        self._seconds = list(seconds)
        self.hit = [0] * PARTS
        self.missed = 0

    @property
    def usual(self) -> float:
        """Seconds that the work takes when nobody kills it."""
        return statistics.median(self._seconds[-5:])

    def measured(self, seconds: float) -> None:
        """Note how long the work took."""
        self._seconds.append(seconds)

    def draw(self) -> float:
        """Seconds after the start."""
        least = min(self.hit)
        part = self._rng.choice([n for n, count in enumerate(self.hit) if count == least])
        return (part + self._rng.random()) / PARTS * self.usual

    def killed(self, after: float) -> None:
        """Note a kill."""
        self.hit[min(PARTS - 1, int(PARTS * after / self.usual))] += 1

    def ran_through(self, seconds: float) -> None:
        """Note work that was over before it was to be killed."""
        self.missed += 1
        self.measured(seconds)

    def __str__(self) -> str:
        return f"{self.usual:.2f} s unbroken, kills in each tenth of that: {' '.join(map(str, self.hit))}"
