"""The explorer in a browser: selections that are kept and compared, and two catalogs side by side."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.analysis import preference
from lookalike.catalog import build
from lookalike.options import IndexOptions, ModelOptions
from lookalike.web import make_app, write_page
from tests.web.pages import Open, address, browser, results, running, until, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]


def keep(page: Any, name: str, *items: str) -> None:
    """Keep items under a name, as a person does: one by one."""
    for item in items:
        page.fill("#find", item)
        page.wait_for_selector("#found li")
        page.keyboard.press("Enter")
        page.wait_for_selector(f'.head[data-item="{item}"]')
        page.click(".acts button >> nth=0")
    page.fill("#picked-name", name)
    page.click("#picked-keep")
    page.click("#picked-clear")


def test_selections_are_kept_compared_and_saved(visit: Open, shown: Path) -> None:
    page = visit()
    page.click("#hint-close")
    keep(page, "warm", "red-00.png", "red-04.png", "gray-03.png")
    keep(page, "cold", "blue-02.png", "gray-03.png")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#picks-list li").count() == 2
    for name in ("warm", "cold"):
        page.check(f"[aria-label='Compare {name}']")
    page.click("#picks-compare")
    assert "1 in both, 25% of all" in page.inner_text("#panel")
    colors = page.locator(".versus", has_text="Color").locator("tbody tr").all_inner_texts()
    red = next(line for line in colors if "red" in line)
    assert "2 · 67%" in red
    assert "0 · 0%" in red
    page.click("#picks-list button >> text=warm")
    assert page.inner_text("#picked-count") == "3 kept"
    with page.expect_download() as waiting:
        page.click("#save-parquet")
    table = pq.read_table(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    assert table["id"].to_pylist() == ["gray-03.png", "red-00.png", "red-04.png"]
    catalog = lookalike.open(shown)
    assert table["vector"].to_pylist()[1] == catalog.vectors[catalog.ids.index("red-00.png")].tolist()
    page.click("[aria-label='Forget cold']")
    assert page.locator("#picks-list li").count() == 1


def test_the_one_file_says_why_it_has_no_parquet(visit: Open, shown: Path, tmp_path: Path) -> None:
    out = write_page(lookalike.open(shown), tmp_path / "explorer.html")
    page = visit(base=out.as_uri() + "#item=red-00.png", offline=True)
    results(page)
    page.click(".acts button >> nth=0")
    page.click("#save-parquet")
    page.wait_for_selector("text=Parquet is written by the server")


@pytest.fixture(scope="module")
def duel(shown: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of two catalogs, whose votes are kept."""
    base = tmp_path_factory.mktemp("duel")
    ids = lookalike.open(shown).ids
    values = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    pq.write_table(pa.table({"id": ids, "vector": values.tolist()}), base / "v.parquet")
    options = ModelOptions(vectors=base / "v.parquet")
    other, _, _ = build(base / "other.catalog", [shown.parent / "photos"], IndexOptions(), model=options)
    mine = lookalike.create(base / "mine.catalog", model="tiny")
    mine.index(shown.parent / "photos")
    with running(make_app(mine, against=other, writable=True)) as found:
        yield found


def test_votes_are_blind_kept_and_analyzed(visit: Open, duel: str) -> None:
    page = visit(base=duel)
    page.click("#duel-button")
    left = []
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.wait_for_selector(".choices button:enabled")
        query = page.get_attribute(".asked", "data-query")
        sides = page.request.get(f"{duel}api/against/{quote(query, safe='')}").json()
        shown = page.eval_on_selector_all(".side >> nth=0 >> .pic", "all => all.map(each => each.src)")
        pictured = [unquote(urlsplit(src).path).removeprefix("/thumbnails/") for src in shown]
        left += [side for side in ("a", "b") if [hit["id"] for hit in sides[side]] == pictured]
        assert "mine" not in page.inner_text("#duel")
        assert "other" not in page.inner_text("#duel")
        page.keyboard.press(key)
        until(page, f"document.querySelector('.asked').dataset.query !== {json.dumps(query)}")
    assert len(left) == 4, "each time one of the two catalogs stands on the left"
    page.reload()
    page.wait_for_selector(".choices")
    assert "4 votes" in page.inner_text("#duel .row")
    page.click("text=Show the result")
    page.wait_for_selector(".outcome")
    told = page.request.get(f"{duel}api/votes").json()
    assert (told["a"] + told["b"], told["same"], told["voters"]) == (3, 1, 1)
    assert f"{told['a']} for mine, {told['b']} for other, 1 without" in page.inner_text(".outcome")
    page.keyboard.press("Escape")
    page.wait_for_selector("#duel", state="hidden")


def test_the_page_counts_as_the_server_does(visit: Open, duel: str) -> None:
    page = visit(base=duel)
    for a, b in [(0, 0), (2, 8), (61, 40), (700, 800)]:
        found = page.evaluate(f"import('{duel}static/duel.js').then((duel) => duel.preference({a}, {b}))")
        expected = preference(a, b)
        assert found["p"] == pytest.approx(expected.p, rel=1e-9)
        if a + b:
            assert list(found["share"].values()) == pytest.approx(list(expected[:3]))
