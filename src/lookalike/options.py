"""What can be chosen, with defaults and allowed ranges. Values are checked when they are made.

Each class is frozen and takes keywords only; a wrong value raises `UsageError` with what was given and what
is allowed, so that the command line, Python and the web report the same mistake in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import UsageError

RESIZES = ("stretch", "crop", "pad", "nearest")
DEVICES = ("auto", "cpu", "openvino", "cuda")
RANKINGS = ("default", "euclidean")
MAP_METHODS = ("tsne", "umap")
ENGINES = ("local", "ray")
MAX_K = 1_000
MAX_WEIGHT = 1000.0


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise `UsageError` unless `low <= value <= high`."""
    if not low <= value <= high:
        raise UsageError(f"{name}={value} is out of range: give a value from {low:g} to {high:g}")


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise `UsageError` unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is not known: give one of {', '.join(allowed)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """How a photo of any shape becomes a model's square input.

    `size` is the side in pixels. `resize` is one of `stretch` (both sides to `size`), `crop` (short side to
    `size`, then the middle), `pad` (long side to `size`, white around it) and `nearest` (stretch by nearest
    neighbor, as the published method does).
    """

    size: int = 224
    resize: str = "stretch"

    def __post_init__(self) -> None:
        check_range("size", self.size, 1, 4096)
        check_choice("resize", self.resize, RESIZES)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageLimits:
    """What one photo may cost before it is refused (a row of the failures, not an error).

    `bytes` of the file, `pixels` (width times height), `scans` of a progressive JPEG, `seconds` of decoding,
    `min_side` in pixels. `allow_truncated` keeps a photo whose end is missing and marks it degraded.
    """

    bytes: int = 20 * 1024 * 1024
    pixels: int = 50_000_000
    scans: int = 100
    seconds: float = 5.0
    min_side: int = 1
    allow_truncated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """The model of a new catalog, or what is expected of the one that is there; None leaves the choice open.

    `name` is that of a model, `resize` one of `RESIZES`, `precision` one that the model comes in; `weights` is a
    weight file for a model that takes one; `device` one of `DEVICES`, what computes the vectors; `settings` say how
    photos go into the file of `onnx:PATH`. `vectors` is a file of vectors that were computed elsewhere, in place of any
    model.
    """

    name: str | None = None
    resize: str | None = None
    precision: str | None = None
    weights: Path | None = None
    device: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    vectors: Path | None = None

    def __post_init__(self) -> None:
        others = {"model": self.name, "weights": self.weights, "precision": self.precision, "resize": self.resize}
        if self.vectors is not None and (given := [name for name, value in others.items() if value is not None]):
            raise UsageError(f"--vectors takes the place of a model: leave --{given[0]} out")


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOptions:
    """How `index` treats its inputs.

    `metadata` is a CSV, Parquet or JSONL table; `root` the folder that paths of a SOURCE table may not leave;
    `prune` removes items of these sources that are gone (`yes`: also when that is above 10% of the catalog);
    `retry` tries remembered failures again, and reads no photo of an item; `refit` fits the default ranking anew on the
    items that there are;
    `limits` are the bounds for one photo; `isolated` decodes in processes of their own, so that a photo that crashes or
    hangs a decoder costs that photo alone;
    `engine` is where photos are worked on: `local` threads, or a `ray` cluster.
    """

    metadata: Path | None = None
    root: Path | None = None
    prune: bool = False
    yes: bool = False
    retry: bool = False
    refit: bool = False
    limits: ImageLimits = ImageLimits()
    isolated: bool = True
    engine: str = "local"

    def __post_init__(self) -> None:
        check_choice("engine", self.engine, ENGINES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RankingOptions:
    """How look-alikes are ranked and which items may be among them.

    `k` results at most, from 1 to 1,000; `ranking` is `euclidean` (plain distance, as published) or `default`
    (distance of whitened vectors mixed with the color vectors, the best that pictures alone give);
    `color` is the share of color in the default ranking, from 0 (shape and material alone) to 1 (color alone), None:
    what suits most catalogs; `where` an SQL expression over the metadata; `same` a field whose value must equal the
    query's; `prefer` pairs of a field and its weight, from 0 to 1000: what differs there moves away, by as much as a
    picture at the typical distance where the weight is 1; `diverse` collapses near-identical items and chooses results
    that differ. `approximate` asks an index of the plain vectors instead of comparing all items: it needs
    `ranking="euclidean"` and goes with none of `where`, `same`, `prefer` and `diverse`.
    """

    k: int = 3
    ranking: str = "default"
    where: str | None = None
    same: tuple[str, ...] = ()
    prefer: tuple[tuple[str, float], ...] = ()
    diverse: bool = False
    color: float | None = None
    approximate: bool = False

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, MAX_K)
        check_choice("ranking", self.ranking, RANKINGS)
        for field, weight in self.prefer:
            if not (math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
                raise UsageError(f"prefer {field}={weight:g} is out of range: give a weight from 0 to {MAX_WEIGHT:g}")
        names = [field for field, _ in self.prefer]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UsageError(f"prefer names {twice[0]!r} more than once: give each field one weight")
        if self.color is not None:
            check_range("color", self.color, 0, 1)
            if self.ranking == "euclidean":
                raise UsageError(
                    f"color={self.color:g} cannot be mixed into ranking=euclidean, plain distance as published: "
                    "leave one of the two out"
                )
        if self.approximate:
            self._check_approximate()

    def _check_approximate(self) -> None:
        if self.ranking != "euclidean":
            raise UsageError(
                f"approximate with ranking={self.ranking} is not there: only plain vectors are indexed; add "
                "ranking=euclidean, or leave approximate out, which is exact"
            )
        given = {"where": self.where, "same": self.same, "prefer": self.prefer, "diverse": self.diverse}
        if names := [name for name, value in given.items() if value not in (None, (), False)]:
            raise UsageError(
                f"approximate cannot be combined with {', '.join(names)}, which only the exact search answers: "
                "leave one of the two out"
            )


def parse_preferences(told: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Fields and weights from texts of the form FIELD=WEIGHT; raises `UsageError` for another form.

    >>> parse_preferences(["brand=0.3"])
    (('brand', 0.3),)
    """
    found = []
    for text in told:
        field, sign, weight = text.rpartition("=")
        try:
            if not sign or not field.strip():
                raise ValueError
            found.append((field.strip(), float(weight)))
        except ValueError:
            raise UsageError(f"prefer {text[:100]!r} is not of the form FIELD=WEIGHT, such as brand=0.3") from None
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterOptions:
    """The sweep over K = 1..`max_k` and the number of clusters: `k` a number, or None for the elbow."""

    max_k: int = 200
    k: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("max_k", self.max_k, 1, 10_000)
        if self.k is not None:
            check_range("k", self.k, 1, 10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class MapOptions:
    """The two-dimensional map. `perplexity` None: equal weights on the 15 nearest; 30 as published, for t-SNE alone."""

    perplexity: float | None = None
    seed: int = 0
    method: str = "tsne"

    def __post_init__(self) -> None:
        check_choice("method", self.method, MAP_METHODS)
        if self.method != "tsne" and self.perplexity is not None:
            raise UsageError(f"perplexity={self.perplexity} belongs to t-SNE: leave it out, or give method tsne")
        if self.perplexity is not None:
            check_range("perplexity", self.perplexity, 1, 300)


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateOptions:
    """When two items show one photo: `threshold` is the least correlation of their fine detail, from 0.5 to 1."""

    threshold: float = 0.9

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, 0.5, 1)
