"""Weights from a server: whole, resumed, cut off, exchanged, unreachable; and a model written as an ONNX file."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import models
from lookalike.errors import ModelError
from lookalike.models import registry, weights
from lookalike.models.download import ATTEMPTS, download
from lookalike.models.weights import Published
from tests.conftest import Run

DATA = np.random.default_rng(0).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes()


@dataclass
class Server:
    """What the server does: its bytes, where it hangs up each time, whether it resumes, and what it was asked."""

    url: str = ""
    data: bytes = DATA
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 0
    asked: list[str | None] = field(default_factory=list)

    def published(self, **changes: Any) -> Published:
        md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        return replace(Published(file="w.h5", url=self.url, md5=md5, bytes=len(DATA)), **changes)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            told.asked.append(asked)
            if told.status:
                self.send_error(told.status)
                return
            start = 0
            if asked and told.ranges:
                start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]  # ours
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(told.data) - 1}/{len(told.data)}")
            else:
                self.send_response(200)
            body = told.data[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: told.cuts.pop(0)] if told.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{httpd.server_port}/w.h5"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return weights.weights_folder()


def test_a_whole_file_arrives_once(server: Server, folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = download("m", server.published(), progress=lambda done, total: steps.append((done, total)))
    assert path == folder / "w.h5"
    assert path.read_bytes() == DATA
    assert steps[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert download("m", server.published()) == path
    assert server.asked == [None], "what is there and right is not fetched again"
    assert [entry.name for entry in folder.iterdir()] == ["w.h5"]


def test_a_connection_that_breaks_is_resumed(server: Server) -> None:
    server.cuts = [300_000, 200_000, 100]
    assert download("m", server.published()).read_bytes() == DATA
    assert server.asked == [None, "bytes=300000-", "bytes=500000-", "bytes=500100-"]


def test_a_later_call_goes_on_from_the_part(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "w.h5.part").write_bytes(DATA[:123_456])
    assert download("m", server.published()).read_bytes() == DATA
    assert server.asked == ["bytes=123456-"]


def test_a_server_that_cannot_resume_starts_over(server: Server, folder: Path) -> None:
    server.ranges = False
    folder.mkdir(parents=True)
    (folder / "w.h5.part").write_bytes(DATA[:123_456])
    assert download("m", server.published()).read_bytes() == DATA


def test_m05_another_file_is_kept_aside_and_never_named(server: Server, folder: Path) -> None:
    server.data = bytes([DATA[0] ^ 1]) + DATA[1:]
    with pytest.raises(ModelError, match="kept aside") as caught:
        download("m", server.published())
    assert (caught.value.code, caught.value.exit_code) == ("E_MODEL_CHECKSUM", 5)
    assert [entry.name for entry in folder.iterdir()] == ["w.h5.part"]
    server.data = DATA
    assert download("m", server.published()).read_bytes() == DATA, "the next call starts over"


@pytest.mark.parametrize("extra", [b"x", DATA])
def test_a_longer_file_is_refused(server: Server, folder: Path, extra: bytes) -> None:
    server.data = DATA + extra
    with pytest.raises(ModelError, match="more than the 1,000,000 bytes"):
        download("m", server.published())
    assert not (folder / "w.h5").exists()


def test_a_shorter_file_is_refused(server: Server, folder: Path) -> None:
    server.data = DATA[:-1]
    with pytest.raises(ModelError):
        download("m", server.published())
    assert not (folder / "w.h5").exists()


def test_it_gives_up_when_nothing_comes(server: Server, folder: Path) -> None:
    server.cuts = [1000, *[0] * 20]
    with pytest.raises(ModelError, match="go on from what arrived"):
        download("m", server.published())
    assert len(server.asked) == 1 + ATTEMPTS or len(server.asked) == ATTEMPTS
    assert (folder / "w.h5.part").read_bytes() == DATA[:1000]


@pytest.mark.parametrize("status", [404, 403, 503])
def test_a_server_that_refuses(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(ModelError, match="cannot be fetched") as caught:
        download("m", server.published())
    assert caught.value.code == "E_MODEL_DOWNLOAD"


def test_offline_the_message_says_what_to_get_and_where_to_put_it(folder: Path) -> None:
    published = Server(url="http://127.0.0.1:9/w.h5").published()
    with pytest.raises(ModelError) as caught:
        download("m", published)
    for part in (published.url, published.md5, str(folder / "w.h5")):
        assert part in str(caught.value)
    assert caught.value.exit_code == 5


def test_two_downloads_at_once_do_not_mix(server: Server, folder: Path) -> None:
    import fcntl

    folder.mkdir(parents=True)
    with (folder / "w.h5.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="another process is downloading"):
            download("m", server.published())


def test_the_command(run: Run, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(registry._MODELS["vgg16-notop"], published=server.published())
    monkeypatch.setattr(registry, "_MODELS", {**registry._MODELS, "vgg16-notop": entry})
    done = run("models", "download", "vgg16-notop", "--json")
    assert (done.code, done.json) == (0, {"model": "vgg16-notop", "file": str(folder / "w.h5")})
    assert run("models", "download", "efficientnet-lite0", "--json").json["file"] is None
    unknown = run("models", "download", "vgg")
    assert unknown.code == 5
    assert "E_MODEL_UNKNOWN" in unknown.err


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_exported_model_gives_the_same_vectors(run: Run, tmp_path: Path, precision: str) -> None:
    import onnx
    import onnxruntime

    out = tmp_path / "lite0.onnx"
    done = run("models", "export", "efficientnet-lite0", out, "--precision", precision, "--json")
    assert done.code == 0, done.err
    photos = np.random.default_rng(0).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)
    (found,) = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"]).run(None, {"pixels": photos})
    expected = models.load("efficientnet-lite0", precision=precision).embed(photos)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    props = {prop.key: prop.value for prop in onnx.load(str(out)).metadata_props}
    assert props["identity"] == done.json["identity"] == models.facts(precision=precision).identity


def test_an_export_to_something_else_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("models", "export", "efficientnet-lite0", tmp_path / "x.pt")
    assert done.code == 2
    assert ".onnx" in done.err
