"""Writes weight files as PyTorch before 1.6 did, and hostile ones, without PyTorch."""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.models.torchfile import MAGIC, PROTOCOL

STORAGES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage", "|u1": "ByteStorage"}
MACHINE = {
    "protocol_version": PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


class Stored:
    """A storage, to be written as a persistent id; `claimed` is the length that the pickle states."""

    def __init__(self, key: str, values: npt.NDArray[Any], claimed: int | None = None) -> None:
        self.key = key
        self.values = values
        self.claimed = values.size if claimed is None else claimed


class View:
    """A tensor over a storage, written as a call of torch's rebuild function; counts are in elements."""

    def __init__(self, stored: Stored, offset: Any, shape: Any, stride: Any) -> None:
        self.stored = stored
        self.arguments = (offset, shape, stride)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.stored, *self.arguments, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Stored):
            return None
        kind = getattr(sys.modules["torch"], STORAGES[value.values.dtype.str])
        return ("storage", kind, value.key, "cpu", value.claimed, None)


def dumps(value: Any, protocol: int = 2) -> bytes:
    """One pickle, with storages and tensors written as torch writes them."""
    file = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
        for name in STORAGES.values():
            setattr(torch, name, type(name, (), {"__module__": "torch"}))

        def _rebuild_tensor_v2() -> None: ...

        _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
        utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]  # a module made here
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        _Pickler(file, protocol).dump(value)
    return file.getvalue()


def checkpoint(tensors: Mapping[str, Any], storages: list[Stored], **changes: Any) -> bytes:
    """A whole file. `changes` replace its parts: `magic`, `protocol`, `machine`, `keys`."""
    head = [changes.get("magic", MAGIC), changes.get("protocol", PROTOCOL), changes.get("machine", MACHINE)]
    keys = changes.get("keys", [stored.key for stored in storages])
    parts = [*(dumps(part) for part in head), dumps(OrderedDict(tensors)), dumps(keys)]
    for stored in storages:
        parts += [stored.values.size.to_bytes(8, "little"), stored.values.tobytes()]
    return b"".join(parts)


def simple(values: npt.NDArray[Any] | None = None) -> bytes:
    """A file with one tensor, `x`."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3) if values is None else values
    stored = Stored("1", array.ravel())
    strides = tuple(step // array.itemsize for step in array.strides)
    return checkpoint({"x": View(stored, 0, array.shape, strides)}, [stored])
