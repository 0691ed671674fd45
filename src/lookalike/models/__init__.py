"""Models: pixels in, vectors out.

`names()` and `facts(name)` say what there is without loading anything; `load(name)` gives a `Model`, whose
`embed` turns (b, size, size, 3) uint8 RGB pixels into (b, dimension) float32 vectors. `resolve` says what a new catalog
is made with, `load_known` gives the model of a catalog.
"""

from __future__ import annotations

from lookalike.models.base import Model
from lookalike.models.onnx_model import BATCH
from lookalike.models.recoloring import recolored, weights_without_color
from lookalike.models.registry import (
    DEFAULT,
    best_precision,
    download,
    export,
    facts,
    graph_of,
    load,
    load_known,
    names,
    parts,
    precisions,
    published,
    resolve,
)
from lookalike.models.speeds import MACHINE, core_ms
from lookalike.models.taught import Taught, taught

__all__ = [
    "BATCH",
    "DEFAULT",
    "MACHINE",
    "Model",
    "Taught",
    "best_precision",
    "core_ms",
    "download",
    "export",
    "facts",
    "graph_of",
    "load",
    "load_known",
    "names",
    "parts",
    "precisions",
    "published",
    "recolored",
    "resolve",
    "taught",
    "weights_without_color",
]
