"""What stands before the app: hosts, origins, sizes, slowness, too many."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from lookalike.web.guard import Guard, Limits


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = b"" if scope["method"] == "GET" else (await receive())["body"]
    await PlainTextResponse(f"{len(body)}")(scope, receive, send)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "10.0.0.7", "box", "shop.example", "SHOP.example"]
)
def test_known_names_are_answered(host: str) -> None:
    client = TestClient(Guard(echo, hosts=["shop.example"]))
    assert client.get("/", headers={"host": host}).text == "0"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8000", "[::1"])
def test_w14_other_names_are_not(host: str) -> None:
    answer = TestClient(Guard(echo)).get("/", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["code"] == "E_HOST"
    assert TestClient(Guard(echo, hosts=["*"])).get("/", headers={"host": host}).text == "0"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost:8000"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9000"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_w14_uploads_come_from_this_page_or_from_none(headers: dict[str, str], status: int) -> None:
    client = TestClient(Guard(echo), base_url="http://localhost:8000")
    assert client.post("/", content=b"x", headers=headers).status_code == status


def test_w01_a_large_body_is_cut_off() -> None:
    client = TestClient(Guard(echo, limits=Limits(body=1_000)))
    assert client.post("/", content=b"x" * 1_000).text == "1000"
    declared = client.post("/", content=b"x" * 1_001)
    assert (declared.status_code, declared.json()["code"]) == (413, "E_TOO_LARGE")


def ask(app: Guard, messages: list[dict[str, Any]], pause: float = 0.0, headers: Any = ()) -> tuple[list[Any], int]:
    """Send the parts of a body one by one; returns what came back, and how many parts were taken."""
    taken, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        await anyio.sleep(pause)
        taken += 1
        return messages[min(taken, len(messages)) - 1]

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost"), *headers]}
    anyio.run(app, scope, receive, send)
    return sent, taken


def test_w02_a_body_without_end_is_cut_off() -> None:
    endless = [{"type": "http.request", "body": b"x" * 100, "more_body": True}]
    sent, taken = ask(Guard(echo, limits=Limits(body=1_000)), endless)
    assert sent[0]["status"] == 413
    assert taken == 11
    sent, taken = ask(Guard(echo, limits=Limits(body=1_000)), endless, headers=[(b"content-length", b"9" * 500)])
    assert (sent[0]["status"], taken) == (413, 0)


def test_w04_a_slow_body_is_cut_off() -> None:
    drip = [{"type": "http.request", "body": b"x", "more_body": True}]
    sent, taken = ask(Guard(echo, limits=Limits(seconds=0.1)), drip, pause=0.03)
    assert sent[0]["status"] == 408
    assert taken < 10


def test_w19_who_leaves_amid_an_upload_is_forgotten() -> None:
    guard = Guard(echo)
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert ask(guard, parts) == ([], 2)
    assert (guard._open, guard._uploads) == (0, 0)


def test_w13_too_many_at_once_are_asked_to_come_again() -> None:
    for limits in (Limits(at_once=0), Limits(uploads=0)):
        answer = TestClient(Guard(echo, limits=limits)).post("/", content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"] == "E_BUSY"
