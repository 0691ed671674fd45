"""Weights that Keras saved as HDF5, read as arrays: every name and shape is checked, nothing else is looked at.

Two layouts are known. In that of the released files (and of Keras 2) the attribute `layer_names` of the root, or of
its group `model_weights`, lists one group a layer, and that group's attribute `weight_names` lists its arrays. In
that of Keras 3 (`.weights.h5`) layer j of its class has the arrays `layers/CLASS_j/vars/0`, `/1`, ...

An HDF5 file can refer to other files. Such links, virtual arrays and external storage are refused, so reading
weights opens no file but the one that was named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ModelError

Shapes = Mapping[str, tuple[tuple[int | None, ...], ...]]
"""The arrays of each layer, in their order; None allows any length."""

_FILTERS = (None, "gzip", "lzf")
_ROOTS = ("layers", "_layer_checkpoint_dependencies")
_NUMBERS = (np.dtype("<f2"), np.dtype("<f4"), np.dtype("<f8"), np.dtype(">f4"), np.dtype(">f8"))


class _Refused(ValueError):
    """Why a file is none of these weights."""


def read_keras(
    path: Path, shapes: Shapes, *, kinds: Mapping[str, Sequence[str]], optional: Sequence[str] = ()
) -> dict[str, list[npt.NDArray[np.float32]]]:
    """The float32 arrays of every layer in `shapes`, by the layer's name.

    `kinds` lists, for each class of Keras 3 (`conv2d`, `dense`), its layers in their order. A layer of `optional` may
    be missing, and its arrays are checked but not read; any other layer that has arrays is refused. Raises
    `ModelError`.
    """
    import h5py

    try:
        with path.open("rb") as handle, h5py.File(handle, "r") as file:
            found = _published(file) if _listed(file) is not None else _keras3(file, kinds)
            known = {name: arrays for name, arrays in found.items() if arrays}
            missing = [name for name in shapes if name not in known and name not in optional]
            unknown = [name for name in known if name not in shapes]
            if missing or unknown:
                wrong = f"has no layer {missing[0]!r}" if missing else f"has a layer {unknown[0]!r} too many"
                raise _Refused(f"it {wrong}")
            for name, arrays in known.items():
                _check(name, arrays, shapes[name])
            return {name: [_read(name, array) for array in known[name]] for name in shapes if name not in optional}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError) as exc:
        reason = str(exc) if isinstance(exc, _Refused) else f"it cannot be read as HDF5 ({_line(exc)})"
        raise ModelError(
            f"the weight file {str(path)!r} is refused: {reason}; give the file as Keras publishes or saves it"
        ) from exc


def _listed(file: Any) -> Any:
    """The group whose attribute lists the layers, None where none does."""
    if "layer_names" in file.attrs:
        return file
    if file.get("model_weights", getlink=True) is not None:
        inner = _member(file, "model_weights")
        return inner if "layer_names" in inner.attrs else None
    return None


def _published(file: Any) -> dict[str, list[Any]]:
    root = _listed(file)
    found: dict[str, list[Any]] = {}
    for name in _texts(root.attrs["layer_names"]):
        group = _member(root, name)
        found[name] = [_member(group, weight) for weight in _texts(group.attrs.get("weight_names", ()))]
    return found


def _keras3(file: Any, kinds: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    root = next((name for name in _ROOTS if file.get(name, getlink=True) is not None), None)
    if root is None:
        raise _Refused("it lists no layers, neither by `layer_names` nor in a group `layers`")
    names = {
        f"{kind}_{place}" if place else kind: name for kind, all_ in kinds.items() for place, name in enumerate(all_)
    }
    found: dict[str, list[Any]] = {}
    layers = _member(file, root)
    for key in layers:
        layer = _member(layers, key)
        arrays = _member(layer, "vars") if layer.get("vars", getlink=True) is not None else {}
        found[names.get(key, key)] = [_member(arrays, str(place)) for place in range(len(arrays))]
    return found


def _member(group: Any, name: str) -> Any:
    """A member by its path, through links of this file only."""
    import h5py

    for part in name.split("/"):
        link = group.get(part, getlink=True)  # asked first: to ask whether a link is there would follow it
        if link is None:
            raise _Refused(f"it names {name!r}, which it does not hold")
        if not isinstance(link, h5py.HardLink):
            raise _Refused(f"{name!r} is a link to another place")
        group = group[part]
    return group


def _check(name: str, arrays: Sequence[Any], shapes: Sequence[tuple[int | None, ...]]) -> None:
    import h5py

    if len(arrays) != len(shapes):
        raise _Refused(f"layer {name!r} has {len(arrays)} arrays instead of {len(shapes)}")
    for array, shape in zip(arrays, shapes, strict=True):
        if not isinstance(array, h5py.Dataset):
            raise _Refused(f"layer {name!r} holds a group where an array belongs")
        if len(array.shape) != len(shape) or any(
            side not in (None, given) for side, given in zip(shape, array.shape, strict=True)
        ):
            raise _Refused(f"an array of layer {name!r} has shape {array.shape} instead of {shape}")
        if array.dtype not in _NUMBERS:
            raise _Refused(f"an array of layer {name!r} holds {array.dtype} instead of floating-point numbers")
        if array.is_virtual or array.external or array.compression not in _FILTERS:
            raise _Refused(f"an array of layer {name!r} is kept outside of the file or compressed in an unusual way")


def _read(name: str, array: Any) -> npt.NDArray[np.float32]:
    values = np.asarray(array[()], np.float32)
    if not np.isfinite(values).all():
        raise _Refused(f"an array of layer {name!r} has numbers that are not finite")
    return values


def _texts(values: Any) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200] or type(exc).__name__
