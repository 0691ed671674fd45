"""The bodies of requests: read whole before the app sees them, within bounds of size, time, rate and number.

A client that sends byte by byte costs a connection and nothing else: its body holds no place that another one needs,
since where all places are taken the slowest gives way. The rate that is asked for after a grace is what
Apache's mod_reqtimeout does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from lookalike.web.clients import is_here
from lookalike.web.limits import Limits
from lookalike.web.problems import Problem, busy, closing

YOUNG = 1.0
"""Seconds for which a body on its way does not give way to another."""


class Gone(Exception):
    """The client left."""


@dataclass(slots=True, eq=False)
class _Body:
    timeout: asyncio.Timeout
    began: float
    size: int = 0
    gives_way: bool = False


class Bodies:
    """Reads bodies, and counts those that are on their way and the bytes that are held."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._coming: set[_Body] = set()
        self._clients: Counter[str] = Counter()
        self._closed = False
        self.held = 0

    @property
    def coming(self) -> int:
        """Bodies that are on their way."""
        return len(self._coming)

    def close(self) -> None:
        """The server ends: what is not there yet is not waited for."""
        self._closed = True
        for body in list(self._coming):
            self._end(body)

    def free(self, size: int) -> None:
        """A body of `size` bytes that `read` returned is no longer needed."""
        self.held -= size

    async def read(self, scope: Scope, receive: Receive, address: str) -> bytes:
        """The body of a request; call `free` when it was answered. Raises `Problem`, and `Gone` if the client left."""
        limits = self._limits
        refused = Problem(413, "E_TOO_LARGE", f"the body is larger than {limits.body} bytes: send a smaller photo")
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > limits.body:
            raise refused
        self._enter(address)
        parts = bytearray()
        body = None
        try:
            async with asyncio.timeout(min(limits.seconds, limits.grace)) as timeout:
                clock = asyncio.get_running_loop()
                body = _Body(timeout, clock.time())
                self._coming.add(body)
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    part = message.get("body", b"")
                    more = message.get("more_body", False)
                    parts += part
                    body.size += len(part)
                    self.held += len(part)
                    if body.size > limits.body:
                        raise refused
                    if self.held > limits.memory and not self._make_way(body):
                        raise busy("too much is being uploaded at once: try again in a moment")
                    if not timeout.expired() and not body.gives_way:
                        timeout.reschedule(body.began + min(limits.seconds, limits.grace + body.size / limits.rate))
        except BaseException as exc:
            if body is not None:
                self.held -= body.size
            if isinstance(exc, TimeoutError):
                raise self._late(body) from exc
            raise
        finally:
            if body is not None:
                self._coming.discard(body)
            self._leave(address)
        return bytes(parts)

    def _enter(self, address: str) -> None:
        if self._closed:
            raise closing()
        if not is_here(address) and self._clients[address] >= self._limits.client_uploads:
            detail = "this address uploads more at once than it may: wait until one of them is done"
            raise Problem(429, "E_TOO_MANY", detail, {"Retry-After": "1", "Connection": "close"})
        if len(self._coming) >= self._limits.uploads and not self._make_way():
            raise busy("too many uploads at once: try again in a moment")
        self._clients[address] += 1

    def _leave(self, address: str) -> None:
        self._clients[address] -= 1
        if not self._clients[address]:
            del self._clients[address]

    def _make_way(self, but: _Body | None = None) -> bool:
        """Give up the body that came slowest, unless all are young; whether there was one."""
        now = asyncio.get_running_loop().time()
        old = [body for body in self._coming if body is not but and now - body.began >= YOUNG and not body.gives_way]
        if not old:
            return False
        self._end(min(old, key=lambda body: body.size / (now - body.began)))
        return True

    def _end(self, body: _Body) -> None:
        body.gives_way = True
        if not body.timeout.expired():
            body.timeout.reschedule(0)

    def _late(self, body: _Body | None) -> Problem:
        if self._closed:
            return closing()
        limits = self._limits
        if body is not None and body.gives_way:
            detail = "the body came slower than all others, and they need its place: send it again, faster"
        else:
            detail = (
                f"the body came too slowly: it has {limits.grace:g} s, and {limits.seconds:g} s if it comes at "
                f"{limits.rate} bytes a second; send it faster, or a smaller photo"
            )
        return Problem(408, "E_SLOW", detail, {"Connection": "close"})


def replay(body: bytes, receive: Receive) -> Receive:
    """What hands `body` to an app in one piece."""
    handed: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return handed.pop() if handed else await receive()

    return replayed
