"""The REST API and the page, on one catalog: `make_app`. Every answer comes from `lookalike.catalog.Explorer`."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from lookalike import __version__
from lookalike.catalog import Against, Catalog, Explorer, Live, Votes, plain
from lookalike.errors import NotFound
from lookalike.options import MAX_K, MAX_WEIGHT, RANKINGS, RankingOptions, parse_preferences
from lookalike.records import Similar
from lookalike.store import schema
from lookalike.web import schemas
from lookalike.web.describe import answer_errors, describe_errors
from lookalike.web.files import Packed, static_files
from lookalike.web.guard import Guard, Limits
from lookalike.web.metrics import Metrics
from lookalike.web.probes import Probes
from lookalike.web.problems import Problem
from lookalike.web.writes import Compared, Writes, parsed, request_form

CONTROLS = ("k", "where", "same", "ranking", "color", "prefer", "diverse", "approximate")
"""The ranking options there are: the page shows a control for each that it knows."""
LARGEST_TABLE = 20 * 1024 * 1024
"""Bytes of a list of ids."""
LONG = 2_000
"""Characters of a filter at most."""
BINARY = "application/octet-stream"
Result = TypeVar("Result")

K = Annotated[int, Query(ge=1, le=MAX_K, description="How many look-alikes.")]
Where = Annotated[
    str | None,
    Query(
        max_length=LONG,
        description="Only items for which this SQL expression over the metadata holds.",
        examples=["color = 'Black'"],
    ),
]
Same = Annotated[list[str] | None, Query(description="Only items with the query's value in this field; repeatable.")]
Ranking = Annotated[str, Query(description=f"One of {', '.join(RANKINGS)}.")]
Prefer = Annotated[
    list[str] | None,
    Query(
        max_length=100,
        description=f"FIELD=WEIGHT: rather items with the query's value there, 0 to {MAX_WEIGHT:g}; repeatable.",
        examples=[["brand=0.3"]],
    ),
]
Diverse = Annotated[bool, Query(description="Results that differ: near-identical items count once.")]
Approximate = Annotated[
    bool,
    Query(description="With ranking=euclidean: by the catalog's index if it has one, which may miss some; see recall."),
]
Color = Annotated[
    float | None,
    Query(ge=0, le=1, description="Share of color in the default ranking: 0 shape and material alone, 1 color alone."),
]
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
    app.add_middleware(Guard, hosts=hosts, limits=limits, token=token, metrics=metrics)
    live = Live(catalog)
    Probes(live, metrics).register(app)
    versus = None
    if against is not None:
        versus = Against(live, Live(against), Votes.beside(getattr(catalog.store, "folder", None)))
        Compared(versus, writable).register(app)
    Writes(live, writable).register(app)
    _Api(live, versus, writable).register(app)
    answer_errors(app)
    describe_errors(app)
    return app


class _Api:
    """The endpoints."""

    def __init__(self, live: Live, against: Against | None = None, writable: bool = False) -> None:
        self._live, self._against, self._writable = live, against, writable
        self._packed: dict[tuple[int, str], Packed] = {}
        self._workers: CapacityLimiter | None = None

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
        app.post("/api/search", response_model=schemas.Found, openapi_extra=_UPLOAD)(self.search)
        get("/api/clusters", response_model=schemas.Clusters)(self.clusters)
        get("/api/labels", response_class=_Binary)(self.labels)
        get("/api/map", response_model=schemas.Map)(self.map)
        get("/api/points", response_class=_Binary)(self.points)
        get("/api/columns", response_model=schemas.Columns)(self.columns)
        app.post("/api/table", response_class=_Parquet, openapi_extra=_IDS)(self.table)
        get("/api/sheets/{number}", response_class=_Jpeg)(self.sheet)
        get("/thumbnails/{id:path}", response_class=_Jpeg)(self.thumbnail)
        files = static_files()
        for route, name in (("/", "index.html"), ("/docs", "docs.html"), ("/favicon.ico", "icon.svg")):
            get(route, include_in_schema=False)(_page(files[name]))
        for name, packed in files.items():
            get(f"/static/{name}", include_in_schema=False)(_page(packed))

    def info(self) -> Response:
        """What the catalog holds, how new its results are, and what this server offers."""
        shown = self.explorer
        offers = {"controls": list(CONTROLS), "upload": True, "writable": self._writable}
        against = None if self._against is None else self._against.about()["items"]
        return JSONResponse({**shown.info, "sheets": shown.sheets, "room": shown.room, **offers, "against": against})

    def items(self, offset: Offset = 0, limit: Limit = 100) -> Response:
        """A part of all items, in the order of their ids."""
        return JSONResponse(self.explorer.items(offset, limit))

    def item(self, id: str) -> Response:
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
            return await to_thread.run_sync(
                self.item, f"{id}/similar"
            )  # the slash was percent-encoded: a part of the id
        _known(request.query_params)
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
        found = await self._worked(self.explorer.similar, id, options)
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
        _known(request.query_params)
        async with request_form(request) as form:
            photo = form.get("file")
            if not isinstance(photo, UploadFile):
                raise Problem(422, "E_NO_FILE", "there is no photo: send one file in the field 'file'")
            fields = {name: str(value) for name, value in form.items() if name != "file"}
            _known(fields)
            data = await photo.read()
            repeated = [str(value) for value in form.getlist("same")] or same or []
            preferred = [str(value) for value in form.getlist("prefer")] or prefer or []
        options = RankingOptions(
            k=_whole(fields["k"]) if "k" in fields else k,
            ranking=fields.get("ranking", ranking),
            where=_short(fields.get("where")) or where,
            same=tuple(repeated),
            prefer=parse_preferences(preferred),
            diverse=_is_yes("diverse", fields["diverse"]) if "diverse" in fields else diverse,
            approximate=_is_yes("approximate", fields["approximate"]) if "approximate" in fields else approximate,
            color=_share(fields["color"]) if "color" in fields else color,
        )
        started = time.perf_counter()
        found, place = await self._worked(self.explorer.search, data, options)
        at = None if place is None else {"x": place[0], "y": place[1]}
        return JSONResponse({**_answer(found, started), "place": at})

    async def _worked(self, task: Callable[..., Result], *given: Any) -> Result:
        """Run what keeps a core busy in a thread, as many at once as there are cores: more would only be slower."""
        if self._workers is None:
            self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))
        return await to_thread.run_sync(task, *given, limiter=self._workers)

    async def clusters(self, request: Request, k: Groups = None, v: Version = None) -> Response:
        """The clusters, and whether they are as new as the items; `k`: those of the sweep for another K."""
        shown = self._at(v)
        told, _ = await self._worked(shown.grouped, k)
        if k is None:
            return self._kept(shown, "clusters", request, lambda: told)
        return Packed.of(bytes(JSONResponse(told).body), "application/json").response(request)

    async def labels(self, request: Request, k: Groups = None, v: Version = None) -> Response:
        """The cluster of each item in the order of ids (int32, little-endian, -1: none), for the K of `clusters`."""
        _, labels = await self._worked(self._at(v).grouped, k)
        return Packed.of(labels.astype("<i4").tobytes(), BINARY).response(request)

    def map(self, request: Request) -> Response:
        """The map by columns, and whether it is as new as the items."""
        shown = self.explorer
        return self._kept(shown, "map", request, lambda: _map(shown))

    def points(self, request: Request, v: Version = None) -> Response:
        """The map for a page: little-endian arrays one after the other, each with one value an item in the order of
        ids: x, y (float32, NaN: no place), cluster (int32, -1: none), slot in the sheets (uint32), level (uint8).
        """
        shown = self._at(v)
        return self._kept(shown, "points", request, lambda: shown.points)

    def columns(self, request: Request, v: Version = None) -> Response:
        """Ids and metadata of all items by column."""
        shown = self._at(v)
        return self._kept(shown, "columns", request, lambda: shown.columns)

    async def table(self, request: Request) -> Response:
        """Some items as a Parquet file: id, path, the metadata, vector, x, y, cluster. Reads only."""
        given = parsed(await request.body(), LARGEST_TABLE)
        ids = given.get("ids") if isinstance(given, dict) else None
        if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids):
            raise Problem(422, "E_USAGE", "ids must be a list of at least one id")
        body = await self._worked(_parquet, self.explorer, ids)
        return Response(body, media_type=_Parquet.media_type)

    def sheet(self, request: Request, number: int, v: Version = None) -> Response:
        """256 small pictures in one (JPEG), 16 by 16, by their slots."""
        shown = self._at(v)
        return Packed.of(shown.sheet(number), "image/jpeg", small=False).response(request, _fresh(shown, v))

    def thumbnail(self, request: Request, id: str, v: Version = None) -> Response:
        """The picture of an item (JPEG), 224 pixels on its longer side. The id is percent-encoded."""
        shown = self._live.at(v) or self.explorer
        try:
            picture = shown.thumbnail(id)
        except NotFound:
            if self._against is None:
                raise
            picture = self._against.thumbnail(id)
        return Packed.of(picture, "image/jpeg", small=False).response(request, _fresh(shown, v))

    def _kept(self, shown: Explorer, name: str, request: Request, make: Callable[[], Any]) -> Response:
        """An answer that stays the same as long as the version does."""
        key = shown.version, name
        packed = self._packed.get(key)
        if packed is None:
            made = make()
            body, kind = (made, BINARY) if isinstance(made, bytes) else (JSONResponse(made).body, "application/json")
            packed = Packed.of(bytes(body), kind)
            newest = self.explorer.version
            self._packed = {**{old: one for old, one in self._packed.items() if old[0] == newest}, key: packed}
        return packed.response(request)


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
    def page(request: Request) -> Response:
        return packed.response(request)

    return page


def _answer(found: Similar, started: float) -> dict[str, Any]:
    answer = found.as_json()
    for hit in answer["results"]:
        hit["metadata"] = plain(hit["metadata"])
    return {**answer, "took_ms": round((time.perf_counter() - started) * 1e3, 3)}


def _known(given: Any) -> None:
    """Refuse what is no ranking option: a typing error must not pass for an answer."""
    for name in given:
        if name not in CONTROLS:
            known = ", ".join(CONTROLS)
            raise Problem(422, "E_USAGE", f"{name[:100]!r} is not a ranking option here: give some of {known}")


def _whole(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10):
        raise Problem(422, "E_USAGE", f"k={text[:100]!r} is no whole number: give one from 1 to {MAX_K}")
    return int(text)


def _is_yes(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise Problem(422, "E_USAGE", f"{name}={text[:100]!r} is neither true nor false: give one of them")
    return text.lower() in ("true", "1")


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Problem(422, "E_USAGE", f"color={text[:100]!r} is no number: give one from 0 to 1") from None


def _short(text: str | None) -> str | None:
    if text is not None and len(text) > LONG:
        raise Problem(422, "E_USAGE", f"where has {len(text)} characters: give at most {LONG}")
    return text


def _numbers(values: Any) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


class _Jpeg(Response):
    media_type = "image/jpeg"


class _Parquet(Response):
    media_type = "application/vnd.apache.parquet"


class _Binary(Response):
    media_type = BINARY


_IDS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["ids"],
                    "properties": {"ids": {"type": "array", "items": {"type": "string"}, "examples": [["0001.jpg"]]}},
                }
            }
        },
    }
}
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The photo."}},
                }
            }
        },
    }
}
