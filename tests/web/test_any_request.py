"""Whatever is asked, the answer is JSON with words, and never a failure of the server."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

anything = st.text(max_size=40) | st.sampled_from(
    ["red-00.png", "../x", "\0", "", "'", "--", "1e999", "NaN", "year > 1"]
)
names = st.sampled_from(
    ["k", "where", "same", "ranking", "prefer", "diverse", "offset", "limit", "color", "number"]
) | st.text(max_size=5)
values = anything | st.integers().map(str) | st.floats().map(str)
queries = st.lists(st.tuples(names, values), max_size=4)
relaxed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def encoded(pairs: list[tuple[str, str]]) -> str:
    return "&".join(
        f"{quote(n.encode('utf-8', 'surrogatepass'))}={quote(v.encode('utf-8', 'surrogatepass'))}" for n, v in pairs
    )


@given(item=anything, tail=st.sampled_from(["", "/similar"]), query=queries)
@relaxed
def test_items(client: TestClient, item: str, tail: str, query: list[tuple[str, str]]) -> None:
    check(client.get(f"/api/items/{quote(item, safe='')}{tail}?{encoded(query)}"))
    check(client.get(f"/api/items/red-00.png/similar?{encoded(query)}"))
    check(client.get(f"/thumbnails/{quote(item, safe='')}?{encoded(query)}"))


@given(
    path=st.sampled_from(["items", "clusters", "labels", "map", "columns", "info", "points", "sheets/0", "search"]),
    query=queries,
)
@relaxed
def test_lists(client: TestClient, path: str, query: list[tuple[str, str]]) -> None:
    check(client.get(f"/api/{path}?{encoded(query)}"))


@given(
    body=st.binary(max_size=300), kind=st.sampled_from(["multipart/form-data; boundary=x", "application/json", "x", ""])
)
@relaxed
def test_w05_w07_any_body(client: TestClient, body: bytes, kind: str) -> None:
    check(client.post("/api/search", content=body, headers={"content-type": kind}))


@given(
    fields=st.dictionaries(st.sampled_from(["k", "where", "same", "prefer", "ranking", "file"]), anything, max_size=3),
    photo=st.binary(max_size=60),
)
@relaxed
def test_forms(client: TestClient, fields: dict[str, str], photo: bytes) -> None:
    check(client.post("/api/search", data=fields, files={"file": ("a.jpg", photo)}))
