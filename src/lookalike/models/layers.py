"""The layers that a network is written with, in float32 or in 8 bits.

Both kinds take and return names of values in the graph, so a network is described once and written twice.
In 8 bits the values between the layers are uint8, with a scale and a zero point each; the weights int8, with a scale
for each output channel (Jacob et al. 2018, arXiv:1712.05877). The graph says so by pairs of quantize and dequantize
nodes, which ONNX Runtime turns into integer kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lookalike.models.graph import GraphWriter

Array = npt.NDArray[Any]
Range = tuple[float, float]
CLIP: Range = (0.0, 6.0)
"""The values that ReLU6 lets through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolution:
    """A square convolution with its batch norm folded in: weight (out, in / groups, k, k), bias (out,), float64.

    `pads` are the zeros before and after, on both axes; `clip` says that ReLU6 follows.
    """

    weight: Array
    bias: Array
    stride: int = 1
    groups: int = 1
    pads: tuple[int, int] = (0, 0)
    clip: bool = False

    def attributes(self) -> dict[str, Any]:
        """As ONNX wants them."""
        kernel, (before, after) = self.weight.shape[-1], self.pads
        return {
            "kernel_shape": [kernel, kernel],
            "strides": [self.stride, self.stride],
            "group": self.groups,
            "pads": [before, before, after, after],
        }


class Layers(Protocol):
    """What a network is made of. Every method returns the name of a value (batch, channels, height, width)."""

    writer: GraphWriter

    def photo(self, mean: float, deviation: float) -> str:
        """The input `pixels` as (x / 255 - mean) / deviation."""
        ...

    def conv(self, x: str, name: str, convolution: Convolution) -> str:
        """`x` convolved."""
        ...

    def add(self, x: str, y: str, name: str) -> str:
        """`x + y`."""
        ...

    def real(self, x: str) -> str:
        """`x` as float32."""
        ...


class FloatLayers:
    """Everything in float32."""

    def __init__(self) -> None:
        self.writer = GraphWriter()

    def photo(self, mean: float, deviation: float) -> str:
        """Normalized planes of the photo."""
        planes = self.writer.add("Transpose", "pixels", perm=[0, 3, 1, 2])
        shifted = self.writer.add(
            "Sub", self.writer.add("Cast", planes, to=1), self.writer.constant("photo.mean", 255 * mean)
        )
        return self.writer.add("Mul", shifted, self.writer.constant("photo.scale", 1 / (255 * deviation)))

    def conv(self, x: str, name: str, convolution: Convolution) -> str:
        """A convolution, then ReLU6 where asked."""
        weight = self.writer.constant(f"{name}.weight", convolution.weight)
        bias = self.writer.constant(f"{name}.bias", convolution.bias)
        y = self.writer.add("Conv", x, weight, bias, **convolution.attributes())
        if not convolution.clip:
            return y
        low, high = (self.writer.constant(f"clip.{bound:g}", bound) for bound in CLIP)
        return self.writer.add("Clip", y, low, high)

    def add(self, x: str, y: str, name: str) -> str:
        """A sum."""
        del name  # needed only where values have a range
        return self.writer.add("Add", x, y)

    def real(self, x: str) -> str:
        """The same."""
        return x


class Int8Layers:
    """Convolutions and sums in 8 bits.

    `ranges` maps the name of every sum and of every convolution without ReLU6 to the lowest and highest value
    that is kept; what lies outside is clipped. The result of a ReLU6 lies in 0..6 and needs none.
    """

    def __init__(self, ranges: Mapping[str, Range]) -> None:
        self.writer = GraphWriter()
        self._ranges = ranges
        self._codes: dict[str, tuple[np.float32, int]] = {}

    def photo(self, mean: float, deviation: float) -> str:
        """The photo as it is: 8 bits with the mean as zero point, rounded to whole gray levels."""
        planes = self.writer.add("Transpose", "pixels", perm=[0, 3, 1, 2])
        self._codes[planes] = (np.float32(1 / (255 * deviation)), round(255 * mean))
        return planes

    def conv(self, x: str, name: str, convolution: Convolution) -> str:
        """A convolution; ReLU6 needs no node, since the range of its result ends at 0 and 6."""
        step, _ = self._codes[x]
        weight, bias = convolution.weight, convolution.bias
        # a channel whose weights are all nearly zero must not blow its bias up beyond 32 bits
        scales = np.maximum(np.abs(weight).max(axis=(1, 2, 3)) / 127, np.abs(bias) / (2.0**30 * step))
        scales = np.maximum(scales, np.finfo(np.float32).tiny * 2.0**30).astype(np.float32)
        weight_codes = np.round(weight / scales[:, None, None, None])
        bias_scales = (scales * step).astype(np.float32)
        bias_codes = np.round(bias / bias_scales.astype(np.float64))
        y = self.writer.add(
            "Conv",
            self.real(x),
            self._decode(f"{name}.weight", weight_codes, scales, np.int8),
            self._decode(f"{name}.bias", bias_codes, bias_scales, np.int32),
            **convolution.attributes(),
        )
        return self._encode(y, name, CLIP if convolution.clip else self._ranges[name])

    def add(self, x: str, y: str, name: str) -> str:
        """A sum, in float32: ONNX Runtime would turn an `Add` here into one of bytes, with other roundings."""
        return self._encode(self.writer.add("Sum", self.real(x), self.real(y)), name, self._ranges[name])

    def real(self, x: str) -> str:
        """The values that the codes stand for."""
        step, zero = self._codes[x]
        return self.writer.add(
            "DequantizeLinear",
            x,
            self.writer.constant(f"{x}.scale", step),
            self.writer.constant(f"{x}.zero", zero, np.uint8),
        )

    def _encode(self, x: str, name: str, limits: Range) -> str:
        low, high = min(limits[0], 0.0), max(limits[1], 0.0)
        step = np.float32((high - low) / 255)
        zero = round(-low / float(step))
        scale = self.writer.constant(f"{name}.scale", step)
        codes = self.writer.add("QuantizeLinear", x, scale, self.writer.constant(f"{name}.zero", zero, np.uint8))
        self._codes[codes] = (step, zero)
        return codes

    def _decode(self, name: str, codes: Array, scales: Array, dtype: type) -> str:
        return self.writer.add(
            "DequantizeLinear",
            self.writer.constant(name, codes, dtype),
            self.writer.constant(f"{name}.scales", scales),
            self.writer.constant(f"{name}.zeros", np.zeros(len(scales)), dtype),
            axis=0,
        )
