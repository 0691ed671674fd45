"""Exact products of matrices of bytes, by ONNX Runtime: with VNNI or its like four times as fast as float32."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np

from lookalike.analysis._blocks import Array

SHIFT = 128


@cache
def _session() -> Any:
    import onnx
    import onnxruntime

    kinds = onnx.TensorProto
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMulInteger", ["left", "right", "zero"], ["products"])],
        "products",
        [
            onnx.helper.make_tensor_value_info("left", kinds.UINT8, [None, None]),
            onnx.helper.make_tensor_value_info("right", kinds.INT8, [None, None]),
        ],
        [onnx.helper.make_tensor_value_info("products", kinds.INT32, [None, None])],
        [onnx.numpy_helper.from_array(np.array(SHIFT, np.uint8), "zero")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def shifted(codes: Array) -> Array:
    """(n, d) int8 as the left side of a product: uint8, each 128 more."""
    return codes.view(np.uint8) ^ np.uint8(SHIFT)


def products_of(left: Array, right: Array) -> Array:
    """`left` (a, d) uint8, less 128 each, times `right` (d, b) int8: int32 (a, b), exact up to d = 65,536."""
    return cast("Array", _session().run(None, {"left": left, "right": right})[0])


@cache
def exact() -> bool:
    """Whether this CPU's kernels add up the largest bytes without a loss; some for old CPUs saturate at 16 bits."""
    left = np.full((64, 256), 255, np.uint8)
    right = np.full((256, 64), 127, np.int8)
    right[:, ::2] = -127
    true = (left.astype(np.int64) - SHIFT) @ right.astype(np.int64)
    return all(np.array_equal(products_of(left[:rows], right), true[:rows]) for rows in (1, 2, 3, 8, 64))
