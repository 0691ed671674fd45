"""Files beside and inside of a catalog that are not what they should be: words, never a traceback or a wait."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.catalog import Votes
from lookalike.errors import CatalogDamaged, LookalikeError, ModelError, UsageError
from lookalike.models import onnxfile
from lookalike.models.kerasfile import read_keras
from lookalike.store import LanceStore, base, lance_store
from lookalike.web import make_app
from tests.faults import replay

ABOUT = {"a": {"title": "a", "identity": "i"}, "b": {"title": "b", "identity": "j"}}
VOTE = {"query": "q", "choice": "a", "voter": "v", "catalogs": ABOUT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalog of the version 4."""
    replay.drive(tmp_path / "c.catalog", 4)
    return tmp_path / "c.catalog"


def test_a_lock_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (folder / "lock").unlink()
    (folder / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(LookalikeError, match="is a link"), LanceStore.open(folder).writing():
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("kind", [os.mkfifo, os.mkdir])
def test_a_lock_that_is_no_file_is_an_error(folder: Path, kind: Callable[[Path], None]) -> None:
    (folder / "lock").unlink()
    kind(folder / "lock")
    with pytest.raises(LookalikeError, match="cannot be written"), LanceStore.open(folder).writing():
        pass


@pytest.mark.parametrize("name", ["²³.json", "-5.json", "1e9.json", "x.json", "000000000099.txt"])
def test_other_files_among_the_versions_are_passed_over(folder: Path, name: str) -> None:
    (folder / "versions" / name).write_text("{}")
    assert LanceStore.open(folder).head.version == 4


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000, "{}", "[]", "null", '{"files": 3}', "\ud83d"])
def test_s12_a_version_that_is_none_is_damage(folder: Path, text: str) -> None:
    (folder / "versions" / "000000000099.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CatalogDamaged):
        LanceStore.open(folder)
    assert LanceStore.open(folder, version=4).head.version == 4


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 1e999}', '{"format": 0}', '{"format": -3}', "{}", "7"])
def test_s08_a_marker_that_says_no_format_is_damage(folder: Path, text: str) -> None:
    (folder / "lookalike.json").write_text(text)
    with pytest.raises(CatalogDamaged):
        LanceStore.open(folder)


def test_a_name_that_can_be_none_is_refused(tmp_path: Path) -> None:
    for use in (LanceStore.open, lambda name: LanceStore.create(name, replay.FACTS)):
        with pytest.raises(UsageError, match="NUL"):
            use(f"{tmp_path}/a\0b")


def test_a_catalog_is_the_same_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    other = LanceStore.open(folder)
    with (
        LanceStore.open(tmp_path / "link").writing(),
        pytest.raises(LookalikeError, match="held by pid"),
        other.writing(),
    ):
        pass
    replay.drive(tmp_path / "link", 6)
    assert replay.wrong(folder, 6) == (6, None)


def test_a_clock_that_jumps_back_changes_no_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (base, lance_store):
        monkeypatch.setattr(module, "now", lambda: "1999-12-31T23:59:59+00:00")
    monkeypatch.setattr(time, "time", lambda: 946_684_799.0)
    replay.drive(folder, 7)
    assert replay.wrong(folder, 7) == (7, None)
    (folder / "items.lance" / "data" / "left.lance").write_bytes(b"left")
    assert LanceStore.open(folder).collect(0) == 0, "a file from the future is kept"
    monkeypatch.undo()
    assert LanceStore.open(folder).collect(0) == 1


def test_a_catalog_that_is_moved_while_it_is_served(photos: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    catalog.index(photos)
    photo = (photos / "red-00.png").read_bytes()
    with TestClient(make_app(lookalike.open(tmp_path / "c.catalog"), writable=True)) as client:
        assert client.get("/api/items/red-00.png/similar").status_code == 200
        (tmp_path / "c.catalog").rename(tmp_path / "moved.catalog")
        for path in ("/api/items/red-00.png", "/thumbnails/red-00.png", "/readyz"):
            answer = client.get(path)
            assert answer.status_code in (200, 503), path
            assert str(tmp_path) not in answer.text
        answer = client.post("/api/items", files={"file": ("a.png", photo)}, data={"id": "new"})
        assert answer.status_code == 503
        assert not (tmp_path / "c.catalog").exists(), "no half of a catalog is made in its place"
        (tmp_path / "moved.catalog").rename(tmp_path / "c.catalog")
        assert client.get("/api/items/red-00.png").status_code == 200
        assert client.post("/api/items", files={"file": ("a.png", photo)}, data={"id": "new"}).status_code == 201


def test_votes_that_are_none_are_passed_over(tmp_path: Path) -> None:
    votes = Votes(tmp_path / "v.jsonl")
    votes.add(VOTE)
    bad = ["[" * 100_000, "9" * 5_000, '{"choice": ["a"], "query": "q"}', "\0", "null", "\u2028"]
    others: list[Any] = [[1], 3, {"a": 3}, {"a": None, "b": None}]
    bad += [json.dumps({**VOTE, "voter": "other", "catalogs": about}) for about in others]
    with (tmp_path / "v.jsonl").open("a") as file:
        file.write("\n".join(bad))
    votes.add({**VOTE, "voter": "half \ud83d", "choice": "b"})
    assert {name: votes.result(ABOUT)[name] for name in ("a", "b", "voters")} == {"a": 1, "b": 1, "voters": 2}
    os.mkfifo(tmp_path / "pipe")
    assert Votes(tmp_path / "pipe").read() == []


def test_a_vote_that_does_not_fit_on_the_disk_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = Votes(tmp_path / "v.jsonl")
    votes.add(VOTE)
    before, write = (tmp_path / "v.jsonl").read_bytes(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
        with pytest.raises(LookalikeError, match=os.strerror(errno.ENOSPC)):
            votes.add(VOTE)
    assert (tmp_path / "v.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["model_weights", "layers", "_layer_checkpoint_dependencies"])
def test_m04_weights_behind_a_link_of_hdf5_are_not_looked_for(tmp_path: Path, name: str) -> None:
    import h5py

    os.mkfifo(tmp_path / "pipe")  # who opens it waits for ever
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file[name] = h5py.ExternalLink(str(tmp_path / "pipe"), "/x")
    with pytest.raises(ModelError, match="is a link to another place"):
        read_keras(tmp_path / "w.h5", {"a": ((2,),)}, kinds={})


def test_m01_an_array_larger_than_memory_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file.create_group("a").attrs["weight_names"] = [b"k"]
        file["a"].create_dataset("k", shape=(2**50,), dtype="f4", chunks=(1024,), compression="gzip")
    with pytest.raises(ModelError, match="cannot be read"):
        read_keras(tmp_path / "w.h5", {"a": ((None,),)}, kinds={})


@pytest.mark.parametrize("place", ["../secret.bin", "link.bin", "pipe.bin", "", ".", "x" * 5_000, "a\0b"])
def test_m04_weights_elsewhere_are_refused(tmp_path: Path, place: str) -> None:
    from onnx import TensorProto, helper

    folder = tmp_path / "m"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(np.ones(12, np.float32).tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    os.mkfifo(folder / "pipe.bin")
    weights: Any = TensorProto(name="w", data_type=1, dims=[3, 4], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=place)
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [value("x", 1, [1, 3, 8, 8])], [value("y", 1, None)], [weights])
    (folder / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelError, match="no file in its own folder"):
        onnxfile.wrap(folder / "m.onnx", onnxfile.Settings(), "stretch")
    shutil.rmtree(folder)
