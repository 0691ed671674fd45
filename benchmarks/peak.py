"""What matrix products reach on this CPU: giga-operations per core-second, to compare networks with.

    python -m benchmarks.peak

All cores multiply at once, each by itself, as `index` uses them; the time is that of the processor, so that other work
on the machine counts little. The best of several sizes and of NumPy's BLAS and ONNX Runtime in float32; ONNX Runtime's
product of unsigned by signed bytes (`MatMulInteger`, which uses VNNI where there is one) in int8. An addition and a
multiplication are two operations.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lookalike.engines import cores

SHAPES = ((512, 512, 512), (1024, 1024, 1024), (2048, 1024, 512))
"""Rows, inner side and columns of the products."""
REPEATS = 3


def _session(kind: str, right: Any) -> Any:
    """A session that multiplies its input by `right`, which it may lay out as it likes."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    types = {"MatMul": (TensorProto.FLOAT, TensorProto.FLOAT), "MatMulInteger": (TensorProto.UINT8, TensorProto.INT32)}
    taken, given = types[kind]
    graph = helper.make_graph(
        [helper.make_node(kind, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", taken, [None, right.shape[0]])],
        [helper.make_tensor_value_info("c", given, [None, right.shape[1]])],
        [numpy_helper.from_array(right, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def _speed(work: Callable[[], Any], operations: int) -> float:
    """Giga-operations per core-second of `work`, with every core at it."""
    times = max(2, int(2e9 / operations))

    def spent(_: int) -> float:
        work()
        started = time.thread_time()
        for _ in range(times):
            work()
        return time.thread_time() - started

    with ThreadPoolExecutor(cores()) as pool:
        return times * cores() * operations / sum(pool.map(spent, range(cores()))) / 1e9


def peaks() -> dict[str, float]:
    """The best product in `fp32` and in `int8`, giga-operations per core-second."""
    rng = np.random.default_rng(0)
    found = {"fp32": 0.0, "int8": 0.0}
    for m, k, n in SHAPES:
        a, b = rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32)
        small, signed = rng.integers(0, 128, (m, k), dtype=np.uint8), rng.integers(-64, 64, (k, n), dtype=np.int8)
        whole, bytes_ = _session("MatMul", b), _session("MatMulInteger", signed)
        np.testing.assert_allclose(whole.run(None, {"a": a})[0], a @ b, atol=1e-2)
        np.testing.assert_array_equal(bytes_.run(None, {"a": small})[0], small.astype(np.int32) @ signed)
        for _ in range(REPEATS):
            with threadpool_limits(1, user_api="blas"):
                found["fp32"] = max(found["fp32"], _speed(lambda a=a, b=b: a @ b, 2 * m * k * n))  # type: ignore[misc]
            found["fp32"] = max(found["fp32"], _speed(lambda s=whole, a=a: s.run(None, {"a": a}), 2 * m * k * n))  # type: ignore[misc]
            found["int8"] = max(found["int8"], _speed(lambda s=bytes_, a=small: s.run(None, {"a": a}), 2 * m * k * n))  # type: ignore[misc]
    return found


if __name__ == "__main__":
    for name, value in peaks().items():
        print(f"{name}: {value:.0f} giga-operations per core-second")
