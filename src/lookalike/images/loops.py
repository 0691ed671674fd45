"""When compiled loops are worth having in a process, and who makes them. Pixels are the same with and without them."""

from __future__ import annotations

import threading

from lookalike.images import machine
from lookalike.images.machine import Loops

FEW = 32
"""Photos of a run from which loops that lie in the cache folder are taken from there."""
WARM = 512
"""Resized photos before the loops are made: making them takes as long as about this many are prepared faster by."""
EARLY, MANY = 32, 1_000
"""Where so many photos are expected, the first few that are resized are reason enough."""
SURE = 5_000
"""Where so many are expected, no photo has to be resized: colors are counted by the loops too."""


class _Here:
    """The loops of this process, once there are any."""

    def __init__(self) -> None:
        self.loops: Loops | None = None
        self.looked = False
        self.tried = False
        self.photos = 0
        self.resized = 0
        self.lock = threading.Lock()

    def take(self) -> None:
        """Take them from the cache folder, under the lock."""
        self.looked = True
        self.loops = self.loops or machine.kept()
        self.tried = self.tried or self.loops is not None

    def make(self) -> None:
        """Make them if they are not in the cache folder, under the lock."""
        if not self.tried:
            self.tried = True
            self.loops = machine.loaded()


_here = _Here()


def current() -> Loops | None:
    """The loops of this process; None where there are none yet."""
    return _here.loops


def prepare() -> Loops | None:
    """The loops, made now if they are nowhere; None where Numba is missing."""
    with _here.lock:
        _here.make()
    return _here.loops


def take() -> Loops | None:
    """The loops, from the cache folder if they lie there: nothing is compiled."""
    with _here.lock:
        _here.take()
    return _here.loops


def warm_up(photos: int, resized: int) -> None:
    """Note photos of this process: from `FEW` on it takes the loops from the cache folder, at `WARM` resized ones it
    makes them, while other threads go on without.
    """
    here = _here
    here.photos, here.resized = here.photos + photos, here.resized + resized
    due = here.resized >= WARM and not here.tried
    if (due or (here.photos >= FEW and not here.looked)) and here.lock.acquire(blocking=False):
        try:
            here.take()
            if due:
                here.make()
        finally:
            here.lock.release()


class Compiler:
    """Has the loops made for processes that may write no file, by a process of its own. `ready`: they are there."""

    def __init__(self) -> None:
        self.ready = False
        self._expected = 0
        self._resized = 0
        self._started = False
        self._lock = threading.Lock()

    def expect(self, photos: int) -> None:
        """Say how many photos are to come."""
        self._expected = photos

    def pays(self, photos: int) -> bool:
        """Whether a process that was asked for so many photos before should look for the loops: at its first, in case
        they are there, and once they are.
        """
        many = self._expected >= FEW
        return (many and not photos) or (self.ready and (many or photos >= FEW))

    def count(self, resized: int) -> None:
        """Note that photos were resized; begins to make the loops where that pays, without waiting."""
        with self._lock:
            self._resized += resized
            enough = self._resized >= (EARLY if self._expected >= MANY else WARM) or self._expected >= SURE
            if self._started or not enough:
                return
            self._started = True
        threading.Thread(target=self.compile, name="lookalike-compile", daemon=True).start()

    def compile(self) -> None:
        """Make them, if they are nowhere; `ready` says that other processes find them."""
        self.ready = machine.is_kept() or machine.keep()
