"""Tokens, limits of one client, probes, metrics and the access log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from lookalike.web.clients import KNOWN, Clients
from lookalike.web.guard import Guard
from lookalike.web.limits import Limits
from tests.conftest import Run
from tests.web.test_guard import echo

TOKEN = "a token of sixteen and more"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/api/items", None, 200),
        ("POST", "/api/search", None, 200),
        ("POST", "/api/table", None, 200),
        ("POST", "/api/tables", None, 401),
        ("POST", "/api/items", None, 401),
        ("DELETE", "/api/items/a", None, 401),
        ("POST", "/api/votes", "Bearer wrong", 401),
        ("POST", "/api/votes", TOKEN, 401),
        ("POST", "/api/votes", f"Basic {TOKEN}", 401),
        ("POST", "/api/items", f"Bearer {TOKEN}", 200),
        ("DELETE", "/api/items/a", f"bearer {TOKEN}", 200),
        ("PUT", "/anything", None, 401),
    ],
)
def test_who_writes_brings_the_token(method: str, path: str, sent: str | None, status: int) -> None:
    client = TestClient(Guard(echo, token=TOKEN))
    answer = client.request(method, path, headers={} if sent is None else {"authorization": sent})
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "E_TOKEN"


@pytest.mark.parametrize(("path", "status"), [("search", 200), ("table", 200), ("items", 401), ("votes", 401)])
def test_a_mounted_server_tells_reading_from_writing_too(path: str, status: int) -> None:
    app = Starlette(routes=[Mount("/looks", Guard(echo, token=TOKEN))])
    assert TestClient(app).post(f"/looks/api/{path}", content=b"x").status_code == status


def test_a_mounted_server_counts_what_is_costly_too() -> None:
    guard = Guard(echo, limits=Limits(client_burst=1, client_rate=0.1))
    client = TestClient(Starlette(routes=[Mount("/looks", guard)]), client=("10.0.0.9", 5))
    assert [client.post("/looks/api/search", content=b"x").status_code for _ in range(2)] == [200, 429]


def test_a_client_works_off_a_bucket_of_costly_requests() -> None:
    now = 0.0
    clients = Clients(at_once=3, burst=5, rate=2.0, now=lambda: now)
    for _ in range(5):
        assert clients.enter("10.0.0.9", costly=True) is None
        clients.leave("10.0.0.9")
    assert clients.enter("10.0.0.9", costly=True) == 0.5
    assert clients.enter("10.0.0.9", costly=False) is None, "what costs nothing goes on"
    assert clients.enter("10.0.0.8", costly=True) is None, "others too"
    clients.leave("10.0.0.9")
    now = 1.0
    assert [clients.enter("10.0.0.9", costly=True) for _ in range(3)] == [None, None, 0.5], "two a second come free"
    assert clients.enter("10.0.0.9", costly=False) is None
    assert clients.enter("10.0.0.9", costly=False) == 1.0, "three at once"
    assert {clients.enter("127.0.0.1", costly=True) for _ in range(99)} == {None}, "this machine is not limited"


def test_clients_are_forgotten() -> None:
    clients = Clients(at_once=3, burst=5, rate=2.0)
    for number in range(KNOWN + 100):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        clients.enter(address, costly=True)
        clients.leave(address)
    assert len(clients._clients) <= KNOWN


def test_one_client_too_many_is_told_when_to_come_again() -> None:
    limits = Limits(client_burst=2, client_rate=0.1)
    client = TestClient(Guard(echo, limits=limits), client=("10.0.0.9", 5))
    statuses = [client.post("/api/search", content=b"x").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = client.get("/api/items/a/similar")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert answer.json()["code"] == "E_TOO_MANY"


@pytest.fixture
def client(shown: Path) -> Iterator[TestClient]:
    with TestClient(make_app(lookalike.open(shown))) as found:
        yield found


def test_probes_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json()["status"] == "ready"
    client.get("/api/items?limit=1")
    client.get("/api/items/red-00.png")
    client.get("/nowhere/secret")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    assert 'lookalike_requests_total{method="GET",path="/api/items",status="200"} 1' in text
    assert "red-00" not in text
    assert "secret" not in text
    assert "lookalike_items 24" in text
    line = re.compile(r'(# (HELP|TYPE) .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)\Z')
    assert all(line.match(one) for one in text.splitlines())
    counts = [int(one.rsplit(" ", 1)[1]) for one in text.splitlines() if '_bucket{path="/api/items",' in one]
    assert counts == sorted(counts)
    assert counts[-1] == 1


def test_a_catalog_that_is_gone_is_not_ready(shown: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(shown, tmp_path / "c.catalog")
    with TestClient(make_app(lookalike.open(tmp_path / "c.catalog"))) as client:
        assert client.get("/readyz").status_code == 200
        shutil.rmtree(tmp_path / "c.catalog")
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200


def test_what_reads_needs_no_token_and_what_writes_does(shown: Path) -> None:
    with TestClient(make_app(lookalike.open(shown), writable=True, token=TOKEN)) as client:
        answer = client.post("/api/table", json={"ids": ["red-00.png"]})
        assert (answer.status_code, answer.content[:4]) == (200, b"PAR1")
        assert client.post("/api/items", files={"file": b"x"}).status_code == 401
        assert client.delete("/api/items/red-00.png").status_code == 401
        assert client.get("/api/items/red-00.png").status_code == 200, "it is still there"
        assert client.post("/api/votes", json={}).status_code == 401


def test_a_short_token_is_refused(run: Run, shown: Path) -> None:
    done = run("serve", shown, "--token", "short")
    assert done.code == 2
    assert "16 or more" in done.err
