"""Image networks of timm and open_clip, built without their weights: module, preprocessing as configured, and facts.

Nothing is loaded from a network or unpickled here: the libraries only say how a network of that name is wired.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lookalike.errors import ModelError

TIMM, OPEN_CLIP = "timm:", "open_clip:"
PREFIXES = (TIMM, OPEN_CLIP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tower:
    """A network that turns (b, 3, size, size) float32 into (b, dimension) float32.

    `module` is that network; `holder` the part of it that weights are loaded into; `prefix` is what the names of these
    weights start with in a file, `spare` those of names that a file may have besides (a classifier, a text tower).
    `hub` is the (repository, file) of its published weights on the Hugging Face hub, None where there are none.
    """

    module: Any
    holder: Any
    prefix: str
    spare: tuple[str, ...]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str
    note: str
    license: str
    hub: tuple[str, str] | None


def is_tower(name: str) -> bool:
    """Whether a model's name is one of timm or open_clip."""
    return name.startswith(PREFIXES)


def make_tower(name: str) -> Tower:
    """The network of that name, with random weights. Raises `ModelError` where it or its library is not there."""
    library("torch")
    make = _timm if name.startswith(TIMM) else _open_clip
    return make(name.partition(":")[2])


def library(name: str) -> Any:
    """A library of the extra `torch`, or a `ModelError` that says how to have it."""
    try:
        return import_module(name)
    except ImportError as exc:
        raise ModelError(
            f"this model needs {name}, which is not installed here: pip install 'lookalike[torch]'",
            code="E_MODEL_MISSING",
        ) from exc


def _timm(name: str) -> Tower:
    timm = library("timm")
    try:
        module = timm.create_model(name, pretrained=False, num_classes=0).eval()
    except Exception as exc:  # timm's errors have no common base
        close = ", ".join(timm.list_models(f"*{name.partition('.')[0][:8]}*")[:5])
        raise _unknown("timm", name, close, exc) from exc
    own = module.pretrained_cfg
    config = timm.data.resolve_model_data_config(module)
    classifiers = own.get("classifier") or ()
    return Tower(
        module=module,
        holder=module,
        prefix="",
        spare=tuple(f"{part}." for part in ((classifiers,) if isinstance(classifiers, str) else classifiers)),
        size=_side(name, config["input_size"][1:]),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        resize={"squash": "stretch", "border": "pad"}.get(config["crop_mode"], "crop"),
        note="",
        license=str(own.get("license") or "as its publisher says"),
        hub=(own["hf_hub_id"], "model.safetensors") if own.get("hf_hub_id") else None,
    )


def _open_clip(name: str) -> Tower:
    open_clip = library("open_clip")
    architecture, _, tag = name.partition(":")
    if architecture not in open_clip.list_models():
        close = ", ".join([known for known in open_clip.list_models() if known[:5] == architecture[:5]][:5])
        raise _unknown("open_clip", architecture, close, None)
    published = _published(open_clip, architecture, tag)
    logging.disable(logging.WARNING)  # it warns that there are no weights, which come later
    try:
        model = open_clip.create_model(
            architecture, pretrained=None, force_quick_gelu=bool(published.get("quick_gelu")), pretrained_text=False
        ).eval()
    except Exception as exc:  # as above
        raise ModelError(f"open_clip cannot build {architecture!r}: {exc}") from exc
    finally:
        logging.disable(logging.NOTSET)
    config = {**open_clip.get_model_preprocess_cfg(model), **{key: value for key, value in published.items() if value}}
    repository = str(published.get("hf_hub") or "").strip("/")
    return Tower(
        module=_normalized(model),
        holder=model.visual,
        prefix="visual.",
        spare=("",),
        size=_side(name, config["size"]),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        resize={"squash": "stretch", "longest": "pad"}.get(config["resize_mode"], "crop"),
        note="unit length",
        license="as its publisher says",
        hub=(repository, "open_clip_model.safetensors") if repository else None,
    )


def _published(open_clip: Any, architecture: str, tag: str) -> Mapping[str, Any]:
    """What the publisher of some weights says of their preprocessing; all publishers, where no `tag` is given."""
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tag and tag not in tags:
        raise ModelError(
            f"open_clip knows no weights {tag!r} of {architecture}: give one of {', '.join(tags)}",
            code="E_MODEL_UNKNOWN",
        )
    of: Callable[..., Mapping[str, Any]] = open_clip.get_pretrained_cfg
    said = {one: of(architecture, one) for one in ([tag] if tag else tags)}
    keys = ("size", "mean", "std", "resize_mode", "quick_gelu")
    kinds = {tuple(str(config.get(key)) for key in keys) for config in said.values()}
    if len(kinds) > 1:
        raise ModelError(
            f"the weights that open_clip knows of {architecture} differ in how photos go in: say which ones these "
            f"are, as in {OPEN_CLIP}{architecture}:{tags[0]} (one of {', '.join(tags)})",
            code="E_MODEL_UNKNOWN",
        )
    return next(iter(said.values()), {})


def _normalized(model: Any) -> Any:
    torch = library("torch")
    base: Any = torch.nn.Module

    class Normalized(base):  # type: ignore[misc]  # torch need not be there for the type checker
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: Any) -> Any:
            return torch.nn.functional.normalize(self.model.encode_image(image), dim=-1)

    return Normalized().eval()


def _side(name: str, size: Any) -> int:
    sides = {int(side) for side in (size if isinstance(size, tuple | list) else [size])}
    if len(sides) != 1:
        raise ModelError(f"{name} takes photos of {size}, only square ones are made here")
    return sides.pop()


def _unknown(of: str, name: str, close: str, exc: Exception | None) -> ModelError:
    why = "" if exc is None else f" ({' '.join(str(exc).split())[:200]})"
    like = f", such as {close}" if close else ""
    return ModelError(f"{of} has no network {name!r}{why}: give one that it lists{like}", code="E_MODEL_UNKNOWN")
