"""The explorer's other controls in a browser: what people press, and what it does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.catalog import build
from lookalike.options import IndexOptions, ModelOptions
from lookalike.web import make_app
from tests.web.pages import Open, address, browser, results, running, until, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]
AT = "new URLSearchParams(location.hash.slice(1)).get('at').split(',').map(Number)"
TOKEN = "a token of sixteen and more"


@pytest.fixture(scope="module")
def guarded(shown: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of two catalogs that keeps votes of those who have its token."""
    base = tmp_path_factory.mktemp("guarded")
    ids = lookalike.open(shown).ids
    values = np.random.default_rng(1).normal(size=(len(ids), 4)).astype(np.float32)
    pq.write_table(pa.table({"id": ids, "vector": values.tolist()}), base / "v.parquet")
    options = ModelOptions(vectors=base / "v.parquet")
    other, _, _ = build(base / "other.catalog", [shown.parent / "photos"], IndexOptions(), model=options)
    mine = lookalike.create(base / "mine.catalog", model="tiny")
    mine.index(shown.parent / "photos")
    with running(make_app(mine, against=other, writable=True, token=TOKEN)) as found:
        yield found


def vote(page: Any) -> None:
    """Choose the left side, and wait for the next item."""
    page.wait_for_selector(".choices button:enabled")
    query = page.get_attribute(".asked", "data-query")
    page.click(".choices button >> nth=0")
    until(page, f"document.querySelector('.asked').dataset.query !== {json.dumps(query)}")


def sent(page: Any, server: str) -> int:
    """Votes that the server has."""
    told = page.request.get(f"{server}api/votes").json()
    return int(told["a"] + told["b"] + told["same"])


def test_the_page_asks_once_for_the_token(visit: Open, guarded: str) -> None:
    """A vote waits until the token is there; a wrong one is asked for again; it is in no address."""
    page = visit(base=guarded)
    page.click("#duel-button")
    page.wait_for_selector("form.gate")
    vote(page)
    assert sent(page, guarded) == 0
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=That token was not accepted")
    assert sent(page, guarded) == 0
    page.fill("#token", TOKEN)
    page.click("text=Use it")
    page.wait_for_selector("form.gate", state="detached")
    assert sent(page, guarded) == 1, "the vote that waited"
    vote(page)
    assert sent(page, guarded) == 2
    assert "sixteen" not in page.url
    assert page.evaluate("sessionStorage.getItem('lookalike-token')") == TOKEN
    assert TOKEN not in page.evaluate("JSON.stringify({...localStorage})")
    page.reload()
    page.wait_for_selector(".choices")
    assert page.locator("form.gate").count() == 0
    vote(page)
    assert sent(page, guarded) == 3


def test_votes_may_stay_in_the_browser(visit: Open, guarded: str) -> None:
    page = visit(base=guarded)
    before = page.request.get(f"{guarded}api/votes").json()
    page.click("#duel-button")
    page.click("text=Keep my votes in this browser only")
    vote(page)
    assert page.locator("form.gate").count() == 0
    assert "1 vote of yours" in page.inner_text("#duel .row")
    assert page.request.get(f"{guarded}api/votes").json() == before


def test_rather_the_same_and_varied_answer_as_the_server_does(visit: Open) -> None:
    """The order is that of the preference; varied says what it left out; a link says both, and Back undoes them."""
    page = visit("#item=red-00.png")
    results(page)
    page.click("[aria-label='Rather the same'] >> text=Year")
    until(page, "location.hash.includes('prefer=year')")
    first = results(page)
    server = page.url.split("#")[0]
    asked = page.request.get(f"{server}api/items/red-00.png/similar?k=12&prefer=year%3D0.5").json()
    assert first == [hit["id"] for hit in asked["results"]]
    page.check("#diverse")
    until(page, "document.querySelector('.took')?.textContent.startsWith('Varied')")
    link = page.url
    varied = results(page)
    assert "left out" in page.inner_text(".took")
    page.go_back()
    until(page, "document.querySelector('.took')?.textContent.startsWith('Exact')")
    assert results(page) == first
    assert not page.is_checked("#diverse")
    other = visit(link.split("/")[-1])
    assert results(other) == varied
    assert other.is_checked("#diverse")
    assert other.get_attribute("[aria-label='Rather the same'] >> text=Year", "aria-pressed") == "true"


def test_keys_move_the_map(visit: Open) -> None:
    page = visit()
    page.focus("#canvas")
    page.keyboard.press("+")
    until(page, f"location.hash.includes('at=') && {AT}[2] > 1.05")
    x = page.evaluate(AT)[0]
    page.keyboard.press("ArrowRight")
    until(page, f"{AT}[0] !== {x}")
    page.keyboard.press("0")
    until(page, f"Math.abs({AT}[2] - 1) < 0.01")
    page.keyboard.press("l")
    assert page.get_attribute("#lasso", "aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.get_attribute("#lasso", "aria-pressed") == "false"
    for button, sign in (("#closer", ">"), ("#farther", "<="), ("#whole", "<=")):
        page.click(button)
        until(page, f"{AT}[2] {sign} 1.01")


def test_the_look_and_the_color_of_dots_can_be_chosen(visit: Open) -> None:
    page = visit(color_scheme="light")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.select_option("#colors", "color")
    until(page, "location.hash.includes('color=color')")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.input_value("#colors") == "color"
    page.click("#hint-close")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.is_hidden("#hint")


def test_a_photo_is_pasted(visit: Open, shown: Path) -> None:
    page = visit()
    data = base64.b64encode((shown.parent / "photos" / "red-00.png").read_bytes()).decode()
    page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], "", { type: "image/png" }));
          dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        data,
    )
    assert results(page)[0] == "red-00.png"
    assert "Your photo" in page.inner_text("#panel h1")
    page.click(".head .close")
    page.wait_for_selector("#panel", state="hidden")


def test_a_link_is_copied_and_an_item_is_shown_on_the_map(visit: Open) -> None:
    page = visit("#item=red-00.png", permissions=["clipboard-read", "clipboard-write"])
    results(page)
    until(page, "location.hash.includes('at=')")  # the map has come to rest: from here on the address stays
    page.click("text=Copy link")
    page.wait_for_selector("text=Copied ✓")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.click("#whole")
    page.click("text=On the map")
    until(page, f"{AT}[2] > 1.5")


def test_a_server_that_is_gone_is_said_so(visit: Open, shown: Path) -> None:
    with running(make_app(lookalike.open(shown))) as base:
        page = visit(base=base)
    page.evaluate("location.hash = 'item=red-00.png'")
    page.wait_for_selector("text=Is lookalike serve still running?")


def test_without_a_map_the_items_stand_side_by_side(visit: Open, shown: Path, tmp_path: Path) -> None:
    """A catalog that was only indexed is no empty page: its items are there, filters bind them, a click opens one."""
    catalog = lookalike.create(tmp_path / "new.catalog", model="tiny")
    catalog.index(shown.parent / "photos", metadata=shown.parent / "metadata.csv")
    with running(make_app(catalog)) as base:
        page = visit(base=base)
        assert page.locator("#wall .result").count() == 24
        assert "lookalike map new.catalog" in page.inner_text("#notes")
        page.check("[data-name='color'] input >> nth=0")
        until(page, "document.querySelectorAll('#wall .result').length === 6")
        page.click("#wall .result >> nth=0")
        page.wait_for_selector("#panel .head")
        until(page, "document.querySelectorAll('#panel .result').length === 5")
