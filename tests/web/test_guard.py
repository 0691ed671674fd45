"""What stands before the app: hosts, origins, sizes, slowness, too many."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from lookalike.web.guard import Guard
from lookalike.web.limits import Limits


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
    return anyio.run(sending, app, messages, pause, headers)


async def sending(
    app: Guard, messages: list[dict[str, Any]], pause: float = 0.0, headers: Any = (), host: str = "127.0.0.1"
) -> tuple[list[Any], int]:
    """As `ask`, among others."""
    taken, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        await anyio.sleep(pause)
        taken += 1
        return messages[min(taken, len(messages)) - 1]

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost"), *headers]}
    await app({**scope, "client": (host, 5)}, receive, send)
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
    assert (guard._open, guard.bodies.coming, guard.bodies.held) == (0, 0, 0)


def test_w13_too_many_at_once_are_asked_to_come_again() -> None:
    for limits in (Limits(at_once=0), Limits(uploads=0)):
        answer = TestClient(Guard(echo, limits=limits)).post("/", content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"] == "E_BUSY"


DRIP: list[dict[str, Any]] = [{"type": "http.request", "body": b"x", "more_body": True}]
WHOLE: list[dict[str, Any]] = [{"type": "http.request", "body": b"xyz", "more_body": False}]


def status(answer: tuple[list[Any], int]) -> int:
    return int(answer[0][0]["status"])


def test_a_body_must_come_at_a_rate() -> None:
    """1,000 bytes a second are asked for: 300 a 0.1 s go on past the grace, 10 do not."""
    limits = Limits(grace=0.15, rate=1_000, seconds=5)
    for size, expected in ((300, 200), (10, 408)):
        parts = [{"type": "http.request", "body": b"x" * size, "more_body": turn < 4} for turn in range(5)]
        assert status(ask(Guard(echo, limits=limits), parts, pause=0.1)) == expected


def test_where_all_places_are_taken_the_slowest_body_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.web.bodies.YOUNG", 0.05)
    guard = Guard(echo, limits=Limits(uploads=2, grace=2, seconds=2))
    found: dict[str, int] = {}

    async def one(name: str, parts: list[dict[str, Any]], pause: float) -> None:
        found[name] = status(await sending(guard, parts, pause))

    async def all_three() -> None:
        async with anyio.create_task_group() as group:
            large = [{"type": "http.request", "body": b"x" * 5_000, "more_body": True}] * 5
            group.start_soon(one, "dripping", DRIP, 0.03)
            group.start_soon(one, "large", [*large, *WHOLE], 0.03)
            await anyio.sleep(0.1)
            group.start_soon(one, "normal", WHOLE, 0.0)

    anyio.run(all_three)
    assert found == {"dripping": 408, "large": 200, "normal": 200}


def test_bodies_that_are_held_have_a_bound_in_all() -> None:
    guard = Guard(echo, limits=Limits(memory=1_000))
    parts = [{"type": "http.request", "body": b"x" * 800, "more_body": turn < 1} for turn in range(2)]
    sent, _ = ask(guard, parts)
    assert (sent[0]["status"], guard.bodies.held) == (503, 0)
    assert status(ask(guard, WHOLE)) == 200


def test_one_client_has_so_many_uploads_on_their_way() -> None:
    guard = Guard(echo, limits=Limits(client_uploads=2, grace=0.3))
    found: list[tuple[str, int]] = []

    async def one(host: str, parts: list[dict[str, Any]]) -> None:
        found.append((host, status(await sending(guard, parts, 0.02, host=host))))

    async def several() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(one, "10.0.0.9", DRIP)
            await anyio.sleep(0.05)
            for host in ("10.0.0.9", "10.0.0.8", "127.0.0.1"):
                await one(host, WHOLE)

    anyio.run(several)
    assert found == [("10.0.0.9", 429), ("10.0.0.8", 200), ("127.0.0.1", 200), *[("10.0.0.9", 408)] * 2]


def test_a_server_that_ends_waits_for_no_body() -> None:
    guard = Guard(echo)

    async def ending() -> tuple[int, int]:
        found: list[int] = []

        async def slow() -> None:
            found.append(status(await sending(guard, DRIP, 0.02)))

        with anyio.fail_after(2):
            async with anyio.create_task_group() as group:
                group.start_soon(slow)
                await anyio.sleep(0.05)
                guard.bodies.close()
        return found[0], status(await sending(guard, WHOLE))

    assert anyio.run(ending) == (503, 503)
