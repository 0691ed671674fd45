"""Hostile names, metadata, ids, queries, filters and uploads: nothing is executed, read, reached or changed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app, write_page
from tests.conftest import COLORS, draw
from tests.faults.payloads import payloads
from tests.web.browser import started

SECRET = "what only the file beside the catalog says"


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """Whoever is talked into a connection comes here."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.setblocking(False)
        yield found


@pytest.fixture(scope="module")
def texts(listener: socket.socket) -> list[str]:
    return payloads(listener.getsockname()[1])


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """Items whose names and metadata are the payloads, as far as a file system takes them."""
    base = tmp_path_factory.mktemp("hostile")
    photos, seeds = base / "photos", [draw(base / f"{n}.png", COLORS["red"], seed=n).read_bytes() for n in range(12)]
    photos.mkdir()
    (base / "canary.txt").write_text(SECRET)
    rows = []
    for number, text in enumerate(texts):
        name = f"{text.replace('/', '∕').replace(chr(0), '')}.png"
        if len(name.encode()) > 250:
            name = f"{number}.png"
        (photos / name).write_bytes(seeds[number % 12])
        rows.append({"path": f"photos/{name}", "note": text, "color": "red"})
    (base / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    made = lookalike.create(base / "c.catalog", model="tiny")
    made.index(photos, metadata=base / "metadata.jsonl")
    made.cluster(3, max_k=4)
    return base / "c.catalog"


def test_there_are_five_hundred(texts: list[str]) -> None:
    assert len(texts) >= 500
    assert len(set(texts)) == len(texts)


def test_names_and_metadata_are_kept_as_they_are(catalog: Path, texts: list[str]) -> None:
    notes = lookalike.open(catalog).store.read("metadata", ["note"])["note"].to_pylist()
    assert set(texts) - {"", "NaN"} <= {str(note) for note in notes} | {text for text in texts if not text.strip()}


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_w10_requests_read_nothing_else_and_change_nothing(
    catalog: Path, texts: list[str], listener: socket.socket, every: int
) -> None:
    held = lookalike.open(catalog)
    version, files = held.store.head.version, sorted(catalog.parent.rglob("*"))
    photo = (catalog.parent / "0.png").read_bytes()
    statuses: dict[str, set[int]] = {"id": set(), "where": set(), "field": set(), "upload": set()}
    with TestClient(make_app(held, writable=False), raise_server_exceptions=True) as client:
        first = quote(held.ids[0], safe="")
        for number, text in enumerate(texts[::every]):
            answers = {
                "id": client.get(f"/api/items/{quote(text, safe='')}"),
                "where": client.get(f"/api/items/{first}/similar", params={"where": text}),
            }
            name = ("k", "same", "ranking", "prefer", "color")[number % 5]
            answers["field"] = client.get(f"/api/items/{first}/similar", params={name: text})
            if number % 10 == 0:
                sent = {"file": (text.replace('"', "'"), photo, "text/html")}
                answers["upload"] = client.post("/api/search", files=sent, data={"where": text[:1_000]})
            for kind, answer in answers.items():
                statuses[kind].add(answer.status_code)
                assert answer.status_code in (200, 400, 404, 422), (kind, text)
                assert "root:x:0" not in answer.text
                assert SECRET not in answer.text
                assert answer.headers["x-content-type-options"] == "nosniff"
                if answer.status_code != 200:
                    assert answer.headers["content-type"] == "application/problem+json", text
                    assert str(catalog.parent) not in answer.text, "no path of the server"
        for text in texts[::every]:
            sent = {"file": (text.replace('"', "'") or "x", photo, "image/png")}
            if text in texts[:10]:
                assert client.post("/api/items", files=sent, data={"id": text}).status_code == 403, "it only reads"
    assert statuses["where"] <= {200, 422}
    assert lookalike.open(catalog).store.head.version == version
    assert sorted(catalog.parent.rglob("*")) == files, "no file more, none less"
    assert (catalog.parent / "canary.txt").read_text() == SECRET
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_w17_tables_are_safe_for_spreadsheets(catalog: Path, tmp_path: Path) -> None:
    import csv

    lookalike.open(catalog).recommend(1, out=tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.slow
@pytest.mark.long
def test_w16_a_browser_shows_all_of_it_and_executes_nothing(
    catalog: Path, tmp_path: Path, listener: socket.socket
) -> None:
    import uvicorn

    held = lookalike.open(catalog)
    held.map()
    config = uvicorn.Config(make_app(held), port=0, ws="none", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    held.report(tmp_path / "report")
    write_page(held, tmp_path / "one.html")
    pages = [
        address,
        f"{address}docs",
        (tmp_path / "report" / "report.html").as_uri(),
        (tmp_path / "one.html").as_uri(),
    ]
    try:
        with started() as browser:
            for page_address in pages:
                page = browser.new_page()
                hits: list[Any] = []
                page.on("dialog", lambda dialog, hits=hits: (hits.append(dialog.message), dialog.dismiss()))
                page.on("request", lambda request, hits=hits: hits.extend(_elsewhere(request.url, address)))
                page.goto(page_address)
                page.wait_for_timeout(1_500)
                assert page.evaluate("[window.hit, document.title === 'hit']") == [None, False]
                assert hits == [], page_address
                page.close()
    finally:
        server.should_exit = True
        thread.join()
    with pytest.raises(BlockingIOError):
        listener.accept()


def _elsewhere(url: str, address: str) -> list[str]:
    return [] if url.startswith((address, "data:", "blob:", "file:///")) else [url]
