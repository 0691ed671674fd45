"""Neighbors through a catalog: its graph when 1% comes, the approximate index, `similar` from a cold shell.

    python -m benchmarks.neighbors_stored growing               # the graph part of `index`, 25,000 x 1,280, 1% more
    python -m benchmarks.neighbors_stored approximate --rows 25000 # or 100000 --columns 256, 1000000 --columns 128
    python -m benchmarks.neighbors_stored shell                 # `lookalike similar`, imports counted

Catalogs are made of vectors (`benchmarks.neighbors`: real features and blurred copies), without photos, in `--cache`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.neighbors import add_places, blurred, features, seconds
from lookalike import models, pipeline
from lookalike.analysis import Searcher
from lookalike.pipeline import approximate, fitting, graph
from lookalike.records import Floats, Ints
from lookalike.store import Append, LanceStore, Upsert, schema

SAME: dict[str, Any] = {"raw_path": None, "source": "s", "sha256": "0", "format": "JPEG", "width": 4, "height": 3}
SAME |= {"frames": 1, "degraded": False, "thumbnail": b"", "color": None}
PART = 25_000


def table(rows: Ints, vectors: Floats) -> pa.Table:
    """Items of these numbers and vectors."""
    kinds = schema.items(vectors.shape[1])
    names = [f"{row:08d}" for row in rows.tolist()]
    columns = {field.name: pa.array([SAME.get(field.name)] * len(rows), field.type) for field in kinds}
    columns |= {"id": pa.array(names), "path": pa.array(names)}
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return pa.table(columns, schema=kinds)


def made(path: Path, parts: Any, columns: int) -> LanceStore:
    """A new catalog of some parts (rows, vectors)."""
    shutil.rmtree(path, ignore_errors=True)
    facts = replace(models.facts("efficientnet-lite0-gap"), dimension=columns)
    store = LanceStore.create(path, facts)
    for rows, vectors in parts:
        put(store, Append(schema.ITEMS, table(rows, vectors)))
    return store


def put(store: LanceStore, change: Append | Upsert) -> None:
    """One commit that changes vectors."""
    with store.writing():
        store.commit("made", [change], vectors_changed=True)


def renewed(path: Path) -> float:
    """Seconds to bring the graph of a catalog up to date, the catalog opened anew."""
    store = LanceStore.open(path)
    with store.writing():
        return seconds(partial(graph.renew_neighbors, store, graph.GRAPH_K))[0]


def growing(args: argparse.Namespace) -> None:
    """The graph after 1% came, beside one from nothing: reading vectors, checksums and writing counted."""
    x = features(args.photos, args.cache)[: args.rows]
    new = np.sort(np.random.default_rng(0).choice(len(x), len(x) // 100, replace=False))
    old = np.setdiff1d(np.arange(len(x)), new)
    path = args.cache / "growing.catalog"
    store = made(path, [(old, x[old])], x.shape[1])
    whole = in_a_process(path)
    put(store, Append(schema.ITEMS, table(new, x[new])))
    came = in_a_process(path)
    read = seconds(partial(pipeline.load_vectors, LanceStore.open(path)))[0]
    print(
        f"graph of {len(old):,}: {whole:.2f} s; 1% more: {came:.2f} s, {came / whole:.1%}; reading alone {read:.2f} s"
    )


def in_a_process(path: Path) -> float:
    """`renewed` in a process of its own, as `index` is."""
    command = [sys.executable, "-m", "benchmarks.neighbors_stored", "renew", "--catalog", str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def approximately(args: argparse.Namespace) -> None:
    """The index beside the exact search: one query at a time, recall at 3 and 10 with its interval."""
    real = features(args.photos, args.cache)
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((real.shape[1], args.columns)))[0].astype(np.float32)
    pieces = [
        (np.arange(a, min(a + PART, args.rows)), blurred(real, number)[: args.rows - a])
        for number, a in enumerate(range(0, args.rows, PART))
    ]
    if args.columns != real.shape[1]:
        pieces = [(rows, part @ turn) for rows, part in pieces]
    store = made(args.cache / "approximate.catalog", pieces, args.columns)
    del pieces
    built, _ = seconds(partial(pipeline.compute_index, store))
    ids, vectors = pipeline.load_vectors(store)
    rows = {item: row for row, item in enumerate(ids)}
    searcher = Searcher(vectors)
    searcher.prepare()
    print(f"{args.rows:,} x {args.columns}: index made in {built:.1f} s")
    for k in (3, 10):
        found = approximate.measure(store, rows, vectors, searcher, k, args.sample)
        drawn = np.random.default_rng(1).choice(len(vectors), args.queries, replace=False)
        times = np.array([_both(store, rows, vectors, searcher, int(row), k) for row in drawn]) * 1000
        exact, by_index = (f"{np.median(column):.1f}, {np.quantile(column, 0.99):.1f}" for column in times.T)
        ratio = np.median(times[:, 0] / times[:, 1])
        print(
            f"k = {k}: recall {found.value:.4f} ({found.low:.4f} to {found.high:.4f}, {args.sample} queries); "
            f"exact {exact} ms, index {by_index} ms (median, 99%); exact / index {ratio:.2f}",
            flush=True,
        )


def _both(
    store: LanceStore, rows: dict[str, int], vectors: Floats, searcher: Searcher, row: int, k: int
) -> tuple[float, float]:
    own, query = np.array([row]), vectors[row : row + 1]
    exact = seconds(partial(searcher.nearest, query, k, exclude=own))[0]
    return exact, seconds(partial(approximate.nearly_nearest, store, rows, vectors, query, k, own))[0]


def shell(args: argparse.Namespace) -> None:
    """`lookalike similar` by id: a new process each time, imports counted; aim 2 s at 25,000."""
    x = features(args.photos, args.cache)[: args.rows]
    path = args.cache / "shell.catalog"
    store = made(path, [(np.arange(len(x)), x)], x.shape[1])
    with store.writing():
        fitting.renew_whitening(store)  # as `index` does
    for ranking in ("euclidean", "default"):
        command = [
            sys.executable,
            "-c",
            "from lookalike.cli import main; main()",
            "similar",
            str(path),
            "00000007",
            "--json",
        ]
        command += ["--ranking", ranking]
        times = []
        for _ in range(args.repeats + 1):
            took, done = seconds(partial(subprocess.run, command, capture_output=True, text=True, check=False))
            if done.returncode:
                sys.exit(done.stderr)
            times.append(took)
        rest = ", ".join(f"{took:.2f}" for took in times[1:])
        print(
            f"similar --ranking {ranking}, {len(x):,} x {x.shape[1]}: first {times[0]:.2f} s, then {rest} s", flush=True
        )


def main() -> None:
    """Read the arguments and run one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=["growing", "approximate", "shell", "renew"])
    add_places(parser)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--columns", type=int, default=1280)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--sample", type=int, default=400, help="queries that recall is measured on")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--catalog", type=Path)
    args = parser.parse_args()
    if args.section == "renew":
        print(renewed(args.catalog))
        return
    args.cache.mkdir(parents=True, exist_ok=True)
    {"growing": growing, "approximate": approximately, "shell": shell}[args.section](args)


if __name__ == "__main__":
    main()
