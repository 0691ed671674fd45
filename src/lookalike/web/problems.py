"""Every error as `application/problem+json` (RFC 9457): type, title, status, code, detail; no path, no traceback."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from lookalike.errors import LookalikeError, ModelError, NotFound, StoreError, UsageError

STATUS = {
    "E_EMPTY": 400,
    "E_NOT_IMAGE": 415,
    "E_FORMAT": 415,
    "E_TOO_LARGE": 413,
}
"""Of photos that cannot be used; all others are 422."""


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}

    def response(self) -> JSONResponse:
        """The answer."""
        return problem(self.status, self.code, self.detail, self.headers)


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that says what went wrong and what to do."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def busy(detail: str, seconds: int = 1) -> Problem:
    """Too much at once: come again after `seconds`."""
    return Problem(503, "E_BUSY", detail, {"Retry-After": str(seconds)})


def closing() -> Problem:
    """The server ends."""
    detail = "the server is being stopped: try again when it is back"
    return Problem(503, "E_CLOSING", detail, {"Retry-After": "5", "Connection": "close"})


def of_error(exc: LookalikeError) -> Problem:
    """What an error of the catalog is over HTTP."""
    if isinstance(exc, NotFound):
        return Problem(404, exc.code, str(exc))
    if isinstance(exc, UsageError):
        return Problem(STATUS.get(exc.code, 422), exc.code, str(exc))
    if isinstance(exc, ModelError):
        return Problem(409, exc.code, str(exc))
    if isinstance(exc, StoreError):
        detail = "the catalog cannot be read as it is: look at what the server printed, and run `lookalike info`"
        return Problem(503, exc.code, detail, {"Retry-After": "30"})
    return Problem(503, exc.code, "the request could not be answered: try again later", {"Retry-After": "30"})
