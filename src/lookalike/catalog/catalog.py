"""The catalog: what the command line, the web and Python users hold in their hands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lookalike import engines, images, models, pipeline, report
from lookalike.catalog import overview
from lookalike.catalog.answering import Query, answer, picture_row, unusable
from lookalike.catalog.files import check_id, stored_metadata, write_table
from lookalike.catalog.ranking import asked_for, make_ready, rank_items
from lookalike.catalog.study import Study
from lookalike.catalog.view import View
from lookalike.engines import Engine
from lookalike.errors import ModelMismatch, NotFound, Rejected
from lookalike.options import (
    ClusterOptions,
    Fit,
    ImageLimits,
    IndexOptions,
    MapOptions,
    RankingOptions,
)
from lookalike.records import (
    Checked,
    Clusters,
    Estimate,
    Failure,
    Floats,
    Indexed,
    Input,
    Layout,
    Neighbors,
    Photo,
    Progress,
    Similar,
    Value,
)
from lookalike.store import Store, schema

Source = str | os.PathLike[str]
WEEK = 7 * 24 * 3600.0


class Catalog(Study):
    """A folder of items with their vectors, and what was computed from them.

    Get one from `lookalike.open` or `lookalike.create`. Methods that take `progress` call it with (step, done,
    total). Every method sees the newest state that this object knows: that of its opening, or of its own writes.

    >>> catalog = lookalike.open("shoes.catalog")           # doctest: +SKIP
    >>> catalog.similar("0001.jpg", k=3).results[0].id       # doctest: +SKIP
    '0417.jpg'
    """

    def __init__(self, store: Store, *, engine: Engine | None = None) -> None:
        self.store = store
        self._engine = engine
        self._known: tuple[int, View] | None = None
        self._models: dict[str, models.Model] = {}

    def __len__(self) -> int:
        return self.store.head.rows.get(schema.ITEMS, 0)

    def index(
        self,
        *sources: Source,
        metadata: Source | None = None,
        root: Source | None = None,
        prune: bool = False,
        yes: bool = False,
        retry: bool = False,
        refit: bool = False,
        limits: ImageLimits | None = None,
        engine: str = "local",
        progress: Progress | None = None,
    ) -> Indexed:
        """Add or update the photos of `sources`: folders, globs, image files or tables with a `path` column.

        Only what is new or changed is embedded. `metadata` is a CSV, Parquet or JSONL table; the other options
        are those of `IndexOptions`; `engine="ray"` works on a Ray cluster. A bad photo becomes one of `failures()`.
        Raises `NotFound` for a source that is not there, `UsageError` for two photos with one id, `CatalogLocked`
        while another process writes, and `Interrupted` after Ctrl-C with all work kept.
        """
        options = IndexOptions(
            metadata=None if metadata is None else Path(metadata),
            root=None if root is None else Path(root),
            prune=prune,
            yes=yes,
            retry=retry,
            refit=refit,
            limits=limits or ImageLimits(),
            engine=engine,
        )
        with self.store.writing():
            return self.carry_out(pipeline.plan(sources, options), options, progress=progress)

    def carry_out(
        self,
        plan: pipeline.Plan,
        options: IndexOptions,
        *,
        vectors: Source | None = None,
        progress: Progress | None = None,
        confirm: pipeline.Confirm | None = None,
    ) -> Indexed:
        """Index what `pipeline.plan` found; `vectors` is a file of them, `confirm` is asked before a large prune."""
        engine = self._engine or engines.named(options.engine)
        known = None
        if vectors is not None:
            known, dimension = pipeline.read_vectors(Path(vectors), plan.found.inputs)
            facts = self.store.head.model
            if facts.identity != pipeline.vectors_facts(Path(vectors), dimension).identity:
                raise ModelMismatch(
                    f"the catalog was made with {facts.identity} ({facts.dimension} numbers a vector), "
                    f"{os.fspath(vectors)!r} has {dimension} from elsewhere: index into a new catalog"
                )
        return pipeline.index(self.store, plan, options, engine, vectors=known, progress=progress, confirm=confirm)

    def similar(
        self,
        query: str | os.PathLike[str] | bytes,
        k: int = 3,
        *,
        ranking: str = "default",
        color: float | None = None,
        where: str | None = None,
        same: Sequence[str] = (),
        prefer: Mapping[str, float] | None = None,
        diverse: bool = False,
        approximate: bool = False,
    ) -> Similar:
        """The exact k most similar items of a query, nearest first.

        `query` is an id, a file name without its ending if only one item has it, or an image file, tried in this
        order; bytes are the content of an image file. An item is not its own look-alike. Raises `NotFound` for
        an unknown query and `UsageError` for a photo that cannot be used or a filter that cannot be read.
        `approximate`, with `ranking="euclidean"` alone, asks an index, and the answer says how many that finds.
        In a notebook the answer shows itself as a row of pictures.
        """
        options = asked_for(
            k=k,
            ranking=ranking,
            color=color,
            where=where,
            same=same,
            prefer=prefer,
            diverse=diverse,
            approximate=approximate,
        )
        self.prepare(options)
        asked = self._resolve(query, images.HERE)
        found = answer(self.view(), asked, options)
        return replace(found, html=lambda: picture_row(asked, found, self.ids, self.thumbnails))

    def look_up(
        self,
        query: str | os.PathLike[str] | bytes,
        options: RankingOptions,
        *,
        decoder: images.Decoder = images.HERE,
    ) -> tuple[Similar, bytes]:
        """As `similar`, and with it the picture of the query (JPEG); `decoder` is for photos of strangers."""
        asked = self._resolve(query, decoder)
        picture = asked.picture or self.thumbnails([asked.name])[0]
        return answer(self.view(), asked, options), picture

    def ask(
        self,
        query: str | os.PathLike[str] | bytes,
        options: RankingOptions,
        *,
        decoder: images.Decoder = images.HERE,
    ) -> Similar:
        """As `look_up`, without the picture."""
        return answer(self.view(), self._resolve(query, decoder), options)

    def recommend(
        self,
        k: int = 3,
        *,
        ranking: str = "default",
        color: float | None = None,
        where: str | None = None,
        same: Sequence[str] = (),
        prefer: Mapping[str, float] | None = None,
        diverse: bool = False,
        approximate: bool = False,
        out: Source | None = None,
        progress: Progress | None = None,
    ) -> pa.Table:
        """The k most similar of every item: columns `id, rank` (from 1)`, neighbor_id, distance`.

        `out` also writes the table, as `.parquet`, `.csv` or `.jsonl`.
        """
        options = asked_for(
            k=k,
            ranking=ranking,
            color=color,
            where=where,
            same=same,
            prefer=prefer,
            diverse=diverse,
            approximate=approximate,
        )
        self.prepare(options)
        view = self.view()
        found = rank_items(view, options, progress=progress)
        rows, columns = (found.ids >= 0).nonzero()
        names = pa.array(view.ids, pa.string())
        table = pa.table(
            {
                "id": names.take(pa.array(rows)),
                "rank": pa.array(columns + 1, pa.int32()),
                "neighbor_id": names.take(pa.array(found.ids[rows, columns])),
                "distance": pa.array(found.distances[rows, columns], pa.float32()),
            }
        )
        if out is not None:
            write_table(table, Path(out))
        return table

    def prepare(self, options: RankingOptions) -> None:
        """Make what `options` need and the catalog lacks: the index of approximate answers."""
        make_ready(self.store, options)

    def make_index(self) -> Estimate | None:
        """Make the approximate index anew; its recall at 10 on 100 items. None: under 256 items there is none."""
        return pipeline.compute_index(self.store, again=True)

    def receipt(self, k: int = 3) -> Estimate | None:
        """Recall at k of approximate answers as the index is now, on 50 items. None: no index, all is exact."""
        return self.view().receipt(RankingOptions(k=k, ranking="euclidean", approximate=True))

    def cluster(
        self, k: int | None = None, *, max_k: int = 200, seed: int = 0, progress: Progress | None = None
    ) -> Clusters:
        """The sweep over K = 1..`max_k`, and the clusters of `k` (None: the elbow's). Stored; rows are ids' order."""
        return pipeline.compute_clusters(self.store, ClusterOptions(max_k=max_k, k=k, seed=seed), progress=progress)

    def map(
        self,
        *,
        perplexity: float | None = None,
        seed: int = 0,
        keep: bool = False,
        method: str = "tsne",
        progress: Progress | None = None,
    ) -> Layout:
        """The t-SNE map of all items (van der Maaten and Hinton 2008). Stored; rows are in the order of ids.

        `method` "umap": by UMAP (McInnes, Healy and Melville 2018), which the extra `umap` installs.
        `keep`: items that are on the map stay where they are, and only new ones are placed amid their look-alikes.
        """
        options = MapOptions(perplexity=perplexity, seed=seed, method=method)
        return pipeline.compute_map(self.store, options, keep=keep, progress=progress)

    def report(self, out: Source, *, where: str | None = None, progress: Progress | None = None) -> Path:
        """Figures 1 to 6 and `report.html` in the folder `out`; computes what is missing. Returns the page."""
        data = overview.report_data(self.view(), self.title(), where, progress=progress)
        return report.write_report(data, Path(out), progress=progress)

    def export(self, out: Source) -> Path:
        """Everything as one `.parquet` file that Embedding Atlas reads as it is."""
        return write_table(overview.export_table(self.view()), Path(out), allowed=(".parquet",))

    def similar_page(self, found: Similar, picture: bytes, out: Source) -> Path:
        """One HTML file that shows a query and what `look_up` found."""
        ids = [hit.id for hit in found.results]
        thumbnails = dict(zip(ids, self.thumbnails(ids), strict=True))
        report.write_similar(picture, found, thumbnails, Path(out))
        return Path(out)

    def fingerprint(self) -> dict[str, Any]:
        """What a report of the whole catalog depends on: equal fingerprints, equal reports."""
        return overview.fingerprint(self.store)

    def info(self) -> dict[str, Any]:
        """What is in the catalog, as `lookalike info --json` prints it."""
        return overview.info(self.store)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove items; returns how many. Raises `NotFound`, and removes nothing, if one of them is not there.

        Their photos are not touched: a later `index` of the same source adds them again.
        """
        with self.store.writing():
            return pipeline.remove(self.store, ids)

    def add(self, photo: bytes, id: str, metadata: Mapping[str, Value] | None = None) -> bool:
        """Add one photo, the content of an image file, as the item `id`; True if it is new, else it is replaced.

        Its `path` is the id and its source no folder, so `index --prune` leaves it alone. Raises `UsageError` for a
        photo that cannot be used, with its `code`, and for an id that is empty, longer than 1,024 characters, or no
        plain relative name; nothing is written then. `CatalogLocked` while another process writes.
        """
        check_id(id)
        said = stored_metadata(metadata or {})
        loaded, vector = self._embedded(id, photo, images.WORKERS)
        with self.store.writing():
            return pipeline.add(self.store, id, photo, loaded, vector, said)

    def reopened(self) -> Catalog:
        """The catalog at its newest version, also by others' commits; what this object has loaded goes along."""
        other = Catalog(self.store.reopened(), engine=self._engine)
        other._models = self._models
        return other

    def check(self) -> Checked:
        """Read every byte of the catalog, older versions too, and compare it with what was written."""
        return self.store.check()

    def restore(self, version: int) -> int:
        """Make an older version the newest again, as a new version whose number is returned. Nothing is lost."""
        with self.store.writing():
            return self.store.restore(version).version

    def collect_garbage(self, older_than: float = WEEK) -> int:
        """Remove files that interrupted runs left, older than `older_than` seconds; returns how many."""
        return self.store.collect(older_than)

    def failures(self) -> list[Failure]:
        """The inputs that could not be used, in the order of their ids."""
        columns = ["id", "path", "stage", "code", "detail", "attempts", "at"]
        return [Failure(**row) for row in self.store.read(schema.FAILURES, columns).sort_by("id").to_pylist()]

    @property
    def ids(self) -> list[str]:
        """The ids of all items, in their order."""
        return self.view().ids

    @property
    def vectors(self) -> Floats:
        """The vectors, (n, d) float32, in the order of ids."""
        return self.view().vectors

    @property
    def colors(self) -> Floats:
        """The color vectors, (n, 216) float32, in the order of ids: of length 1, NaN where an older catalog has none.

        Square roots of the shares of 6 x 6 x 6 bins of CIE Lab among the product's own pixels, so the Euclidean
        distance of two, divided by the square root of 2, is the Hellinger distance.
        """
        return pipeline.load_colors(self.store)

    @property
    def neighbors(self) -> Neighbors:
        """The stored graph: the 30 nearest of every item, rows in the order of ids; computed where missing."""
        return pipeline.compute_neighbors(self.store)

    def thumbnails(self, ids: Sequence[str]) -> Sequence[bytes]:
        """The thumbnails (JPEG) of these items."""
        return overview.Thumbnails(self.store, ids)

    def view(self) -> View:
        """The items as arrays, as this object sees them now; read when they are first asked for."""
        state = self.store.head.version
        if self._known is None or self._known[0] != state:
            self._known = (state, View(self.store))
        return self._known[1]

    def title(self) -> str:
        """What the catalog is called: its folder's name, without `.catalog`."""
        return str(getattr(self.store, "title", "catalog"))

    def _resolve(self, query: str | os.PathLike[str] | bytes, decoder: images.Decoder) -> Query:
        if isinstance(query, bytes):
            return self._photo("photo", query, decoder)
        view, text = self.view(), os.fspath(query)
        row = view.rows.get(text, -1)
        if row < 0:
            row = view.stems.get(text, -1)
        if row >= 0:
            return Query(view.ids[row], row=row)
        path = Path(text)
        if not path.is_file():
            several = " (several files have that stem)" if text in view.stems else ""
            raise NotFound(
                f"{text!r} is no id, unique file stem or image file{several}: `lookalike export` lists the ids"
            )
        source = Input(id=path.name, path=path.name, location=path, source=str(path), root=path.resolve().parent)
        try:
            return self._photo(text, images.read(source, ImageLimits()), decoder)
        except Rejected as exc:
            raise unusable(text, exc) from exc

    def _photo(self, name: str, data: bytes, decoder: images.Decoder) -> Query:
        photo, vector = self._embedded(name, data, decoder)
        return Query(name, picture=photo.thumbnail, photo=(vector, photo.color, photo.outline))

    def _embedded(self, name: str, data: bytes, decoder: images.Decoder) -> tuple[Photo, Floats]:
        """A photo that came as bytes, and its vector; raises `UsageError` where there is none."""
        facts = self.store.head.model
        try:
            if not data:
                raise Rejected("E_EMPTY", "the file has 0 bytes", stage="read")
            with decoder.start([data], Fit(size=facts.size, resize=facts.resize), ImageLimits()) as decoding:
                if facts.identity not in self._models:
                    self._models[facts.identity] = pipeline.load_model(facts)
                (photo,) = decoding.results()
            if isinstance(photo, Rejected):
                raise photo
            vector = self._models[facts.identity].embed(photo.pixels[None])[0]
            if not np.isfinite(vector).all():
                raise Rejected("E_NOT_FINITE", "the model's vector of this photo is not finite", stage="embed")
        except Rejected as exc:
            raise unusable(name, exc) from exc
        return photo, vector
