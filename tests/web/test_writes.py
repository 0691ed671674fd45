"""Adding, removing and voting by API: only when allowed, and then the catalog itself says so."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.catalog import Explorer, Live, Votes
from lookalike.errors import NotFound
from lookalike.web import make_app
from tests.web.test_api import is_problem, photo


@pytest.fixture
def mine(shown: Path, tmp_path: Path) -> Path:
    """A copy of the catalog that may be written to."""
    return Path(shutil.copytree(shown, tmp_path / "mine.catalog"))


@pytest.fixture
def writer(mine: Path) -> Iterator[TestClient]:
    with TestClient(make_app(lookalike.open(mine), writable=True)) as found:
        yield found


def eventually(client: TestClient, path: str, status: int) -> Any:
    """The server follows the catalog within a second or two."""
    for _ in range(200):
        answer = client.get(path)
        if answer.status_code == status:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{path} never was {status}")


def test_a_server_that_only_reads_says_so(client: TestClient, shown: Path) -> None:
    before = lookalike.open(shown).info()["version"]
    is_problem(client.post("/api/items", files={"file": ("a.png", photo())}), 403, "E_READ_ONLY")
    is_problem(client.delete("/api/items/red-00.png"), 403, "E_READ_ONLY")
    assert lookalike.open(shown).info()["version"] == before
    is_problem(client.get("/api/against"), 404)


def test_an_item_comes_and_goes(writer: TestClient, mine: Path) -> None:
    said = json.dumps({"color": "purple", "year": 2026, "new": True})
    answer = writer.post(
        "/api/items", files={"file": ("p.png", photo("blue", 5))}, data={"id": "n/1", "metadata": said}
    )
    assert answer.status_code == 201
    assert answer.json() == {"id": "n/1", "added": True, "version": lookalike.open(mine).info()["version"]}
    item = eventually(writer, "/api/items/n%2F1", 200).json()
    assert item["metadata"] == {"color": "purple", "year": 2026, "note": None, "new": True}
    assert (item["cluster"], item["width"]) == (None, 48)
    twin = writer.post("/api/search?k=1", files={"file": photo("blue", 5)}).json()["results"][0]
    assert (twin["id"], twin["distance"]) == ("n/1", 0)
    assert writer.get("/api/info").json()["states"]["map"]["state"] == "older"
    again = writer.post("/api/items", files={"file": ("p.png", photo("red", 6))}, data={"id": "n/1"})
    assert (again.status_code, again.json()["added"]) == (200, False)
    assert {"200", "201"} <= writer.get("/openapi.json").json()["paths"]["/api/items"]["post"]["responses"].keys()
    assert lookalike.open(mine).similar("n/1", 1).results[0].metadata["color"] == "red"
    assert writer.delete("/api/items/n%2F1").json()["removed"]
    eventually(writer, "/api/items/n%2F1", 404)
    is_problem(writer.delete("/api/items/n%2F1"), 404)
    assert lookalike.open(mine).check().problems == ()


def test_what_is_added_by_api_equals_what_is_indexed(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x.png").write_bytes(photo("gray", 3))
    catalog = lookalike.open(mine)
    catalog.index(tmp_path / "x")
    assert catalog.add(photo("gray", 3), "y.png") is True
    rows = [catalog.ids.index(name) for name in ("x.png", "y.png")]
    assert (catalog.vectors[rows[0]] == catalog.vectors[rows[1]]).all()
    assert (catalog.colors[rows[0]] == catalog.colors[rows[1]]).all()
    assert catalog.thumbnails(["x.png"])[0] == catalog.thumbnails(["y.png"])[0]


BAD: list[tuple[dict[str, Any], int]] = [
    ({"data": {"id": "../x"}}, 422),
    ({"data": {"id": "/x"}}, 422),
    ({"data": {"id": "a\nb"}}, 422),
    ({"data": {"id": "x" * 1_025}}, 422),
    ({"data": {"id": "x", "metadata": "{"}}, 400),
    ({"data": {"id": "x", "metadata": "[" * 10_000}}, 400),
    ({"data": {"id": "x", "metadata": '{"a": NaN}'}}, 422),
    ({"data": {"id": "x", "metadata": '{"a": 1e999}'}}, 422),
    ({"data": {"id": "x", "metadata": '{"a": [1]}'}}, 422),
    ({"data": {"id": "x", "metadata": '{"a": ' + "9" * 5_000 + "}"}}, 400),
    ({"data": {"id": "x", "other": "1"}}, 422),
    ({"files": {"file": ("x.png", b"no photo")}}, 415),
    ({"files": {"file": ("x.png", b"")}}, 400),
    ({"files": {"other": ("x.png", b"1")}}, 422),
]


def test_what_cannot_be_added_changes_nothing(writer: TestClient, mine: Path) -> None:
    before = lookalike.open(mine).info()["version"]
    for given, status in BAD:
        is_problem(writer.post("/api/items", **{"files": {"file": ("x.png", photo())}, **given}), status)
    is_problem(writer.post("/api/items", content=b"x"), 415)
    assert lookalike.open(mine).info()["version"] == before
    with lookalike.open(mine).store.writing():
        is_problem(writer.post("/api/items", files={"file": ("x.png", photo())}), 503, "E_LOCKED")


def test_a_page_of_another_version(writer: TestClient, mine: Path) -> None:
    """What another process commits is shown soon; a page that was opened before still gets its own sheets."""
    first = writer.get("/api/info").json()["version"]
    sheet = writer.get(f"/api/sheets/0?v={first}").content
    other = lookalike.open(mine)
    other.remove(["red-00.png"])
    eventually(writer, "/api/items/red-00.png", 404)
    assert (
        writer.get(f"/api/points?v={first}").headers["content-length"]
        != writer.get("/api/points").headers["content-length"]
    )
    assert writer.get(f"/api/sheets/0?v={first}").content == sheet
    other.remove(["red-04.png"])
    eventually(writer, "/api/items/red-04.png", 404)
    is_problem(writer.get(f"/api/sheets/0?v={first}"), 410, "E_OLD_VERSION")
    assert len(writer.get("/api/columns").json()["ids"]) == 22


def test_a_version_that_cannot_be_read_is_not_shown(mine: Path) -> None:
    live = Live(lookalike.open(mine))
    before = live.current()
    other = lookalike.open(mine)
    other.remove(["red-00.png"])
    newest = max((mine / "versions").glob("*.json"))
    kept = newest.read_bytes()
    newest.write_bytes(kept[:-30])
    live.refresh()
    assert live.current() is before
    newest.write_bytes(kept)
    live.refresh()
    assert isinstance(live.current(), Explorer)
    with pytest.raises(NotFound):
        live.current().row("red-00.png")


@pytest.fixture
def duel(mine: Path, shown: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The catalog beside one that lacks an item and knows another."""
    other = lookalike.create(tmp_path / "other.catalog", model="tiny", resize="crop")
    other.index(shown.parent / "photos")
    other.remove(["red-00.png"])
    with TestClient(make_app(lookalike.open(mine), against=other, writable=True)) as found:
        yield found


def test_two_catalogs_side_by_side(duel: TestClient, tmp_path: Path) -> None:
    about = duel.get("/api/against").json()
    assert (about["items"], about["missing"], about["writable"]) == (23, ["red-00.png"], True)
    assert about["a"]["identity"] != about["b"]["identity"]
    answer = duel.get("/api/against/blue-02.png?k=4").json()
    a, b = (lookalike.open(tmp_path / f"{name}.catalog").similar("blue-02.png", 4) for name in ("mine", "other"))
    assert [hit["id"] for hit in answer["a"]] == [hit.id for hit in a.results]
    assert [hit["id"] for hit in answer["b"]] == [hit.id for hit in b.results]
    is_problem(duel.get("/api/against/red-00.png"), 404)
    is_problem(duel.get("/api/against/blue-02.png?k=0"), 422)


def test_votes_are_kept_and_counted(duel: TestClient, tmp_path: Path) -> None:
    assert duel.get("/api/votes").json() == {"a": 0, "b": 0, "same": 0, "voters": 0, "share": None, "p": 1.0}
    queries = [item["id"] for item in duel.get("/api/items").json()["items"] if item["id"] != "red-00.png"]
    for number, query in enumerate(queries[:10]):
        vote = {"query": query, "choice": "a" if number < 2 else "b", "voter": "me", "left": "a"}
        assert duel.post("/api/votes", json=vote).status_code == 201
    duel.post("/api/votes", json={"query": queries[0], "choice": "same", "voter": "you"})
    duel.post("/api/votes", json={"query": queries[0], "choice": "a", "voter": "me"})
    result = duel.get("/api/votes").json()
    assert [result[name] for name in ("a", "b", "same", "voters")] == [2, 8, 1, 2]
    assert result["p"] == pytest.approx(0.109375)
    lines = (tmp_path / "mine.catalog.votes.jsonl").read_text().splitlines()
    assert len(lines) == 12
    assert {"at", "query", "choice", "voter", "catalogs"} <= set(json.loads(lines[0]))
    assert lookalike.open(tmp_path / "mine.catalog").check().problems == ()
    wrong: list[Any] = [{"query": queries[0], "choice": "c", "voter": "x"}, {"query": 1}, {"choice": "a"}, []]
    for bad in wrong:
        is_problem(duel.post("/api/votes", json=bad), 422)
    is_problem(duel.post("/api/votes", json={"query": "nothing", "choice": "a", "voter": "x"}), 404)
    is_problem(duel.post("/api/votes", content=b"{"), 400)
    is_problem(duel.post("/api/votes", content=b"x" * 70_000), 413)


def test_a_line_that_was_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    votes = Votes(tmp_path / "v.jsonl")
    (tmp_path / "v.jsonl").write_bytes(b'{"query": "x", "cho')
    votes.add({"query": "a", "choice": "b", "voter": "me"})
    assert [vote["query"] for vote in votes.read()] == ["a"]


def test_catalogs_without_a_common_item(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(lookalike.UsageError, match="no item in common"):
        make_app(lookalike.open(mine), against=lookalike.create(tmp_path / "e.catalog", model="tiny"))
