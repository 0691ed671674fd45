"""The cache saves work and never changes a result: damaged files are built again, no folder is no error."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lookalike import models
from lookalike.cache import cache_folder, cached

GRAPH = b"graph" * 1000


class Builder:
    """Builds `GRAPH` and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return GRAPH


def test_the_second_time_is_read(tmp_path: Path) -> None:
    build = Builder()
    folder = tmp_path / "deep" / "cache"
    assert cached("m-v1", build, folder=folder) == cached("m-v1", build, folder=folder) == GRAPH
    assert build.calls == 1
    assert [path.name for path in folder.iterdir()] == [f"m-v1.{hashlib.sha256(GRAPH).hexdigest()}.onnx"]


def test_another_key_is_another_graph(tmp_path: Path) -> None:
    cached("m-v1", Builder(), folder=tmp_path)
    assert cached("m-v2", lambda: b"other", folder=tmp_path) == b"other"
    # a key that begins like another is not that other
    assert cached("m", lambda: b"third", folder=tmp_path) == b"third"


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty"])
def test_a_damaged_file_is_noticed_and_built_again(tmp_path: Path, damage: str) -> None:
    build = Builder()
    cached("m-v1", build, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    flipped = bytes([GRAPH[0] ^ 1]) + GRAPH[1:]
    path.write_bytes({"flip": flipped, "cut": GRAPH[:-1], "grow": GRAPH + b"x", "empty": b""}[damage])
    assert cached("m-v1", build, folder=tmp_path) == GRAPH
    assert build.calls == 2
    assert [found.read_bytes() for found in tmp_path.iterdir()] == [GRAPH]


def test_what_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    build = Builder()
    (tmp_path / "m-v1.0.onnx").mkdir()
    for _ in range(2):
        assert cached("m-v1", build, folder=tmp_path) == GRAPH
    assert build.calls == 1


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOKALIKE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    build = Builder()
    for _ in range(2):
        assert cached("m-v1", build, folder=cache_folder()) == GRAPH
    assert build.calls == 2


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    build = Builder()
    for _ in range(2):
        assert cached("m-v1", build, folder=tmp_path / "file" / "cache") == GRAPH
    assert build.calls == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_no_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert cached("m-v1", Builder(), folder=tmp_path) == GRAPH


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cached("m-v1", Builder(), folder=tmp_path) == GRAPH
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_is_not_hidden(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise OSError("not the cache's fault")

    with pytest.raises(OSError, match="not the cache"):
        cached("m-v1", fail, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_write_in_progress_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "m-v1.abc.part").write_bytes(GRAPH[:10])
    assert cached("m-v1", Builder(), folder=tmp_path) == GRAPH


def test_several_at_once_agree(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def run(_: int) -> bytes:
        start.wait()
        return cached("m-v1", Builder(), folder=tmp_path)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(run, range(8))) == {GRAPH}
    assert len(list(tmp_path.iterdir())) == 1


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", "/own")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert cache_folder() == Path("/own")
    monkeypatch.delenv("LOOKALIKE_CACHE")
    assert cache_folder() == Path("/shared/lookalike")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/lookalike")
    monkeypatch.setenv("LOOKALIKE_CACHE", "")
    assert cache_folder() == Path("/home/me/.cache/lookalike")


def test_a_model_loads_without_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "file"))
    assert models.load().facts.name == models.DEFAULT
