"""How much memory does `index` take, for catalogs of different sizes? It should be under 1 GiB and flat.

    LOOKALIKE_PHOTOS=... python -m benchmarks.memory [--items 10000,25000,50000] [--large]

Each size is indexed into a new catalog by a process of its own, from copies of the photos (each with another comment in
its JPEG header, so that no two files are equal and none is taken for a copy). `--large` enlarges them to 480 x 360
first. Prints the largest resident memory of the process, that of its largest worker that decodes, the largest of all
together (looked at five times a second; pages that several share count once), and seconds. Checks the number of items.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

LIMIT = 1 << 30
FLAT = 64 << 20
"""More than this between the smallest and the largest catalog is not flat."""
COMMAND = """
import json, resource, sys
from pathlib import Path
from lookalike.catalog import build
from lookalike.options import IndexOptions
_, done, _ = build(Path(sys.argv[1]), [sys.argv[2]], IndexOptions())
print(json.dumps([done.added, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def copies(folder: Path, sources: Sequence[Path], count: int, *, large: bool) -> None:
    """`count` different JPEG files of the same few pictures, a thousand in a folder."""
    pictures: list[bytes] = []
    for source in sources[: min(count, 500)]:
        data = source.read_bytes()
        if large:
            buffer = io.BytesIO()
            with Image.open(source) as photo:
                photo.convert("RGB").resize((480, 360), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=92)
            data = buffer.getvalue()
        pictures.append(data)
    for number in range(count):
        data = pictures[number % len(pictures)]
        comment = f"{number:08}".encode()
        place = folder / f"{number // 1000:03}"
        place.mkdir(exist_ok=True)
        # after the first marker comes a comment: FF FE, its length with these two bytes, its text
        marked = data[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + data[2:]
        (place / f"{number}.jpg").write_bytes(marked)


def memory_of(process: int) -> tuple[int, int]:
    """Bytes of a process that are resident, and its share of them: pages that n processes use count 1/n for each."""
    found = {"Rss:": 0, "Pss:": 0}
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            key, _, rest = line.partition(" ")
            if key in found:
                found[key] = 1024 * int(rest.split()[0])
    except (OSError, ValueError):
        pass
    return found["Rss:"], found["Pss:"]


def children(process: int) -> list[int]:
    """The processes that a process started; each of its threads lists its own."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except (OSError, ValueError):
        pass
    return found


def measure(catalog: Path, folder: Path, count: int) -> tuple[int, int, int, float]:
    """Peak bytes of the process, of its largest worker and of all together, and seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(catalog), str(folder)], stdout=subprocess.PIPE, text=True
    )
    worker = together = 0
    while process.poll() is None:
        workers = [memory_of(child) for child in children(process.pid)]
        worker = max([worker, *(resident for resident, _ in workers)])
        together = max(together, memory_of(process.pid)[1] + sum(share for _, share in workers))
        time.sleep(0.2)
    out = process.stdout.read() if process.stdout else ""
    added, own = json.loads(out)
    assert added == count, f"{added} of {count} photos became items"
    return own, worker, together, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", default="10000,25000,50000")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    sources = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))
    sizes = [int(text) for text in options.items.split(",")]
    peaks = []
    print(f"{'items':>8}{'process':>10}{'worker':>9}{'together':>10}  MiB{'seconds':>10}")
    for count in sizes:
        with tempfile.TemporaryDirectory() as aside:
            folder = Path(aside) / "photos"
            folder.mkdir()
            copies(folder, sources, count, large=options.large)
            own, worker, together, seconds = measure(Path(aside) / "c.catalog", folder, count)
        peaks.append(together)
        shown = "".join(f"{value / 2**20:>{width}.0f}" for value, width in ((own, 10), (worker, 9), (together, 10)))
        print(f"{count:8}{shown}{seconds:15.0f}", flush=True)
    print(f"largest {max(peaks) / 2**20:.0f} MiB: {'under' if max(peaks) < LIMIT else 'OVER'} 1 GiB; ", end="")
    growth = peaks[-1] - peaks[0]
    print(f"{growth / 2**20:+.0f} MiB from {sizes[0]:,} to {sizes[-1]:,}: {'flat' if growth < FLAT else 'NOT flat'}")


if __name__ == "__main__":
    main()
