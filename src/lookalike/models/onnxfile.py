"""Any ONNX file as a model: what its photos look like is said by options, by a small JSON file, or by the graph.

The graph is read once, and nodes are put around it: in front, what makes its input from RGB bytes; behind, what makes
one vector a photo from its output. The result stands alone, so it is kept in the cache folder by what it was made from,
and later runs need no path. It runs one photo at a time: how an unknown graph sums may depend on how many there are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import ModelError, UsageError
from lookalike.options import check_choice, check_range
from lookalike.records import ModelFacts

PREFIX = "onnx:"
LARGEST = 2**31 - 1
"""Bytes of a graph with all its weights: what the format can hold in one file."""

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE = 224
_FLOAT, _UINT8, _HALF = 1, 2, 10  # numbers of types in ONNX


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How photos go into a graph and vectors come out; None: as the graph says.

    `layout` is `nchw` or `nhwc`; `size` the side in pixels; `color` `rgb` or `bgr`. The input is (x / 255 - mean) / std
    for bytes x, three numbers each in the order of `color` (ImageNet's usual ones by default; nothing is done for a
    graph that takes bytes). `output` names the output; `pool` says how one of several positions becomes a vector:
    `mean` of all, or `first` (the class token of a transformer). `license` and `origin` are for people.
    """

    layout: str | None = None
    size: int | None = None
    color: str = "rgb"
    mean: tuple[float, ...] = _IMAGENET[0]
    std: tuple[float, ...] = _IMAGENET[1]
    output: str | None = None
    pool: str = "mean"
    license: str = "as its owner says"
    origin: str = ""

    def __post_init__(self) -> None:
        check_choice("color", self.color, ("rgb", "bgr"))
        check_choice("pool", self.pool, ("mean", "first"))
        if self.layout is not None:
            check_choice("layout", self.layout, ("nchw", "nhwc"))
        if self.size is not None:
            check_range("size", self.size, 1, 4096)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3 or not all(math.isfinite(value) for value in values):
                raise UsageError(f"{name}={','.join(map(str, values))}: give one number, or three with commas")
        if not all(value > 0 for value in self.std):
            raise UsageError(f"std={','.join(map(str, self.std))}: give numbers above 0")


def read_settings(path: Path, options: Mapping[str, str]) -> Settings:
    """The settings of a file: `options` (texts) before its sidecar, `FILE.json` or `FILE.onnx.json` beside it."""
    told: dict[str, Any] = {}
    for sidecar in (path.with_suffix(".json"), path.with_name(f"{path.name}.json")):
        if sidecar.is_file():
            try:
                found = json.loads(sidecar.read_text(encoding="utf-8"))
            except (OSError, ValueError) as exc:
                raise ModelError(f"{str(sidecar)!r} cannot be read as JSON: {exc}") from exc
            if not isinstance(found, dict):
                raise ModelError(f'{str(sidecar)!r} holds no JSON object: give one such as {{"size": 224}}')
            told |= found
    told |= options
    known = {field.name for field in fields(Settings)}
    if unknown := [name for name in told if name not in known]:
        raise UsageError(f"{unknown[0]!r} is no setting of an ONNX model: give one of {', '.join(sorted(known))}")
    return Settings(**{name: _parsed(name, value) for name, value in told.items()})


def wrap(path: Path, settings: Settings, resize: str) -> tuple[ModelFacts, bytes]:
    """The facts of an ONNX file, and the graph around it.

    The graph takes `pixels` (1, size, size, 3) uint8 and gives `vectors` (1, dimension). The file is read, wrapped and
    run once. Raises `ModelError` where it is missing, no ONNX file, refers to data outside of its folder, does not
    take one photo or does not give one vector.
    """
    model, sha256 = _read(path)
    taken = _input(model, path)
    kind = taken.type.tensor_type.elem_type
    layout, size = _shape(taken, settings, path)
    output = _output(model, settings, path)
    settings = replace(settings, layout=layout, size=size, output=output)
    _put_in_front(model, taken, settings)
    values = _probe(model, settings, path)
    _put_behind(model, values, settings, path)
    facts = ModelFacts(
        name=f"{PREFIX}{path.name}".replace("/", "|"),
        dimension=_dimension(values, settings),
        size=size,
        resize=resize,
        precision="fp32",
        preprocessing=_preprocessing(kind, settings),
        license=_line(settings.license),
        origin=_line(settings.origin) or _line(f"the file {path.name}"),
        paper="",
        sha256=sha256,
        summary="an ONNX file of yours",
        published=False,
    )
    return facts, bytes(model.SerializeToString())


def cache_key(facts: ModelFacts) -> str:
    """Under which the wrapped graph of these facts is cached."""
    made_from = f"{facts.sha256}/{facts.preprocessing}/{facts.size}"
    return f"onnx-{hashlib.sha256(made_from.encode()).hexdigest()}"


def _read(path: Path) -> tuple[Any, str]:
    """The model with all its weights inside, and a checksum of all files that it came from."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    if not path.is_file():
        raise ModelError(
            f"there is no ONNX file {str(path)!r}: give {PREFIX}PATH with the path of a file", code="E_MODEL_MISSING"
        )
    try:
        if path.stat().st_size > LARGEST:
            raise _refused(path, f"it has more than {LARGEST:,} bytes")
        data = path.read_bytes()
        model = onnx.load_from_string(data)
    except OSError as exc:
        raise ModelError(f"{str(path)!r} cannot be read: {exc.strerror or exc}", code="E_MODEL_MISSING") from exc
    except ModelError:
        raise
    except Exception as exc:  # the parser's errors have no common base
        raise _refused(path, "its bytes are no ONNX model") from exc
    if not model.graph.node or not model.opset_import:
        raise _refused(path, "its bytes are no ONNX model with a graph")
    found = hashlib.sha256(data)
    aside = _external_files(model, path)
    for file in aside:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    if aside:
        try:
            load_external_data_for_model(model, str(path.parent))
        except Exception as exc:  # as above
            raise _refused(path, f"its external data cannot be read ({_line(str(exc))})") from exc
    return model, found.hexdigest()


def _external_files(model: Any, path: Path) -> list[Path]:
    """The files beside it that hold its weights; raises `ModelError` for any that lies elsewhere."""
    folder, files = path.resolve().parent, set()
    for tensor in _tensors(model):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        file = (folder / location).resolve() if location and "\0" not in location else folder
        if not file.is_relative_to(folder) or not _is_file(file):
            raise _refused(path, f"its weights are to be read from {location!a}, which is no file in its own folder")
        files.add(file)
    if sum(file.stat().st_size for file in files) > LARGEST:
        raise _refused(path, f"with its external data it has more than {LARGEST:,} bytes")
    return sorted(files)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message, however deep: in attributes, subgraphs, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _tensors(part)


def _input(model: Any, path: Path) -> Any:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise _refused(path, f"it has {len(inputs)} inputs, one for photos is needed")
    kind = inputs[0].type.tensor_type
    if kind.elem_type not in (_FLOAT, _UINT8, _HALF) or len(kind.shape.dim) != 4:
        raise _refused(path, "its input is not of four axes of float32, float16 or uint8")
    return inputs[0]


def _shape(taken: Any, settings: Settings, path: Path) -> tuple[str, int]:
    """Layout and side of the input, where the graph and the settings agree."""
    dims = [dim.dim_value for dim in taken.type.tensor_type.shape.dim]  # 0 where it is free
    if dims[0] > 1:
        raise _refused(path, f"it takes exactly {dims[0]} photos at once: export it with a free first axis, or 1")
    layout = settings.layout
    if layout is None:
        fitting = [name for name, axis in (("nchw", 1), ("nhwc", 3)) if dims[axis] == 3]
        if len(fitting) != 1:
            raise _refused(
                path, f"its input of shape {dims} does not tell where its 3 colors are: say layout=nchw or nhwc"
            )
        layout = fitting[0]
    color, sides = (dims[1], dims[2:]) if layout == "nchw" else (dims[3], dims[1:3])
    if color not in (0, 3):
        raise _refused(path, f"its input of shape {dims} has {color} colors in layout {layout}, 3 are needed")
    size = settings.size or next((side for side in sides if side), _SIZE)
    if any(side not in (0, size) for side in sides):
        raise _refused(path, f"its input of shape {dims} is not {size} x {size}: give its own size, square")
    check_range("size", size, 1, 4096)
    return layout, size


def _output(model: Any, settings: Settings, path: Path) -> str:
    outputs = [value.name for value in model.graph.output]
    if settings.output is None:
        if not outputs:
            raise _refused(path, "it has no output")
        return str(outputs[0])
    if settings.output not in outputs and not any(settings.output in node.output for node in model.graph.node):
        raise _refused(path, f"it has no output {settings.output!r}: its outputs are {', '.join(outputs)}")
    return settings.output


def _put_in_front(model: Any, taken: Any, settings: Settings) -> None:
    """Nodes that make the input of the graph from `pixels`."""
    from onnx import TensorProto, helper, numpy_helper

    _rename(model.graph, "pixels", "pixels.of.file")
    _rename(model.graph, "vectors", "vectors.of.file")
    graph, kind, name = model.graph, taken.type.tensor_type.elem_type, taken.name
    nodes: list[Any] = []
    value = "pixels"

    def add(op: str, *inputs: str, **attributes: Any) -> None:
        nonlocal value
        output = f"lookalike.{len(nodes)}"
        nodes.append(helper.make_node(op, [value, *inputs], [output], name=output, **attributes))
        value = output

    def constant(key: str, values: Any, dtype: Any) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), f"lookalike.{key}"))
        return f"lookalike.{key}"

    if settings.color == "bgr":
        add("Gather", constant("turn", [2, 1, 0], np.int64), axis=3)
    if kind != _UINT8:
        mean, std = (np.asarray(values, np.float64) for values in (settings.mean, settings.std))
        add("Cast", to=TensorProto.FLOAT)
        add("Sub", constant("mean", 255 * mean, np.float32))
        add("Mul", constant("scale", 1 / (255 * std), np.float32))
    if settings.layout == "nchw":
        add("Transpose", perm=[0, 3, 1, 2])
    if kind == _HALF:
        add("Cast", to=TensorProto.FLOAT16)
    nodes.append(helper.make_node("Identity", [value], [name], name="lookalike.input"))
    rest = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *rest])
    size = settings.size
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, size, size, 3]))
    del graph.output[:]
    graph.output.append(helper.make_empty_tensor_value_info(_renamed(settings.output or "")))
    del graph.value_info[:]  # shapes that were noted for another number of photos


def _probe(model: Any, settings: Settings, path: Path) -> Any:
    """What the output is for a black photo."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        size = settings.size or _SIZE
        (values,) = session.run(None, {"pixels": np.zeros((1, size, size, 3), np.uint8)})
    except Exception as exc:  # ONNX Runtime's errors have no common base of their own
        raise _refused(path, f"ONNX Runtime cannot run it on a photo ({_line(str(exc))})") from exc
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
        kind = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
        raise _refused(path, f"its output {settings.output!r} is {kind}, numbers with a point are needed")
    if values.ndim not in (2, 3, 4) or values.shape[0] != 1 or not values.size:
        raise _refused(path, f"its output {settings.output!r} has shape {values.shape} for one photo")
    return values


def _put_behind(model: Any, values: Any, settings: Settings, path: Path) -> None:
    """Nodes that make `vectors` (1, dimension) of the output."""
    from onnx import TensorProto, checker, helper, numpy_helper

    graph, value, count = model.graph, _renamed(settings.output or ""), 0

    def add(op: str, *inputs: str, **attributes: Any) -> None:
        nonlocal value, count
        output, count = f"lookalike.out.{count}", count + 1
        graph.node.append(helper.make_node(op, [value, *inputs], [output], name=output, **attributes))
        value = output

    add("Cast", to=TensorProto.FLOAT)
    if values.ndim == 3 and settings.pool == "first":
        graph.initializer.append(numpy_helper.from_array(np.asarray(0, np.int64), "lookalike.first"))
        add("Gather", "lookalike.first", axis=1)
    elif values.ndim == 3:
        add("Transpose", perm=[0, 2, 1])
        add("GlobalAveragePool")
    elif values.ndim == 4:
        if settings.layout == "nhwc":
            add("Transpose", perm=[0, 3, 1, 2])
        add("GlobalAveragePool")
    add("Flatten", axis=1)
    graph.node.append(helper.make_node("Identity", [value], ["vectors"], name="lookalike.vectors"))
    del graph.output[:]
    shape = [1, _dimension(values, settings)]
    graph.output.append(helper.make_tensor_value_info("vectors", TensorProto.FLOAT, shape))
    try:
        checker.check_model(model)
    except Exception as exc:  # as above
        raise _refused(path, f"it is no valid graph ({_line(str(exc))})") from exc


def _dimension(values: Any, settings: Settings) -> int:
    return int(values.shape[1] if values.ndim == 4 and settings.layout == "nchw" else values.shape[-1])


def _rename(graph: Any, name: str, to: str) -> None:
    """Give a value of the graph another name, in its subgraphs too."""
    for node in graph.node:
        for names in (node.input, node.output):
            for place, value in enumerate(names):
                if value == name:
                    names[place] = to
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                _rename(inner, name, to)
    for values in (graph.input, graph.output, graph.initializer):
        for value in values:
            if value.name == name:
                value.name = to


def _renamed(name: str) -> str:
    return f"{name}.of.file" if name in ("pixels", "vectors") else name


def _preprocessing(kind: int, settings: Settings) -> str:
    scale = "bytes"
    if kind != _UINT8:
        scale = "-".join(",".join(f"{value:g}" for value in part) for part in (settings.mean, settings.std))
    parts = (settings.color, settings.layout, scale, settings.output, settings.pool)
    return "-".join(_line(str(part)).replace("/", "|") for part in parts)


def _parsed(name: str, value: Any) -> Any:
    """A setting as `Settings` has it, from an option's text or from JSON."""
    try:
        if name in ("mean", "std"):
            parts = value.split(",") if isinstance(value, str) else value
            numbers = [float(part) for part in (parts if isinstance(parts, list | tuple) else [parts])]
            return tuple(numbers * 3 if len(numbers) == 1 else numbers)
        if name == "size":
            return int(value)
    except (TypeError, ValueError) as exc:
        raise UsageError(f"{name}={value!r} is no number: give {name} as a number") from exc
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name}={value!r} is no text: give {name} as a text")
    return value


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(f"the ONNX file {str(path)!r} is refused: {reason}")


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
