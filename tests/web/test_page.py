"""The explorer in a browser, as a person uses it."""

from __future__ import annotations

import base64
import csv
import json
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.web import write_page
from tests.web.conftest import NASTY
from tests.web.pages import SIZES, Open, address, browser, results, until, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]


def dot(page: Any, item: str) -> tuple[float, float]:
    """Where on the screen an item's dot is, when the whole map is shown."""
    script = """async (id) => {
      const info = await (await fetch('api/map')).json();
      const row = info.ids.indexOf(id);
      const box = document.getElementById('canvas').getBoundingClientRect();
      const [left, right] = [Math.min(...info.x), Math.max(...info.x)];
      const [top, bottom] = [Math.min(...info.y), Math.max(...info.y)];
      const at = [(left + right) / 2, (top + bottom) / 2, 1];
      const pad = Math.min(60, box.width / 8);
      const fit = Math.min((box.width - pad) / (right - left), (box.height - pad) / (bottom - top));
      return [box.left + (info.x[row] - at[0]) * at[2] * fit + box.width / 2,
              box.top + (info.y[row] - at[1]) * at[2] * fit + box.height / 2];
    }"""
    x, y = page.evaluate(script, item)
    return x, y


def test_the_map_is_drawn(visit: Open) -> None:
    page = visit()
    assert page.inner_text("#count") == "24 items"
    assert page.title() == "shown · lookalike"
    assert page.locator(".chip").count() == 4
    page.wait_for_timeout(500)
    picture = page.locator("#map").screenshot()
    assert len(picture) > 8_000, "an empty map compresses to next to nothing"


def test_hover_tells_and_click_opens(visit: Open) -> None:
    page = visit()
    x, y = dot(page, "blue-02.png")
    page.mouse.move(x, y)
    page.wait_for_selector("#tip:not([hidden])")
    page.mouse.click(x, y)
    found = results(page)
    item = page.get_attribute(".head", "data-item")
    assert item is not None
    told = page.request.get(f"{page.url.split('#')[0]}api/items/{item.replace('/', '%2F')}/similar?k=12").json()
    assert found == [hit["id"] for hit in told["results"]]
    assert "distance" in page.inner_text(".result >> nth=0")
    assert "same color" in page.inner_text(".result >> nth=0").lower()
    assert "Exact" in page.inner_text(".took")


def test_going_on_back_and_a_link_that_is_sent(visit: Open) -> None:
    page = visit("#item=red-00.png")
    first = results(page)
    page.click(".result >> nth=0")
    page.wait_for_selector(f'.head[data-item="{first[0]}"]')
    second = results(page)
    assert second != first
    assert results(visit("#" + page.url.split("#")[1])) == second
    page.go_back()
    page.wait_for_selector('.head[data-item="red-00.png"]')
    assert results(page) == first
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel", state="hidden")


def test_filters_count_and_bind_the_look_alikes(visit: Open) -> None:
    page = visit("#item=red-00.png")
    results(page)
    page.check("text=blue >> nth=0")
    until(page, "document.getElementById('count').textContent.startsWith('6 of')")
    until(page, "[...document.querySelectorAll('.result')].length === 6")
    assert all("blue" in item or item in (NASTY, "deep/red-08.png") for item in results(page))
    page.click("#clear")
    until(page, "document.querySelectorAll('.result').length === 12")


def test_controls_change_the_answer(visit: Open) -> None:
    page = visit("#item=red-00.png")
    results(page)
    page.select_option("#many", "3")
    until(page, "document.querySelectorAll('.result').length === 3")
    page.select_option("#many", "24")
    until(page, "document.querySelectorAll('.result').length === 23")
    page.click(".same >> text=Color")
    until(page, "document.querySelectorAll('.result').length === 5")
    assert "same=color" in page.url
    page.click(".same >> text=Color")
    until(page, "document.querySelectorAll('.result').length === 23")
    page.click("[aria-label='Rather the same'] >> text=Year")
    until(page, "location.hash.includes('prefer=year')")
    page.check("#diverse")
    until(page, "document.querySelector('.took')?.textContent.startsWith('Varied')")
    assert "same color" in page.inner_text(".result >> nth=0")


def test_the_slider_goes_from_shape_to_color(visit: Open) -> None:
    page = visit("#item=red-00.png")
    before = results(page)
    page.locator("#tint").fill("1")
    until(page, "location.hash.includes('tint=1')")
    shown = "[...document.querySelectorAll('.result')].map((e) => e.dataset.id).join()"
    until(page, f"{shown} !== {json.dumps(','.join(before))}")
    assert {item.rpartition("/")[2].split("-")[0] for item in results(page)[:4]} == {"red"}
    assert page.evaluate("document.activeElement.id") == "tint", "the arrow keys go on moving it"
    page.select_option("#ranking", "euclidean")
    until(page, "document.getElementById('tint').disabled")
    assert "tint" not in page.url


def test_a_group_is_highlighted(visit: Open) -> None:
    page = visit()
    page.click(".chip >> nth=0")
    assert page.get_attribute(".chip >> nth=0", "aria-pressed") == "true"
    until(page, "document.getElementById('count').textContent.includes(' of 24')")
    page.click("summary:has-text('How many groups')")
    page.wait_for_selector(".curve path")


def test_another_number_of_groups(visit: Open) -> None:
    page = visit()
    page.click("summary:has-text('How many groups')")
    page.locator("#curve input").fill("2")
    until(page, "document.querySelectorAll('.chip').length === 2")
    assert "2 clusters" in page.inner_text("#curve p")
    assert "groups=2" in page.url
    page.click(".chip >> nth=0")
    many = int(page.inner_text(".chip >> nth=0"))
    until(page, f"document.getElementById('count').textContent.startsWith('{many} of')")
    there = visit("#" + page.url.split("#")[1])
    until(there, "document.querySelectorAll('.chip').length === 2")
    box = page.locator(".curve").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 8, box["y"] + 20)
    until(page, "document.querySelectorAll('.chip').length === 8")
    page.click("#curve button")
    until(page, "document.querySelectorAll('.chip').length === 4")
    assert "groups" not in page.url


def test_a_selection_is_drawn_and_saved(visit: Open, tmp_path: Path) -> None:
    page = visit()
    box = page.locator("#canvas").bounding_box()
    left, top, right, bottom = box["x"] + 3, box["y"] + 3, box["x"] + box["width"] - 3, box["y"] + box["height"] - 3
    page.click("#hint-close")
    page.click("#lasso")
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.wait_for_selector("#picked:not([hidden])")
    assert page.inner_text("#picked-count") == "24 kept"
    page.fill("#picked-name", "my shoes")
    with page.expect_download() as waiting:
        page.click("#save-csv")
    assert waiting.value.suggested_filename == "my shoes.csv"
    waiting.value.save_as(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert NASTY in {row["id"] for row in rows}
    with page.expect_download() as waiting:
        page.click("#save-json")
    waiting.value.save_as(tmp_path / "a.json")
    assert len(json.loads((tmp_path / "a.json").read_text())["items"]) == 24


def test_a_photo_is_dropped(visit: Open, shown: Path) -> None:
    page = visit()
    photo = base64.b64encode((shown.parent / "photos" / "green-01.png").read_bytes()).decode()
    page.evaluate(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], "new.png", { type: "image/png" }));
          for (const type of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(type, { bubbles: true, dataTransfer: held }));
        }""",
        photo,
    )
    assert results(page)[0] == "green-01.png"
    assert "Your photo" in page.inner_text(".head")
    assert "ring" in page.inner_text("#spot")


def test_a_file_that_is_no_photo_says_so(visit: Open, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    page = visit()
    page.set_input_files("#photo", bad)
    page.wait_for_selector("text=no image")


def test_search_by_name_or_id(visit: Open) -> None:
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("gray-03")
    page.wait_for_selector("#found li")
    page.keyboard.press("Enter")
    page.wait_for_selector('.head[data-item="gray-03.png"]')
    page.fill("#find", "nothing like this")
    page.wait_for_selector("text=Nothing has these words")


def test_names_are_only_text(visit: Open) -> None:
    page = visit("#item=red-00.png&k=48")
    results(page)
    page.fill("#find", "onerror")
    page.wait_for_selector("#found li")
    page.keyboard.press("Enter")
    page.wait_for_selector(".head")
    until(page, "document.querySelector('.head').dataset.item.includes('onerror')")
    assert page.locator("img[onerror]").count() == 0


def test_keys_are_enough(visit: Open) -> None:
    page = visit()
    page.focus("#canvas")
    before = page.url
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    until(page, f"location.href !== {json.dumps(before)}")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    assert results(page)


def test_without_webgl_a_plain_canvas_says_so(visit: Open) -> None:
    page = visit("?flat")
    page.wait_for_selector("text=WebGL2 did not start")
    page.wait_for_timeout(400)
    assert len(page.locator("#map").screenshot()) > 8_000


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(visit: Open, size: str, scheme: str) -> None:
    page = visit("#item=red-00.png", size=size, color_scheme=scheme)
    results(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.getElementById('panel').scrollWidth <= document.getElementById('panel').clientWidth")
    for selector in ("#find", "#theme", "#panel .close"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= SIZES[size][0]


def test_everything_that_acts_has_a_name(visit: Open) -> None:
    page = visit("#item=red-00.png")
    results(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a[href], [role=img]")].filter((each) => {
          const label = each.ariaLabel || each.getAttribute("aria-labelledby") || each.textContent.trim() || each.title;
          return !label && !(each.labels && each.labels.length) && each.checkVisibility();
        }).map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("[...document.images].every((each) => each.hasAttribute('alt'))")


def test_the_one_file_needs_no_network(visit: Open, shown: Path, tmp_path: Path) -> None:
    out = write_page(lookalike.open(shown), tmp_path / "explorer.html")
    page = visit(base=out.as_uri() + "#item=red-00.png", offline=True)
    found = results(page)
    told = lookalike.open(shown).similar("red-00.png", 12)
    assert found == [hit.id for hit in told.results]
    assert "search by photo needs" in page.inner_text("#notes")
    assert page.locator("#photo-button").is_hidden()
    page.check("text=blue >> nth=0")
    until(page, "[...document.querySelectorAll('.result')].length === 6")
    page.click(".result >> nth=0")
    until(page, "document.querySelector('.head').dataset.item !== 'red-00.png'")
    page.go_back()
    page.wait_for_selector('.head[data-item="red-00.png"]')
    page.wait_for_timeout(300)
    assert len(page.locator("#map").screenshot()) > 8_000
    page.click("summary:has-text('How many groups')")
    page.locator("#curve input").fill("3")
    until(page, "document.querySelectorAll('.chip').length === 3")


def test_the_interface_shows_itself(visit: Open) -> None:
    page = visit("docs")
    page.click(".path >> nth=1 >> button")
    page.wait_for_selector("pre:not([hidden])")
    assert '"total": 24' in page.inner_text("pre:not([hidden])")
