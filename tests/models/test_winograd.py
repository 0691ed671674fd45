"""Winograd's convolutions: exact on paper, close in float32, and VGG16 with them gives VGG16's vectors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lookalike import models
from lookalike.errors import ModelError
from lookalike.models import registry, vgg16, weights, winograd
from lookalike.models.graph import GraphWriter
from lookalike.models.onnx_model import OnnxModel
from tests.models import keras_layout as keras
from tests.models.keras_layout import SMALL

USUAL = tuple(map(Fraction, (0, 1, -1, 2, -2)))
ROUND = vgg16.Plan(size=96, channels=(4, 6, 8, 8, 10), repeats=(1, 1, 2, 1, 2), dense=24)
"""Its last blocks have sides of 12 and 6, which tiles of 4 do not fill, as 14 does not in the real one."""


def _convolved(picture: Any, kernel: Any) -> Any:
    """(h, w, in) by (3, 3, in, out) in float64, with a border of zeros."""
    padded = np.pad(picture.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return np.einsum("hwcij,ijco->hwo", windows, kernel.astype(np.float64))


@pytest.mark.parametrize("points", [winograd.POINTS, USUAL, USUAL[:3], (*USUAL, Fraction(1, 2), Fraction(-1, 2))])
def test_the_transforms_give_the_sums_of_a_convolution(points: tuple[Fraction, ...]) -> None:
    taken, weighed, given = winograd.matrices(points)
    rng = np.random.default_rng(0)
    pixels, kernel = rng.normal(size=len(points) + 1), rng.normal(size=3)
    expected = np.convolve(pixels, kernel[::-1], "valid")
    np.testing.assert_allclose(given @ ((weighed @ kernel) * (taken @ pixels)), expected, rtol=1e-10)


def test_the_smallest_case_is_the_papers() -> None:
    """F(2, 3) of Lavin and Gray, section 4.1, up to the signs of its rows."""
    taken, weighed, given = winograd.matrices(USUAL[:3])
    np.testing.assert_array_equal(np.abs(weighed), [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(given, [[1, 1, 1, 0], [0, 1, -1, 1]])
    np.testing.assert_array_equal(np.abs(taken), [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]])


def test_kernels_are_transformed_as_in_float64() -> None:
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 5), np.float32)
    _, weighed, _ = winograd.matrices()
    expected = np.kron(weighed, weighed) @ kernel.astype(np.float64).reshape(9, -1)
    found = winograd.transformed(kernel)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.reshape(36, -1), expected, rtol=1e-6, atol=1e-9)


def test_the_chosen_points_lose_fewer_digits_than_the_usual_ones() -> None:
    rng = np.random.default_rng(0)
    picture = np.maximum(rng.standard_normal((200, 6, 6, 64)), 0).astype(np.float32)
    kernel = rng.standard_normal((3, 3, 64, 8)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(picture.astype(np.float64), (3, 3), axis=(1, 2))
    expected = np.einsum("nhwcij,ijco->nhwo", windows, kernel.astype(np.float64), optimize=True)
    errors = []
    for points in (winograd.POINTS, USUAL):
        taken, weighed, given = (np.kron(part, part) for part in winograd.matrices(points))
        u = (weighed @ kernel.astype(np.float64).reshape(9, -1)).astype(np.float32).reshape(36, 64, 8)
        v = taken.astype(np.float32) @ picture.transpose(1, 2, 0, 3).reshape(36, -1)
        y = given.astype(np.float32) @ (v.reshape(36, 200, 64) @ u).reshape(36, -1)
        found = y.reshape(4, 4, 200, 8).transpose(2, 0, 1, 3)
        errors.append(float(np.sqrt(((found - expected) ** 2).mean())))
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(("side", "pool"), [(1, False), (3, False), (4, True), (5, False), (6, True), (14, True)])
def test_a_layer_is_the_convolution(side: int, pool: bool) -> None:
    """Two layers on, so that one also reads what another wrote; sides that tiles do not fill, too."""
    rng = np.random.default_rng(side)
    kernels = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 3, 3, 5), (3, 3, 5, 4))]
    biases = [rng.standard_normal(count).astype(np.float32) for count in (5, 4)]
    pictures = rng.integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    writer = GraphWriter()
    x = writer.add("Cast", writer.add("Transpose", "pixels", perm=[0, 3, 1, 2]), to=1)
    tiled = winograd.enter(writer, x, side=side, channels=3)
    tiled = winograd.convolve(writer, tiled, "one", kernels[0], biases[0], pool=False)
    tiled = winograd.convolve(writer, tiled, "two", kernels[1], biases[1], pool=pool)
    output = writer.add("Flatten", winograd.leave(writer, tiled), axis=1)
    after = side // 2 if pool else side
    facts = replace(models.facts("vgg16"), size=side, dimension=after * after * 4)
    graph = writer.finish("layers", output, size=side, dimension=facts.dimension)
    found = OnnxModel(graph, facts, threads=1, again=(models.load, ())).embed(pictures)
    for picture, vector in zip(pictures, found, strict=True):
        expected = picture
        for kernel, bias in zip(kernels, biases, strict=True):
            summed = _convolved(expected, np.abs(kernel)).max()
            expected = np.maximum(_convolved(expected, kernel) + bias, 0)
        if pool:
            expected = expected.reshape(after, 2, after, 2, 4).max(axis=(1, 3))
        np.testing.assert_allclose(vector, expected.ravel(), rtol=0, atol=5e-6 * summed)


def _model(plan: vgg16.Plan, *, top: bool, fast: bool = True, threads: int = 1) -> OnnxModel:
    dimension = plan.dense if top else plan.channels[-1]
    facts = replace(models.facts("vgg16"), size=plan.size, dimension=dimension)
    first = vgg16.WINOGRAD if fast else None
    graph = vgg16.build(keras.random_arrays(plan, top=top), top=top, plan=plan, winograd=first)
    return OnnxModel(graph, facts, threads=threads, again=(models.load, ()), batch=vgg16.ROWS if top else None)


@pytest.mark.parametrize("top", [True, False], ids=["fc2", "notop"])
@pytest.mark.parametrize("plan", [SMALL, ROUND], ids=["64", "96"])
def test_the_network_is_numpys(plan: vgg16.Plan, top: bool) -> None:
    arrays = keras.random_arrays(plan, top=top)
    photos = np.random.default_rng(1).integers(0, 256, (2, plan.size, plan.size, 3), dtype=np.uint8)
    expected = np.stack([keras.forward(photo, arrays, plan, top=top) for photo in photos])
    found = _model(plan, top=top).embed(photos)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    plain = _model(plan, top=top, fast=False).embed(photos)
    assert np.abs(found - plain).max() < 1e-5 * np.abs(plain).max()
    assert not np.array_equal(found, plain), "the two ways of multiplying round differently"


@pytest.mark.parametrize("top", [True, False], ids=["fc2", "notop"])
def test_a_vector_depends_neither_on_the_batch_nor_on_threads(top: bool) -> None:
    photos = np.random.default_rng(2).integers(0, 256, (11, SMALL.size, SMALL.size, 3), dtype=np.uint8)
    model = _model(SMALL, top=top)
    whole = model.embed(photos)
    for batch in (1, 2, 3, 8):
        parts = [model.embed(photos[start : start + batch]) for start in range(0, len(photos), batch)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(_model(SMALL, top=top, threads=3).embed(photos), whole)


def test_a_plain_graph_holds_the_weights() -> None:
    arrays = keras.random_arrays(SMALL, top=True)
    found = vgg16.arrays_of(vgg16.build(arrays, top=True, plan=SMALL))
    assert set(found) == set(arrays) - {"predictions"}
    for name, values in found.items():
        for one, other in zip(values, arrays[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.fixture
def notop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A weight file of `vgg16-notop` as a small network, and a cache folder of its own."""
    plan = vgg16.Plan(channels=(2, 2, 2, 4, 512), repeats=(1, 1, 1, 1, 1))
    monkeypatch.setattr(vgg16, "Plan", lambda: plan)
    monkeypatch.setattr(weights, "_given", {})
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    return keras.write_released(tmp_path / "mine.h5", keras.random_arrays(plan, top=False))


def _operators(graph: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(graph).graph.node]


def test_the_cpu_in_fp32_has_it_and_nothing_else(notop: Path) -> None:
    pytest.importorskip("h5py")
    known = models.resolve("vgg16-notop", weights=notop)
    assert _operators(registry.graph_of(known)).count("Conv") == 1
    for other in (
        replace(known, device="openvino"),
        replace(known, device="openvino", precision="bf16"),
        replace(known, device="cuda"),
    ):
        assert _operators(registry.graph_of(other)).count("Conv") == 5


def test_a_catalog_of_an_earlier_release_needs_no_weight_file(notop: Path, tmp_path: Path) -> None:
    """Its cache folder holds the plain graph alone; the file that it was made of may be gone."""
    pytest.importorskip("h5py")
    known = models.resolve("vgg16-notop", weights=notop)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    expected = models.load_known(known).embed(pixels)
    (fast,) = (tmp_path / "cache").glob("*.onnx")
    fast.unlink()
    registry.graph_of(replace(known, device="openvino"))
    (plain,) = (tmp_path / "cache").glob("*.onnx")
    assert plain.name.startswith(f"vgg16-notop-{known.sha256}-v1."), "the name that earlier releases gave it"
    notop.unlink()
    np.testing.assert_array_equal(models.load_known(known).embed(pixels), expected)
    for path in (tmp_path / "cache").glob("*.onnx"):
        path.unlink()
    with pytest.raises(ModelError, match="--weights FILE"):
        models.load_known(known)
