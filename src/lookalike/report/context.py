"""What all figures and the page share: the data with what was worked out of it once."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.records import Doubles, Ints
from lookalike.report import facts
from lookalike.report.data import ReportData
from lookalike.report.naming import cluster_names
from lookalike.report.photos import Photos


@dataclass(frozen=True, slots=True)
class Context:
    """`ids` and `distances` (n, 3) are each item's look-alikes, -1 and NaN where there are fewer; `order` the
    clusters from the largest to the smallest; `names` and `traits` belong to cluster i; `colored` is what
    colors the map, None for the clusters; `queries` the rows of Figure 1.
    """

    data: ReportData
    photos: Photos
    columns: tuple[facts.Column, ...]
    ids: Ints
    distances: Doubles
    order: tuple[int, ...]
    names: tuple[str, ...]
    traits: tuple[tuple[facts.Trait, ...], ...]
    colored: facts.Coloring | None
    queries: tuple[int, ...]

    @property
    def n(self) -> int:
        """The number of items."""
        return len(self.data.ids)

    @property
    def mapped_by(self) -> str:
        """What placed the items on the map, as people call it."""
        return "UMAP" if self.data.layout.method == "umap" else "t-SNE"

    def title(self, row: int) -> str:
        """What an item is called."""
        return facts.title(self.data, row)

    def subtitle(self, row: int) -> str:
        """Its kind and color, where known."""
        return facts.subtitle(self.data, self.columns, row)


def prepare(data: ReportData) -> Context:
    """Work out of `data` what figures and page both need."""
    found = facts.columns(data.metadata)
    ids, distances = facts.nearest(data.neighbors, len(data.ids))
    each = facts.traits(found, data.clusters)
    sizes = data.clusters.sizes
    order = sorted(range(len(sizes)), key=lambda cluster: (-int(sizes[cluster]), cluster))
    return Context(
        data=data,
        photos=Photos(data.thumbnails),
        columns=tuple(found),
        ids=ids,
        distances=distances,
        order=tuple(order),
        names=tuple(cluster_names(found, each, data.clusters)),
        traits=tuple(tuple(own) for own in each),
        colored=facts.map_column(found, ids),
        queries=tuple(facts.queries(data, found)),
    )
