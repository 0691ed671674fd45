"""What stands before every request: who may ask, how many at once, and the body read whole (see `bodies`)."""

from __future__ import annotations

import hmac
import ipaddress
import math
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.web.bodies import Bodies, Gone, replay
from lookalike.web.clients import Clients
from lookalike.web.limits import Limits
from lookalike.web.metrics import Metrics, pattern
from lookalike.web.problems import Problem, busy

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""The content security policy of every answer: nothing from another host, no script in a page."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


READING = ("GET", "HEAD", "OPTIONS")
ASKING = "/api/search"
SENT_TO_READ = frozenset({ASKING, "/api/table"})
"""The paths where a body is sent and nothing is written."""


class Guard:
    """ASGI middleware. The body of a request is read whole, within its limits, before the app sees any of it.

    A Host header is answered that is an IP address, a name without a dot, or one of `hosts` (`*`: any): a page of
    another site cannot reach the server under a name of its own (DNS rebinding). A request that changes or
    uploads anything must come from a page of this server, or from no page. With a `token`, one that may write (all but
    GET and `SENT_TO_READ`) must bring it: `Authorization: Bearer TOKEN`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] = (),
        limits: Limits | None = None,
        token: str | None = None,
        metrics: Metrics | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        self.app = app
        self.token = token
        self.metrics = metrics or Metrics()
        self.hosts = frozenset(host.lower() for host in hosts)
        self.limits = limits or Limits()
        self.bodies = bodies or Bodies(self.limits)
        self._open = self._answering = 0
        self._clients = Clients(self.limits.client_at_once, self.limits.client_burst, self.limits.client_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started, status = time.perf_counter(), 499  # as long as nothing was answered

        async def sealed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        address = (scope.get("client") or ("",))[0]
        entered, held = False, 0
        self._open += 1
        self.metrics.open = self._open
        try:
            self._check_sender(scope)
            self._check_work(address, _path(scope))
            entered = True
            if scope["method"] not in READING:
                body = await self.bodies.read(scope, receive, address)
                held = len(body)
                receive = replay(body, receive)
            if self._answering >= self.limits.at_once:
                raise busy("too many requests at once: try again in a moment")
            self._answering += 1
            try:
                await self.app(scope, receive, sealed)
            finally:
                self._answering -= 1
        except Problem as exc:
            await exc.response()(scope, receive, sealed)
        except Gone:
            return
        finally:
            self._open -= 1
            self.metrics.open = self._open
            self.bodies.free(held)
            if entered:
                self._clients.leave(address)
            self.metrics.answered(scope["method"], pattern(scope), status, time.perf_counter() - started)

    def _check_work(self, address: str, path: str) -> None:
        wait = self._clients.enter(address, path.startswith(ASKING) or path.endswith("/similar"))
        if wait is not None:
            detail = "this address asks for more than it may: ask less often, or fewer things at once"
            raise Problem(429, "E_TOO_MANY", detail, {"Retry-After": str(math.ceil(wait))})

    def _check_sender(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if "*" not in self.hosts and not self._known(host):
            detail = (
                f"the name {host[:200]!r} is not one that this server answers to: start it with "
                "`lookalike serve --allow-host NAME`, or give make_app(hosts=[...])"
            )
            raise Problem(403, "E_HOST", detail)
        if scope["method"] in READING:
            return
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Problem(403, "E_ORIGIN", "this request comes from a page of another site: that is not allowed")
        if self.token is not None and _path(scope) not in SENT_TO_READ:
            kind, _, given = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self.token.encode()):
                detail = "writing needs the token that the server was started with: send `Authorization: Bearer TOKEN`"
                raise Problem(401, "E_TOKEN", detail, {"WWW-Authenticate": "Bearer"})

    def _known(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self.hosts or ("." not in name and ":" not in name and name):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _path(scope: Scope) -> str:
    """The path inside this app, wherever it is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
