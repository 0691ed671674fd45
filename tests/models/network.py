"""EfficientNet-Lite0 in NumPy, float64, written from the published description and not from the graph.

Batch norm is applied as it was trained, padding is made as zeros around the image, convolutions are sums over
the positions of the kernel. Slow (seconds a photo), and made to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.records import Bytes, Doubles

Weights = Mapping[str, npt.NDArray[Any]]

# repeats, kernel, stride, expansion, channels of the result
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
SPREADS = {14: (2.17, 1.35), 10: (1.105, 0.891), 7: (1.43, 0.909)}
BLOCK_WEIGHTS = {14: 1.0, 10: 0.7, 7: 0.5}


STAGES_1 = [
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 40),
    (4, 3, 2, 6, 80),
    (4, 5, 1, 6, 112),
    (5, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
STAGES_2 = [
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
]
SPREADS_1 = {19: (2.13, 1.27), 14: (1.16, 0.956), 10: (1.54, 0.852)}
SPREADS_2 = {19: (1.95, 1.21), 14: (1.00, 0.826), 10: (1.26, 0.738)}


def padded(x: Doubles, kernel: int, stride: int) -> Doubles:
    """(h, w, c) with zeros around it, so that every stride-th position has a kernel; the odd row is last."""
    height = x.shape[0]
    results = (height + stride - 1) // stride
    missing = max(0, (results - 1) * stride + kernel - height)
    before = missing // 2
    side = (before, missing - before)
    return np.pad(x, (side, side, (0, 0)))


def windows(x: Doubles, kernel: int, stride: int) -> list[tuple[int, int, Doubles]]:
    """For each position of the kernel, the values under it: (row, column, (h', w', c))."""
    results = (x.shape[0] + stride - 1) // stride
    wide = padded(x, kernel, stride)
    reach = (results - 1) * stride + 1
    return [(i, j, wide[i : i + reach : stride, j : j + reach : stride]) for i in range(kernel) for j in range(kernel)]


def dense(x: Doubles, weight: npt.NDArray[Any], stride: int = 1) -> Doubles:
    """Convolution, weight (out, in, k, k)."""
    terms = [part @ weight[:, :, i, j].T.astype(float) for i, j, part in windows(x, weight.shape[-1], stride)]
    return np.asarray(sum(terms), dtype=np.float64)


def depthwise(x: Doubles, weight: npt.NDArray[Any], stride: int) -> Doubles:
    """Convolution of each channel with its own kernel, weight (channels, 1, k, k)."""
    terms = [part * weight[:, 0, i, j].astype(float) for i, j, part in windows(x, weight.shape[-1], stride)]
    return np.asarray(sum(terms), dtype=np.float64)


def norm(x: Doubles, weights: Weights, name: str) -> Doubles:
    """Batch norm with the running statistics."""
    mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"].astype(float)
    gamma, beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return np.asarray((x - mean) / np.sqrt(variance + 0.001) * gamma + beta, dtype=np.float64)


def relu6(x: Doubles) -> Doubles:
    """Clipped to 0..6."""
    return np.clip(x, 0, 6)


def feature_maps(
    photo: Bytes, weights: Weights, stages: list[tuple[int, int, int, int, int]] = STAGES
) -> tuple[list[Doubles], Doubles]:
    """The outputs of the blocks and of the head for one photo (h, w, 3) uint8."""
    x = (photo / 255 - 0.498) / 0.502
    x = relu6(norm(dense(x, weights["_conv_stem.weight"], 2), weights, "_bn0"))
    maps: list[Doubles] = []
    for repeats, _, first_stride, expansion, channels in stages:
        for repeat in range(repeats):
            name, start = f"_blocks.{len(maps)}", x
            stride = first_stride if repeat == 0 else 1
            if expansion > 1:
                x = relu6(norm(dense(x, weights[f"{name}._expand_conv.weight"]), weights, f"{name}._bn0"))
            x = depthwise(x, weights[f"{name}._depthwise_conv.weight"], stride)
            x = relu6(norm(x, weights, f"{name}._bn1"))
            x = norm(dense(x, weights[f"{name}._project_conv.weight"]), weights, f"{name}._bn2")
            assert x.shape[2] == channels
            if repeat > 0:
                x = x + start
            maps.append(x)
    return maps, relu6(norm(dense(x, weights["_conv_head.weight"]), weights, "_bn1"))


def statistics(maps: list[Doubles], spreads: Mapping[int, tuple[float, float]] = SPREADS) -> Doubles:
    """The numbers of three blocks, the last of them weighted most."""
    groups = []
    for (block, (mean_spread, deviation_spread)), weight in zip(spreads.items(), BLOCK_WEIGHTS.values(), strict=True):
        values = maps[block].reshape(-1, maps[block].shape[2])
        groups.append(values.mean(axis=0) / mean_spread * weight)
        groups.append(values.std(axis=0) / deviation_spread * weight)
    return np.concatenate(groups)
