"""Many clients, fast and slow: `python -m tests.faults.soak [--clients 1000] [--slow 500] [--seconds 120]`.

A server of a small catalog is asked by `--clients` at once (pages, items, look-alikes, uploads, nonsense), while
`--slow` others send a head or a body byte by byte and never end. Nothing but 2xx, 4xx and 503 with Retry-After may come
back. At the end SIGTERM comes under full load: the server must end with 0 within 20 s. Prints answers and times, the
server's memory, and the seconds in which no client was served. Ends with 1 if anything of that fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.flips import make
from tests.faults.recipes import encode, smooth

ENDS_WITHIN = 20.0
PATHS = (
    "/",
    "/api/info",
    "/api/items?limit=20",
    "/api/map",
    "/api/items/003.png/similar",
    "/thumbnails/005.png",
    "/healthz",
)
NONSENSE = ("/api/items/nobody", "/api/items/003.png/similar?k=-1", "/thumbnails/..%2f..%2fetc%2fpasswd")


@dataclass
class Seen:
    """What came back."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    kinds: dict[str, list[float]] = field(default_factory=dict)
    by_second: Counter[int] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


def request(rng: random.Random, photo: bytes) -> tuple[str, bytes]:
    """One request of a normal client: what it asks for, and its bytes."""
    host = b"Host: localhost\r\n"
    if rng.random() < 0.1:
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + photo + b"\r\n--b--\r\n"
        )
        head = b"POST /api/search HTTP/1.1\r\n%sContent-Type: multipart/form-data; boundary=b\r\n" % host
        return "upload", head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    path = rng.choice(NONSENSE if rng.random() < 0.1 else PATHS)
    return path, b"GET %s HTTP/1.1\r\n%s\r\n" % (path.encode(), host)


async def answered(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of one answer, and whether the connection stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    status = int(lines[0].split()[1])
    if status == 503 and not any(line.startswith("retry-after:") for line in lines):
        status = 599  # busy, but it does not say when to come again
    return status, "connection: close" not in lines


async def client(place: tuple[str, int], number: int, end: float, photo: bytes, seen: Seen) -> None:
    """Ask again and again until `end`."""
    rng = random.Random(number)
    writer = None
    while time.monotonic() < end:
        started = time.monotonic()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(*place)
            kind, asked = request(rng, photo)
            writer.write(asked)
            status, stays = await asyncio.wait_for(answered(reader), 30)
            spent = time.monotonic() - started
            seen.statuses[str(status)] += 1
            seen.seconds.append(spent)
            seen.kinds.setdefault("busy (503)" if status == 503 else kind, []).append(spent)
            seen.by_second[int(time.monotonic())] += status < 300
            if status >= 500 and status != 503:
                seen.bad.append(f"status {status}")
            if not stays:
                raise ConnectionResetError
        except (ConnectionError, asyncio.IncompleteReadError):
            seen.statuses["closed"] += 1
            close(writer)
            writer = None
        except TimeoutError:
            seen.bad.append("no answer in 30 s")
            close(writer)
            writer = None
        await asyncio.sleep(rng.random())
    close(writer)


async def slow(place: tuple[str, int], number: int, end: float, seen: Seen) -> None:
    """Send byte by byte, and begin anew when the server has had enough."""
    start = (
        b"GET / HTTP/1.1\r\nX-A"
        if number % 2
        else b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    )
    while time.monotonic() < end:
        writer = None
        try:
            _, writer = await asyncio.open_connection(*place)
            writer.write(start)
            while time.monotonic() < end:
                await asyncio.sleep(1)
                writer.write(b"x")
                await writer.drain()
        except ConnectionError:
            seen.statuses["slow one ended"] += 1
        close(writer)


def close(writer: asyncio.StreamWriter | None) -> None:
    """Close a connection, whatever its state."""
    if writer is not None:
        writer.close()


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of `values` lie; NaN if there are none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def memory(pid: int) -> int:
    """MiB that a process holds at most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) >> 10
    return 0


async def soak(place: tuple[str, int], pid: int, clients: int, slows: int, seconds: float, stop: float) -> Seen:
    """Run everything; SIGTERM is sent `stop` seconds before the clients end."""
    seen, photo = Seen(), encode(smooth(), "JPEG")
    end = time.monotonic() + seconds
    tasks = [asyncio.create_task(client(place, number, end + stop, photo, seen)) for number in range(clients)]
    tasks += [asyncio.create_task(slow(place, number, end + stop, seen)) for number in range(slows)]
    await asyncio.sleep(seconds)
    print(f"memory of the server at most {memory(pid)} MiB, open files {len(os.listdir(f'/proc/{pid}/fd'))}")  # noqa: PTH208
    seen.statuses["closed before the end"] = seen.statuses["closed"]
    kinds = {kind: list(spent) for kind, spent in seen.kinds.items()}
    kept = Seen(Counter(seen.statuses), list(seen.seconds), kinds, Counter(seen.by_second), list(seen.bad))
    os.kill(pid, signal.SIGTERM)
    await asyncio.sleep(stop)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return kept


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as aside:
        catalog = make(Path(aside))
        command = [sys.executable, "-m", "lookalike.cli", "serve", str(catalog), "--port", "0", "--json"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = urlsplit(json.loads(server.stdout.readline())["url"])
            place = (str(address.hostname), int(address.port or 0))
            seen = asyncio.run(soak(place, server.pid, options.clients, options.slow, options.seconds, 2.0))
            began = time.monotonic()
            status = server.wait(ENDS_WITHIN)
            ended = time.monotonic() - began + 2.0
        finally:
            server.kill()
            server.wait()
    served = [seen.by_second[second] for second in range(min(seen.by_second), max(seen.by_second) + 1)]
    starved = sum(count == 0 for count in served)
    print(f"{len(seen.seconds):,} answers, {dict(sorted(seen.statuses.items()))}")
    for kind, spent in [("all", seen.seconds), *sorted(seen.kinds.items())]:
        print(f"{kind:>30} {len(spent):>7,}  seconds: p50 {quantile(spent, 0.5):.3f}, p99 {quantile(spent, 0.99):.3f}")
    print(f"{starved} of {len(served)} seconds without a client served; SIGTERM: status {status} after {ended:.1f} s")
    problems = [*sorted(set(seen.bad)), *(["SIGTERM did not end it with 0"] if status else [])]
    print(f"{len(problems)} problems {problems}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
