"""Results and the values that travel between the layers, with their shapes.

`n` is the number of items, in the order of their ids; `d` the dimension of a vector; rows are zero-based.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Value = str | int | float | bool | None
"""One metadata value."""
COLOR_BINS = 216
OUTLINE_SIDE = 8
OUTLINE_CELLS = OUTLINE_SIDE**2
"""Entries of a color vector."""

Advance = Callable[[int, int], None]
"""Progress of one step: called with (done, total), done rising to total."""
Progress = Callable[[str, int, int], None]
"""Progress of a run: called with (step, done, total)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What is known of a model without loading it.

    `size` is the side of its square input in pixels; `sha256` that of its weight file; `identity` also takes
    in preprocessing, resize, precision and device, so equal identities mean comparable vectors. `sha256` is empty while
    a weight file that is no part of the install has not been chosen; `md5` is the checksum that its publisher states,
    and `published` says whether the chosen file has it. `device` is what computes the vectors, one of
    `options.DEVICES` but `auto`.
    """

    name: str
    dimension: int
    size: int
    resize: str
    precision: str
    preprocessing: str
    license: str
    origin: str
    paper: str
    sha256: str
    summary: str
    md5: str = ""
    published: bool = True
    device: str = "cpu"

    @property
    def identity(self) -> str:
        """One line that names all that a vector depends on."""
        parts = [self.name, self.sha256[:16], self.preprocessing, f"{self.resize}-{self.size}", self.precision]
        return "/".join(parts if self.device == "cpu" else [*parts, self.device])


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One photo that a run was given, not read yet.

    `id` is its name in the catalog, `path` relative to its source with `/`, `location` where its bytes are,
    `source` the SOURCE it came from (absolute), `root` the folder its target must lie in; `raw_path` holds the
    bytes of `path` where they are no UTF-8. `metadata` is its row of a SOURCE table, else None. `address` is where it
    is in an object store (`s3://...`), None for a file; `location` is then only the same as a path.
    """

    id: str
    path: str
    location: Path
    source: str
    root: Path
    raw_path: bytes | None = None
    metadata: Mapping[str, Value] | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """A decoded photo: `pixels` (size, size, 3) uint8 RGB for the model, `thumbnail` JPEG bytes.

    `color` (216,) float32 is its color vector, `outline` (64,) float32 how much of each cell of a grid it covers.
    `format` as detected from the content, `width` and `height` in pixels after EXIF turning, `frames` in the file (only
    the first is used), `degraded` when part of the file was missing, `notes` what was ignored.
    """

    pixels: Bytes
    thumbnail: bytes
    color: Floats
    outline: Floats
    format: str
    width: int
    height: int
    frames: int = 1
    degraded: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An input that could not be used. `detail` has at most 500 characters; `at` is ISO 8601, UTC."""

    id: str
    path: str
    stage: str
    code: str
    detail: str
    attempts: int
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexed:
    """What one `index` run did; `seconds` of wall time. `failures` are this run's failed inputs."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    ignored: int = 0
    embedded: int = 0
    unmatched: int = 0
    total: int = 0
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The counts as in `lookalike index --json`."""
        names = (
            "added",
            "updated",
            "unchanged",
            "removed",
            "failed",
            "ignored",
            "embedded",
            "unmatched",
            "total",
        )
        return {**{name: getattr(self, name) for name in names}, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What `check` found: `files` and `bytes` that were read, and `problems`, one line each (none: all is right).

    `orphans` are files that no version names, left by a run that was cut short: harmless, `gc` removes them.
    """

    files: int
    bytes: int
    problems: tuple[str, ...] = ()
    orphans: int = 0

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike check --json`."""
        return {"files": self.files, "bytes": self.bytes, "orphans": self.orphans, "problems": list(self.problems)}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What labels of many photos taught: a linear map to where photos of one label are near to each other.

    `axes` (m, r) float32 for the m numbers of a model's vector, with `of_color` followed by those of a color vector.
    What it makes of the photos that it was learned from, less their mean, has a mean square of 1. `weight`: its share,
    in relation to others, in what an item looks like.
    """

    name: str
    axes: Floats
    weight: float
    of_color: bool = False


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The k nearest rows of m queries: `ids` (m, k) int64 rows, `distances` (m, k) float32, nearest first."""

    ids: Ints
    distances: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One look-alike: its `distance` to the query and its `score` (1 for the same picture, falling to 0).

    `picture` is what the pictures add to the distance and `prefer` what each preferred field adds, both in units in
    which `score` is 1 / (1 + their sum). `reasons` are a few words on what the two have in common and what not.
    """

    id: str
    path: str
    distance: float
    score: float
    metadata: Mapping[str, Value] = field(default_factory=dict)
    picture: float = float("nan")
    prefer: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One entry of `results` in `lookalike similar --json`."""
        return {
            "id": self.id,
            "path": self.path,
            "distance": self.distance,
            "score": self.score,
            "metadata": dict(self.metadata),
            "parts": {"picture": self.picture, "prefer": dict(self.prefer)},
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Diversity:
    """What choosing results that differ did: `pool` candidates were looked at, `collapsed` of them were near-identical
    to one before; `score` is the mean score of the results, `nearest` that of the nearest in their place.
    """

    pool: int
    collapsed: int
    score: float
    nearest: float

    @property
    def cost(self) -> float:
        """The mean score that was given up."""
        return self.nearest - self.score

    def as_json(self) -> dict[str, Any]:
        """As `diverse` in `lookalike similar --json`."""
        told = {"pool": self.pool, "collapsed": self.collapsed, "score": self.score, "nearest": self.nearest}
        return {**told, "cost": self.cost}


@dataclass(frozen=True, kw_only=True, slots=True)
class Similar:
    """The look-alikes of one query, nearest first. `recall` is 1.0 when `exact`.

    Where not, it is the share of the exact results that the index finds, measured on a sample of the items, and
    `recall_low`..`recall_high` its 95% interval.

    `adapted` names the labels that a map in use was learned from (`adapt`); empty: pictures alone.

    `diverse` is what choosing results that differ cost, None where that was not asked for. What they are chosen from is
    searched as exactly as all else. In a notebook it shows itself as a row of pictures where `html`, which makes them
    when asked, is there: `Catalog.similar` gives it. It is no part of a comparison and does not travel in a pickle.
    """

    query: str
    results: tuple[Hit, ...]
    exact: bool = True
    recall: float = 1.0
    recall_low: float = 1.0
    recall_high: float = 1.0
    diverse: Diversity | None = None
    adapted: tuple[str, ...] = ()
    html: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str | None:
        """The query and its look-alikes as a row of pictures, for notebooks; None where there are no pictures."""
        return None if self.html is None else self.html()

    def __reduce__(self) -> tuple[Any, ...]:
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "html"}
        return partial(type(self), **told), ()

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike similar --json`."""
        results = [hit.as_json() for hit in self.results]
        diverse = None if self.diverse is None else self.diverse.as_json()
        told = {"query": self.query, "exact": self.exact, "recall": self.recall, "results": results}
        told |= {"diverse": diverse, "recall_low": self.recall_low, "recall_high": self.recall_high}
        return {**told, "adapted": list(self.adapted)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Elbow:
    """Where the inertia curve bends: `k`, the range `low`..`high` of close calls, `clear` if there is one."""

    k: int
    low: int
    high: int
    clear: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What speaks for each number of clusters.

    `low`..`high` holds the elbows of 95% of `resamples` of the items, `clear` is the share of clear ones among them.
    For each of `ks` (m,) int64, ascending: `stability` (m,) float64, how alike two halves of the items are grouped
    (adjusted Rand index, at most 1; NaN where there are too few items), and `silhouette` (m,) float64, -1..1.
    """

    low: int
    high: int
    clear: float
    resamples: int
    ks: Ints
    stability: Doubles
    silhouette: Doubles

    def at(self, k: int) -> tuple[float, float]:
        """Stability and silhouette of `k` clusters, NaN if that k was not looked at."""
        found = np.flatnonzero(self.ks == k)
        return (float(self.stability[found[0]]), float(self.silhouette[found[0]])) if len(found) else (np.nan, np.nan)

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike cluster --json`: numbers that are not known are null."""
        return {
            "interval": {"low": self.low, "high": self.high, "clear": self.clear, "resamples": self.resamples},
            "k": self.ks.tolist(),
            "stability": [None if np.isnan(value) else value for value in self.stability.tolist()],
            "silhouette": [None if np.isnan(value) else value for value in self.silhouette.tolist()],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Evidence:
        """The inverse of `as_json`."""
        numbers = (np.array([np.nan if v is None else v for v in told[name]]) for name in ("stability", "silhouette"))
        stability, silhouette = (values.astype(np.float64) for values in numbers)
        ks = np.array(told["k"], np.int64)
        return cls(**told["interval"], ks=ks, stability=stability, silhouette=silhouette)


@dataclass(frozen=True, kw_only=True, slots=True)
class Clusters:
    """`k` clusters of n items and the sweep they were chosen from.

    `inertia` (max_k,) float64 for K = 1..max_k; `labels` (n,) int64; `sizes` (k,) int64; `representatives` (k,)
    int64, the row closest to each center; `exemplars` k tuples of rows that cover the cluster, and `reach` for each
    cluster the largest distance of a member to its nearest exemplar. `asked` is whether k was given, else it is the
    elbow's. `evidence` and `reach` are None for clusters of an older version.
    """

    k: int
    inertia: Doubles
    elbow: Elbow
    labels: Ints
    sizes: Ints
    representatives: Ints
    exemplars: tuple[tuple[int, ...], ...]
    asked: bool = False
    evidence: Evidence | None = None
    reach: Doubles | None = None

    def why(self) -> str:
        """One or two sentences on how k was chosen, and how sure that is."""
        elbow, found = self.elbow, self.evidence
        if len(self.inertia) < 3:
            return f"K = {self.k}: there are too few items for an elbow."
        word, calls = "clear" if elbow.clear else "not clear", f"close calls from {elbow.low} to {elbow.high}"
        if self.asked:
            told = f"K = {self.k} was asked for; the elbow, at {elbow.k}, is {word}: {calls}"
        else:
            told = f"K = {self.k} is the elbow, which is {word}: {calls}"
        if found is None:
            return f"{told}."
        told += f"; 95% of {found.resamples} resamples put it within {found.low} to {found.high}."
        marks = zip(("stability", "silhouette"), found.at(self.k), strict=True)
        known = [f"{name} {value:.2f}" for name, value in marks if not np.isnan(value)]
        return f"{told} At K = {self.k}: {', '.join(known)} (1 is best)." if known else told

    def as_json(self, ids: Sequence[str]) -> dict[str, Any]:
        """As in `lookalike cluster --json`; `ids` names the rows."""
        return {
            "chosen": {"by": "request" if self.asked else "elbow", "why": self.why()},
            "evidence": None if self.evidence is None else self.evidence.as_json(),
            "reach": None if self.reach is None else self.reach.tolist(),
            "k": self.k,
            "inertia": self.inertia.tolist(),
            "elbow": asdict(self.elbow),
            "sizes": self.sizes.tolist(),
            "representatives": [ids[row] for row in self.representatives],
            "exemplars": [[ids[row] for row in rows] for rows in self.exemplars],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The map: `positions` (n, 2) float32, and `kept`, the share of the 10 nearest that stay near in it.

    `kl` is the Kullback-Leibler divergence that t-SNE ended at (NaN: not known); `placed` counts the items that were
    added to a map that stayed as it was, and that `kl` knows nothing of. `method`: "tsne" or "umap".
    """

    positions: Floats
    kept: float
    kl: float = float("nan")
    placed: int = 0
    method: str = "tsne"


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A share with its 95% interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """`{"value", "low", "high"}`."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """Weights of metadata fields for `target`, and what they gain over pictures alone on held-out items.

    `weights` are those whose gain is shown (empty: none); `learned` all that the first half gave, zero for none, and
    `gains` what each of them gains on the other half beside the rest. `pictures` and `tuned` are the mean agreement of
    the `k` nearest with the target without and with `weights`, `gain` the difference; where no weight is left, `gain`
    is that of what was `learned`. `fitted` and `held_out` count the queries of the halves.
    """

    target: str
    k: int
    fitted: int
    held_out: int
    pictures: float
    tuned: float
    gain: Estimate
    weights: Mapping[str, float]
    learned: Mapping[str, float]
    gains: Mapping[str, Estimate]

    def as_json(self) -> dict[str, Any]:
        """As in `lookalike tune --json`."""
        names = ("target", "k", "fitted", "held_out", "pictures", "tuned")
        fields = {
            name: {"learned": weight, "gain": self.gains[name].as_json() if name in self.gains else None}
            for name, weight in self.learned.items()
        }
        told = {name: getattr(self, name) for name in names}
        return {**told, "gain": self.gain.as_json(), "weights": dict(self.weights), "fields": fields}
