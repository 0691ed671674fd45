"""Any ONNX file: whatever its layout, type and output, the vector is that of NumPy; or it is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lookalike import models
from lookalike.errors import ModelError, UsageError
from lookalike.models import registry
from tests.conftest import Run

SIZE = 16
WEIGHTS = np.random.default_rng(0).normal(0, 1, (5, 3, 4, 4)).astype(np.float32)
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_wrapped", {})


def write(
    path: Path,
    *,
    layout: str = "nchw",
    kind: int = TensorProto.FLOAT,
    end: str = "map",
    shape: list[Any] | None = None,
    names: tuple[str, str] = ("image", "features"),
    change: Callable[[Any], None] | None = None,
    opset: int = 17,
) -> Path:
    """A network of one convolution, 4 x 4 with steps of 4, then `map`, `vector`, `tokens`, `count` or `scalar`."""
    free: list[Any] = ["n", 3, SIZE, SIZE] if layout == "nchw" else ["n", SIZE, SIZE, 3]
    nodes: list[Any] = []
    x = names[0]

    def add(op: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, list(inputs), [f"v{len(nodes)}"], **attributes))
        return f"v{len(nodes) - 1}"

    if kind != TensorProto.FLOAT:
        x = add("Cast", x, to=TensorProto.FLOAT)
    if layout == "nhwc":
        x = add("Transpose", x, perm=[0, 3, 1, 2])
    x = add("Conv", x, "w", kernel_shape=[4, 4], strides=[4, 4])
    if end == "vector":
        x = add("Flatten", add("GlobalAveragePool", x), axis=1)
    elif end == "tokens":
        x = add("Transpose", add("Reshape", x, "flat"), perm=[0, 2, 1])
    elif end == "count":
        x = add("Shape", x)
    elif layout == "nhwc":
        x = add("Transpose", x, perm=[0, 2, 3, 1])
    nodes.append(helper.make_node("Identity", [x], [names[1]]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(names[0], kind, free if shape is None else shape)],
        [helper.make_empty_tensor_value_info(names[1])],
        [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(np.array([0, 5, -1]), "flat")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if change is not None:
        change(model)
    path.write_bytes(model.SerializeToString())
    return path


def photos(count: int = 3) -> Any:
    return np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def maps(pixels: Any, mean: Any = MEAN, std: Any = STD, *, raw: bool = False) -> Any:
    """The convolution in NumPy: (photos, 5, 4, 4)."""
    x = pixels.astype(np.float64) if raw else (pixels / 255 - mean) / std
    patches = x.reshape(len(x), 4, 4, 4, 4, 3)  # photo, row, y, column, x, color
    return np.einsum("nrycxk,okyx->norc", patches, WEIGHTS.astype(np.float64))


def check(path: Path, expected: Any, pixels: Any = None, **settings: str) -> models.Model:
    model = models.load(f"onnx:{path}", settings=settings)
    found = model.embed(photos() if pixels is None else pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    return model


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("end", ["map", "vector", "tokens"])
@pytest.mark.parametrize("opset", [13, 20])
def test_every_layout_and_output(tmp_path: Path, layout: str, end: str, opset: int) -> None:
    path = write(tmp_path / "m.onnx", layout=layout, end=end, opset=opset)
    model = check(path, maps(photos()).mean(axis=(2, 3)))
    assert (model.facts.dimension, model.facts.size, model.facts.name) == (5, SIZE, "onnx:m.onnx")


def test_the_first_of_several_positions(tmp_path: Path) -> None:
    check(write(tmp_path / "m.onnx", end="tokens"), maps(photos())[:, :, 0, 0], pool="first")


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.FLOAT16])
def test_every_type_of_input(tmp_path: Path, kind: int) -> None:
    path = write(tmp_path / "m.onnx", kind=kind)
    expected = maps(photos(), raw=kind == TensorProto.UINT8).mean(axis=(2, 3))
    found = models.load(f"onnx:{path}").embed(photos())
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.01)


def test_mean_and_std_and_the_order_of_colors(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    expected = maps(photos()[..., ::-1], np.array([0.1, 0.2, 0.3]), 0.5).mean(axis=(2, 3))
    check(path, expected, mean="0.1, 0.2,0.3", std="0.5", color="bgr")


def test_a_sidecar_speaks_and_an_option_speaks_louder(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    (tmp_path / "m.json").write_text(json.dumps({"mean": [0, 0, 0], "std": 1, "color": "bgr", "license": "MIT"}))
    model = check(path, maps(photos(), 0, 1).mean(axis=(2, 3)), color="rgb")
    assert model.facts.license == "MIT"


def test_free_sides_take_the_size_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", shape=["n", 3, "h", "w"])
    assert models.resolve(f"onnx:{path}").size == 224
    check(path, maps(photos()).mean(axis=(2, 3)), size=str(SIZE))


def test_a_graph_for_one_photo_takes_many(tmp_path: Path) -> None:
    check(write(tmp_path / "m.onnx", shape=[1, 3, SIZE, SIZE]), maps(photos()).mean(axis=(2, 3)))


def test_an_inner_value_can_be_the_output(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", end="vector")
    model = check(path, maps(photos()).mean(axis=(2, 3)), output="v0")
    assert "v0" in model.facts.preprocessing


@pytest.mark.parametrize("names", [("pixels", "vectors"), ("vectors", "pixels"), ("w2", "lookalike")])
def test_names_that_are_also_ours(tmp_path: Path, names: tuple[str, str]) -> None:
    check(write(tmp_path / "m.onnx", names=names), maps(photos()).mean(axis=(2, 3)))


def test_our_own_export_comes_back(tmp_path: Path) -> None:
    models.export(models.resolve("efficientnet-lite0"), tmp_path / "lite0.onnx")
    pixels = np.random.default_rng(2).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    found = models.load(f"onnx:{tmp_path / 'lite0.onnx'}").embed(pixels)
    expected = models.load("efficientnet-lite0").embed(pixels)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_vector_does_not_depend_on_its_company_and_the_model_travels(tmp_path: Path) -> None:
    model = models.load(f"onnx:{write(tmp_path / 'm.onnx')}")
    whole = model.embed(photos(5))
    np.testing.assert_array_equal(np.concatenate([model.embed(photos(5)[i : i + 1]) for i in range(5)]), whole)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).embed(photos(5)), whole)
    assert model.embed(photos(0)).shape == (0, 5)


def _outside(location: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location

    return change


def test_weights_beside_the_file_are_read_and_part_of_its_checksum(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", change=_outside("w.bin"))
    (tmp_path / "w.bin").write_bytes(WEIGHTS.tobytes())
    before = check(path, maps(photos()).mean(axis=(2, 3))).facts.sha256
    (tmp_path / "w.bin").write_bytes((2 * WEIGHTS).tobytes())
    assert check(path, 2 * maps(photos()).mean(axis=(2, 3))).facts.sha256 != before


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "", "link.bin", "none.bin", "a/../../secret.bin"])
def test_m04_weights_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = write(folder / "m.onnx", change=_outside(location))
    with pytest.raises(ModelError, match="no file in its own folder") as caught:
        models.load(f"onnx:{path}")
    assert caught.value.exit_code == 5


class _Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("canary",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model",
        b"<html>404</html>",
        pickle.dumps(_Canary()),
        bytes(1000),
        onnx.ModelProto().SerializeToString(),
    ],
    ids=["empty", "text", "html", "pickle", "zeros", "no-graph"],
)
def test_m01_m03_garbage_is_refused(tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"m\.onnx' is refused: its bytes are no ONNX model") as caught:
        models.load(f"onnx:{tmp_path / 'm.onnx'}")
    assert (caught.value.code, caught.value.exit_code) == ("E_MODEL_INVALID", 5)
    assert "canary" not in capfd.readouterr().out


def test_m01_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match="refused"):
        models.load(f"onnx:{path}")


def test_m02_a_file_that_is_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError, match="no ONNX file") as caught:
            models.load(f"onnx:{path}")
        assert caught.value.code == "E_MODEL_MISSING"


def _second_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def _unknown_node(model: Any) -> None:
    model.graph.node[0].op_type = "NoSuchOperation"


@pytest.mark.parametrize(
    ("options", "settings", "reason"),
    [
        ({"change": _second_input}, {}, "it has 2 inputs"),
        ({"change": _unknown_node}, {}, "cannot run it on a photo"),
        ({"kind": TensorProto.INT64}, {}, "not of four axes"),
        ({"shape": ["n", 3, SIZE]}, {}, "not of four axes"),
        ({"shape": ["n", "c", SIZE, SIZE]}, {}, "say layout=nchw or nhwc"),
        ({"shape": ["n", 1, SIZE, SIZE]}, {"layout": "nchw"}, "1 colors in layout nchw"),
        ({"shape": ["n", 3, SIZE, 20]}, {}, "is not 16 x 16"),
        ({"shape": [4, 3, SIZE, SIZE]}, {}, "exactly 4 photos"),
        ({}, {"size": "32"}, "is not 32 x 32"),
        ({}, {"output": "other"}, "it has no output 'other': its outputs are features"),
        ({"end": "count"}, {}, "is int64"),
    ],
)
def test_m06_a_graph_that_takes_no_photo_or_gives_no_vector_is_refused(
    tmp_path: Path, options: Any, settings: Any, reason: str
) -> None:
    path = write(tmp_path / "m.onnx", **options)
    with pytest.raises(ModelError, match=reason) as caught:
        models.load(f"onnx:{path}", settings=settings)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"mean": "1,2"}, "one number, or three"),
        ({"std": "0"}, "above 0"),
        ({"mean": "nan"}, "one number"),
        ({"size": "large"}, "is no number"),
        ({"layout": "chw"}, "layout='chw' is not known"),
        ({"sise": "3"}, "'sise' is no setting"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, settings: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        models.load(f"onnx:{write(tmp_path / 'm.onnx')}", settings=settings)


def test_settings_of_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'size' is a setting of ONNX files"):
        models.resolve(settings={"size": "224"})
    with pytest.raises(UsageError, match="holds its weights"):
        models.resolve(f"onnx:{write(tmp_path / 'm.onnx')}", weights=tmp_path)


def test_a_catalog_of_an_onnx_file(run: Run, photos: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    options = ("--model", f"onnx:{path}", "--model-option", "mean=0.5", "--model-option", "std=0.5")
    done = run("index", tmp_path / "c", photos, *options, "--json")
    assert (done.code, done.json["added"]) == (0, 12), done.err
    info = run("info", tmp_path / "c", "--json").json
    assert (info["model"], info["dimension"]) == ("onnx:m.onnx", 5)
    moved = path.rename(tmp_path / "renamed.onnx")
    registry._wrapped.clear()
    photo = next(photos.glob("red-00*"))
    assert run("similar", tmp_path / "c", photo, "-k", 1, "--json").json["results"][0]["distance"] == 0
    again = ("--model", f"onnx:{moved}", *options[2:])
    assert run("index", tmp_path / "c", photos, *again, "--json").json["unchanged"] == 12
    other = run("index", tmp_path / "c", photos, "--model", f"onnx:{moved}")
    assert (other.code, "E_MODEL_MISMATCH" in other.err) == (5, True)
    for kept in (tmp_path / "cache").glob("onnx-*"):
        kept.unlink()
    registry._wrapped.clear()
    lost = run("similar", tmp_path / "c", photo)
    assert (lost.code, "--model onnx:PATH" in lost.err) == (5, True)
    assert run("index", tmp_path / "c", photos, "--model-option", "size").code == 2
