"""The endpoints that change something, and the blind comparison of two catalogs."""

from __future__ import annotations

import json
import math
import threading
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from lookalike.catalog import Against, Live, plain
from lookalike.errors import CatalogLocked
from lookalike.options import MAX_K, RANKINGS, RankingOptions
from lookalike.records import Similar, Value
from lookalike.web import schemas
from lookalike.web.clients import name_of
from lookalike.web.problems import Problem
from lookalike.web.turns import Turns

LARGEST_JSON = 64 * 1024
MOST_FIELDS = 200
"""Metadata fields of one item."""
REPLACED: dict[int | str, dict[str, Any]] = {
    200: {"model": schemas.Added, "description": "The item with that id was replaced"}
}


class Writes:
    """Items that are added and removed by API; 403 unless `allowed`."""

    def __init__(self, live: Live, allowed: bool) -> None:
        self._live, self._allowed = live, allowed
        self._one = CapacityLimiter(1)

    def register(self, app: FastAPI) -> None:
        """Add the endpoints to `app`."""
        route = app.post(
            "/api/items", response_model=schemas.Added, status_code=201, responses=REPLACED, openapi_extra=ADDED
        )
        route(self.add)
        app.delete("/api/items/{id:path}", response_model=schemas.Removed)(self.remove)

    async def add(self, request: Request) -> Response:
        """Add a photo (field `file`) as an item, or replace the one with that `id`. Needs `--allow-writes`.

        `id`: the file's name if not given; `metadata`: a JSON object of texts, numbers and booleans.
        """
        check_allowed(self._allowed)
        async with request_form(request) as form:
            photo = form.get("file")
            if not isinstance(photo, UploadFile):
                raise Problem(422, "E_NO_FILE", "there is no photo: send one file in the field 'file'")
            for name in form:
                if name not in ("file", "id", "metadata"):
                    raise Problem(422, "E_USAGE", f"{name[:100]!r} is no field here: give file, id, metadata")
            data = await photo.read()
            item = str(form.get("id") or photo.filename or "")
            said = metadata_of(str(form.get("metadata") or "{}"))
        try:
            new, version = await to_thread.run_sync(self._live.add, data, item, said, limiter=self._one)
        except CatalogLocked as exc:
            raise locked() from exc
        return JSONResponse({"id": item, "added": new, "version": version}, 201 if new else 200)

    async def remove(self, id: str) -> Response:
        """Remove an item from the catalog; its photo is not touched. Needs `--allow-writes`."""
        check_allowed(self._allowed)
        try:
            version = await to_thread.run_sync(self._live.remove, id, limiter=self._one)
        except CatalogLocked as exc:
            raise locked() from exc
        return JSONResponse({"id": id, "removed": True, "version": version})


class Compared:
    """Two catalogs side by side."""

    def __init__(self, against: Against, writable: bool, turns: Turns, token: bool) -> None:
        self._against, self._writable, self._turns, self._token = against, writable, turns, token
        self._lock = threading.Lock()

    def register(self, app: FastAPI) -> None:
        """Add the endpoints to `app`."""
        app.get("/api/against", response_model=schemas.About)(self.about)
        app.get("/api/against/{id:path}", response_model=schemas.Sides)(self.sides)
        app.get("/api/votes", response_model=schemas.Result)(self.result)
        app.post("/api/votes", response_model=schemas.Result, status_code=201, openapi_extra=VOTE)(self.vote)

    def about(self) -> Response:
        """What is compared: catalog `a`, which is explored, and `b`, the one of `--against`."""
        return JSONResponse({**self._against.about(), "writable": self._writable, "token": self._token})

    async def sides(
        self,
        request: Request,
        id: str,
        k: Annotated[int, Query(ge=1, le=MAX_K, description="How many look-alikes.")] = 3,
        ranking: Annotated[str, Query(description=f"One of {', '.join(RANKINGS)}.")] = "default",
    ) -> Response:
        """The look-alikes of an item in both catalogs; `alike` if they are the same in the same order."""
        options = RankingOptions(k=k, ranking=ranking)
        found = await self._turns.run(name_of(request.scope), self._against.of, id, options)
        a, b = (_hits(side) for side in found)
        alike = [hit["id"] for hit in a] == [hit["id"] for hit in b]
        return JSONResponse({"query": id, "alike": alike, "a": a, "b": b})

    def result(self) -> Response:
        """What all votes that were sent say: the share that prefers b with its 95% interval, and the sign test."""
        with self._lock:
            return JSONResponse(self._against.result())

    async def vote(self, request: Request) -> Response:
        """Keep a vote. Needs `--allow-writes`. `choice`: `a`, `b` or `same`; `voter`: any name, of which the last vote
        on a query counts; `left`: what stood on the left side.
        """
        check_allowed(self._writable)
        given = parsed(await request.body())
        if not isinstance(given, dict):
            raise Problem(422, "E_USAGE", "a vote is a JSON object with query, choice and voter")
        for name in ("query", "choice", "voter"):
            if not isinstance(given.get(name), str) or not 0 < len(given[name]) <= 1_024:
                raise Problem(422, "E_USAGE", f"{name} must be a text of 1 to 1,024 characters")
        if given.get("left") not in (None, "a", "b"):
            raise Problem(422, "E_USAGE", "left must be a or b")
        kept = {name: given[name] for name in ("query", "choice", "voter", "left") if given.get(name) is not None}
        return JSONResponse(await to_thread.run_sync(self._against.vote, kept), 201)


def request_form(request: Request) -> Any:
    """The form of a request, or a problem if it has none."""
    kind = request.headers.get("content-type", "")
    if kind.split(";")[0].strip().lower() != "multipart/form-data":
        raise Problem(415, "E_NOT_FORM", "send the photo as multipart/form-data, in the field 'file'")
    return request.form(max_files=1, max_fields=20, max_part_size=LARGEST_JSON)


def check_allowed(allowed: bool) -> None:
    """Refuse to write unless the server was started so."""
    if not allowed:
        raise Problem(403, "E_READ_ONLY", "this server only reads: start it with `lookalike serve --allow-writes`")


def locked() -> Problem:
    """Another process writes."""
    return Problem(503, "E_LOCKED", "another process writes to the catalog: try again later", {"Retry-After": "2"})


def parsed(text: bytes | str, most: int = LARGEST_JSON) -> Any:
    """JSON as people mean it: no NaN, no number beyond what a double holds, no depth beyond reason."""
    if len(text) > most:
        raise Problem(413, "E_TOO_LARGE", f"the JSON has {len(text)} bytes: {most} are allowed")

    def refused(word: str) -> Any:
        raise Problem(422, "E_NOT_FINITE", f"{word} is no JSON value: leave it out, or say null")

    try:
        found = json.loads(text, parse_constant=refused)
        json.dumps(found, ensure_ascii=False).encode()  # an escape may be half of a character, which cannot be stored
        return found
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "E_JSON", "the JSON cannot be read: check its brackets, quotes and encoding") from exc


def metadata_of(text: str) -> dict[str, Value]:
    """The metadata of an item from JSON."""
    given = parsed(text)
    if not isinstance(given, dict) or len(given) > MOST_FIELDS:
        raise Problem(422, "E_USAGE", f"metadata must be a JSON object of at most {MOST_FIELDS} fields")
    for name, value in given.items():
        if not (isinstance(value, str | int | float | bool) or value is None) or not name or len(name) > 200:
            raise Problem(422, "E_USAGE", f"metadata {name[:100]!r} must be a text, number, boolean or null")
        if isinstance(value, float) and not math.isfinite(value):
            raise Problem(422, "E_NOT_FINITE", f"metadata {name[:100]!r} is too large for a number")
    return given


def _hits(found: Similar) -> list[dict[str, Any]]:
    return [{**hit, "metadata": plain(hit["metadata"])} for hit in found.as_json()["results"]]


_PHOTO = {"type": "string", "format": "binary", "description": "The photo."}
ADDED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": _PHOTO,
                        "id": {"type": "string", "maxLength": 1024, "description": "The file's name if not given."},
                        "metadata": {
                            "type": "string",
                            "description": "A JSON object.",
                            "examples": ['{"color": "red"}'],
                        },
                    },
                }
            }
        },
    }
}
VOTE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["query", "choice", "voter"],
                    "properties": {
                        "query": {"type": "string", "examples": ["0001.jpg"]},
                        "choice": {"type": "string", "enum": ["a", "b", "same"]},
                        "voter": {"type": "string", "maxLength": 1024, "minLength": 1},
                        "left": {"type": "string", "enum": ["a", "b"]},
                    },
                }
            }
        },
    }
}
