"""What one client may ask for: so many requests at once, and so much costly work in a row.

Clients are told apart by their address, which behind a reverse proxy on this machine is the one that it forwards. Who
asks from this machine itself is not limited: it has other ways to keep it busy.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

KNOWN = 10_000
"""Clients that are remembered at most; the one that was not seen for longest is forgotten first."""


@dataclass(slots=True)
class _Client:
    left: float
    seen: float
    open: int = 0


class Clients:
    """Counts for each client its open requests, and what it may still ask for (a token bucket).

    `at_once` requests may be open; `burst` costly ones may follow each other, and `rate` come free a second.
    """

    def __init__(self, at_once: int, burst: int, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._burst, self._rate, self._now = at_once, burst, rate, now
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    def enter(self, address: str, costly: bool) -> float | None:
        """Begin a request: None if it may go on, else the seconds after which to come again. Then call `leave`."""
        if is_here(address):
            return None
        now = self._now()
        client = self._clients.setdefault(address, _Client(self._burst, now))
        self._clients.move_to_end(address)
        client.left = min(self._burst, client.left + (now - client.seen) * self._rate)
        client.seen = now
        self._forget()
        if client.open >= self._at_once:
            return 1.0
        if costly:
            if client.left < 1:
                return (1 - client.left) / self._rate
            client.left -= 1
        client.open += 1
        return None

    def leave(self, address: str) -> None:
        """End a request that could go on."""
        client = self._clients.get(address)
        if client is not None:
            client.open -= 1

    def _forget(self) -> None:
        for address in list(self._clients)[: max(0, len(self._clients) - KNOWN)]:
            if not self._clients[address].open:
                del self._clients[address]


def name_of(scope: Mapping[str, Any]) -> str:
    """What tells apart who takes turns: an address, and on this machine a connection."""
    host, port = scope.get("client") or ("", 0)
    return f"{host}:{port}" if is_here(host) else str(host)


@lru_cache(1_024)
def is_here(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True  # a socket of this machine, or a test's client
