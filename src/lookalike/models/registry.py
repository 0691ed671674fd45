"""Which models there are, what is known of each, and how to load one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lookalike.errors import ModelError
from lookalike.models import lite0
from lookalike.models.base import Model
from lookalike.models.cache import cached
from lookalike.models.cpu import has_int8_instructions
from lookalike.models.onnx_model import OnnxModel
from lookalike.models.tiny import TinyModel
from lookalike.options import RESIZES, check_choice, check_range
from lookalike.records import ModelFacts

DEFAULT = "efficientnet-lite0"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Facts of a model, the function that loads it and the precisions that it comes in.

    `hidden` ones are known by name but not listed.
    """

    facts: ModelFacts
    load: Callable[[ModelFacts, int], Model]
    precisions: tuple[str, ...] = ("fp32",)
    hidden: bool = False


def names(*, hidden: bool = False) -> tuple[str, ...]:
    """The names of the models, the default first; with `hidden`, also those made for tests."""
    return tuple(name for name, entry in _MODELS.items() if hidden or not entry.hidden)


def precisions(name: str | None = None) -> tuple[str, ...]:
    """The precisions that a model (None: the default) comes in, its usual one first."""
    return _entry(DEFAULT if name is None else name).precisions


def best_precision(name: str | None = None) -> str:
    """`int8` where the model (None: the default) comes in it and this CPU has instructions for it, else its usual.

    Decides by what the CPU is, never by a timing, so one machine always answers the same.
    """
    offered = precisions(name)
    return "int8" if "int8" in offered and has_int8_instructions() else offered[0]


def facts(name: str | None = None, *, resize: str | None = None, precision: str | None = None) -> ModelFacts:
    """What is known of a model (None: the default), without its weights being read.

    `resize` replaces the model's usual way to make a photo square, `precision` its usual precision; both change
    `identity`. Raises `ModelError` for a name that is not known and `UsageError` for another wrong value.
    """
    entry = _entry(DEFAULT if name is None else name)
    if resize is not None:
        check_choice("resize", resize, RESIZES)
    if precision is not None:
        check_choice(f"precision of {entry.facts.name}", precision, entry.precisions)
    return replace(
        entry.facts,
        resize=entry.facts.resize if resize is None else resize,
        precision=entry.facts.precision if precision is None else precision,
    )


def load(
    name: str | None = None, *, resize: str | None = None, precision: str | None = None, threads: int = 1
) -> Model:
    """The model of that name (None: the default), ready to embed; the arguments are those of `facts`.

    `threads` is how many one call of `embed` uses; leave it at 1 where several threads call. Raises
    `ModelError` where the name is not known, or the weights are missing or not those that were pinned.

    >>> import numpy as np
    >>> model = load("tiny")
    >>> model.embed(np.zeros((2, 32, 32, 3), np.uint8)).shape
    (2, 22)
    """
    check_range("threads", threads, 1, 1024)
    known = facts(name, resize=resize, precision=precision)
    return _entry(known.name).load(known, threads)


def _entry(name: str) -> _Entry:
    try:
        return _MODELS[name]
    except KeyError:
        raise ModelError(
            f"there is no model {name!r}: give one of {', '.join(names())}", code="E_MODEL_UNKNOWN"
        ) from None


def _load_again(name: str, resize: str, precision: str, threads: int) -> Model:
    return load(name, resize=resize, precision=precision, threads=threads)


def _lite0(output: str) -> Callable[[ModelFacts, int], Model]:
    def load_lite0(known: ModelFacts, threads: int) -> Model:
        data = lite0.read_weights()
        key = f"{known.name}-{known.precision}-{known.sha256[:16]}-v{lite0.GRAPH_VERSION}"
        graph = cached(key, lambda: lite0.build(data, output=output, precision=known.precision))
        again = (_load_again, (known.name, known.resize, known.precision, threads))
        return OnnxModel(graph, known, threads=threads, again=again)

    return load_lite0


def _tiny(known: ModelFacts, _threads: int) -> Model:
    return TinyModel(known)


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

_MODELS: Mapping[str, _Entry] = {
    entry.facts.name: entry
    for entry in (
        _Entry(_LITE0, _lite0("statistics"), ("fp32", "int8")),
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
            _tiny,
            hidden=True,
        ),
    )
}
