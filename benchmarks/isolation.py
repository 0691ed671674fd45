"""What it costs `index` to decode in worker processes: photos/s with and without them, the same photos, in pairs.

    LOOKALIKE_PHOTOS=... python -m benchmarks.isolation [--photos 2000] [--rounds 5] [--few 20]

Every round indexes the photos both ways, in new catalogs, one after the other, in alternating order; the ratio is of
one round, their median counts. Before the first round each way has run once. `--few`: the same of a small catalog, as
whole commands, where starting processes counts most. Checks that both ways give the same rows, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lookalike import images
from lookalike.catalog import Catalog, build
from lookalike.options import IndexOptions
from lookalike.store import schema

COMMAND = """
import sys
from pathlib import Path
from lookalike.catalog import build
from lookalike.options import IndexOptions
build(Path(sys.argv[1]), sys.argv[3:], IndexOptions(isolated=sys.argv[2] == "True"))
"""


def indexed(folder: Path, sources: Sequence[Path], isolated: bool) -> tuple[float, Catalog]:
    """Seconds that a new catalog takes, and the catalog."""
    started = time.perf_counter()
    catalog, done, _ = build(folder, sources, IndexOptions(isolated=isolated))
    assert done.added == len(sources), done
    return time.perf_counter() - started, catalog


def in_a_command(folder: Path, sources: Sequence[Path], isolated: bool) -> float:
    """Seconds of a whole command, from its start to its end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", COMMAND, str(folder), str(isolated), *map(str, sources)], check=True)
    return time.perf_counter() - started


def paired(name: str, count: int, rounds: int, run: Callable[[bool, int], float]) -> None:
    """Run both ways in alternating order and print the median ratio."""
    ratios, rates = [], []
    for number in range(rounds):
        order = (True, False) if number % 2 else (False, True)
        seconds = {isolated: run(isolated, number) for isolated in order}
        ratios.append(seconds[False] / seconds[True])
        rates.append({way: count / spent for way, spent in seconds.items()})
        print(
            f"{name}  round {number}: {rates[-1][False]:6.1f} photos/s here, {rates[-1][True]:6.1f} in workers, "
            f"speed {ratios[-1]:.3f}",
            flush=True,
        )
    print(
        f"{name}: median speed with workers {statistics.median(ratios):.3f} of that without "
        f"(rounds from {min(ratios):.3f} to {max(ratios):.3f})",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--few", type=int, default=20)
    options = parser.parse_args()
    found = images.find([Path(os.environ["LOOKALIKE_PHOTOS"]) / "images"], root=None).inputs
    sources = [item.location for item in found[: options.photos]]
    with tempfile.TemporaryDirectory() as aside:
        for isolated in (True, False):
            indexed(Path(aside) / f"warm-{isolated}", sources[:200], isolated)
        if sources:
            catalogs: dict[bool, Catalog] = {}

            def run(isolated: bool, number: int) -> float:
                seconds, catalogs[isolated] = indexed(Path(aside) / f"{isolated}-{number}", sources, isolated)
                return seconds

            paired(f"{len(sources):,} photos", len(sources), options.rounds, run)
            rows = [catalogs[way].store.read(schema.ITEMS).sort_by("id") for way in (True, False)]
            assert rows[0].equals(rows[1]), "the ways differ"
            print("rows equal, byte for byte")
        if options.few:
            few = [item.location for item in found[: options.few]]
            paired(
                f"{len(few)} photos, the whole command",
                len(few),
                options.rounds,
                lambda isolated, number: in_a_command(Path(aside) / f"few-{isolated}-{number}", few, isolated),
            )


if __name__ == "__main__":
    main()
