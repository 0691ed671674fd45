"""Errors of any kind as problems, and OpenAPI that says so."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lookalike.errors import LookalikeError
from lookalike.web import schemas
from lookalike.web.problems import Problem, of_error, problem

_log = logging.getLogger("lookalike.web")


def answer_errors(app: FastAPI) -> None:
    """Answer every error as `application/problem+json`."""

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


def describe_errors(app: FastAPI) -> None:
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
                for method, operation in operations.items():
                    for status, words in _statuses(path, method).items():
                        operation["responses"][str(status)] = {
                            "description": words,
                            "content": {
                                "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
                            },
                        }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def _statuses(path: str, method: str) -> dict[int, str]:
    found = {403: "Asked under a foreign name, or from a page of another site", 422: "A parameter is wrong"}
    if "{" in path:
        found[404] = "There is no such item or sheet"
    if path.endswith(("clusters", "labels", "points", "columns", "{number}")):
        found[410] = "The version is no longer at hand: ask for the newest"
    if method != "get" and not path.endswith("/search"):
        found[403] = "The server only reads, or asked under a foreign name, or from a page of another site"
    if path.endswith(("/votes", "/table")) and method == "post":
        found |= {
            400: "The body is no JSON",
            404: "There is no such item",
            408: "The body came too slowly",
            413: "The body is too large",
        }
    if path.endswith("/search") or (path.endswith("/items") and method == "post"):
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
