"""What is asked of a whole catalog: how good its look-alikes are, how to make them better, and which items are one."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from lookalike import analysis, pipeline
from lookalike.catalog.adapting import Adapted, adapt
from lookalike.catalog.comparing import compare, write_sheet
from lookalike.catalog.duplicates import find_duplicates
from lookalike.catalog.evaluating import evaluate
from lookalike.catalog.ranking import asked_for
from lookalike.catalog.tuning import tune
from lookalike.catalog.view import View
from lookalike.options import DuplicateOptions, RankingOptions
from lookalike.records import Clusters, Progress, Tuned
from lookalike.store import Store

Source = str | os.PathLike[str]


class Study(ABC):
    """The part of a `Catalog` that evaluates, learns, compares and describes. Only `adapt` and its undoing write."""

    store: Store

    @abstractmethod
    def view(self) -> View:
        """The items as arrays."""

    @abstractmethod
    def title(self) -> str:
        """What the catalog is called."""

    @abstractmethod
    def thumbnails(self, ids: Sequence[str]) -> Sequence[bytes]:
        """The thumbnails (JPEG) of these items."""

    def describe(self, clusters: Clusters, count: int = 3) -> tuple[tuple[analysis.Trait, ...], ...]:
        """What sets each cluster apart: up to `count` metadata values more common in it than overall, with counts."""
        metadata = self.view().metadata
        columns = {name: metadata[name].to_pylist() for name in metadata.column_names}
        return analysis.describe(clusters.labels, columns, k=clusters.k, count=count)

    def evaluate(
        self,
        labels: Sequence[str],
        k: int = 3,
        *,
        ranking: str = "default",
        color: float | None = None,
        where: str | None = None,
        same: Sequence[str] = (),
        prefer: Mapping[str, float] | None = None,
        diverse: bool = False,
        by: str | None = None,
        pairs: Source | None = None,
        progress: Progress | None = None,
    ) -> analysis.Evaluation:
        """Share of the k nearest that carry the query's label, per metadata column in `labels`; precision and nDCG.

        `by`: also for each value of this column. `pairs`: a table of pairs that people made (columns `id`, `other`,
        and `alike`, yes or no, yes where it is left out); with it `labels` may be empty.
        """
        options = asked_for(k=k, ranking=ranking, color=color, where=where, same=same, prefer=prefer, diverse=diverse)
        table = None if pairs is None else Path(pairs)
        return evaluate(self.view(), labels, options, by=by, pairs=table, progress=progress)

    def tune(
        self,
        target: str,
        *,
        fields: Sequence[str] | None = None,
        k: int = 3,
        ranking: str = "default",
        color: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Tuned:
        """Learn how much metadata `fields` should count for look-alikes to agree on `target`, a field too.

        `fields` None: all others that say something of several items. Weights are learned on one half of the items
        and measured on the other, against pictures alone; those whose gain is not shown are zero. Nothing is stored:
        `prefer=found.weights` uses them. Raises `UsageError` for a field that is not there, for a target that is
        among the fields, and where fewer than 20 items of a half have a value of the target.
        """
        options = RankingOptions(k=k, ranking=ranking, color=color)
        return tune(self.view(), target, fields, options, seed, progress)

    def adapt(
        self,
        labels: Sequence[str] | Source,
        *,
        k: int = 3,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Adapted:
        """Learn a linear map of the vectors by which look-alikes agree on `labels` more often; keep it if they do.

        `labels`: names of metadata columns, or a table (its path) with `id` and columns of labels. Learned on one half
        of the items, strengths cross-validated there, and measured on the other, against no map at all. Kept as a
        version, which the default ranking uses from then on, where the interval of the gain is above zero;
        `drop_adapted` goes back. Raises `UsageError` where too few items share labels, `CatalogLocked` while another
        process writes.
        """
        given = Path(labels) if isinstance(labels, str | os.PathLike) else labels
        with self.store.writing():
            pipeline.renew_whitening(self.store)
            view = self.view()
            found, names = adapt(view, given, k, seed, progress=progress)
            adapted = Adapted(labels=names, k=k, kept=found.helps, found=found)
            if found.helps:
                options = {
                    "labels": list(names),
                    "k": k,
                    "seed": seed,
                    "within": found.within,
                    "between": found.between,
                }
                told = {"fitted": found.fitted, "held_out": found.held, "gain": found.gain.as_json()}
                pipeline.keep_adapted(self.store, view.fit, found.axes, options, told)
        return adapted

    def drop_adapted(self) -> bool:
        """Drop the map that `adapt` keeps; whether there was one."""
        with self.store.writing():
            return pipeline.drop_adapted(self.store)

    def compare(
        self,
        other: Study,
        labels: Sequence[str] = (),
        k: int = 3,
        *,
        ranking: str = "default",
        color: float | None = None,
        html: Source | None = None,
        progress: Progress | None = None,
    ) -> analysis.Comparison:
        """This catalog (a) and another of the same items (b): what their look-alikes share, and whose agree on labels.

        Items in both, by id, are queries and look-alikes. `html` also writes a sheet of the queries that changed most.
        """
        options = RankingOptions(k=k, ranking=ranking, color=color)
        found = compare(self.view(), other.view(), labels, options, progress=progress)
        if html is not None:
            write_sheet(found, self, other, Path(html))
        return found

    def duplicates(self, *, threshold: float = 0.9, progress: Progress | None = None) -> list[list[str]]:
        """Groups of ids that show one photo: resized, recompressed, cropped a little or mirrored; in order of ids.

        `threshold`, 0.5 to 1, is how alike the fine detail of two thumbnails must be, one laid over the other.
        """
        return find_duplicates(self.view(), DuplicateOptions(threshold=threshold), progress=progress)
