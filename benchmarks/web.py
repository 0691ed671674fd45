"""The explorer: time to a first useful view and frames a second by items; the API's p50 and p99 by clients.

    python -m benchmarks.web --items 6388 25000 100000 1000000        # the page, from arrays
    python -m benchmarks.web --catalog shop.catalog --clients 1 16 64 # the API, on a catalog

The page needs a browser (see tests/web/browser.py) and is drawn in software without a GPU: then frames a second say
how the page scales, not what a screen shows; the time of our own JavaScript in a frame is measured apart. The items
are arrays, with 1,024 pictures (four sheets) repeated.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow as pa
import uvicorn
from fastapi import FastAPI
from PIL import Image
from tests.web.browser import started

import lookalike
from lookalike.catalog import Explorer, Live
from lookalike.catalog.explore import State
from lookalike.store import Append, LanceStore, schema
from lookalike.web.app import _Api

KINDS = 40


class Arrays(Explorer):
    """An explorer of places, clusters and four sheets of pictures: no catalog, no graph."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        labels = rng.integers(0, KINDS, n)
        centers = rng.normal(size=(KINDS, 2)) * 40
        self._names = [f"{row:07d}.jpg" for row in range(n)]
        columns = {
            "type": pa.array([f"type {label}" for label in labels]),
            "year": pa.array(rng.integers(2000, 2026, n)),
        }
        self._singles, self._many = (
            [picture(224, seed) for seed in range(4)],
            [picture(1024, seed) for seed in range(4)],
        )
        self.__dict__.update(
            title=f"{n} items",
            positions=(centers[labels] + rng.normal(size=(n, 2)) * 7).astype(np.float32),
            labels=labels,
            metadata=pa.table(columns),
            clusters={
                "k": KINDS,
                "swept": 0,
                "chosen": None,
                "inertia": [1.0, 0.5],
                "elbow": {"k": 2, "low": 1, "high": 2, "clear": True},
            }
            | {"sizes": np.bincount(labels).tolist(), "representatives": self._names[:KINDS], "exemplars": []},
            info={"title": f"{n} items", "items": n, "version": 1, "map": None, "states": {}}
            | {"metadata": {"type": "string", "year": "int64"}},
        )

    @property
    def ids(self) -> list[str]:
        return self._names

    @property
    def version(self) -> int:
        return 1

    def state(self, name: str) -> State:
        return State("current")

    def made_sheet(self, number: int) -> bytes:
        return self._many[number % 4]

    def seen_thumbnail(self, item: str) -> bytes:
        return self._singles[int(item[:7]) % 4]


class Still(Live):
    """An explorer that never changes, where an app expects a catalog that may."""

    def __init__(self, explorer: Explorer) -> None:
        self._only = explorer

    @property
    def is_loading(self) -> bool:
        return False

    def current(self) -> Explorer:
        return self._only

    def at(self, version: str | None) -> Explorer:
        return self._only


def picture(side: int, seed: int) -> bytes:
    """A JPEG about as large as a sheet or a thumbnail of photos."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(90, 255, (side // 8, side // 8, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


@contextmanager
def served(app: Any) -> Iterator[tuple[str, list[int]]]:
    """The address of `app`, and the bytes that it sent so far."""
    sent = [0]

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def count(message: Any) -> None:
            sent[0] += len(message.get("body", b""))
            await send(message)

        await app(scope, receive, count)

    server = uvicorn.Server(uvicorn.Config(counted, port=0, ws="none", lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", sent
    server.should_exit = True
    thread.join()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of `lookalike serve`, a process of its own: it shares the cores with those who ask, not more."""
    command = [sys.executable, "-m", "lookalike.cli", "serve", str(folder), "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["url"]
    finally:
        server.terminate()
        server.wait(30)


FRAMES = """async () => {
  const canvas = document.getElementById("canvas");
  const spent = [];
  const ask = requestAnimationFrame;
  window.requestAnimationFrame = (act) => ask((now) => {
    const begun = performance.now();
    act(now);
    spent.push(performance.now() - begun);
  });
  const end = performance.now() + 3000;
  let frames = 0;
  while (performance.now() < end) {
    const deltaY = Math.floor(frames / 20) % 2 ? 40 : -40;
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, clientX: 700, clientY: 450, cancelable: true }));
    await new Promise((done) => ask(done));
    frames++;
  }
  window.requestAnimationFrame = ask;
  spent.sort((a, b) => a - b);
  return [frames / 3, spent[spent.length >> 1], spent[Math.floor(0.99 * spent.length)]];
}"""


def page(n: int) -> None:
    """One line: what a visitor waits for and is sent with `n` items."""
    app, explorer = FastAPI(), Arrays(n)
    _Api(Still(explorer)).register(app)
    begun = time.perf_counter()
    _ = explorer.points
    spread = time.perf_counter() - begun
    with served(app) as (address, sent), started() as browser:
        waits = []
        for _ in range(3 if n < 500_000 else 1):
            tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()  # with an empty cache
            tab.set_default_timeout(120_000)
            sent[0] = 0
            begun = time.perf_counter()
            tab.goto(address)
            tab.wait_for_selector("body[data-ready]")
            tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            waits.append(time.perf_counter() - begun)
        size = sent[0]
        tab.evaluate(FRAMES)  # the page finds out how many dots it can draw
        rate, typical, worst = tab.evaluate(FRAMES)
    print(
        f"{n:>9,} items  view {statistics.median(waits):6.2f} s  {rate:5.1f} frames/s  our JavaScript "
        f"{typical:4.1f} ms a frame (p99 {worst:5.1f})  {size / 1e6:7.2f} MB sent",
        end="",
    )
    print(f"  (the server's first spread: {spread:.1f} s)", flush=True)


def ask(
    address: str, make: Callable[[int], tuple[str, str, bytes | None, dict[str, str]]], clients: int, each: int
) -> None:
    """One line: p50 and p99 of `each` requests of each client, all clients at once."""
    waits: list[float] = []
    statuses: dict[int, int] = {}

    def client(number: int) -> None:
        asking = HTTPConnection(urlsplit(address).netloc, timeout=60)
        for turn in range(each):
            method, path, body, headers = make(number * each + turn)
            begun = time.perf_counter()
            asking.request(method, path, body, headers)
            answer = asking.getresponse()
            answer.read()
            waits.append(time.perf_counter() - begun)
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
        asking.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(waits) / (time.perf_counter() - begun)
    p50, p99 = np.percentile(waits, [50, 99]) * 1e3
    print(f"{clients:>3} clients  p50 {p50:7.1f} ms  p99 {p99:7.1f} ms  {rate:6.1f}/s  statuses {statuses}", flush=True)


def grown(folder: Path, items: int, out: Path) -> Path:
    """A catalog of `items`: those of the one in `folder` again and again, vectors a little apart, one small picture."""
    catalog = lookalike.open(folder)
    rng = np.random.default_rng(0)
    thumbnail = catalog.thumbnails(catalog.ids[:1])[0]
    store = LanceStore.create(out, catalog.store.head.model)
    known = catalog.store.read(schema.ITEMS).sort_by("id")
    with store.writing():
        for start in range(0, items, len(known)):
            part = known.slice(0, min(len(known), items - start))
            vectors = catalog.vectors[: len(part)] + rng.normal(scale=0.05, size=(len(part), catalog.vectors.shape[1]))
            flat = pa.array(vectors.astype(np.float32).ravel())
            columns = {name: part[name] for name in part.column_names}
            columns["id"] = pa.array([f"{start:06d}/{item}" for item in part["id"].to_pylist()])
            columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
            columns["thumbnail"] = pa.array([thumbnail] * len(part), pa.binary())
            rows = pa.table([columns[name] for name in part.column_names], schema=part.schema)
            store.commit("grown", [Append(schema.ITEMS, rows)], vectors_changed=True)
    return out


def api(folder: Path, clients: list[int]) -> None:
    """`similar` and upload on a catalog, asked from the same machine."""
    catalog = lookalike.open(folder)
    ids = catalog.ids
    photo = catalog.thumbnails(ids[:1])[0]
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + photo + b"\r\n--x--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    with serving(folder) as address:
        for name, make in {
            "similar": lambda turn: (
                "GET",
                f"/api/items/{quote(ids[turn * 37 % len(ids)], safe='')}/similar",
                None,
                {},
            ),
            "search by photo": lambda _: ("POST", "/api/search", body, form),
        }.items():
            make_one: Any = make
            print(f"{name}, {len(ids):,} items")
            ask(address, make_one, 1, 3)
            for many in clients:
                ask(address, make_one, many, max(3, 192 // many))


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="*", default=[])
    parser.add_argument("--catalog", type=Path)
    parser.add_argument("--grow", type=int, nargs="*", default=[], help="also on catalogs of so many items, made of it")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 16, 64])
    given = parser.parse_args()
    for n in given.items:
        page(n)
    if given.catalog:
        api(given.catalog, given.clients)
        for many in given.grow:
            with TemporaryDirectory() as aside:
                api(grown(given.catalog, many, Path(aside) / "grown.catalog"), given.clients)


if __name__ == "__main__":
    main()
