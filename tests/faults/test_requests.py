"""The server's lines of the list of faults that are about one request: what was sent is refused with words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from tests.conftest import COLORS, draw


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with everything switched on: it takes items and votes."""
    base = tmp_path_factory.mktemp("duel")
    for number, color in enumerate(COLORS.values()):
        draw(base / "photos" / f"{number}.png", color, seed=number)
    a, b = (lookalike.create(base / f"{name}.catalog", model="tiny") for name in "ab")
    for catalog in (a, b):
        catalog.index(base / "photos")
    with TestClient(make_app(a, against=b, writable=True), raise_server_exceptions=True) as client:
        yield client


def problem(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_w05_forms_with_too_much_in_them(duel: TestClient) -> None:
    parts = [("file", (f"{n}.png", b"x")) for n in range(1_001)]
    problem(duel.post("/api/search", files=parts), 400)
    kind = {"content-type": "multipart/form-data"}
    problem(duel.post("/api/search", content=b"--x\r\n", headers=kind), 400)
    text = b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\n' + b"a" * (2 << 20) + b"\r\n--x--\r\n"
    problem(duel.post("/api/items", content=text, headers={"content-type": "multipart/form-data; boundary=x"}), 400)


@pytest.mark.parametrize("body", [b"{", b"[" * 60_000, b"9" * 5_000, b"\xff", b'{"query": "\\ud83d"}'])
def test_w07_json_that_cannot_be_read(duel: TestClient, body: bytes) -> None:
    problem(duel.post("/api/votes", content=body, headers={"content-type": "application/json"}), 400)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_w08_numbers_that_are_none(duel: TestClient, value: str) -> None:
    sent = f'{{"query": "0.png", "choice": "a", "voter": "v", "left": {value}}}'
    problem(duel.post("/api/votes", content=sent.encode(), headers={"content-type": "application/json"}), 422)
    photo = {"file": ("x.png", b"not looked at")}
    problem(duel.post("/api/items", files=photo, data={"id": "x", "metadata": f'{{"a": {value}}}'}), 422)
    problem(duel.get("/api/items/0.png/similar", params={"color": value}), 422)
    assert len(COLORS) == duel.get("/api/items").json()["total"]


@pytest.mark.parametrize("given", ["[NaN,1]", "[0,0]", "[1]", "0"])
def test_w12_no_endpoint_takes_a_vector(duel: TestClient, given: str) -> None:
    for name in ("vector", "query", "q"):
        problem(duel.get("/api/items/0.png/similar", params={name: given}), 422)
        problem(duel.post("/api/search", data={name: given}, files={"x": b""}), 422)


def test_w15_a_page_of_another_origin_is_allowed_nothing(duel: TestClient) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for path in ("/api/items", "/api/search", "/api/votes", "/"):
        for answer in (duel.options(path, headers=asked), duel.get(path, headers=asked)):
            assert not [name for name in answer.headers if name.startswith("access-control")], path
            assert answer.headers.get("cross-origin-resource-policy") == "same-origin"
