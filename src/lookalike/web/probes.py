"""For those who keep the server running: is it alive, can it answer, how is it doing."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from lookalike.catalog import Live
from lookalike.web.metrics import MEDIA_TYPE, Metrics
from lookalike.web.problems import problem


class Probes:
    """`/healthz`, `/readyz` and `/metrics`. They need no token and say nothing of the items."""

    def __init__(self, live: Live, metrics: Metrics) -> None:
        self._live, self._metrics = live, metrics

    def register(self, app: FastAPI) -> None:
        """Add the endpoints to `app`."""
        for path, answer in (("/healthz", self.alive), ("/readyz", self.ready), ("/metrics", self.metrics)):
            app.get(path, include_in_schema=False)(answer)

    async def alive(self) -> Response:
        """200 as long as the process answers at all."""
        return JSONResponse({"status": "alive"})

    async def ready(self) -> Response:
        """200 if the catalog is there to be read, else 503."""
        folder = getattr(self._live.current().catalog.store, "folder", None)
        if isinstance(folder, Path) and not folder.is_dir():
            return problem(503, "E_NOT_READY", "the catalog is not there: bring it back", {"Retry-After": "5"})
        return JSONResponse({"status": "ready", "version": self._live.current().version})

    async def metrics(self) -> Response:
        """Counts in the text format of Prometheus."""
        shown = self._live.current()
        gauges = {
            "lookalike_items": ("Items of the catalog.", float(len(shown.ids))),
            "lookalike_catalog_version": ("The catalog's version that is shown.", float(shown.version)),
        }
        return Response(self._metrics.text(gauges), media_type=MEDIA_TYPE)
