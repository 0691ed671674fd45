"""Counts for whoever watches the server: `/metrics` in the text format of Prometheus, and lines of an access log.

Neither holds anything personal: a path appears as its pattern, without ids, queries or addresses.
"""

from __future__ import annotations

import bisect
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of durations, in seconds."""
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
access = logging.getLogger("lookalike.access")


class Metrics:
    """What happened since the start. All calls come from the event loop, so nothing is locked."""

    def __init__(self) -> None:
        self.started = time.time()
        self.open = 0
        self.connections = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered, or given up (status 499)."""
        method = method if method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS") else "other"
        self._requests[method, path, status] += 1
        buckets = self._buckets.setdefault(path, [0] * (len(BOUNDS) + 1))
        buckets[bisect.bisect_left(BOUNDS, seconds)] += 1
        self._seconds[path] += seconds
        if access.isEnabledFor(logging.INFO):
            access.info("%s %s %d %.1f ms", method, path, status, 1e3 * seconds)

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """The exposition; `gauges` maps further names to what they are and their value."""
        lines = _head("lookalike_requests_total", "counter", "Requests by method, path pattern and status.")
        for (method, path, status), count in sorted(self._requests.items()):
            lines.append(
                f'lookalike_requests_total{{method="{method}",path="{_quoted(path)}",status="{status}"}} {count}'
            )
        name = "lookalike_request_seconds"
        lines += _head(name, "histogram", "Seconds from the head of a request to the end of its answer.")
        for path, buckets in sorted(self._buckets.items()):
            label, total = f'path="{_quoted(path)}"', 0
            for bound, count in zip((*BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{{label},le="{bound}"}} {total}')
            lines += [f"{name}_sum{{{label}}} {self._seconds[path]:.6f}", f"{name}_count{{{label}}} {total}"]
        own = {
            "lookalike_open_requests": ("Requests that are being answered.", self.open),
            "lookalike_connections": ("Connections that are open.", self.connections),
            "process_start_time_seconds": ("When the server started, in seconds since 1970.", self.started),
            **_memory(),
        }
        for gauge, (words, value) in {**own, **gauges}.items():
            lines += [*_head(gauge, "gauge", words), f"{gauge} {value:.15g}"]
        return "\n".join(lines) + "\n"


def pattern(scope: Mapping[str, Any]) -> str:
    """The pattern of the route that answered, such as `/api/items/{id}`; `other` where none did."""
    route = scope.get("route")
    return str(getattr(route, "path", "other")).replace(":path}", "}")


def _memory() -> dict[str, tuple[str, float]]:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return {}
    return {"process_resident_memory_bytes": ("Memory of the server itself.", pages * 4096)}


def _head(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
