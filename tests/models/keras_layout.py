"""Writes seeded random weights of VGG16 in the layouts that Keras uses, and computes the network in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.models.vgg16 import Plan

Arrays = Mapping[str, Sequence[npt.NDArray[np.float32]]]
SMALL = Plan(size=64, channels=(4, 6, 8, 8, 10), dense=24)


def random_arrays(plan: Plan, *, top: bool, classes: int = 1000, seed: int = 0) -> dict[str, list[Any]]:
    """Kernels scaled so that the values neither vanish nor grow from layer to layer, and biases."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, (kernel, bias) in plan.shapes(top=top).items():
        sides = [classes if side is None else side for side in kernel]
        spread = np.float32(np.sqrt(2 / np.prod(sides[:-1])))
        values = rng.standard_normal(sides, np.float32) * spread
        found[name] = [values, rng.standard_normal(sides[-1] if bias[0] is None else bias[0], np.float32)]
    return found


def write_released(path: Path, arrays: Arrays) -> Path:
    """As the released files are: attributes list the groups, and in each group its arrays."""
    import h5py

    layers = ["input_1"]
    for name in arrays:
        layers.append(name)
        if name in ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"):
            layers.append(f"{name[:6]}_pool")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer)
            names = [f"{layer}_{kind}_1:0" for kind in "Wb"] if layer in arrays else []
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays.get(layer, ()), strict=True):
                group.create_dataset(name, data=array)
    return path


def write_keras3(path: Path, arrays: Arrays) -> Path:
    """As Keras 3 saves `.weights.h5`: by class and place, without the layers' names."""
    import h5py

    counts: dict[str, int] = {}
    with h5py.File(path, "w") as file:
        file.create_group("vars")
        file.create_group("layers/input_layer/vars")
        file.create_group("layers/max_pooling2d/vars")
        for name, values in arrays.items():
            kind = "conv2d" if "conv" in name else "dense"
            place = counts[kind] = counts.get(kind, -1) + 1
            for number, array in enumerate(values):
                file.create_dataset(f"layers/{kind}{f'_{place}' if place else ''}/vars/{number}", data=array)
    return path


def forward(photo: npt.NDArray[np.uint8], arrays: Arrays, plan: Plan, *, top: bool) -> npt.NDArray[np.float64]:
    """The vector of one photo (size, size, 3) RGB, in float64, layer by layer as Keras describes them."""
    x = photo[:, :, ::-1].astype(np.float64) - [103.939, 116.779, 123.68]
    for block, repeats in enumerate(plan.repeats, 1):
        for place in range(1, repeats + 1):
            kernel, bias = arrays[f"block{block}_conv{place}"]
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
            x = np.einsum("hwcij,ijco->hwo", windows, kernel.astype(np.float64), optimize=True) + bias
            x = np.maximum(x, 0)
        side = x.shape[0] // 2
        x = x.reshape(side, 2, side, 2, -1).max(axis=(1, 3))
    if not top:
        return np.asarray(x.mean(axis=(0, 1)))
    x = x.ravel()
    for name in ("fc1", "fc2"):
        kernel, bias = arrays[name]
        x = np.maximum(x @ kernel.astype(np.float64) + bias, 0)
    return x
