"""The REST API: it says what the catalog says, and every error is a problem with words."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from tests.conftest import COLORS, Run
from tests.web.conftest import NASTY


def photo(color: str = "red", seed: int = 99, format: str = "PNG") -> bytes:
    rng = np.random.default_rng(seed)
    pixels = np.full((36, 48, 3), 255, np.uint8)
    pixels[4:30, 4:42] = np.array(COLORS[color]) + rng.integers(-9, 10, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def is_problem(answer: Any, status: int, code: str | None = None) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "code", "detail"}
    assert body["status"] == status
    assert code is None or body["code"] == code
    assert "Traceback" not in answer.text
    return str(body["detail"])


def test_items_come_in_the_order_of_ids_page_by_page(client: TestClient, shown: Path) -> None:
    ids = lookalike.open(shown).ids
    pages = [client.get("/api/items", params={"offset": start, "limit": 10}).json() for start in (0, 10, 20, 30)]
    assert [page["total"] for page in pages] == [24] * 4
    assert [item["id"] for page in pages for item in page["items"]] == ids
    first = pages[0]["items"][0]
    assert (first["width"], first["height"], first["format"]) == (48, 36, "PNG")
    assert first["metadata"]["color"] in COLORS
    assert client.get("/api/items").json() == client.get("/api/items?limit=100").json()


def test_similar_is_what_the_command_says(client: TestClient, shown: Path, run: Run) -> None:
    for options in (
        [],
        ["-k", "2"],
        ["--where", "year >= 2013"],
        ["--same", "color"],
        ["--ranking", "euclidean"],
        ["--color", "0.7"],
    ):
        told = run("similar", shown, "red-00.png", *options, "--json").json
        params = {options[0].lstrip("-"): options[1]} if options else {}
        answer = client.get("/api/items/red-00.png/similar", params=params).json()
        assert answer.pop("took_ms") >= 0
        assert answer == told


@pytest.mark.parametrize("item", [NASTY, "deep/red-08.png", "red-00.png"])
def test_an_id_is_percent_encoded(client: TestClient, item: str) -> None:
    path = quote(item, safe="")
    assert client.get(f"/api/items/{path}").json()["id"] == item
    assert client.get(f"/api/items/{path}/similar?k=1").json()["query"] == item
    assert client.get(f"/thumbnails/{path}").headers["content-type"] == "image/jpeg"


def test_an_id_may_end_like_an_endpoint(tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "a"
    folder.mkdir(parents=True)
    (folder / "similar").write_bytes(photo())
    (tmp_path / "photos" / "a.png").write_bytes(photo("blue"))
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    catalog.index(tmp_path / "photos")
    client = TestClient(make_app(catalog))
    assert client.get("/api/items/a%2Fsimilar").json()["id"] == "a/similar"
    assert client.get("/api/items/a%2Fsimilar/similar").json()["query"] == "a/similar"
    is_problem(client.get("/api/items/a/similar"), 404)


def test_a_photo_finds_its_twin_and_its_place(client: TestClient, shown: Path) -> None:
    twin = (shown.parent / "photos" / "blue-02.png").read_bytes()
    answer = client.post("/api/search?k=2", files={"file": ("x.png", twin)}).json()
    assert [answer["results"][0][name] for name in ("id", "distance", "score")] == ["blue-02.png", 0, 1]
    item = client.get("/api/items/blue-02.png").json()
    assert answer["place"]["x"] == pytest.approx(item["x"], abs=1e-3)
    assert answer["place"]["y"] == pytest.approx(item["y"], abs=1e-3)
    new = client.post("/api/search", files={"file": ("x.png", photo("green"))}, data={"k": "4"}).json()
    assert {hit["metadata"]["color"] for hit in new["results"]} == {"green"}
    assert len(new["results"]) == 4
    part = client.post("/api/search", files={"file": photo("green")}, data={"where": "color = 'red'"}).json()
    assert {hit["metadata"]["color"] for hit in part["results"]} == {"red"}


def test_clusters_and_map_are_those_of_the_catalog(client: TestClient, shown: Path) -> None:
    catalog = lookalike.open(shown)
    told, clusters = catalog.cluster(4, max_k=8), client.get("/api/clusters").json()
    expected = told.as_json(catalog.ids)
    evidence = expected.pop("evidence")
    assert {name: clusters[name] for name in expected} == expected
    assert set(clusters["evidence"]) == set(evidence)
    assert (clusters["state"], clusters["mend"]) == ("current", None)
    layout, shape = catalog.map(), client.get("/api/map").json()
    assert shape["ids"] == catalog.ids
    np.testing.assert_array_equal(np.column_stack([shape["x"], shape["y"]]).astype(np.float32), layout.positions)
    assert shape["cluster"] == told.labels.tolist()
    points = client.get("/api/points").content
    assert len(points) == 24 * 17
    np.testing.assert_array_equal(np.frombuffer(points, "<f4", 24), layout.positions[:, 0])
    slots = np.frombuffer(points, "<u4", 24, offset=24 * 12)
    assert sorted(slots) == list(range(24))


def test_columns_hold_the_metadata(client: TestClient, shown: Path) -> None:
    columns = client.get("/api/columns").json()
    assert columns["ids"] == lookalike.open(shown).ids
    by_name = {column["name"]: column for column in columns["columns"]}
    assert by_name["year"]["kind"] == "number"
    item = client.get(f"/api/items/{columns['ids'][5]}").json()
    color = by_name["color"]
    assert color["labels"][color["codes"][5]] == item["metadata"]["color"]
    assert -1 in by_name["note"]["codes"]


def test_pictures_are_cached_by_their_tag(client: TestClient) -> None:
    first = client.get("/thumbnails/red-00.png")
    assert first.headers["cache-control"] == "private, max-age=60"
    again = client.get("/thumbnails/red-00.png", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    version = client.get("/api/info").json()["version"]
    assert "immutable" in client.get(f"/thumbnails/red-00.png?v={version}").headers["cache-control"]
    sheet = client.get("/api/sheets/0")
    with Image.open(io.BytesIO(sheet.content)) as picture:
        assert picture.size == (16 * 64, 2 * 64)


@pytest.mark.parametrize("k", ["0", "-1", "1000000000", "x", "1.5", "9" * 5000, "1001", ""])
def test_w11_k_is_from_1_to_1000(client: TestClient, k: str) -> None:
    assert "k=" in is_problem(client.get("/api/items/red-00.png/similar", params={"k": k}), 422)
    is_problem(client.post("/api/search", files={"file": photo()}, data={"k": k or "x"}), 422)


def test_w11_k_above_the_items_gives_what_there_is(client: TestClient) -> None:
    assert len(client.get("/api/items/red-00.png/similar?k=1000").json()["results"]) == 23


@pytest.mark.parametrize("name", ["color", "prefer", "diverse", "limit", "url"])
def test_unknown_options_are_refused_by_name(client: TestClient, name: str) -> None:
    assert name in is_problem(client.get(f"/api/items/red-00.png/similar?{name}=http://127.0.0.1/"), 422)
    assert name in is_problem(client.post("/api/search", files={"file": photo()}, data={name: "file:///x"}), 422)


@pytest.mark.parametrize(
    "where",
    [
        "no such",
        "color = ",
        "color; drop table items",
        "size > 1",
        "x" * 5000,
        "repeat(color, 100000000) = 'x'",
        "1" + "+1" * 900 + " > 0",
        "color = $1",
    ],
)
def test_a_filter_that_cannot_be_read_is_the_askers_mistake(client: TestClient, where: str) -> None:
    is_problem(client.get("/api/items/red-00.png/similar", params={"where": where}), 422)


def test_wrong_choices_say_what_is_allowed(client: TestClient) -> None:
    assert "euclidean" in is_problem(client.get("/api/items/red-00.png/similar?ranking=best"), 422)
    assert "color" in is_problem(client.get("/api/items/red-00.png/similar?same=shape"), 422)
    is_problem(client.get("/api/items?limit=1001"), 422)
    is_problem(client.get("/api/items?offset=-1"), 422)
    is_problem(client.get("/api/sheets/1"), 404)
    is_problem(client.get("/api/sheets/x"), 422)
    is_problem(client.get("/api/nothing"), 404)
    is_problem(client.put("/api/items"), 405)


HOSTILE = [
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cboot.ini",
    "%00",
    "/etc/passwd",
    "%2Fetc%2Fpasswd",
    "%ff%fe",
    "a" * 5000,
]


@pytest.mark.parametrize("item", HOSTILE)
def test_w09_an_id_is_only_looked_up(client: TestClient, monkeypatch: pytest.MonkeyPatch, item: str) -> None:
    def refuse(path: Path, *_: object) -> bool:
        raise AssertionError(f"the server looked at {path}")

    monkeypatch.setattr(Path, "is_file", refuse)
    for path in (f"/api/items/{item}", f"/api/items/{item}/similar", f"/thumbnails/{item}"):
        assert "root:" not in is_problem(client.get(path), 404)


GOOD = photo(format="JPEG")
BAD_PHOTOS = [
    (b"", 400, "E_EMPTY"),
    (b"<html>404</html>", 415, "E_NOT_IMAGE"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, None),
    (GOOD[: len(GOOD) // 2], 422, "E_TRUNCATED"),
]


@pytest.mark.parametrize(("data", "status", "code"), BAD_PHOTOS)
def test_a_bad_photo_has_its_reason(client: TestClient, data: bytes, status: int, code: str | None) -> None:
    is_problem(client.post("/api/search", files={"file": ("a.jpg", data)}), status, code)


def test_a_bomb_is_too_large(client: TestClient) -> None:
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b""))
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    is_problem(client.post("/api/search", files={"file": ("a.png", bomb)}), 413, "E_TOO_LARGE")


def test_w06_what_is_no_form_is_refused(client: TestClient) -> None:
    for kind, body in (
        ("text/plain", b"x"),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("", b""),
    ):
        is_problem(client.post("/api/search", content=body, headers={"content-type": kind}), 415)
    is_problem(client.post("/api/search", content=b"x", headers={"content-type": "multipart/form-data"}), 400)
    is_problem(client.post("/api/search", files={"other": b"x"}), 422)
    is_problem(client.post("/api/search", data={"file": "http://169.254.169.254/"}, files={"x": b""}), 422)
    many = [("file", (f"{row}.png", b"x")) for row in range(1_001)]
    is_problem(client.post("/api/search", files=many), 400)


def test_everything_says_how_it_may_be_used(client: TestClient) -> None:
    for path in ("/", "/docs", "/api/info", "/thumbnails/red-00.png", "/static/app.js", "/nothing", "/openapi.json"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_pages_ask_nobody_else(client: TestClient) -> None:
    for path in ("/", "/docs"):
        text = client.get(path).text
        assert "http://" not in text
        assert "https://" not in text
        assert "<script>" not in text
        assert "style=" not in text


def test_the_document_of_the_api_is_json_that_names_its_errors(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "/api/search" in document["paths"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert "application/problem+json" in json.dumps(operation["responses"]["422"])


def test_preferences_and_diversity_are_those_of_the_command(client: TestClient, shown: Path, run: Run) -> None:
    told = run(
        "similar", shown, "red-00.png", "--prefer", "year=0.5", "--prefer", "color=2", "--diverse", "--json"
    ).json
    params = {"prefer": ["year=0.5", "color=2"], "diverse": "true"}
    answer = client.get("/api/items/red-00.png/similar", params=params).json()
    assert answer.pop("took_ms") >= 0
    assert answer == told
    assert answer["results"][0]["parts"]["prefer"].keys() == {"year", "color"}
    assert answer["diverse"]["cost"] >= 0
    for wrong in ("year", "year=x", "year=-1", "price=1"):
        is_problem(client.get("/api/items/red-00.png/similar", params={"prefer": wrong}), 422, "E_USAGE")
    is_problem(client.get("/api/items/red-00.png/similar", params={"diverse": "perhaps"}), 422, "E_USAGE")


def test_a_photo_has_no_preferences_but_may_have_varied_results(client: TestClient) -> None:
    file = {"file": ("p.png", photo(), "image/png")}
    assert "prefer" in is_problem(client.post("/api/search?prefer=year=1", files=file), 422, "E_USAGE")
    in_form = client.post("/api/search", files=file, data={"diverse": "true", "k": "2"}).json()
    in_address = client.post("/api/search?diverse=true&k=2", files=file).json()
    assert in_form["results"] == in_address["results"]
    assert len(in_form["results"]) == 2
    assert in_form["diverse"]["pool"] == 20
    is_problem(client.post("/api/search", files=file, data={"diverse": "perhaps"}), 422, "E_USAGE")
