"""The REST API and the page, on one catalog: `make_app`. Every answer comes from `lookalike.catalog.Explorer`."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Collection
from typing import Annotated, Any

from anyio import to_thread
from fastapi import FastAPI, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from lookalike import __version__
from lookalike.catalog import Against, Catalog, Explorer, Live, Votes, plain
from lookalike.errors import NotFound
from lookalike.options import RankingOptions, parse_preferences
from lookalike.records import Similar
from lookalike.store import schema
from lookalike.web import schemas
from lookalike.web.asked import (
    CONTROLS,
    IDS,
    UPLOAD,
    Approximate,
    Color,
    Diverse,
    K,
    Prefer,
    Ranking,
    Same,
    Where,
    is_yes,
    known,
    share,
    short,
    whole,
)
from lookalike.web.bodies import Bodies
from lookalike.web.clients import name_of
from lookalike.web.describe import answer_errors, describe_errors
from lookalike.web.files import Packed, static_files
from lookalike.web.guard import Guard
from lookalike.web.limits import Limits
from lookalike.web.metrics import Metrics
from lookalike.web.probes import Probes
from lookalike.web.problems import Problem
from lookalike.web.turns import Turns
from lookalike.web.writes import Compared, Writes, parsed, request_form

LARGEST_TABLE = 20 * 1024 * 1024
"""Bytes of a list of ids."""
SETTLES = 3.0
"""Seconds that a page which is opened waits for a newer version to be ready."""
FEW = 100
"""Items that are described at once while others wait."""
BINARY = "application/octet-stream"

Groups = Annotated[int | None, Query(ge=1, le=10_000, description="Another number of clusters, of the sweep's.")]
Version = Annotated[
    str | None, Query(max_length=20, description="Of the catalog, as in /api/info: the newest if not given.")
]
Offset = Annotated[int, Query(ge=0, le=2**53, description="Items to skip.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Items at most.")]


def make_app(
    catalog: Catalog,
    *,
    hosts: Collection[str] = (),
    limits: Limits | None = None,
    against: Catalog | None = None,
    writable: bool = False,
    token: str | None = None,
    metrics: Metrics | None = None,
) -> FastAPI:
    """The explorer of `catalog` as an ASGI app: run it with uvicorn, or mount it in a service of your own.

    What a first visitor would wait for is loaded now; when another process commits a newer version of the catalog,
    that one is opened aside and shown from then on. `hosts`: names under which it may be asked, besides `localhost`,
    names without a dot and IP addresses; `*` for any. `against`: another catalog of the same items, for a blind
    comparison. It only reads, unless `writable`: then items are added and removed by API, and votes are kept; with a
    `token` only by those who send it. `metrics` is what `/metrics` shows.
    """
    metrics = metrics or Metrics()
    app = FastAPI(
        title="lookalike",
        version=__version__,
        summary="Products that look alike.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    limits = limits or Limits()
    bodies, turns = Bodies(limits), Turns(limits.patience)
    app.state.closing = (bodies.close, turns.close)
    app.add_middleware(Guard, hosts=hosts, limits=limits, token=token, metrics=metrics, bodies=bodies)
    live = Live(catalog)
    Probes(live, metrics).register(app)
    versus = None
    if against is not None:
        versus = Against(live, Live(against), Votes.beside(getattr(catalog.store, "folder", None)))
        Compared(versus, writable, turns, token is not None).register(app)
    Writes(live, writable).register(app)
    _Api(live, versus, writable, turns).register(app)
    answer_errors(app)
    describe_errors(app)
    return app


class _Api:
    """The endpoints."""

    def __init__(
        self, live: Live, against: Against | None = None, writable: bool = False, turns: Turns | None = None
    ) -> None:
        self._live, self._against, self._writable = live, against, writable
        self._turns = turns or Turns()
        self._packed: dict[tuple[int, str], Packed] = {}

    @property
    def explorer(self) -> Explorer:
        """The newest version that is ready."""
        return self._live.current()

    def _at(self, version: str | None) -> Explorer:
        """The version that a page was opened on."""
        shown = self._live.at(version)
        if shown is None:
            raise Problem(410, "E_OLD_VERSION", "the catalog has changed since this page was opened: reload the page")
        return shown

    def register(self, app: FastAPI) -> None:
        """Add the endpoints to `app`."""
        get = app.get
        get("/api/info", response_model=schemas.Info)(self.info)
        get("/api/items", response_model=schemas.Items)(self.items)
        get("/api/items/{id:path}/similar", response_model=schemas.Similar)(self.similar)
        get("/api/items/{id:path}", response_model=schemas.Described)(self.item)
        app.post("/api/search", response_model=schemas.Found, openapi_extra=UPLOAD)(self.search)
        get("/api/clusters", response_model=schemas.Clusters)(self.clusters)
        get("/api/labels", response_class=_Binary)(self.labels)
        get("/api/map", response_model=schemas.Map)(self.map)
        get("/api/points", response_class=_Binary)(self.points)
        get("/api/columns", response_model=schemas.Columns)(self.columns)
        app.post("/api/table", response_class=_Parquet, openapi_extra=IDS)(self.table)
        get("/api/sheets/{number}", response_class=_Jpeg)(self.sheet)
        get("/thumbnails/{id:path}", response_class=_Jpeg)(self.thumbnail)
        files = static_files()
        for route, name in (("/", "index.html"), ("/docs", "docs.html"), ("/favicon.ico", "icon.svg")):
            get(route, include_in_schema=False)(_page(files[name]))
        for name, packed in files.items():
            get(f"/static/{name}", include_in_schema=False)(_page(packed))

    async def info(self, request: Request) -> Response:
        """What the catalog holds, how new its results are, and what this server offers."""
        shown = self.explorer
        if self._live.is_loading:  # after a quiet time the first visitor is the one who makes the server look
            shown = await to_thread.run_sync(self._live.settled, SETTLES)
        return await self._kept(shown, "info", request, lambda: self._offered(shown))

    def _offered(self, shown: Explorer) -> dict[str, Any]:
        offers = {"controls": list(CONTROLS), "upload": True, "writable": self._writable}
        against = None if self._against is None else self._against.about()["items"]
        return {**shown.info, "sheets": shown.sheets, "room": shown.room, **offers, "against": against}

    async def items(self, request: Request, offset: Offset = 0, limit: Limit = 100) -> Response:
        """A part of all items, in the order of their ids."""
        if limit <= FEW:
            return JSONResponse(self.explorer.items(offset, limit))
        return JSONResponse(await self._turns.run(name_of(request.scope), self.explorer.items, offset, limit))

    async def item(self, id: str) -> Response:
        """One item. The id is percent-encoded, its slashes too."""
        return JSONResponse(self.explorer.item(id))

    async def similar(
        self,
        request: Request,
        id: str,
        k: K = 3,
        where: Where = None,
        same: Same = None,
        ranking: Ranking = "default",
        prefer: Prefer = None,
        diverse: Diverse = False,
        color: Color = None,
        approximate: Approximate = False,
    ) -> Response:
        """The exact k most similar items of an item, nearest first."""
        if not request.scope.get("raw_path", b"/similar").split(b"?")[0].endswith(b"/similar"):
            return await self.item(f"{id}/similar")  # the slash was percent-encoded: a part of the id
        known(request.query_params)
        options = RankingOptions(
            k=k,
            ranking=ranking,
            where=where,
            same=tuple(same or ()),
            color=color,
            prefer=parse_preferences(prefer or ()),
            diverse=diverse,
            approximate=approximate,
        )
        started = time.perf_counter()
        found = await self._turns.run(name_of(request.scope), self.explorer.similar, id, options)
        return JSONResponse(_answer(found, started))

    async def search(
        self,
        request: Request,
        k: K = 3,
        where: Where = None,
        same: Same = None,
        ranking: Ranking = "default",
        prefer: Prefer = None,
        diverse: Diverse = False,
        color: Color = None,
        approximate: Approximate = False,
    ) -> Response:
        """The look-alikes of a photo (field `file`), and its place on the map. Nothing of it is kept.

        The ranking options may stand in the URL or in the form.
        """
        known(request.query_params)
        async with request_form(request) as form:
            photo = form.get("file")
            if not isinstance(photo, UploadFile):
                raise Problem(422, "E_NO_FILE", "there is no photo: send one file in the field 'file'")
            fields = {name: str(value) for name, value in form.items() if name != "file"}
            known(fields)
            data = await photo.read()
            repeated = [str(value) for value in form.getlist("same")] or same or []
            preferred = [str(value) for value in form.getlist("prefer")] or prefer or []
        options = RankingOptions(
            k=whole(fields["k"]) if "k" in fields else k,
            ranking=fields.get("ranking", ranking),
            where=short(fields.get("where")) or where,
            same=tuple(repeated),
            prefer=parse_preferences(preferred),
            diverse=is_yes("diverse", fields["diverse"]) if "diverse" in fields else diverse,
            approximate=is_yes("approximate", fields["approximate"]) if "approximate" in fields else approximate,
            color=share(fields["color"]) if "color" in fields else color,
        )
        started = time.perf_counter()
        found, place = await self._turns.run(name_of(request.scope), self.explorer.search, data, options)
        at = None if place is None else {"x": place[0], "y": place[1]}
        return JSONResponse({**_answer(found, started), "place": at})

    async def clusters(self, request: Request, k: Groups = None, v: Version = None) -> Response:
        """The clusters, and whether they are as new as the items; `k`: those of the sweep for another K."""
        shown = self._at(v)
        told, _ = await self._turns.run(name_of(request.scope), shown.grouped, k)
        if k is None:
            return await self._kept(shown, "clusters", request, lambda: told)
        return Packed.of(bytes(JSONResponse(told).body), "application/json").response(request)

    async def labels(self, request: Request, k: Groups = None, v: Version = None) -> Response:
        """The cluster of each item in the order of ids (int32, little-endian, -1: none), for the K of `clusters`."""
        _, labels = await self._turns.run(name_of(request.scope), self._at(v).grouped, k)
        return Packed.of(labels.astype("<i4").tobytes(), BINARY).response(request)

    async def map(self, request: Request) -> Response:
        """The map by columns, and whether it is as new as the items."""
        shown = self.explorer
        return await self._kept(shown, "map", request, lambda: _map(shown))

    async def points(self, request: Request, v: Version = None) -> Response:
        """The map for a page: little-endian arrays one after the other, each with one value an item in the order of
        ids: x, y (float32, NaN: no place), cluster (int32, -1: none), slot in the sheets (uint32), level (uint8).
        """
        shown = self._at(v)
        return await self._kept(shown, "points", request, lambda: shown.points)

    async def columns(self, request: Request, v: Version = None) -> Response:
        """Ids and metadata of all items by column."""
        shown = self._at(v)
        return await self._kept(shown, "columns", request, lambda: shown.columns)

    async def table(self, request: Request) -> Response:
        """Some items as a Parquet file: id, path, the metadata, vector, x, y, cluster. Reads only."""
        given = parsed(await request.body(), LARGEST_TABLE)
        ids = given.get("ids") if isinstance(given, dict) else None
        if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids):
            raise Problem(422, "E_USAGE", "ids must be a list of at least one id")
        body = await self._turns.run(name_of(request.scope), _parquet, self.explorer, ids)
        return Response(body, media_type=_Parquet.media_type)

    async def sheet(self, request: Request, number: int, v: Version = None) -> Response:
        """256 small pictures in one (JPEG), 16 by 16, by their slots."""
        shown = self._at(v)
        made = shown.made_sheet(number)
        if made is None:
            made = await self._turns.run(name_of(request.scope), shown.sheet, number)
        return Packed.of(made, "image/jpeg", small=False).response(request, _fresh(shown, v))

    async def thumbnail(self, request: Request, id: str, v: Version = None) -> Response:
        """The picture of an item (JPEG), 224 pixels on its longer side. The id is percent-encoded."""
        shown = self._live.at(v) or self.explorer
        picture = shown.seen_thumbnail(id)
        if picture is None:
            if self._against is None:
                shown.row(id)
            picture = await to_thread.run_sync(self._pictured, shown, id)
        return Packed.of(picture, "image/jpeg", small=False).response(request, _fresh(shown, v))

    def _pictured(self, shown: Explorer, item: str) -> bytes:
        try:
            return shown.thumbnail(item)
        except NotFound:
            if self._against is None:
                raise
            return self._against.thumbnail(item)

    async def _kept(self, shown: Explorer, name: str, request: Request, make: Callable[[], Any]) -> Response:
        """An answer that stays the same as long as the version does."""
        key = shown.version, name
        packed = self._packed.get(key)
        if packed is None:
            packed = await self._turns.run(name_of(request.scope), _packed, make)
            newest = self.explorer.version
            self._packed = {**{old: one for old, one in self._packed.items() if old[0] == newest}, key: packed}
        return packed.response(request)


def _packed(make: Callable[[], Any]) -> Packed:
    made = make()
    body, kind = (made, BINARY) if isinstance(made, bytes) else (JSONResponse(made).body, "application/json")
    return Packed.of(bytes(body), kind)


def _parquet(shown: Explorer, ids: list[str]) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(shown.table(ids), buffer)
    return buffer.getvalue()


def _fresh(shown: Explorer, version: str | None) -> str:
    """An address that names a version of the catalog always has the same answer."""
    return "private, max-age=31536000, immutable" if version == str(shown.version) else "private, max-age=60"


def _map(shown: Explorer) -> dict[str, Any]:
    return {
        **shown.state(schema.MAP).as_json(),
        "kept": (shown.info["map"] or {}).get("kept"),
        "total": len(shown.ids),
        "ids": shown.ids,
        "x": _numbers(shown.positions[:, 0]),
        "y": _numbers(shown.positions[:, 1]),
        "cluster": [None if label < 0 else label for label in shown.labels.tolist()],
    }


def _page(packed: Packed) -> Any:
    async def page(request: Request) -> Response:
        return packed.response(request)

    return page


def _answer(found: Similar, started: float) -> dict[str, Any]:
    answer = found.as_json()
    for hit in answer["results"]:
        hit["metadata"] = plain(hit["metadata"])
    return {**answer, "took_ms": round((time.perf_counter() - started) * 1e3, 3)}


def _numbers(values: Any) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


class _Jpeg(Response):
    media_type = "image/jpeg"


class _Parquet(Response):
    media_type = "application/vnd.apache.parquet"


class _Binary(Response):
    media_type = BINARY
