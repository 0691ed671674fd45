"""Exact products of matrices of bytes, by ONNX Runtime: with VNNI or its like four times as fast as float32."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np

from lookalike.analysis._blocks import Array

SHIFT = 128


_PRODUCT = (
    b'\x08\x08:\x86\x01\n,\n\x04left\n\x05right\n\x04zero\x12\x08products"\rMatMulInteger\x12\x08products*\x0b\x10'
    b"\x02B\x04zeroJ\x01\x80Z\x12\n\x04left\x12\n\n\x08\x08\x02\x12\x04\n\x00\n\x00Z\x13\n\x05right\x12\n\n\x08\x08\x03"
    b"\x12\x04\n\x00\n\x00b\x16\n\x08products\x12\n\n\x08\x08\x06\x12\x04\n\x00\n\x00B\x04\n\x00\x10\r"
)
"""The graph of one `MatMulInteger`, as `onnx` writes it (a test compares): loading `onnx` would take 0.1 s."""


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])


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
