"""Answers that stay the same: the files of the page, and what was put together once."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes with their tag, and compressed where that makes them smaller."""

    body: bytes
    kind: str
    tag: str
    small: bytes | None

    @classmethod
    def of(cls, body: bytes, kind: str, *, small: bool = True) -> Packed:
        """Pack `body`; `small` False for what is compressed by nature."""
        packed = gzip.compress(body, 5, mtime=0) if small else None
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return cls(body, kind, tag, packed if packed is not None and len(packed) < len(body) else None)

    def response(self, request: Request, fresh: str = "no-cache") -> Response:
        """The answer: 304 to who has it already. `fresh` is its Cache-Control."""
        headers = {"etag": self.tag, "cache-control": fresh, "vary": "accept-encoding"}
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if self.tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        if self.small is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.small, headers={**headers, "content-encoding": "gzip"}, media_type=self.kind)
        return Response(self.body, headers=headers, media_type=self.kind)


def read_static(name: str) -> bytes:
    """A file of the page."""
    return (resources.files("lookalike.web") / "static" / name).read_bytes()


def static_names() -> list[str]:
    """The names of all files of the page."""
    folder = resources.files("lookalike.web") / "static"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.rpartition(".")[2] in KINDS)


def static_files() -> dict[str, Packed]:
    """All files of the page by name."""
    return {name: Packed.of(read_static(name), KINDS[name.rpartition(".")[2]]) for name in static_names()}
