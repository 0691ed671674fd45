"""The groups of every K of a sweep, stored beside the clusters of the K in use, so that another K is there at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import analysis
from lookalike.errors import UsageError
from lookalike.records import Clusters, Floats, Ints
from lookalike.store import Store, schema


def sweep_table(sweep: analysis.Sweep | None) -> pa.Table:
    """The rows of the table `sweep`: for each K the groups of all items, in the order of ids."""
    ks = range(1, 1 + (0 if sweep is None else sweep.max_k))
    kind = np.uint8 if len(ks) <= 256 else np.dtype("<u2")
    groups = [] if sweep is None else [sweep.partition(k).astype(kind).tobytes() for k in ks]
    return pa.table([[str(k) for k in ks], groups], schema=schema.sweep())


def swept(store: Store) -> int:
    """The largest K whose groups are stored: 0 where an older version made the clusters."""
    known = store.head.computed.get(schema.CLUSTERS)
    return 0 if known is None else int(known.results.get("swept", 0))


def regroup(store: Store, stored: Clusters, ids: Sequence[str], vectors: Floats, k: int) -> tuple[Clusters, Ints]:
    """The `k` clusters of the stored sweep, and the label of each of `ids`, -1 for one that was added since.

    `stored` are the clusters that go with the sweep, `vectors` (n, d) belong to `ids`. Rows of the result count in
    `ids`; items that are gone are left out. Raises `UsageError` for a k that is not stored.
    """
    most = swept(store)
    if not 1 <= k <= most:
        known = (
            f"this sweep has 1 to {most}" if most else "an older version kept no other: run `lookalike cluster` again"
        )
        raise UsageError(f"k={k} is not there: {known}")
    then = store.read(schema.CLUSTERS, ["id"]).sort_by("id")["id"].combine_chunks()
    place = pc.index_in(pa.array(ids, pa.string()), value_set=then).fill_null(-1).to_numpy().astype(np.int64)
    rows = np.flatnonzero(place >= 0)
    packed = store.read(schema.SWEEP, ["groups"], ids=[str(k)])["groups"][0].as_py()
    groups: npt.NDArray[np.uint16] = np.frombuffer(packed, "<u2" if len(packed) > len(then) else np.uint8)
    members = vectors if len(rows) == len(vectors) else vectors[rows]  # a copy only where some are new
    found, centers = analysis.settle(members, groups[place[rows]])
    chosen = analysis.representatives(members, found, centers)
    covering = analysis.exemplars(members, found, chosen)
    labels = np.full(len(ids), -1, np.int64)
    labels[rows] = found
    clusters = Clusters(
        k=len(centers),
        inertia=stored.inertia,
        elbow=stored.elbow,
        labels=found,
        sizes=np.bincount(found, minlength=len(centers)).astype(np.int64),
        representatives=rows[chosen],
        exemplars=tuple(tuple(int(rows[row]) for row in cover) for cover in covering),
        asked=True,
        evidence=stored.evidence,
        reach=analysis.reach(members, found, covering),
    )
    return clusters, labels
