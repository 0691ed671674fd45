"""How many photos go through a network at once: measured on the first photos of a run, not guessed."""

from __future__ import annotations

import threading

BATCHES = (2, 1, 4, 8)
"""What is tried, the usual one first."""
ROUNDS = 6
"""Calls with each, of which the middle counts."""
FEWEST = 8
"""Photos in a call for it to tell something."""
GAIN = 0.03
"""Another batch than the usual one must save this share of the time."""


class Pace:
    """Says which batch to use next; takes what it cost. Safe for many threads.

    The vectors do not depend on it: only models whose vectors have the same bits whatever the batch have one.
    """

    def __init__(self) -> None:
        self.chosen: int | None = None
        self._costs: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        self._lock = threading.Lock()

    def batch(self, photos: int) -> int:
        """The batch for a call with so many photos: the one tried least so far, then the chosen one."""
        if self.chosen is not None:
            return self.chosen
        if photos < FEWEST:
            return BATCHES[0]
        with self._lock:
            return min(BATCHES, key=lambda batch: len(self._costs[batch]))

    def note(self, batch: int, photos: int, seconds: float) -> None:
        """What a call cost, in seconds of processor time."""
        if self.chosen is not None or photos < FEWEST:
            return
        with self._lock:
            self._costs[batch].append(seconds / photos)
            if min(map(len, self._costs.values())) >= ROUNDS:
                middle = {size: sorted(costs)[len(costs) // 2] for size, costs in self._costs.items()}
                best = min(BATCHES, key=lambda size: middle[size])
                usual = BATCHES[0]
                self.chosen = best if middle[best] < (1 - GAIN) * middle[usual] else usual
