"""The REST API and the page, on one catalog: `make_app`. Every answer comes from `lookalike.catalog.Explorer`."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from lookalike import __version__
from lookalike.catalog import Catalog, Explorer, plain
from lookalike.errors import LookalikeError
from lookalike.options import MAX_K, MAX_WEIGHT, RANKINGS, RankingOptions, parse_preferences
from lookalike.records import Similar
from lookalike.store import schema
from lookalike.web import schemas
from lookalike.web.files import Packed, static_files
from lookalike.web.guard import Guard, Limits
from lookalike.web.problems import Problem, of_error, problem

CONTROLS = ("k", "where", "same", "ranking", "prefer", "diverse")
"""The ranking options there are: the page shows a control for each that it knows."""
LONG = 2_000
"""Characters of a filter at most."""
Result = TypeVar("Result")
_log = logging.getLogger("lookalike.web")

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
Offset = Annotated[int, Query(ge=0, le=2**53, description="Items to skip.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Items at most.")]


def make_app(catalog: Catalog, *, hosts: Collection[str] = (), limits: Limits | None = None) -> FastAPI:
    """The explorer of `catalog` as an ASGI app: run it with uvicorn, or mount it in a service of your own.

    It only reads. The app shows the catalog as it is now: make it anew to show what was indexed later. `hosts`:
    names under which it may be asked, besides `localhost`, names without a dot and IP addresses; `*` for any.
    """
    app = FastAPI(
        title="lookalike",
        version=__version__,
        summary="Products that look alike.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.add_middleware(Guard, hosts=hosts, limits=limits)
    _Api(Explorer(catalog)).register(app)
    _answer_errors(app)
    _describe_errors(app)
    return app


class _Api:
    """The endpoints."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self._packed: dict[str, Packed] = {}
        self._workers: CapacityLimiter | None = None

    def register(self, app: FastAPI) -> None:
        """Add the endpoints to `app`."""
        get = app.get
        get("/api/info", response_model=schemas.Info)(self.info)
        get("/api/items", response_model=schemas.Items)(self.items)
        get("/api/items/{id:path}/similar", response_model=schemas.Similar)(self.similar)
        get("/api/items/{id:path}", response_model=schemas.Described)(self.item)
        app.post("/api/search", response_model=schemas.Found, openapi_extra=_UPLOAD)(self.search)
        get("/api/clusters", response_model=schemas.Clusters)(self.clusters)
        get("/api/map", response_model=schemas.Map)(self.map)
        get("/api/points", response_class=_Binary)(self.points)
        get("/api/columns", response_model=schemas.Columns)(self.columns)
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
        return JSONResponse(
            {**shown.info, "sheets": shown.sheets, "room": shown.room, "controls": list(CONTROLS), "upload": True}
        )

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
            prefer=parse_preferences(prefer or ()),
            diverse=diverse,
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
    ) -> Response:
        """The look-alikes of a photo (field `file`), and its place on the map. Nothing of it is kept.

        The ranking options may stand in the URL or in the form.
        """
        _known(request.query_params)
        kind = request.headers.get("content-type", "")
        if kind.split(";")[0].strip().lower() != "multipart/form-data":
            raise Problem(415, "E_NOT_FORM", "send the photo as multipart/form-data, in the field 'file'")
        async with request.form(max_files=1, max_fields=20, max_part_size=64 * 1024) as form:
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
            diverse=_is_yes(fields["diverse"]) if "diverse" in fields else diverse,
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

    def clusters(self, request: Request) -> Response:
        """The clusters, and whether they are as new as the items."""
        return self._kept("clusters", request, lambda: self.explorer.clusters)

    def map(self, request: Request) -> Response:
        """The map by columns, and whether it is as new as the items."""
        return self._kept("map", request, self._map)

    def _map(self) -> dict[str, Any]:
        shown = self.explorer
        return {
            **shown.state(schema.MAP).as_json(),
            "kept": (shown.info["map"] or {}).get("kept"),
            "total": len(shown.ids),
            "ids": shown.ids,
            "x": _numbers(shown.positions[:, 0]),
            "y": _numbers(shown.positions[:, 1]),
            "cluster": [None if label < 0 else label for label in shown.labels.tolist()],
        }

    def points(self, request: Request) -> Response:
        """The map for a page: little-endian arrays one after the other, each with one value an item in the order of
        ids: x, y (float32, NaN: no place), cluster (int32, -1: none), slot in the sheets (uint32), level (uint8).
        """
        if "points" not in self._packed:
            self._packed["points"] = Packed.of(self.explorer.points, "application/octet-stream")
        return self._packed["points"].response(request)

    def columns(self, request: Request) -> Response:
        """Ids and metadata of all items by column."""
        return self._kept("columns", request, lambda: self.explorer.columns)

    def sheet(self, request: Request, number: int) -> Response:
        """256 small pictures in one (JPEG), 16 by 16, by their slots."""
        return Packed.of(self.explorer.sheet(number), "image/jpeg", small=False).response(request, self._fresh(request))

    def thumbnail(self, request: Request, id: str) -> Response:
        """The picture of an item (JPEG), 224 pixels on its longer side. The id is percent-encoded."""
        picture = self.explorer.thumbnail(id)
        return Packed.of(picture, "image/jpeg", small=False).response(request, self._fresh(request))

    def _fresh(self, request: Request) -> str:
        """An address that names this version of the catalog always has the same answer."""
        if request.query_params.get("v") == str(self.explorer.version):
            return "private, max-age=31536000, immutable"
        return "private, max-age=60"

    def _kept(self, name: str, request: Request, make: Any) -> Response:
        if name not in self._packed:
            self._packed[name] = Packed.of(bytes(JSONResponse(make()).body), "application/json")
        return self._packed[name].response(request)


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


def _is_yes(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise Problem(422, "E_USAGE", f"diverse={text[:100]!r} is neither true nor false: give one of them")
    return text.lower() in ("true", "1")


def _short(text: str | None) -> str | None:
    if text is not None and len(text) > LONG:
        raise Problem(422, "E_USAGE", f"where has {len(text)} characters: give at most {LONG}")
    return text


def _numbers(values: Any) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _answer_errors(app: FastAPI) -> None:
    async def of_catalog(_: Request, exc: LookalikeError) -> Response:
        found = of_error(exc)
        if found.status >= 500:
            _log.error("%s: %s", exc.code, exc)
        return found.response()

    async def of_request(_: Request, exc: RequestValidationError) -> Response:
        wrong = exc.errors()[0]
        name = str(wrong["loc"][-1])[:100]
        return problem(422, "E_USAGE", f"{name}={str(wrong.get('input'))[:100]!r}: {wrong['msg'].lower()}")

    async def of_http(_: Request, exc: HTTPException) -> Response:
        code = {404: "E_NOT_FOUND", 405: "E_METHOD"}.get(exc.status_code, "E_REQUEST")
        return problem(exc.status_code, code, str(exc.detail), dict(exc.headers or {}))

    async def of_problem(_: Request, exc: Problem) -> Response:
        return exc.response()

    async def unexpected(_: Request, exc: Exception) -> Response:
        return problem(500, "E_FAILED", f"unexpected {type(exc).__name__}: the server's output says where")

    handlers: dict[type[Exception], Any] = {
        LookalikeError: of_catalog,
        RequestValidationError: of_request,
        HTTPException: of_http,
        Problem: of_problem,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _describe_errors(app: FastAPI) -> None:
    """Let OpenAPI say that errors are problem+json, in place of FastAPI's own form of them."""
    make = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document: dict[str, Any] = make()
            parts = document["components"]["schemas"]
            parts["ProblemDetails"] = schemas.ProblemDetails.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                parts.pop(unused, None)
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    for status, words in _statuses(path).items():
                        operation["responses"][str(status)] = {
                            "description": words,
                            "content": {
                                "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
                            },
                        }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def _statuses(path: str) -> dict[int, str]:
    found = {403: "Asked under a foreign name, or from a page of another site", 422: "A parameter is wrong"}
    if "{" in path:
        found[404] = "There is no such item or sheet"
    if path.endswith("/search"):
        found |= {
            400: "The photo has no bytes, or the form is damaged",
            408: "The body came too slowly",
            409: "The catalog's model is not the one that this server has",
            413: "The body or the photo is too large",
            415: "No form, or the file is no image",
            422: "A parameter is wrong, or the photo cannot be used",
        }
    found[503] = "Too many requests at once, or the catalog cannot be read: try again after Retry-After"
    return dict(sorted(found.items()))


class _Jpeg(Response):
    media_type = "image/jpeg"


class _Binary(Response):
    media_type = "application/octet-stream"


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
