"""VGG16 as Keras computes it: against a pass in NumPy, in every layout; weight files are checked and remembered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import models
from lookalike.errors import ModelError, UsageError
from lookalike.models import vgg16, weights
from lookalike.models.onnx_model import OnnxModel
from tests.conftest import Run
from tests.models import keras_layout as keras
from tests.models.keras_layout import SMALL

h5py = pytest.importorskip("h5py")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    known = dict(weights._given)
    yield
    weights._given.clear()
    weights._given.update(known)


def _photos(count: int, size: int = SMALL.size) -> Any:
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def _small_model(arrays: keras.Arrays, *, top: bool) -> OnnxModel:
    dimension = SMALL.dense if top else SMALL.channels[-1]
    facts = replace(models.facts("vgg16"), size=SMALL.size, dimension=dimension)
    graph = vgg16.build(arrays, top=top, plan=SMALL)
    return OnnxModel(graph, facts, threads=1, again=(models.load, ()), batch=vgg16.ROWS)


@pytest.mark.parametrize("top", [True, False], ids=["fc2", "notop"])
def test_the_vectors_are_those_of_numpy(top: bool) -> None:
    arrays = keras.random_arrays(SMALL, top=top)
    photos = _photos(3)
    expected = np.stack([keras.forward(photo, arrays, SMALL, top=top) for photo in photos])
    found = _small_model(arrays, top=top).embed(photos)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    assert 0.2 < (found > 0).mean() < 1, "after a ReLU some are zero, and not all"


@pytest.mark.parametrize("top", [True, False], ids=["fc2", "notop"])
@pytest.mark.parametrize("write", [keras.write_released, keras.write_keras3])
def test_both_layouts_are_read(tmp_path: Path, write: Any, top: bool) -> None:
    arrays = keras.random_arrays(SMALL, top=top, classes=7)
    found = vgg16.read(write(tmp_path / "w.h5", arrays), top=top, plan=SMALL)
    assert list(found) == [name for name in arrays if name != "predictions"]
    for name, values in found.items():
        for one, other in zip(values, arrays[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_vector_does_not_depend_on_how_many_photos_come_with_it() -> None:
    model = _small_model(keras.random_arrays(SMALL, top=True), top=True)
    photos = _photos(2 * vgg16.ROWS + 3)
    whole = model.embed(photos)
    for batch in (1, 3, vgg16.ROWS):
        parts = [model.embed(photos[start : start + batch]) for start in range(0, len(photos), batch)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_published_sizes() -> None:
    shapes = vgg16.Plan().shapes(top=True)
    numbers = sum(int(np.prod([side or 1000 for side in shape])) for layer in shapes.values() for shape in layer)
    assert numbers == 138_357_544  # as Keras' summary says
    assert shapes["fc1"][0] == (25_088, 4_096)
    without = vgg16.Plan().shapes(top=False).values()
    notop = sum(int(np.prod([side or 0 for side in shape])) for layer in without for shape in layer)
    assert notop == 14_714_688
    assert vgg16.WITH_TOP.md5 == "64373286793e3c8b2b4e3219cbf3544b"


def _written(path: Path, change: Any = None, **changed: Any) -> Path:
    arrays = {**keras.random_arrays(SMALL, top=True), **changed}
    keras.write_released(path, {name: values for name, values in arrays.items() if values is not None})
    if change is not None:
        with h5py.File(path, "r+") as file:
            change(file)
    return path


def _link_outside(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]
    file["fc2"]["fc2_W_1:0"] = h5py.ExternalLink("other.h5", "secret")


def _link_inside(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]
    file["fc2"]["fc2_W_1:0"] = h5py.SoftLink("/fc1/fc1_W_1:0")


def _virtual(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]
    layout = h5py.VirtualLayout(shape=(24, 24), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", shape=(24, 24))
    file["fc2"].create_virtual_dataset("fc2_W_1:0", layout)


def _outside(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]
    file["fc2"].create_dataset("fc2_W_1:0", (24, 24), "f4", external=[("raw.bin", 0, 24 * 24 * 4)])


def _absent(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]


def _texts(file: Any) -> None:
    del file["fc2"]["fc2_W_1:0"]
    file["fc2"].create_dataset("fc2_W_1:0", (24, 24), h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "arrays", "reason"),
    [
        (None, {"fc1": None}, "it has no layer 'fc1'"),
        (None, {"extra": [np.zeros(3, np.float32), np.zeros(3, np.float32)]}, "a layer 'extra' too many"),
        (None, {"fc2": [np.zeros((24, 25), np.float32), np.zeros(24, np.float32)]}, r"shape \(24, 25\) instead of"),
        (None, {"fc2": [np.zeros((24, 24), np.int32), np.zeros(24, np.float32)]}, "holds int32"),
        (None, {"fc2": [np.full((24, 24), np.nan, np.float32), np.zeros(24, np.float32)]}, "not finite"),
        (_link_outside, {}, "is a link to another place"),
        (_link_inside, {}, "is a link to another place"),
        (_virtual, {}, "outside of the file"),
        (_outside, {}, "outside of the file"),
        (_absent, {}, "which it does not hold"),
        (_texts, {}, "holds object"),
    ],
)
def test_what_is_not_these_weights_is_refused(tmp_path: Path, change: Any, arrays: Any, reason: str) -> None:
    path = _written(tmp_path / "w.h5", change, **arrays)
    with pytest.raises(ModelError, match=reason) as caught:
        vgg16.read(path, top=True, plan=SMALL)
    assert caught.value.exit_code == 5
    assert "w.h5" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100), b"\x80\x02}q\x00."])
def test_m01_garbage_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="cannot be read as HDF5"):
        vgg16.read(path, top=True, plan=SMALL)


def test_a_file_without_layers_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ModelError, match="lists no layers"):
        vgg16.read(tmp_path / "w.h5", top=True, plan=SMALL)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path / "w.h5")
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(ModelError, match="refused"):
        vgg16.read(path, top=True, plan=SMALL)


def test_without_weights_the_message_says_where_they_come_from() -> None:
    for name, file in (("vgg16", vgg16.WITH_TOP), ("vgg16-notop", vgg16.WITHOUT_TOP)):
        with pytest.raises(ModelError, match=f"lookalike models download {name}") as caught:
            models.load(name)
        assert (caught.value.code, caught.value.exit_code) == ("E_MODEL_MISSING", 5)
        for part in (file.url, file.md5, str(weights.weights_folder() / file.file), "--weights"):
            assert part in str(caught.value)


def test_m05_a_changed_file_in_the_cache_is_refused() -> None:
    path = weights.weights_folder() / vgg16.WITHOUT_TOP.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"changed")
    with pytest.raises(ModelError, match="not 6d6bbae143d832006294945121d1f1fc as published") as caught:
        models.load("vgg16-notop")
    assert caught.value.code == "E_MODEL_CHECKSUM"


def test_a_weight_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(ModelError, match="no weight file"):
            models.resolve("vgg16", weights=path)


def test_weights_for_a_model_that_has_its_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="efficientnet-lite0 has weights of its own"):
        models.resolve(weights=tmp_path / "w.h5")


@pytest.fixture
def small_notop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`vgg16-notop` as a small network, all else as it is; a weight file for it."""
    plan = vgg16.Plan(channels=(2, 2, 2, 4, 512), repeats=(1, 1, 1, 1, 1))
    monkeypatch.setattr(vgg16, "Plan", lambda: plan)
    return keras.write_released(tmp_path / "mine.h5", keras.random_arrays(plan, top=False))


def test_a_catalog_remembers_weights_by_checksum_and_needs_no_path(
    run: Run, photos: Path, tmp_path: Path, small_notop: Path
) -> None:
    catalog = tmp_path / "c"
    done = run("index", catalog, photos, "--model", "vgg16-notop", "--weights", small_notop, "--json")
    assert (done.code, done.json["added"]) == (0, 12)
    info = run("info", catalog, "--json").json
    assert info["weights"] == {"sha256": weights.digests(small_notop).sha256, "published": False}
    assert (info["model"], info["resize"], info["dimension"]) == ("vgg16-notop", "nearest", 512)

    moved = small_notop.rename(tmp_path / "moved.h5")
    weights._given.clear()
    (photo,) = photos.glob("red-00*")
    found = run("similar", catalog, photo, "-k", 1, "--json")
    assert found.json["results"][0]["id"] == photo.name
    assert found.json["results"][0]["distance"] == 0

    for path in (tmp_path / "cache").glob("*.onnx"):
        path.unlink()
    lost = run("similar", catalog, photo)
    assert lost.code == 5
    assert "--weights" in lost.err
    assert run("index", catalog, photos, "--weights", moved).code == 0
    weights._given.clear()
    assert run("similar", catalog, photo).code == 0


def test_other_weights_than_the_catalogs_are_refused(run: Run, photos: Path, tmp_path: Path, small_notop: Path) -> None:
    assert run("index", tmp_path / "c", photos, "--model", "vgg16-notop", "--weights", small_notop).code == 0
    other = keras.write_released(tmp_path / "other.h5", keras.random_arrays(vgg16.Plan(), top=False, seed=1))
    done = run("index", tmp_path / "c", photos, "--weights", other)
    assert done.code == 5
    assert "E_MODEL_MISMATCH" in done.err


@pytest.mark.long
def test_a_run_as_published(run: Run, photos: Path, tmp_path: Path, small_notop: Path) -> None:
    """All options of the published method; the model is the one of 512 outputs, which keeps the test short."""
    done = run(
        "run", tmp_path / "c", photos, "--out", tmp_path / "out", "--as-published", "--model", "vgg16-notop",
        "--weights", small_notop, "-k", 4, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    info = run("info", tmp_path / "c", "--json").json
    assert (info["resize"], info["map"]["perplexity"], info["clusters"]["max_k"]) == ("nearest", 30, 200)
    assert info["clusters"]["k"] == 4
    assert json.loads((tmp_path / "out" / "run.json").read_text())["ranking"] == "euclidean"
    figures = {path.name[:8] for path in (tmp_path / "out").rglob("figure-*.svg")}
    assert figures == {f"figure-{number}" for number in range(1, 7)}


def test_as_published_asks_for_the_published_model(run: Run, photos: Path, tmp_path: Path) -> None:
    done = run("run", tmp_path / "c", photos, "--out", tmp_path / "out", "--as-published")
    assert done.code == 5
    assert "lookalike models download vgg16" in done.err
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_does_not_matter_to_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_notop: Path
) -> None:
    sealed = tmp_path / "sealed"
    sealed.mkdir(mode=0o500)
    monkeypatch.setenv("LOOKALIKE_CACHE", str(sealed))
    assert models.load("vgg16-notop", weights=small_notop).facts.dimension == 512
