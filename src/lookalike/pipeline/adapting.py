"""The map that `adapt` learned: kept as a version, and used while the fit that it belongs to is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.analysis import Whitening
from lookalike.records import Doubles
from lookalike.store import Computed, Replace, Store, schema


def half(ids: Sequence[str], seed: int) -> npt.NDArray[np.bool_]:
    """(n,) whether an item is of the half to learn from: by its id and the seed alone, so it stays as others come."""
    digests = (hashlib.sha256(f"{seed}:{item}".encode("utf-8", "surrogatepass")).digest() for item in ids)
    return np.array([digest[0] & 1 == 0 for digest in digests], bool)


def keep_adapted(
    store: Store, fit: Whitening, axes: Doubles, options: Mapping[str, Any], results: Mapping[str, Any]
) -> None:
    """Store a learned map in the place of one that is there; under `writing`."""
    ids = [f"{row:05d}" for row in range(len(axes))]
    table = pa.table([ids, axes.tolist()], schema=schema.adapted())
    computed = Computed(of=store.head.vectors, options={**options, "fit": _mark(fit)}, results=results)
    store.commit("adapted", [Replace(schema.ADAPTED, table)], computed={schema.ADAPTED: computed})


def drop_adapted(store: Store) -> bool:
    """Go back to pictures alone, under `writing`; whether there was a map."""
    if adapted(store) is None:
        return False
    gone = Computed(of=store.head.vectors)
    store.commit(
        "adaptation dropped", [Replace(schema.ADAPTED, schema.adapted().empty_table())], computed={schema.ADAPTED: gone}
    )
    return True


def adapted(store: Store) -> Computed | None:
    """What is known of the stored map; None without one."""
    known = store.head.computed.get(schema.ADAPTED)
    return known if known is not None and known.options.get("labels") else None


def adapted_axes(store: Store, fit: Whitening) -> Doubles | None:
    """The stored map; None without one, and where it was learned on another fit of the default ranking."""
    known = adapted(store)
    if known is None or known.options["fit"] != _mark(fit):
        return None
    table = store.read(schema.ADAPTED).sort_by("id")
    axes: Doubles = pc.list_flatten(table["values"]).to_numpy().reshape(len(table), -1)
    return axes


def _mark(fit: Whitening) -> str:
    return hashlib.sha256(fit.mean.tobytes() + np.ascontiguousarray(fit.axes).tobytes()).hexdigest()[:16]
