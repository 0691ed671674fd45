"""An object store that fails for a while, or breaks off: photos are fetched again, or named with the reason."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lookalike import images, models, objects, pipeline
from lookalike.engines import LocalEngine
from lookalike.errors import UsageError
from lookalike.options import ImageLimits, IndexOptions
from lookalike.records import Indexed
from lookalike.store import MemoryStore, schema

pytest.importorskip("obstore", reason="obstore is not installed: pip install 'lookalike[s3]'")
FACTS = models.facts("tiny")


@dataclass
class Shop:
    """A bucket as a server shows it, and how it misbehaves: a request that `refused` says is answered with its status;
    an object of `cut` loses its second half on the way, the first `times` that it is asked for."""

    files: dict[str, bytes]
    cut: frozenset[str] = frozenset()
    times: int = 10**9
    refuse: Any = None
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def served(shop: Shop) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            with shop.lock:
                shop.asked.append(path)
                count = shop.asked.count(path)
            status = shop.refuse(path, len(shop.asked)) if shop.refuse else None
            name = unquote(path.removeprefix("/shop/"))
            if status is not None:
                return self.answer(status, b"slow down")
            if "list-type" in query:
                return self.answer(200, listing(shop.files))
            data, cut = shop.files[name], name in shop.cut and count <= shop.times
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked is None:
                return self.answer(200, data, cut)
            start, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            return self.answer(206, data[start : last + 1], cut, f"bytes {start}-{last}/{len(data)}")

        def do_HEAD(self) -> None:
            self.answer(404, b"")

        def answer(self, status: int, data: bytes, cut: bool = False, part: str = "") -> None:
            self.send_response(status)
            if part:
                self.send_header("Content-Range", part)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", '"0"')
            self.send_header("Last-Modified", "Mon, 02 Nov 2026 03:04:05 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = cut

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    objects._store.cache_clear()
    with Server(("127.0.0.1", 0), Handler) as server, pytest.MonkeyPatch.context() as patch:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setattr(objects, "FIRST_PAUSE", 0.001)
        yield
        server.shutdown()
    objects._store.cache_clear()


def listing(files: dict[str, bytes]) -> bytes:
    parts = "".join(
        f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size><LastModified>2026-11-02T03:04:05.000Z</LastModified>"
        '<ETag>"0"</ETag></Contents>'
        for name, data in sorted(files.items())
    )
    return f'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{parts}</ListBucketResult>'.encode()


def index() -> tuple[Indexed, MemoryStore]:
    store, options = MemoryStore(FACTS), IndexOptions(isolated=False)
    return pipeline.index(store, pipeline.plan(["s3://shop"], options), options, LocalEngine(2)), store


@pytest.fixture
def files(photos: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in photos.iterdir()}


@pytest.mark.parametrize("status", [503, 429])
def test_d04_a_store_that_fails_three_times_in_ten(files: dict[str, bytes], status: int) -> None:
    shop = Shop(files, refuse=lambda path, number: status if number % 10 in (2, 5, 9) else None)
    with served(shop):
        done, store = index()
    assert (done.added, done.failed) == (12, 0)
    assert len(shop.asked) > 13, "some were asked for again"
    assert sorted(store.read(schema.ITEMS, ["id"])["id"].to_pylist()) == sorted(files)


def test_d04_an_object_that_never_comes_is_a_failure(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "AGAIN", 2)
    shop = Shop(files, refuse=lambda path, _: 503 if path.endswith("/red-00.png") else None)
    with served(shop):
        done, _ = index()
    assert (done.added, [(one.id, one.stage, one.code) for one in done.failures]) == (
        11,
        [("red-00.png", "read", "E_FETCH")],
    )
    assert shop.asked.count("/shop/red-00.png") == 3


def test_d05_an_answer_that_is_too_short_is_never_decoded(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "AGAIN", 2)
    seen: list[bytes] = []
    start = images.HERE.start

    def noting(photos: Sequence[bytes], *how: Any, **options: Any) -> Any:
        seen.extend(photos)
        return start(photos, *how, **options)

    monkeypatch.setattr(images.HERE, "start", noting)
    shop = Shop(files, cut=frozenset({"red-00.png"}))
    with served(shop):
        done, _ = index()
    assert (done.added, [(one.id, one.stage, one.code) for one in done.failures]) == (
        11,
        [("red-00.png", "read", "E_SHORT_READ")],
    )
    assert set(seen) == {data for name, data in files.items() if name != "red-00.png"}


def test_d05_an_answer_that_is_too_short_once_is_asked_for_again(files: dict[str, bytes]) -> None:
    shop = Shop(files, cut=frozenset(files), times=1)
    with served(shop):
        done, _ = index()
    assert (done.added, done.failed) == (12, 0)


def test_a_photo_that_is_too_large_is_not_fetched(files: dict[str, bytes]) -> None:
    shop = Shop({**files, "big.png": files["red-00.png"] + bytes(100_000)})
    options = IndexOptions(isolated=False, limits=ImageLimits(bytes=50_000))
    with served(shop):
        done = pipeline.index(MemoryStore(FACTS), pipeline.plan(["s3://shop"], options), options, LocalEngine(1))
    assert [(one.id, one.code) for one in done.failures] == [("big.png", "E_TOO_LARGE")]


@pytest.mark.parametrize("key", ["a\\b.png", "%2e%2e/x.png", "~/x.png", "\u202ex.png", "<b>'&quot;.png", "=1+1.png"])
def test_an_object_of_any_name_is_an_item_of_that_name(photos: Path, key: str) -> None:
    shop = Shop({key: (photos / "red-00.png").read_bytes()})
    with served(shop):
        done, store = index()
    assert (done.added, store.read(schema.ITEMS, ["id"])["id"].to_pylist()) == (1, [key])


@pytest.mark.parametrize("key", ["../up.png", "a/../b.png", "a//b.png", "..", "./x.png"])
def test_a_name_that_climbs_is_refused_with_that_name(photos: Path, key: str) -> None:
    shop = Shop({key: (photos / "red-00.png").read_bytes()})
    with served(shop), pytest.raises(UsageError, match="cannot be listed") as caught:
        index()
    assert key in str(caught.value)
