"""What long turns of working threads are worth (`lookalike.timeslice`), to `index` and to who else uses the machine.

    LOOKALIKE_PHOTOS=... python -m benchmarks.turns [--photos 2000] [--rounds 7]

Every round indexes the photos (480 x 360, see `benchmarks.embed`) both ways, in new catalogs, in alternating order; a
ratio is of one round, their median counts. Then once more each, while a process wakes up every 3 ms, as one does that
answers people, and notes how late it came. Where the kernel knows no such turns, both ways are the same: it says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.embed import enlarged
from lookalike import images, timeslice
from lookalike.catalog import build
from lookalike.images import loops
from lookalike.options import IndexOptions

WAKING = """
import json, sys, threading, time
late, stop = [], threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
while not stop.is_set():
    asked = time.perf_counter()
    time.sleep(0.003)
    late.append(time.perf_counter() - asked - 0.003)
    sum(range(50_000))
print(json.dumps(late))
"""
SHORT = """
import sys
from lookalike import timeslice
timeslice.lengthen = lambda: None
from lookalike.images.worker import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""


def way(long: bool) -> tuple[Callable[[], None], images.Workers]:
    """What lengthens a turn, and workers that do or do not."""
    if long:
        return timeslice.lengthen, images.Workers()
    return lambda: None, images.Workers((sys.executable, "-P", "-c", SHORT))


def indexed(catalog: Path, photos: Path, long: bool) -> float:
    """Seconds of an `index`."""
    usual = timeslice.lengthen, images.WORKERS
    timeslice.lengthen, images.WORKERS = way(long)
    try:
        started = time.perf_counter()
        build(catalog, [photos], IndexOptions())
        return time.perf_counter() - started
    finally:
        images.WORKERS.close()
        timeslice.lengthen, images.WORKERS = usual


def lateness(catalog: Path, photos: Path, long: bool) -> float:
    """By how many milliseconds nine in ten wakings during an `index` were late at most."""
    waking = subprocess.Popen([sys.executable, "-c", WAKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        indexed(catalog, photos, long)
    finally:
        told, _ = waking.communicate("")
    late: list[float] = json.loads(told)
    return 1e3 * statistics.quantiles(late, n=10)[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    usual = timeslice.turn()
    if usual is None:
        print("this kernel does not say what turns threads take: both ways are the same")
    else:
        print(f"turns of {1e3 * usual:g} and {1e3 * timeslice.TURN:g} ms")
    loops.prepare()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        photos = aside / "photos"
        enlarged(photos, options.photos)
        indexed(aside / "first.catalog", photos, True)
        for number in range(options.rounds):
            order = (True, False) if number % 2 else (False, True)
            seconds = {long: indexed(aside / f"{number}-{long}.catalog", photos, long) for long in order}
            ratios.append(seconds[True] / seconds[False])
            print(f"round {number}: {seconds[True]:.2f} s, with the kernel's own turns {seconds[False]:.2f}")
        late = {long: lateness(aside / f"late-{long}.catalog", photos, long) for long in (True, False)}
    print(f"index with long turns: {statistics.median(ratios):.3f} of the time with the kernel's own")
    print(f"nine in ten wakings late by at most: {late[True]:.2f} ms, with the kernel's own {late[False]:.2f} ms")


if __name__ == "__main__":
    main()
