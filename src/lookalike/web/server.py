"""`lookalike serve`: uvicorn on a socket of our own, ended by SIGTERM and Ctrl-C with everything answered."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lookalike.catalog import Catalog
from lookalike.errors import UsageError
from lookalike.web.app import make_app
from lookalike.web.clients import is_here
from lookalike.web.metrics import Metrics, access

HEADERS_WITHIN = 10.0
"""Seconds for the head of a request to arrive."""
KEPT_FOR = 10
"""Seconds that a connection without a request is kept."""
ENDS_WITHIN = 10
"""Seconds that open requests have to end after SIGTERM."""
CONNECTIONS = 4_096
"""Connections at once; one more is told to come again, and closed."""
CONNECTIONS_EACH = 256
"""Connections at once of one address, unless it is this machine's."""
SWITCHES_AFTER = 0.001
"""Seconds after which a thread that computes lets the one go on that talks to everybody."""
_BODY = (
    b'{"type":"about:blank","title":"Service Unavailable","status":503,"code":"E_BUSY",'
    b'"detail":"too many connections at once: try again in a moment"}'
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def serve(  # noqa: PLR0913  what the command offers
    catalog: Catalog,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    hosts: Collection[str] = (),
    against: Catalog | None = None,
    writable: bool = False,
    token: str | None = None,
    access_log: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the explorer of `catalog` until SIGTERM or Ctrl-C, and then return. `against`, `writable`, `token`: see
    `make_app`. `access_log` writes a line a request to stderr, without addresses, ids and queries.

    `port` 0 takes a free one; `ready` is called with the address once it answers. Raises `UsageError` where
    host and port cannot be had.
    """
    listening = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}/"
    metrics = Metrics()
    if access_log:
        _log_access()
    _allow_files()
    app = make_app(catalog, hosts=(*hosts, host), against=against, writable=writable, token=token, metrics=metrics)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEPT_FOR,
        timeout_graceful_shutdown=ENDS_WITHIN,
        h11_max_incomplete_event_size=64 * 1024,
    )
    sys.setswitchinterval(SWITCHES_AFTER)
    with listening:
        _Server(config, address, ready, metrics, app.state.closing).run(sockets=[listening])


def _log_access() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False


def _allow_files() -> None:
    """Allow as many open files as the system lets this process have, so that connections end first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)  # so that a port in use shows now, with SO_REUSEADDR too
    except (OSError, OverflowError) as exc:
        listening.close()
        words = getattr(exc, "strerror", None) or exc
        raise UsageError(
            f"cannot listen on {host} port {port} ({words}): give another --port, or 0 for a free one"
        ) from exc
    return listening


class _Server(uvicorn.Server):
    """A server that says when it is ready, and for which a signal is the normal end."""

    def __init__(
        self,
        config: uvicorn.Config,
        address: str,
        ready: Callable[[str], None] | None,
        metrics: Metrics,
        closing: Sequence[Callable[[], None]],
    ) -> None:
        super().__init__(config)
        self._address, self._ready, self._metrics, self._closing = address, ready, metrics, closing

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn does; it also counts the connections."""
        self._metrics.connections = len(self.server_state.connections)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        if self.started and self._ready is not None:
            self._ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: what has not begun, and bodies that are not there yet, are told to come again."""
        for close in self._closing:
            close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn does, but without raising the signal again at the end: the process ends with 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        known = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._end) for number in known}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)


class _Joined:
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes the head and the body of an answer apart: that is two system calls and two packets.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send `data` soon."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        """Send what was written."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Send the rest, and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(H11Protocol):
    """A connection whose requests must arrive: one that stays silent amid its head is closed."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", _Joined(transport, self.loop))
        if len(self.connections) > CONNECTIONS or self._has_too_many():
            self.transport.write(_FULL)
            self.transport.close()
            return
        self._wait()

    def _has_too_many(self) -> bool:
        host = self.client[0] if self.client else ""
        if len(self.connections) <= CONNECTIONS_EACH or is_here(host):
            return False
        clients = (getattr(other, "client", None) for other in self.connections)
        return sum(1 for client in clients if client is not None and client[0] == host) > CONNECTIONS_EACH

    def data_received(self, data: bytes) -> None:
        """Bytes came: stop the clock if they completed a head, start it if they began one."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self._waiting = self.loop.call_later(HEADERS_WITHIN, self._give_up)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
