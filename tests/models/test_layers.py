"""Layers by hand: what a graph of one or two layers must compute, in float32 and in 8 bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lookalike import models
from lookalike.models.layers import Convolution, FloatLayers, Int8Layers, Layers
from lookalike.models.onnx_model import OnnxModel
from lookalike.records import Bytes, Doubles, Floats

SIDE = 4
IDENTITY = np.eye(3)[:, :, None, None]


def run(layers: Layers, x: str, pixels: Bytes) -> Floats:
    """The value `x` (b, 3, 4, 4) of the graph, flattened, for `pixels` (b, 4, 4, 3)."""
    flat = layers.writer.add("Flatten", layers.real(x), axis=1)
    dimension = 3 * SIDE * SIDE
    graph = layers.writer.finish("test", flat, size=SIDE, dimension=dimension)
    facts = replace(models.facts(), size=SIDE, dimension=dimension)
    return OnnxModel(graph, facts, threads=1, again=(models.load, ())).embed(pixels)


def planes(values: npt.NDArray[Any]) -> Doubles:
    """(b, 4, 4, 3) as the flattened (b, 3, 4, 4)."""
    return values.astype(np.float64).transpose(0, 3, 1, 2).reshape(len(values), -1)


@pytest.fixture
def pixels() -> Bytes:
    return np.random.default_rng(3).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)


def test_a_photo_is_normalized(pixels: Bytes) -> None:
    layers = FloatLayers()
    found = run(layers, layers.photo(0.498, 0.502), pixels)
    np.testing.assert_allclose(found, planes((pixels / 255 - 0.498) / 0.502), rtol=1e-5, atol=1e-6)


def test_a_photo_in_8_bits_is_off_by_the_rounding_of_its_mean(pixels: Bytes) -> None:
    layers = Int8Layers({})
    found = run(layers, layers.photo(0.498, 0.502), pixels)
    np.testing.assert_allclose(found, planes((pixels - 127.0) / (255 * 0.502)), rtol=1e-6)
    assert np.abs(found - planes((pixels / 255 - 0.498) / 0.502)).max() < 0.0001


@pytest.mark.parametrize("clip", [False, True])
def test_a_convolution_of_one_point(pixels: Bytes, clip: bool) -> None:
    # channel c becomes 2 c + 1, in units of gray levels over 255
    expected = planes(2 * (pixels / 255) * 4 + 1)
    expected = np.clip(expected, 0, 6) if clip else expected
    point = Convolution(weight=2 * IDENTITY, bias=np.ones(3), clip=clip)
    exact = FloatLayers()
    found = run(exact, exact.conv(exact.photo(0, 1 / 4), "a", point), pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    rounded = Int8Layers({"a": (-1, 9)})
    found = run(rounded, rounded.conv(rounded.photo(0, 1 / 4), "a", point), pixels)
    step = 6 / 255 if clip else 10 / 255
    assert np.abs(found - expected).max() <= step / 2 + 1e-5, "half a step is all that rounding may cost"


def test_zeros_around_the_photo_are_those_of_the_normalized_one(pixels: Bytes) -> None:
    # a sum over 3 x 3 at a corner of a photo of one color: 4 of its values, not 9
    pixels[:] = 200
    box = np.zeros((3, 3, 3, 3))
    box[range(3), range(3)] = 1
    value = (200 / 255 - 0.5) / 0.25
    for layers, tolerance in ((FloatLayers(), 1e-5), (Int8Layers({"a": (-40, 40)}), 80 / 255)):
        weights = Convolution(weight=box, bias=np.zeros(3), pads=(1, 1))
        x = layers.conv(layers.photo(0.5, 0.25), "a", weights)
        found = run(layers, x, pixels).reshape(5, 3, SIDE, SIDE)
        assert found[0, 0, 0, 0] == pytest.approx(4 * value, abs=tolerance)
        assert found[0, 0, 0, 1] == pytest.approx(6 * value, abs=tolerance)
        assert found[0, 0, 1, 1] == pytest.approx(9 * value, abs=tolerance)


def test_a_sum_and_what_lies_outside_its_range(pixels: Bytes) -> None:
    layers = Int8Layers({"a": (-2, 2), "s": (-1, 1)})
    x = layers.photo(127 / 255, 0.5)
    y = layers.conv(x, "a", Convolution(weight=IDENTITY, bias=np.zeros(3)))
    found = run(layers, layers.add(x, y, "s"), pixels)
    expected = planes(np.clip(2 * (pixels / 255 - 127 / 255) / 0.5, -1, 1))
    # half a step of the first result, half a step of the sum
    assert np.abs(found - expected).max() < (4 + 2) / 2 / 255 + 1e-5
    assert found.min() == pytest.approx(-1, abs=2 / 255)
    assert found.max() == pytest.approx(1, abs=2 / 255)


def test_a_channel_without_weights_keeps_its_bias(pixels: Bytes) -> None:
    # a batch norm may switch a channel off: weights of 0 or nearly so, and a bias that must not overflow
    weight = IDENTITY * np.array([1, 0, 1e-30])[:, None, None, None]
    layers = Int8Layers({"a": (-8, 8)})
    bias = np.array([0, 5, -7])
    x = layers.conv(layers.photo(0, 1), "a", Convolution(weight=weight, bias=bias))
    found = run(layers, x, pixels).reshape(5, 3, -1)
    np.testing.assert_allclose(found[:, 1], 5, atol=8 / 255)
    np.testing.assert_allclose(found[:, 2], -7, atol=8 / 255)
