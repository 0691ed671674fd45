"""What comparing checksums costs who reads: `python -m benchmarks.checksums [--items 25000] [--rounds 7]`.

A catalog of random vectors (768 numbers) and thumbnails (8 KiB) is opened and all its vectors are read, with every file
compared with its CRC-32, as always, and without, in pairs. Printed is the median ratio. The answers are the same bytes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from lookalike import models
from lookalike.pipeline import load_vectors
from lookalike.store import Append, LanceStore, schema
from lookalike.store.reading import Reading

THUMBNAIL = 8 << 10
PART = 5_000


def make(folder: Path, items: int) -> Path:
    """A catalog of so many items."""
    facts = models.facts("efficientnet-lite0")
    store = LanceStore.create(folder / "c.catalog", facts)
    rng = np.random.default_rng(0)
    with store.writing():
        for start in range(0, items, PART):
            ids = [f"{n:09d}" for n in range(start, min(items, start + PART))]
            n, vectors = len(ids), rng.random((len(ids), facts.dimension), np.float32)
            same = {"path": ids, "source": ["s"] * n, "sha256": ids, "format": ["JPEG"] * n, "degraded": [False] * n}
            numbers = {name: np.ones(n, np.int32) for name in ("width", "height", "frames")}
            table = {
                "id": ids,
                **same,
                **numbers,
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), facts.dimension),
                "thumbnail": [rng.bytes(THUMBNAIL) for _ in ids],
                "raw_path": pa.nulls(n, pa.binary()),
                **{name: pa.nulls(n, schema.items(facts.dimension).field(name).type) for name in ("color", "outline")},
            }
            target = schema.items(facts.dimension)
            rows = pa.table(
                [pa.array(table[name]) if isinstance(table[name], list) else table[name] for name in target.names],
                schema=target,
            )
            store.commit("added", [Append(schema.ITEMS, rows)], vectors_changed=True)
    return folder / "c.catalog"


def main() -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    compare = Reading._compare

    def read(folder: Path, with_sums: bool) -> tuple[float, float, bytes]:
        Reading._compare = compare if with_sums else lambda *_: None  # type: ignore[method-assign]
        wall, cpu = time.perf_counter(), time.process_time()
        _, vectors = load_vectors(LanceStore.open(folder))
        return time.perf_counter() - wall, time.process_time() - cpu, vectors[:: options.items // 10 + 1].tobytes()

    with tempfile.TemporaryDirectory() as aside:
        folder = make(Path(aside), options.items)
        size = LanceStore.open(folder).size()
        pairs = [(read(folder, True), read(folder, False)) for _ in range(options.rounds + 1)][1:]
    assert len({one[2] for pair in pairs for one in pair}) == 1
    wall = statistics.median(a[0] / b[0] for a, b in pairs)
    cpu = statistics.median(a[1] / b[1] for a, b in pairs)
    with_, without = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
    print(
        f"{options.items:,} items, {size / 2**20:,.0f} MiB: opened and all vectors read in {with_:.3f} s with checksums"
    )
    print(f"and in {without:.3f} s without: {wall:.2f} of the time, {cpu:.2f} of the processor time (medians)")


if __name__ == "__main__":
    main()
