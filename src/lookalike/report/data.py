"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lookalike.records import Clusters, Layout, ModelFacts, Neighbors, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """All that a report shows, aligned: entry i of every sequence belongs to item i, in the order of ids.

    `thumbnails` yields JPEG bytes (it may read them when asked); `metadata` maps a column's name to n values;
    `neighbors` holds at least 3 a row where the catalog has that many; `where` names the part that is shown;
    `facts` are the model's, where they are known.
    """

    title: str
    model: str
    ids: Sequence[str]
    metadata: Mapping[str, Sequence[Value]]
    thumbnails: Sequence[bytes]
    neighbors: Neighbors
    clusters: Clusters
    layout: Layout
    failed: int = 0
    where: str | None = None
    facts: ModelFacts | None = None
