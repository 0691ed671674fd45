"""What computes the vectors: it is part of the identity, and one that is not here is refused with what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from lookalike import create, models
from lookalike.catalog import build
from lookalike.errors import ModelError, ModelMismatch, UsageError
from lookalike.models import cpu, onnx_model, openvino_model, registry, vgg16
from lookalike.options import IndexOptions, ModelOptions
from lookalike.records import Bytes, Floats, ModelFacts
from tests.models import keras_layout


def test_the_cpu_by_onnx_runtime_is_meant_where_nothing_is_said() -> None:
    assert models.facts().device == "cpu"
    assert models.facts(device="auto").identity == models.facts().identity
    assert models.facts("vgg16", precision="bf16").device == "openvino"


def test_another_device_is_another_identity() -> None:
    found = [models.facts(device=device).identity for device in ("cpu", "openvino", "cuda")]
    assert len(set(found)) == 3
    assert found[1] == f"{found[0]}/openvino"


def test_facts_from_before_devices_mean_the_cpu() -> None:
    known = models.facts()
    before = {name: getattr(known, name) for name in ModelFacts.__dataclass_fields__ if name != "device"}
    assert ModelFacts(**before).identity == known.identity


def test_wrong_devices_are_refused() -> None:
    with pytest.raises(UsageError, match="device='gpu' is not known: give one of auto, cpu, openvino, cuda"):
        models.facts(device="gpu")
    with pytest.raises(UsageError, match="bf16 runs on --device openvino only"):
        models.facts("vgg16", precision="bf16", device="cpu")
    with pytest.raises(UsageError, match="int8 runs on --device cpu or openvino only, not on cuda"):
        models.facts(precision="int8", device="cuda")
    with pytest.raises(UsageError, match="tiny is no network"):
        models.facts("tiny", device="cuda")


def test_a_gpu_runs_the_usual_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "has_int8_instructions", lambda: True)
    assert models.best_precision() == "int8"
    assert models.best_precision(device="openvino") == "int8"
    assert models.best_precision(device="cuda") == "fp32"


def test_every_run_on_a_gpu_has_the_same_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of ONNX Runtime without a GPU in the place of one with: what is asked of it is what counts."""
    asked: list[int] = []

    class Session:
        def run(self, outputs: list[str], inputs: dict[str, Bytes]) -> list[Floats]:
            (pixels,) = inputs.values()
            asked.append(len(pixels))
            return [pixels[:, 0, 0, :].repeat(256, axis=1).astype(np.float32)]

    monkeypatch.setattr(onnx_model, "_session", lambda *given: Session())
    known = models.facts(device="cuda")
    model = onnx_model.OnnxModel(b"", known, threads=1, again=(models.load_known, ()))
    pixels = np.random.default_rng(0).integers(0, 256, (19, known.size, known.size, 3), dtype=np.uint8)
    vectors = model.embed(pixels)
    assert asked == [onnx_model.CUDA_BATCH] * 3  # the probe, the full run and the filled one
    np.testing.assert_array_equal(vectors, pixels[:, 0, 0, :].repeat(256, axis=1))


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="it is here")
def test_cuda_that_is_not_here_is_refused() -> None:
    with pytest.raises(ModelError, match=r"needs ONNX Runtime with CUDA.*lookalike\[cuda\]") as caught:
        models.load(device="cuda")
    assert caught.value.exit_code == 5
    assert caught.value.code == "E_MODEL_DEVICE"


def test_openvino_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"lookalike\[openvino\]"):
        models.load(device="openvino")


def test_bf16_needs_a_cpu_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_model, "has_bf16_instructions", lambda: False)
    with pytest.raises(ModelError, match="this one has none") as caught:
        openvino_model.OpenVinoModel(
            b"", models.facts("vgg16", precision="bf16"), threads=1, again=(models.load_known, ())
        )
    assert caught.value.code == "E_MODEL_DEVICE"


def test_instructions_are_read_from_the_kernel_s_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for flags, expected in (("sse2 avx512_bf16 avx2", True), ("sse2 amx_bf16", True), ("avx512_vnni", False)):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
        monkeypatch.setattr(cpu, "_CPU_INFO", tmp_path / "cpuinfo")
        assert cpu.has_bf16_instructions() is expected


def test_a_catalog_refuses_another_device(tmp_path: Path) -> None:
    create(tmp_path / "c", model="tiny")
    with pytest.raises(ModelMismatch, match="made with device 'cpu', this run asks for 'openvino'"):
        build(tmp_path / "c", [tmp_path], IndexOptions(), model=ModelOptions(device="openvino"))


@pytest.mark.usefixtures("openvino")
@pytest.mark.skipif(not cpu.has_bf16_instructions(), reason="this CPU has no instructions for bf16")
def test_bf16_is_near_fp32() -> None:
    arrays = keras_layout.random_arrays(keras_layout.SMALL, top=True)
    graph = vgg16.build(arrays, top=True, plan=keras_layout.SMALL)
    size, dimension = keras_layout.SMALL.size, keras_layout.SMALL.dense
    pixels = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    found = {}
    for precision in ("fp32", "bf16"):
        facts = models.facts("vgg16", precision=precision, device="openvino")
        small = ModelFacts(
            **{name: getattr(facts, name) for name in ModelFacts.__dataclass_fields__}
            | {"size": size, "dimension": dimension}
        )
        model = openvino_model.OpenVinoModel(graph, small, threads=1, again=(models.load_known, ()), batch=2)
        found[precision] = model.embed(pixels)
    expected = np.stack([keras_layout.forward(p, arrays, keras_layout.SMALL, top=True) for p in pixels])
    largest = np.abs(expected).max()
    assert np.abs(found["fp32"] - expected).max() < 1e-4 * largest
    assert 1e-5 * largest < np.abs(found["bf16"] - expected).max() < 0.05 * largest


@pytest.mark.usefixtures("openvino")
def test_importing_openvino_reports_to_nobody() -> None:
    code = (
        "import sys; from lookalike import models; models.load(device='openvino', precision='fp32')\n"
        "print(sorted({'openvino', 'openvino_telemetry'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['openvino']"
