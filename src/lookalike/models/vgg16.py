"""VGG16 (Simonyan and Zisserman 2014, arXiv:1409.1556) with the weights that Keras publishes.

As the method was first published: the photo as RGB is turned to BGR and the means 103.939, 116.779 and 123.68 are
taken off; the vector is the output of `fc2` after its ReLU, 4,096 numbers. Without the top (`vgg16-notop`) it is the
mean of each of the 512 channels of the last pooled feature map.

The fully connected layers multiply `ROWS` photos at a time, filled up with zeros where fewer are there: how a matrix
product is summed depends on its number of rows, and a vector must not depend on how many photos came with it.

There are two graphs of it: a plain one, and one whose convolutions are Winograd's from `WINOGRAD` on, for the CPU in
float32. Their vectors differ by about 2e-6 of the largest value, as those of two libraries do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.models.graph import GraphWriter
from lookalike.models.kerasfile import read_keras
from lookalike.models.weights import Published
from lookalike.models.winograd import convolve, enter, leave

SIZE = 224
MEANS = (123.68, 116.779, 103.939)
"""Of red, green and blue, in gray levels."""
ROWS = 8
"""Photos that the fully connected layers take at once: their weights are read once for all of them."""
GRAPH_VERSION = 1
"""Raised with every change to the plain graph below, so that no older cached graph is used."""
WINOGRAD_VERSION = 1
"""The same for the graph with Winograd's convolutions."""
FIRST = "block1_conv1"
WINOGRAD = "block2_conv1"
"""From here on Winograd's convolutions are faster. Before, channels are few: what they save in multiplications is less
than what it costs to write the tiles to memory and to read them back."""

_FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
WITH_TOP = Published(
    file="vgg16_weights_tf_dim_ordering_tf_kernels.h5",
    url=f"{_FOLDER}vgg16_weights_tf_dim_ordering_tf_kernels.h5",
    md5="64373286793e3c8b2b4e3219cbf3544b",
    bytes=553_467_096,
)
WITHOUT_TOP = Published(
    file="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    url=f"{_FOLDER}vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    md5="6d6bbae143d832006294945121d1f1fc",
    bytes=58_889_256,
)

Arrays = Mapping[str, Sequence[npt.NDArray[np.float32]]]
"""Kernel and bias of each layer, as Keras has them: (height, width, in, out) or (in, out), and (out,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The sizes of a network of this kind: the published one by default, smaller ones in tests.

    `size` is the side of the photo; `channels` and `repeats` of the five blocks; `dense` the outputs of fc1 and fc2.
    """

    size: int = SIZE
    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    repeats: tuple[int, ...] = (2, 2, 3, 3, 3)
    dense: int = 4096

    def convolutions(self) -> list[str]:
        """The names of the convolutions, in their order."""
        blocks = enumerate(self.repeats, 1)
        return [f"block{block}_conv{place}" for block, repeats in blocks for place in range(1, repeats + 1)]

    def is_last(self, name: str) -> bool:
        """Whether a convolution is the last of its block, so that pooling comes next."""
        block, _, place = name.removeprefix("block").partition("_conv")
        return int(place) == self.repeats[int(block) - 1]

    def shapes(self, *, top: bool) -> dict[str, tuple[tuple[int | None, ...], ...]]:
        """The shapes of the arrays of each layer, as Keras has them."""
        found: dict[str, tuple[tuple[int | None, ...], ...]] = {}
        before = 3
        for name in self.convolutions():
            outputs = self.channels[int(name[5]) - 1]
            found[name] = ((3, 3, before, outputs), (outputs,))
            before = outputs
        if top:
            flat = before * (self.size // 2 ** len(self.channels)) ** 2
            found["fc1"] = ((flat, self.dense), (self.dense,))
            found["fc2"] = ((self.dense, self.dense), (self.dense,))
            found["predictions"] = ((self.dense, None), (None,))
        return found


def read(path: Path, *, top: bool, plan: Plan | None = None) -> Arrays:
    """The arrays of a weight file, all names and shapes checked. Raises `ModelError`.

    With `top` the file holds the fully connected layers; the last one, whose number of classes is free, is not read.
    """
    plan = plan or Plan()
    kinds = {"conv2d": plan.convolutions(), "dense": ["fc1", "fc2", "predictions"] if top else []}
    return read_keras(path, plan.shapes(top=top), kinds=kinds, optional=("predictions",) if top else ())


def build(arrays: Arrays, *, top: bool, plan: Plan | None = None, winograd: str | None = None) -> bytes:
    """The ONNX model, from the arrays of `read`. `winograd` names the first convolution that is done by Winograd's
    method, all later ones are, too; None: the plain graph.
    """
    plan = plan or Plan()
    writer = GraphWriter()
    planes = writer.add("Transpose", "pixels", perm=[0, 3, 1, 2])
    means = writer.constant("means", np.reshape(MEANS, (1, 3, 1, 1)))
    x = writer.add("Sub", writer.add("Cast", planes, to=1), means)
    direct, rest = plan.convolutions(), []
    if winograd is not None:
        first = direct.index(winograd)
        direct, rest = direct[:first], direct[first:]
    for name in direct:
        kernel, bias = arrays[name]
        weights = writer.constant(f"{name}.kernel", _as_onnx(name, kernel))
        x = writer.add("Conv", x, weights, writer.constant(f"{name}.bias", bias), kernel_shape=[3, 3], pads=[1] * 4)
        x = writer.add("Relu", x)
        if plan.is_last(name):
            x = writer.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    if rest:
        x = _by_winograd(writer, x, arrays, rest, plan)
    if not top:
        pooled = writer.add("Flatten", writer.add("GlobalAveragePool", x), axis=1)
        return writer.finish("vgg16-notop", pooled, size=plan.size, dimension=plan.channels[-1])
    # Keras flattens (height, width, channel)
    x = writer.add("Flatten", writer.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)
    count = writer.add("Shape", "pixels", start=0, end=1)
    zero, whole = writer.constant("zero", [0], np.int64), writer.constant("rows", [ROWS], np.int64)
    missing = writer.add("Max", writer.add("Sub", whole, count), zero)
    ends = writer.add("Concat", zero, zero, missing, zero, axis=0)
    x = writer.add("Pad", x, ends)
    for name in ("fc1", "fc2"):
        kernel, bias = arrays[name]
        weights = writer.constant(f"{name}.kernel", kernel)
        x = writer.add("Relu", writer.add("Gemm", x, weights, writer.constant(f"{name}.bias", bias)))
    return writer.finish("vgg16-fc2", writer.add("Slice", x, zero, count, zero), size=plan.size, dimension=plan.dense)


def arrays_of(graph: bytes) -> Arrays:
    """The arrays that a graph of `build` without `winograd` was made of, bit for bit."""
    import onnx
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in onnx.load_from_string(graph).graph.initializer}
    found = {}
    for name in [key.removesuffix(".kernel") for key in constants if key.endswith(".kernel")]:
        kernel, bias = (numpy_helper.to_array(constants[f"{name}.{kind}"]) for kind in ("kernel", "bias"))
        found[name] = [_as_keras(name, kernel) if kernel.ndim == 4 else kernel, bias]
    return found


def _by_winograd(writer: GraphWriter, x: str, arrays: Arrays, names: Sequence[str], plan: Plan) -> str:
    """The rest of the convolutions: from one layout (photos, channels, side, side) to the same."""
    side = plan.size // 2 ** (int(names[0][5]) - 1)
    tiled = enter(writer, x, side=side, channels=arrays[names[0]][0].shape[2])
    for name in names:
        kernel, bias = arrays[name]
        tiled = convolve(writer, tiled, name, kernel, bias, pool=plan.is_last(name))
    planes = writer.add("Transpose", leave(writer, tiled), perm=[0, 2, 1])
    shape = (-1, plan.channels[-1], *tiled.places.shape)
    return writer.add("Reshape", planes, writer.constant("planes", shape, np.int64))


def _as_onnx(name: str, kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if name == FIRST:
        kernel = kernel[:, :, ::-1]  # the photo is RGB, the weights expect BGR
    return kernel.transpose(3, 2, 0, 1)


def _as_keras(name: str, kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    kernel = kernel.transpose(2, 3, 1, 0)
    return kernel[:, :, ::-1] if name == FIRST else kernel
