"""Weight files of old PyTorch (before 1.6), read without PyTorch and without running what is in them.

Such a file is five pickles (a magic number, the protocol, facts of the machine, the tensors without their
numbers, the names of the storages) followed by the numbers of each storage. A pickle can name any function of
Python, so two doors stand before it: the file's SHA-256 must be the one that was pinned, and the unpickler
knows three kinds of name only, none of which does anything but describe an array.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ModelError

Array = npt.NDArray[Any]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


@dataclass(frozen=True, slots=True)
class _StorageType:
    """Stands for `torch.FloatStorage` and its like; cannot be called."""

    dtype: str


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of numbers that the end of the file holds under `key`."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; `offset` and `stride` count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Rebuild:
    """Stands for `torch._utils._rebuild_tensor_v2`; has no attributes, so a pickle cannot change it."""

    __slots__ = ()

    def __call__(self, storage: object, offset: object, shape: object, stride: object, *_: object) -> _Tensor:
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError(f"a tensor of {type(storage).__name__} instead of a storage")
        return _Tensor(storage, _count(offset), _counts(shape), _counts(stride))


_ALLOWED: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
    ("torch", "DoubleStorage"): _StorageType("<f8"),
    ("torch", "FloatStorage"): _StorageType("<f4"),
    ("torch", "HalfStorage"): _StorageType("<f2"),
    ("torch", "LongStorage"): _StorageType("<i8"),
    ("torch", "IntStorage"): _StorageType("<i4"),
    ("torch", "ShortStorage"): _StorageType("<i2"),
    ("torch", "CharStorage"): _StorageType("|i1"),
    ("torch", "ByteStorage"): _StorageType("|u1"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, which no weights need") from None

    def persistent_load(self, pid: Any, /) -> _Storage:
        match pid:
            case ("storage", _StorageType(dtype), str(key), str(), int(count), None) if count >= 0:
                return _Storage(key, dtype, count)
        raise pickle.UnpicklingError("it refers to something that is not a storage of numbers")


def read_checkpoint(path: Path, *, sha256: str) -> dict[str, Array]:
    """The arrays of a weight file, by name, in C order.

    `path` is read once; its bytes must have the given SHA-256 (hexadecimal) before anything is unpickled from
    those same bytes. Raises `ModelError` where the file is missing, another, or holds more than plain arrays.
    """
    return parse_checkpoint(read_verified(path, sha256=sha256), name=path.name)


def read_verified(path: Path, *, sha256: str) -> bytes:
    """The bytes of a file whose SHA-256 is `sha256`; `ModelError` if it is missing or another."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(
            f"the weight file {path.name} cannot be read ({exc.strerror or exc}): install its package again",
            code="E_MODEL_MISSING",
        ) from exc
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ModelError(
            f"the weight file {path.name} has SHA-256 {found}, not {sha256}: it was damaged or exchanged; "
            "install its package again",
            code="E_MODEL_CHECKSUM",
        )
    return data


def parse_checkpoint(data: bytes, *, name: str) -> dict[str, Array]:
    """The arrays in a weight file's bytes, whose checksum the caller has verified; `name` is for errors."""
    try:
        return _parse(io.BytesIO(data), len(data))
    except (Exception, RecursionError) as exc:  # a broken pickle may raise nearly anything
        raise ModelError(f"the weight file {name} is refused: {exc or type(exc).__name__}") from exc


def _parse(file: io.BytesIO, total: int) -> dict[str, Array]:
    magic, protocol, machine, tensors, keys = (_Unpickler(file).load() for _ in range(5))
    if magic != MAGIC or protocol != PROTOCOL:
        raise pickle.UnpicklingError("it is no weight file of PyTorch before 1.6")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise pickle.UnpicklingError("its numbers are not little-endian")
    if not isinstance(tensors, dict) or not isinstance(keys, list):
        raise pickle.UnpicklingError("it holds no table of tensors")
    named = {_name(key): _tensor(value) for key, value in tensors.items()}
    storages = {tensor.storage.key: tensor.storage for tensor in named.values()}
    if sorted(storages) != sorted(_name(key) for key in keys):
        raise pickle.UnpicklingError("its list of storages does not fit its tensors")
    numbers = {key: _numbers(file, storages[key], total) for key in keys}
    if file.tell() != total:
        raise pickle.UnpicklingError(f"it has {total - file.tell()} bytes after its last tensor")
    return {key: _view(tensor, numbers[tensor.storage.key]) for key, tensor in named.items()}


def _numbers(file: io.BytesIO, storage: _Storage, total: int) -> Array:
    dtype = np.dtype(storage.dtype)
    count = int.from_bytes(file.read(8), "little", signed=True)
    if count != storage.count or count * dtype.itemsize > total - file.tell():
        raise pickle.UnpicklingError(f"a storage of {storage.count} numbers is cut short or mislabeled")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _view(tensor: _Tensor, numbers: Array) -> Array:
    size = math.prod(tensor.shape)
    steps = zip(tensor.shape, tensor.stride, strict=True)
    last = tensor.offset + sum((side - 1) * step for side, step in steps)
    # more elements than numbers would be a small file that fills the memory
    if size > numbers.size or (size and last >= numbers.size):
        raise pickle.UnpicklingError(f"a tensor of shape {tensor.shape} leaves its storage")
    if not size:
        return np.zeros(tensor.shape, numbers.dtype)
    strides = [step * numbers.itemsize for step in tensor.stride]
    return np.ascontiguousarray(
        np.ndarray(tensor.shape, numbers.dtype, numbers.data, tensor.offset * numbers.itemsize, strides)
    )


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise pickle.UnpicklingError(f"a name is a {type(value).__name__}")
    return value


def _tensor(value: object) -> _Tensor:
    if not isinstance(value, _Tensor):
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__} where a tensor belongs")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise pickle.UnpicklingError("a tensor's shape or stride is no whole number from 0 up")
    return value


def _counts(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        raise pickle.UnpicklingError("a tensor's shape or stride is no tuple")
    return tuple(_count(part) for part in value)
