"""Exact neighbors beside FAISS and scikit-learn, in turns within one run, answers checked against float64.

    python -m benchmarks.neighbors graph --data real --check 0 --repeats 1   # also --data vgg, noise; --k 3, 90
    python -m benchmarks.neighbors growth              # 12,500 to 100,000 rows: exponent, peak memory
    python -m benchmarks.neighbors update              # adding and removing 1% against a rebuild
    python -m benchmarks.neighbors query --sizes 3     # one query: 25,000, 100,000, 1,000,000 rows on disk

Through a catalog, from a shell, and the approximate index: `benchmarks.neighbors_stored`. `--photos DIR` holds images/.
Needs faiss-cpu and scikit-learn. Times are wall times on `--threads`, which others on the machine disturb: look at the
ratios, whose two sides are taken in turns. The features are computed once and kept in `--cache`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np

from lookalike import nearest_neighbors
from lookalike.analysis import Searcher, update_neighbors
from lookalike.records import Floats

D = 1280


def features(photos: Path, cache: Path) -> Floats:
    """(25000, 1280) pooled features of the photos and of a mirrored, a cropped and a turned copy of each."""
    path = cache / "real1280.npy"
    if not path.exists():
        from PIL import Image, ImageOps

        from lookalike.models import registry

        model = registry.load("efficientnet-lite0-gap", precision="int8")

        def embed(photo: Path) -> Floats:
            image = Image.open(photo).convert("RGB").resize((224, 224))
            seed = sum(photo.stem.encode()) % 30
            box = (10 + seed // 3, 10 + seed // 2, 214 - seed // 2, 214 - seed // 3)
            turned = ImageOps.mirror(image).rotate(6 + seed % 9, fillcolor=(255, 255, 255))
            views = (image, ImageOps.mirror(image), image.crop(box).resize((224, 224)), turned)
            return model.embed(np.stack([np.asarray(view, np.uint8) for view in views]))

        with ThreadPoolExecutor() as pool:
            rows = list(pool.map(embed, sorted((photos / "images").rglob("*.jpg"))))
        np.save(path, np.stack(rows, 1).reshape(-1, D)[:25_000])
    loaded: Floats = np.load(path)
    return loaded


def vgg_like(real: Floats, cache: Path) -> Floats:
    """(n, 4096) like VGG16's fc2, from real features: their spectrum made steeper, projected at random, cut at zero.

    About two thirds are zeros; 90% of the variance lies in about 100 axes, 95% in about 270.
    """
    path = cache / "vgg4096.npy"
    if not path.exists():
        sample = real[::5].astype(np.float64)
        mean = sample.mean(axis=0)
        values, axes = np.linalg.eigh(np.cov(sample.T))
        values = np.maximum(values, 1e-9)
        mixed = (axes * values**0.25) @ np.random.default_rng(0).normal(size=(D, 4096))
        cut = 0.43 * np.sqrt((values**1.5).sum())
        np.save(path, np.maximum((real - mean).astype(np.float32) @ mixed.astype(np.float32) - np.float32(cut), 0))
    loaded: Floats = np.load(path)
    return loaded


def noise(n: int, d: int) -> Floats:
    """White noise, (n, d)."""
    return np.random.default_rng(1).standard_normal((n, d), np.float32)


def blurred(real: Floats, turn: int) -> Floats:
    """The real rows in turn 0, in every other a copy of them with a twentieth of their spread as noise."""
    if turn == 0:
        return real
    spread = real[::50].std(axis=0) / 20
    copy: Floats = real + spread * np.random.default_rng(turn).standard_normal(real.shape, np.float32)
    return copy


def scaled_up(real: Floats, n: int) -> Floats:
    """`n` rows from the real ones and blurred copies of them."""
    return np.concatenate([blurred(real, turn)[: n - a] for turn, a in enumerate(range(0, n, len(real)))])


def right(x: Floats, ids: Any, k: int, rows: int) -> float:
    """The share of `rows` rows whose ids are those of a plain float64 search, ties by the lower row."""
    chosen = np.linspace(0, len(x) - 1, rows).astype(int)
    good = 0
    for row in chosen:
        squared = np.concatenate(
            [np.square(x[a : a + 4096].astype(np.float64) - x[row]).sum(axis=1) for a in range(0, len(x), 4096)]
        )
        squared[row] = np.inf
        near = np.argpartition(squared, k)[: k + 1]
        near = np.flatnonzero(squared <= squared[near].max())
        good += np.array_equal(near[np.lexsort((near, squared[near]))][:k], ids[row])
    return good / rows


def all_right(x: Floats, ids: Any, k: int) -> float:
    """As `right` for every row: float64 products leave candidates, whose plain sums decide."""
    wide = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    norms = np.square(wide).sum(axis=1)
    good = 0
    for a in range(0, len(x), 512):
        squared = norms[a : a + 512, None] + norms - 2 * wide[a : a + 512] @ wide.T
        own = np.arange(len(squared))
        squared[own, a + own] = np.inf
        least = np.minimum.reduceat(squared, np.arange(0, len(x), 32), axis=1)
        limit = np.partition(least, k, axis=1)[:, k] * (1 + 1e-9) + 1e-9 * norms.max()  # k groups hold one as near
        rows, columns = np.nonzero(squared <= limit[:, None])
        exact = np.empty(len(rows))
        for b in range(0, len(rows), 2048):
            part = slice(b, b + 2048)
            exact[part] = np.square(x[columns[part]].astype(np.float64) - x[a + rows[part]]).sum(axis=1)
        order = np.lexsort((columns, exact, rows))
        first = np.searchsorted(rows[order], own)
        good += int((columns[order][first[:, None] + np.arange(k)] == ids[a : a + 512]).all(axis=1).sum())
    return good / len(x)


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    """How long `run` takes, and what it gives."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def faiss_with_kernels() -> Any:
    """FAISS, its BLAS told to use the kernels that NumPy's uses: an older one takes a new CPU for a very old one."""
    from threadpoolctl import threadpool_info

    kinds = [library.get("architecture") for library in threadpool_info() if library["user_api"] == "blas"]
    if kinds and kinds[0]:
        os.environ.setdefault("OPENBLAS_CORETYPE", kinds[0])
    import faiss

    return faiss


def faiss_search(x: Floats, k: int, threads: int, asked: int | None = None) -> Any:
    """FAISS's flat index filled and asked for all rows or `asked` (k + 1, as it finds each row itself)."""
    faiss = faiss_with_kernels()
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    return index.search(x[:asked], k + 1)


def sklearn_search(x: Floats, k: int, threads: int) -> Any:
    """scikit-learn's brute force."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()


def graph(args: argparse.Namespace) -> None:
    """The whole graph."""
    real = features(args.photos, args.cache)[: args.rows]
    makers: dict[str, Callable[[], Floats]] = {
        "real": lambda: real,
        "vgg": lambda: vgg_like(features(args.photos, args.cache), args.cache)[: args.rows],
        "noise": lambda: noise(len(real), D),
    }
    nearest_neighbors(real[:5000], 3, threads=args.threads)  # what is compiled once
    print("| vectors | k | lookalike s | FAISS / it | scikit-learn / it | rows checked, right |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for name in args.data:
        x = np.ascontiguousarray(makers[name]())
        for k in args.k:
            times: dict[str, list[float]] = {"own": [], "faiss": [], "sklearn": []}
            for turn in range(args.repeats):
                spent, found = seconds(partial(nearest_neighbors, x, k, threads=args.threads))
                times["own"].append(spent)
                times["faiss"].append(seconds(partial(faiss_search, x, k, args.threads))[0])
                if not args.no_sklearn and turn == 0:
                    times["sklearn"].append(seconds(partial(sklearn_search, x, k, args.threads))[0])
            checked = args.check or len(x)
            share = right(x, found.ids, k, args.check) if args.check else all_right(x, found.ids, k)
            by_pair = np.median(np.array(times["faiss"]) / times["own"])
            other = f"{times['sklearn'][0] / times['own'][0]:.1f}" if times["sklearn"] else "-"
            print(
                f"| {name} {x.shape[0]:,} x {x.shape[1]:,} | {k} | {np.median(times['own']):.2f} "
                f"| {by_pair:.1f} | {other} | {checked:,}, {share:.2%} |",
                flush=True,
            )


def update(args: argparse.Namespace) -> None:
    """A hundredth of the rows added, and removed, beside a rebuild: 30 neighbors wanted of 36 kept, and 3 of 6."""
    x = features(args.photos, args.cache)[: args.rows]
    n = len(x)
    new = np.sort(np.random.default_rng(0).choice(n, n // 100, replace=False))
    old = np.setdiff1d(np.arange(n), new)
    rest = np.ascontiguousarray(x[old])
    before = np.full(n, -1)
    before[old] = np.arange(len(old))
    print("| wanted, kept | rebuild s | adding 1% / rebuild | removing 1% / rebuild | same as a rebuild |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for k, kept in ((30, 36), (3, 6)):
        whole, fewer = (nearest_neighbors(rows, kept, threads=args.threads) for rows in (x, rest))
        times = []
        for _ in range(args.repeats):
            rebuilt = seconds(partial(nearest_neighbors, x, kept, threads=args.threads))[0]
            added, grown = seconds(partial(update_neighbors, fewer, x, before, k, threads=args.threads))
            removed, shrunk = seconds(partial(update_neighbors, whole, rest, old, k, threads=args.threads))
            times.append((rebuilt, added / rebuilt, removed / rebuilt))
        same = all(
            np.array_equal(one.ids[:, :k], other.ids[:, :k])
            and one.distances[:, :k].tobytes() == other.distances[:, :k].tobytes()
            for one, other in ((grown, whole), (shrunk, fewer))
        )
        rebuilt, added, removed = np.median(np.array(times), axis=0)
        print(f"| {k}, {kept} | {rebuilt:.2f} | {added:.1%} | {removed:.1%} | {same} |", flush=True)


def growth(args: argparse.Namespace) -> None:
    """Time and peak memory as the rows grow, each in a process of its own.

    Above `--whole` rows FAISS is asked for `--asked` of them, and its time multiplied: it does the same for each.
    """
    sizes = [12_500, 25_000, 50_000, 100_000][: args.sizes]
    print("| rows | lookalike s | peak MiB more | FAISS s | peak MiB more | FAISS / it |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    spent: dict[str, list[float]] = {"own": [], "faiss": []}
    for n in sizes:
        cells = []
        for who in ("own", "faiss"):
            asked = args.asked if who == "faiss" and n > args.whole else n
            known = ["--photos", str(args.photos), "--cache", str(args.cache), "--threads", str(args.threads)]
            own = ["--rows", str(n), "--who", who, "--asked", str(asked)]
            command = [sys.executable, "-m", "benchmarks.neighbors", "one", *known, *own]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            took, more = map(float, done.stdout.split())
            took *= n / asked
            spent[who].append(took)
            cells.append(f"{took:.2f}{'' if asked == n else f' ({asked:,} rows asked, scaled)'} | {more:.0f}")
        print(f"| {n:,} | {' | '.join(cells)} | {spent['faiss'][-1] / spent['own'][-1]:.1f} |", flush=True)
    for who, times in spent.items():
        if len(times) > 1:
            print(f"{who}: time grows as rows^{np.polyfit(np.log(sizes), np.log(times), 1)[0]:.2f}")


def one(args: argparse.Namespace) -> None:
    """One search, for `growth`: its seconds and by how many MiB it raised the peak of the process."""
    x = scaled_up(features(args.photos, args.cache), args.rows)
    run: Callable[..., Any] = nearest_neighbors if args.who == "own" else partial(faiss_search, asked=args.asked)
    run(x[:5000], 3, threads=args.threads)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here (Linux)
    before = kibibytes("VmRSS")
    took, _ = seconds(partial(run, x, 3, threads=args.threads))
    print(took, (kibibytes("VmHWM") - before) / 1024)


def kibibytes(name: str) -> int:
    """A line of the kernel's account of this process: `VmRSS`, what it holds, or `VmHWM`, the most that it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def by_float64(x: Any, asked: Floats, k: int) -> list[tuple[Floats, Any]]:
    """Some queries and the rows nearest to each by plain float64 sums, ties by the lower row."""
    found = []
    for row in asked:
        parts = [np.square(x[a : a + 4096].astype(np.float64) - row).sum(axis=1) for a in range(0, len(x), 4096)]
        squared = np.concatenate(parts)
        near = np.flatnonzero(squared <= np.partition(squared, k - 1)[k - 1])
        found.append((row, near[np.lexsort((near, squared[near]))][:k]))
    return found


def query(args: argparse.Namespace) -> None:
    """One query at a time, on vectors that lie on disk."""
    faiss = faiss_with_kernels()

    real = features(args.photos, args.cache)
    print("| rows | prepared in s | lookalike ms: median, 99% | FAISS ms: median, 99% | FAISS / it | same | float64 |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for n in [25_000, 100_000, 1_000_000][: args.sizes]:
        path = args.cache / f"rows{n}.npy"
        if not path.exists():
            out = np.lib.format.open_memmap(path, "w+", np.float32, (n, D))
            for turn, a in enumerate(range(0, n, len(real))):
                out[a : a + len(real)] = blurred(real, turn)[: n - a]
            out.flush()
        x = np.load(path, mmap_mode="r")
        spread = real[::50].std(axis=0) / 10
        asked = real[:: max(1, len(real) // args.queries)][: args.queries]
        asked = asked + spread * np.random.default_rng(3).standard_normal(asked.shape, np.float32)
        searcher = Searcher(x)
        prepared, _ = seconds(partial(searcher.prepare, args.threads))
        faiss.omp_set_num_threads(args.threads)
        index = faiss.IndexFlatL2(D)
        for a in range(0, n, 50_000):
            index.add(np.ascontiguousarray(x[a : a + 50_000]))
        searcher.nearest(asked[:1], 3, threads=args.threads)
        times: list[tuple[float, float]] = []
        same = 0
        for row in asked:
            spent, found = seconds(partial(searcher.nearest, row[None], 3, threads=args.threads))
            other, (_, ids) = seconds(partial(index.search, row[None], 3))
            times.append((spent, other))
            same += np.array_equal(found.ids, ids)
        table = np.array(times) * 1000
        own, faiss_ms = (f"{np.median(column):.1f}, {np.quantile(column, 0.99):.1f}" for column in table.T)
        ratio = np.median(table[:, 1] / table[:, 0])
        right = by_float64(x, asked[:: max(1, len(asked) // 10)], 3)
        exact = sum(np.array_equal(searcher.nearest(row[None], 3).ids[0], ids) for row, ids in right)
        print(
            f"| {n:,} | {prepared:.1f} | {own} | {faiss_ms} | {ratio:.1f} | {same} of {len(asked)} "
            f"| {exact} of {len(right)} |",
            flush=True,
        )


def add_places(parser: argparse.ArgumentParser) -> None:
    """Options for where the photos are, and where their features are kept."""
    parser.add_argument(
        "--photos",
        type=Path,
        default=Path(os.environ.get("LOOKALIKE_PHOTOS", ".")),
        help="folder with images/; LOOKALIKE_PHOTOS",
    )
    parser.add_argument("--cache", type=Path, default=Path(gettempdir()) / "lookalike-benchmark")


def main() -> None:
    """Read the arguments and run one section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=["graph", "growth", "query", "update", "one"])
    add_places(parser)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--k", type=int, nargs="+", default=[3, 90])
    parser.add_argument("--data", nargs="+", default=["real", "vgg", "noise"])
    parser.add_argument("--check", type=int, default=200, help="rows compared with float64; 0: all")
    parser.add_argument("--sizes", type=int, default=4, help="how many of the sizes to run, from the smallest")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--whole", type=int, default=50_000, help="growth: up to so many rows FAISS is asked for all")
    parser.add_argument("--asked", type=int, default=10_000, help="growth: else for so many")
    parser.add_argument("--who", default="own")
    parser.add_argument("--no-sklearn", action="store_true")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    {"graph": graph, "growth": growth, "query": query, "update": update, "one": one}[args.section](args)


if __name__ == "__main__":
    main()
