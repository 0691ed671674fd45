"""`lookalike serve` as a process: it answers, and ends well."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Run

CODE = "import sys; sys.argv[0] = 'lookalike'; {patch}\nfrom lookalike.cli import main; main()"


@contextmanager
def served(shown: Path, *options: str, patch: str = "") -> Iterator[tuple[Any, str]]:
    """The running process and its address."""
    command = [sys.executable, "-c", CODE.format(patch=patch), "serve", str(shown), "--port", "0", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)["url"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_normal_end(shown: Path, number: signal.Signals) -> None:
    with served(shown) as (process, url):
        with urllib.request.urlopen(f"{url}api/items?limit=1") as answer:
            assert json.load(answer)["total"] == 24
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_w18_open_requests_do_not_keep_it_from_ending(shown: Path) -> None:
    with served(shown, patch="import lookalike.web.server as s; s.ENDS_WITHIN = 1") as (process, url):
        place = urlsplit(url)
        idle = [socket.create_connection((place.hostname, place.port)) for _ in range(50)]
        for one in idle[:25]:
            one.sendall(b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        for one in idle:
            one.close()


def test_w03_a_head_that_never_ends_is_given_up(shown: Path) -> None:
    patch = "import lookalike.web.server as s; s.HEADERS_WITHIN, s.KEPT_FOR = 0.3, 1"
    with served(shown, patch=patch) as (_, url):
        place = urlsplit(url)
        for start in (b"GET / HTTP/1.1\r\nX-A", b"", b"GET /api/info HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"):
            with socket.create_connection((place.hostname, place.port), timeout=10) as slow:
                slow.sendall(start)
                got = b""
                while part := slow.recv(65536):
                    got += part
                assert got.startswith(b"HTTP/1.1 200") == start.endswith(b"GET / HT")
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200


def test_foreign_names_are_refused_unless_allowed(shown: Path) -> None:
    with served(shown, "--allow-host", "shop.example") as (_, url):
        address = urlsplit(url)
        for host, status in (("evil.example", 403), ("shop.example", 200)):
            asking = HTTPConnection(address.netloc, timeout=10)
            asking.request("GET", "/api/info", headers={"Host": host})
            assert asking.getresponse().status == status
            asking.close()


def test_a_port_in_use_is_said_so(run: Run, shown: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", shown, "--port", taken.getsockname()[1])
    assert done.code == 2
    assert "--port" in done.err
    assert run("serve", shown.parent / "none").code == 2
