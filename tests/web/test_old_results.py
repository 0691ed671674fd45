"""What is missing or older than the items is shown as such, and nothing fails for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from tests.conftest import COLORS, draw

PATHS = ["/api/info", "/api/items", "/api/clusters", "/api/map", "/api/points", "/api/columns"]


def test_an_empty_catalog_has_empty_answers(tmp_path: Path) -> None:
    client = TestClient(make_app(lookalike.create(tmp_path / "c", model="tiny")))
    for path in PATHS:
        assert client.get(path).status_code == 200, path
    assert client.get("/api/items").json() == {"total": 0, "items": []}
    assert client.get("/api/points").content == b""
    assert client.post("/api/search", files={"file": (tmp_path / "x").name.encode()}).status_code == 415
    found = client.post("/api/search", files={"file": draw(tmp_path / "a.png", COLORS["red"]).read_bytes()}).json()
    assert (found["results"], found["place"]) == ([], None)


def test_who_comes_after_a_quiet_time_sees_the_newest(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked since the last commit, so nobody made the server look: the first visitor waits for it."""
    monkeypatch.setattr("lookalike.catalog.live.LOOKS_EVERY", 0.0)
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    client = TestClient(make_app(catalog))
    lookalike.open(tmp_path / "c.catalog").index(photos)
    assert client.get("/api/info").json()["items"] > 0


def test_a_command_that_is_shown_can_be_run(tmp_path: Path) -> None:
    client = TestClient(make_app(lookalike.create(tmp_path / "my shoes.catalog", model="tiny")))
    assert client.get("/api/info").json()["catalog"] == "'my shoes.catalog'"
    assert client.get("/api/clusters").json()["mend"] == "lookalike cluster 'my shoes.catalog'"


def test_missing_then_older_then_current(tmp_path: Path, photos: Path) -> None:
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    catalog.index(photos)
    client = TestClient(make_app(catalog))
    clusters, layout = client.get("/api/clusters").json(), client.get("/api/map").json()
    assert (clusters["state"], clusters["mend"]) == ("missing", "lookalike cluster c.catalog")
    assert (layout["state"], layout["mend"]) == ("missing", "lookalike map c.catalog")
    assert layout["x"] == layout["cluster"] == [None] * 12
    item = client.get("/api/items").json()["items"][0]
    assert item["x"] is item["cluster"] is None
    found = client.post("/api/search", files={"file": (photos / "red-00.png").read_bytes()}).json()
    assert found["place"] is None
    assert len(client.get("/api/items/red-00.png/similar").json()["results"]) == 3

    catalog.cluster(4, max_k=6)
    before = dict(zip(catalog.ids, catalog.map().positions.tolist(), strict=True))
    draw(photos / "a-new.png", COLORS["red"], seed=50)
    (photos / "red-00.png").unlink()
    catalog.index(photos, prune=True, yes=True)
    client = TestClient(make_app(catalog))
    layout = client.get("/api/map").json()
    assert layout["state"] == "older"
    assert (layout["ids"][0], layout["x"][0], layout["cluster"][0]) == ("a-new.png", None, None)
    for item, x, y in zip(layout["ids"][1:], layout["x"][1:], layout["y"][1:], strict=True):
        assert [x, y] == pytest.approx(before[item])
    clusters = client.get("/api/clusters").json()
    assert clusters["state"] == "older"
    assert sum(clusters["sizes"]) == 11
    points = client.get("/api/points").content
    assert np.isnan(np.frombuffer(points, "<f4", 12)[0])
    assert points[-12] == 255
    assert client.get("/api/sheets/0").status_code == 200

    catalog.cluster(4, max_k=6)
    catalog.map()
    client = TestClient(make_app(catalog))
    assert {state["state"] for state in client.get("/api/info").json()["states"].values()} == {"current"}
