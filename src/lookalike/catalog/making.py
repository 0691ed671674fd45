"""Catalogs opened and made: which model a new one gets, and whether that of an old one is what is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lookalike import engines, models, pipeline
from lookalike.catalog.catalog import Catalog
from lookalike.errors import ModelMismatch
from lookalike.options import IndexOptions, ModelOptions
from lookalike.records import Indexed, ModelFacts, Progress
from lookalike.store import LanceStore, is_used

Source = str | os.PathLike[str]


def open_catalog(path: Source, *, version: int | None = None) -> Catalog:
    """Open a catalog that exists, at its newest version or at an older one.

    Raises `NotFound` where there is nothing, `CatalogForeign` for another folder or a newer format, and
    `CatalogDamaged` where a file of it is missing or changed.
    """
    return Catalog(LanceStore.open(path, version))


def create(
    path: Source,
    *,
    model: str | None = None,
    resize: str | None = None,
    precision: str | None = None,
    weights: Source | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | None = None,
) -> Catalog:
    """Make an empty catalog for vectors of `model` (None: the default; see `lookalike models list`).

    `precision` None: what suits this CPU's instructions. `weights` is a weight file for a model that takes one, such
    as `vgg16`; `device` is what computes the vectors (`auto`, `cpu`, `openvino` or `cuda`); `settings` belong to
    `model="onnx:PATH"`, with the keys of `--model-option`. All are fixed from then
    on. Raises `CatalogForeign` if the folder holds anything, `ModelError` for an unknown model or weights that are
    missing or refused, `UsageError` for a resize or precision that it does not have.
    """
    asked = ModelOptions(
        name=model,
        resize=resize,
        precision=precision,
        weights=None if weights is None else Path(weights),
        settings=tuple((settings or {}).items()),
        device=device,
    )
    return Catalog(LanceStore.create(path, _facts(asked)))


def build(
    path: Source,
    sources: Sequence[Source],
    options: IndexOptions,
    *,
    model: ModelOptions | None = None,
    progress: Progress | None = None,
    confirm: pipeline.Confirm | None = None,
) -> tuple[Catalog, Indexed, tuple[str, ...]]:
    """Open or create the catalog at `path` and index `sources` into it; also returns notices for people.

    Nothing is created before the sources were found. Raises `ModelMismatch` if the catalog was made with a
    model, resize, precision or weights other than those given.
    """
    asked = model or ModelOptions()
    engines.named(options.engine)  # one that is not installed is refused before anything is made
    if is_used(path):
        catalog = open_catalog(path)
        _check_model(catalog.store.head.model, asked)
        with catalog.store.writing():
            plan = pipeline.plan(sources, options)
            done = catalog.carry_out(plan, options, vectors=asked.vectors, progress=progress, confirm=confirm)
            return catalog, done, plan.notices
    if asked.name is None or not asked.name.startswith(("onnx:", "timm:", "open_clip:")):
        # refused before folders are searched
        models.facts(asked.name, resize=asked.resize, precision=asked.precision, device=asked.device)
    plan = pipeline.plan(sources, options)
    if asked.vectors is None:
        pipeline.begin(plan, options)
        facts = _facts(asked)
    else:
        facts = pipeline.vectors_facts(asked.vectors, pipeline.read_vectors(asked.vectors, plan.found.inputs)[1])
    catalog = Catalog(LanceStore.create(path, facts))
    done = catalog.carry_out(plan, options, vectors=asked.vectors, progress=progress, confirm=confirm)
    return catalog, done, plan.notices


def _facts(asked: ModelOptions) -> ModelFacts:
    precision = asked.precision or models.best_precision(asked.name, asked.device)
    return models.resolve(
        asked.name,
        resize=asked.resize,
        precision=precision,
        weights=asked.weights,
        settings=dict(asked.settings),
        device=asked.device,
    )


def _check_model(facts: ModelFacts, asked: ModelOptions) -> None:
    is_file = asked.name is not None and asked.name.startswith("onnx:")
    for name, has, value in (
        ("model", facts.name, None if is_file else asked.name),
        ("resize", facts.resize, asked.resize),
        ("precision", facts.precision, asked.precision),
        ("device", facts.device, None if asked.device == "auto" else asked.device),
    ):
        if value is not None and value != has:
            raise ModelMismatch(
                f"the catalog was made with {name} {has!r}, this run asks for {value!r}: vectors of two kinds "
                f"cannot be compared; leave --{name} out, or index into a new catalog"
            )
    if asked.weights is None and not asked.settings and not is_file:
        return
    asked = replace(asked, name=asked.name or facts.name, device=facts.device)
    given = _facts(replace(asked, resize=facts.resize, precision=facts.precision))
    if replace(given, name=facts.name).identity != facts.identity:
        raise ModelMismatch(
            f"the catalog was made with {facts.identity}, this run asks for {given.identity}: vectors of two kinds "
            "cannot be compared; leave --model, --weights and --model-option out, or index into a new catalog"
        )
