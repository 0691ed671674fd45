"""What requests may cost. One value for all that keeps a server answering: bodies, clients, waiting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a server takes on; beyond it requests are answered with 503 (429 for one client) and `Retry-After`.

    A body may have `body` bytes and take `seconds`; after a `grace` of seconds it must have come at `rate` bytes a
    second or faster since its start. `uploads` may be on their way at once, and all bodies that are held, those that
    wait for their answer included, may have `memory` bytes. `at_once` requests may be open whose body is there; those
    that keep a core busy wait up to about `patience` seconds for their turn.

    One client, unless it is this machine, may have `client_at_once` requests open and `client_uploads` bodies on their
    way, ask `client_burst` times for look-alikes in a row (an upload too), and again `client_rate` times a second.
    """

    body: int = 20 * 1024 * 1024 + 64 * 1024
    seconds: float = 60.0
    grace: float = 5.0
    rate: int = 8 * 1024
    uploads: int = 256
    memory: int = 256 * 1024 * 1024
    at_once: int = 512
    patience: float = 1.0
    client_at_once: int = 64
    client_uploads: int = 8
    client_burst: int = 100
    client_rate: float = 20.0
