"""A small writer of ONNX graphs that names its values by itself: what a network of convolutions needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# readable by every ONNX Runtime that the package allows
OPSET = 17
IR_VERSION = 8


class GraphWriter:
    """Collects nodes and constants; every method returns the name of the value that it adds."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}

    def constant(self, name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """A constant; one that is asked for again under its name is shared."""
        # a scalar stays one: np.ascontiguousarray would make it an axis, which older ONNX Runtimes refuse as a scale
        self._constants.setdefault(name, np.asarray(values, dtype=dtype, order="C"))
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        from onnx import helper

        output = f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def split(self, value: str, parts: int, *, axis: int) -> list[str]:
        """The equal parts of a value along an axis."""
        from onnx import helper

        name = f"split_{len(self._nodes)}"
        outputs = [f"{name}.{part}" for part in range(parts)]
        self._nodes.append(helper.make_node("Split", [value], outputs, name=name, axis=axis))
        return outputs

    def finish(self, name: str, output: str, *, size: int, dimension: int) -> bytes:
        """The serialized model: `pixels` (batch, size, size, 3) uint8 to `vectors` (batch, dimension)."""
        from onnx import TensorProto, checker, helper, numpy_helper

        self._nodes.append(helper.make_node("Identity", [output], ["vectors"], name="vectors"))
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", size, size, 3])
        vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", dimension])
        constants = [numpy_helper.from_array(values, key) for key, values in self._constants.items()]
        graph = helper.make_graph(self._nodes, name, [pixels], [vectors], constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="lookalike")
        checker.check_model(model)
        return bytes(model.SerializeToString())
