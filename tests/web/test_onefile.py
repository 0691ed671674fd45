"""The one-file explorer: what it holds, what it asks for, how large it is."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.catalog import Explorer
from lookalike.web import onefile, write_page
from lookalike.web.files import static_names
from tests.conftest import Run


@pytest.fixture(scope="module")
def page(shown: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(lookalike.open(shown), tmp_path_factory.mktemp("out") / "a.html").read_text()


def test_it_asks_nobody(page: str) -> None:
    head = page[: page.index("<body>")]
    assert "default-src 'none'" in head
    assert "unsafe-inline" not in head
    assert re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', page) == []
    assert "static/" not in page[: page.index('id="data"')]


def test_it_holds_the_look_alikes_of_every_item(page: str, shown: Path) -> None:
    catalog = lookalike.open(shown)
    held = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    width = held["neighbors"]["width"]
    rows = np.frombuffer(base64.b64decode(held["neighbors"]["rows"]), "<u4").reshape(-1, width)
    for row, item in enumerate(catalog.ids):
        assert [catalog.ids[other] for other in rows[row]] == [hit.id for hit in catalog.similar(item, width).results]
    assert held["columns"]["ids"] == catalog.ids
    assert base64.b64decode(held["points"]) == Explorer(catalog).points
    assert len(re.findall(r'<script type="text/plain" id="sheet-\d+">', page)) == Explorer(catalog).sheets == 1


def test_names_cannot_end_the_script(page: str) -> None:
    assert "<img src=x" not in page
    assert "<b>note</b>" not in page
    assert page.count("</script>") == 3


def test_every_module_of_the_page_is_in_the_bundle() -> None:
    bundled = onefile.bundle("app")
    for name in static_names():
        if name.endswith(".js") and name != "docs.js":
            assert f"const in_{name.removesuffix('.js')} = " in bundled
    assert not re.search(r"^(import|export)\b", bundled, re.MULTILINE)


def test_old_results_are_marked_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    catalog.index(photos)
    version = catalog.store.head.version
    text = write_page(catalog, tmp_path / "new" / "a.html").read_text()
    assert '"state":"missing"' in text
    assert "lookalike map c.catalog" in text
    assert catalog.store.head.version == version
    assert lookalike.open(tmp_path / "c.catalog").store.head.version == version


def test_pictures_shrink_until_they_fit(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer(lookalike.open(shown))
    assert onefile._side(explorer) == onefile.SIDES[0]
    sizes = {side: len(onefile._sheet(explorer, 0, side)) for side in onefile.SIDES}
    assert sorted(sizes.values(), reverse=True) == list(sizes.values())
    monkeypatch.setattr(onefile, "BUDGET", 24 * 480 + sizes[96] * 1.08 * 4 / 3 + 1)
    assert onefile._side(explorer) == 96
    monkeypatch.setattr(onefile, "BUDGET", 0)
    assert onefile._side(explorer) == onefile.SIDES[-1]


def test_the_command_writes_it(run: Run, shown: Path, tmp_path: Path) -> None:
    done = run("export", shown, tmp_path / "a.html", "--json")
    assert done.json == {"file": str(tmp_path / "a.html"), "rows": 24}
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert "search by photo" in run("export", shown, tmp_path / "a.html").out
    wrong = run("export", shown, tmp_path / "a.txt")
    assert wrong.code == 2
    assert ".parquet or .html" in wrong.err


def test_an_empty_catalog_is_a_page_too(tmp_path: Path) -> None:
    page = write_page(lookalike.create(tmp_path / "c", model="tiny"), tmp_path / "a.html").read_text()
    assert '"items":0' in page
