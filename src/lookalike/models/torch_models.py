"""Networks of timm and open_clip with weights in safetensors, turned into a graph that ONNX Runtime runs.

PyTorch is needed once, to read the weights and write the graph. The graph is kept in the cache folder by what it was
made from, so later runs, queries and the workers of a cluster need neither PyTorch nor the weights. Weights come as
safetensors only, a format of numbers: a PyTorch file is a pickle, which may run anything, and is refused unread.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lookalike.errors import ModelError, UsageError
from lookalike.models import onnxfile
from lookalike.models.towers import Tower, library, make_tower
from lookalike.models.weights import digests
from lookalike.options import RESIZES, check_choice
from lookalike.records import ModelFacts

Weights = str | os.PathLike[str]
GRAPH_VERSION = 1
"""Raised with every change to the graphs, so that older ones in the cache are not taken for them."""
_PICKLES = (b"\x80", b"PK\x03\x04")
_HEADER = 100 * 1024 * 1024  # bytes that a file's own table of contents may have, as safetensors allows


def facts(name: str, resize: str | None = None) -> ModelFacts:
    """What is known without weights: `sha256` is empty, as for every model whose weights have not been chosen."""
    if resize is not None:
        check_choice("resize", resize, RESIZES)
    return _facts(name, make_tower(name), resize)


def choose(name: str, weights: Weights | None, resize: str | None) -> tuple[ModelFacts, Callable[[], bytes]]:
    """The facts of a network with weights from a file, and what builds its graph, as `onnxfile.wrap` has it.

    `weights` None: those that the library publishes on the Hugging Face hub, fetched as safetensors. Raises
    `ModelError` where they cannot be had or are no safetensors; building does where they are not of this network.
    """
    if resize is not None:
        check_choice("resize", resize, RESIZES)
    if weights is not None:
        check_safetensors(Path(weights))  # before anything is built
    tower = make_tower(name)
    path = _fetch(name, tower) if weights is None else Path(weights)
    check_safetensors(path)
    found = digests(path)
    known = replace(_facts(name, tower, resize), sha256=found.sha256, md5=found.md5, published=weights is None)

    def build() -> bytes:
        _load(name, tower, path)
        settings = onnxfile.Settings(layout="nchw", size=tower.size, mean=tower.mean, std=tower.std)
        with tempfile.TemporaryDirectory() as aside:
            file = Path(aside) / "network.onnx"
            _export(name, tower, file)
            return onnxfile.wrap(file, settings, known.resize)[1]

    return known, build


def cache_key(known: ModelFacts) -> str:
    """Under which the graph of these facts is cached."""
    made_from = f"{known.name}/{known.sha256}/{known.preprocessing}/{known.size}"
    return f"torch-{hashlib.sha256(made_from.encode()).hexdigest()}-v{GRAPH_VERSION}"


def check_safetensors(path: Path) -> None:
    """Raise `ModelError` unless a file begins as safetensors does; nothing in it is run, or read further."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
            size = path.stat().st_size
    except OSError as exc:
        raise ModelError(
            f"there is no weight file {str(path)!r} ({exc.strerror or exc}): give a safetensors file with --weights",
            code="E_MODEL_MISSING",
        ) from exc
    length = int.from_bytes(head[:8], "little")
    if len(head) == 9 and head[8:] == b"{" and length <= min(_HEADER, size - 8):
        return
    why = "a PyTorch pickle, which may run any program" if head.startswith(_PICKLES) else "no safetensors file"
    raise ModelError(
        f"the weight file {str(path)!r} is {why}: give the .safetensors file of these weights (most publishers have "
        "one; safetensors.torch.save_file writes one where the pickle is trusted)"
    )


def _facts(name: str, tower: Tower, resize: str | None) -> ModelFacts:
    torch = library("torch")
    with torch.no_grad():
        shape = tuple(tower.module(torch.zeros(1, 3, tower.size, tower.size)).shape)
    if len(shape) != 2:
        raise ModelError(f"{name} gives {shape} for one photo and no vector: give a network that pools its features")
    numbers = "-".join(",".join(f"{value:g}" for value in part) for part in (tower.mean, tower.std))
    made_by = " and ".join(f"{part} {version(part)}" for part in (_package(name), "torch"))
    return ModelFacts(
        name=name.replace("/", "|"),
        dimension=int(shape[1]),
        size=tower.size,
        resize=resize or tower.resize,
        precision="fp32",
        preprocessing=f"rgb-{numbers}" + (f"-{tower.note.replace(' ', '_')}" if tower.note else ""),
        license=tower.license,
        origin=f"a safetensors file, {name}, by {made_by}",
        paper="",
        sha256="",
        summary=f"the image network {name}, pooled features" + (f" of {tower.note}" if tower.note else ""),
    )


def _package(name: str) -> str:
    return "timm" if name.startswith("timm:") else "open_clip_torch"


def _load(name: str, tower: Tower, path: Path) -> None:
    """Put the weights of a file into the network: each of its own must be there, of its shape."""
    try:
        state: dict[str, Any] = library("safetensors.torch").load_file(str(path))
    except ModelError:
        raise
    except Exception as exc:  # the reader's errors have no common base
        raise ModelError(f"the weight file {str(path)!r} cannot be read as safetensors: {exc}") from exc
    own = tower.holder.state_dict()
    wanted = {tower.prefix + key: value for key, value in own.items()}
    missing = [key for key in wanted if key not in state]
    strange = [key for key in state if key not in wanted and not key.startswith(tower.spare)]
    shapes = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    for what, keys in (("lacks", missing), ("has besides", strange), ("has in another shape", shapes)):
        if keys:
            raise ModelError(
                f"{str(path)!r} holds other weights than those of {name}: it {what} {keys[0]!r}"
                + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
                + "; give the file of this very network, or the name of the network of this file"
            )
    tower.holder.load_state_dict({key: state[tower.prefix + key] for key in own})


def _export(name: str, tower: Tower, file: Path) -> None:
    torch = library("torch")
    library("onnxscript")
    photo = torch.zeros(1, 3, tower.size, tower.size)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's own use of PyTorch
            torch.onnx.export(
                tower.module,
                (photo,),
                str(file),
                input_names=["image"],
                output_names=["features"],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as exc:  # the exporter's errors have no common base
        reason = " ".join(str(exc).split())[:300]
        raise ModelError(
            f"PyTorch cannot write {name} as a graph ({reason}): compute the vectors elsewhere and give them with "
            "--vectors FILE"
        ) from exc


def _fetch(name: str, tower: Tower) -> Path:
    if tower.hub is None:
        raise ModelError(f"{name} has no published weights: give --weights FILE.safetensors", code="E_MODEL_MISSING")
    repository, file = tower.hub
    try:
        return Path(library("huggingface_hub").hf_hub_download(repository, file))
    except ModelError:
        raise
    except Exception as exc:  # the hub's errors have no common base
        raise ModelError(
            f"the weights of {name} cannot be fetched from the Hugging Face hub ({type(exc).__name__}): put {file} of "
            f"{repository} on this machine and give it with --weights FILE",
            code="E_MODEL_MISSING",
        ) from exc


def refuse_settings(name: str, settings: object, precision: str | None) -> None:
    """Raise `UsageError` for options that only files of ONNX take."""
    if settings:
        raise UsageError(f"{name} says itself how photos go in: leave --model-option out")
    check_choice(f"precision of {name}", precision or "fp32", ("fp32",))
