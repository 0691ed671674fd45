"""What a notebook shows of an answer: a row of pictures that trusts no name."""

from __future__ import annotations

import copy
import io
import pickle
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from lookalike.records import Hit, Similar
from lookalike.report import similar_row
from tests.conftest import COLORS, draw

NASTY = "<img src=x onerror=alert(1)>\"'&\u202e.png"


class Seen(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def colors(self) -> list[tuple[int, ...]]:
        """The color amid each picture."""
        sources = [str(attrs["src"]).partition("base64,") for tag, attrs in self.tags if tag == "img"]
        assert all(re.fullmatch(r"data:image/\w+;", head) for head, _, _ in sources)
        images = [Image.open(io.BytesIO(b64decode(data))).convert("RGB") for _, _, data in sources]
        return [image.getpixel((image.width // 2, image.height // 2)) for image in images]  # type: ignore[misc]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> lookalike.Catalog:
    folder = tmp_path_factory.mktemp("notebook")
    for row, color in enumerate(["red", "red", "blue", "blue", "red"]):
        draw(folder / "photos" / f"{color}-{row}.png", COLORS[color], seed=row)
    found = lookalike.create(folder / "c.catalog", model="tiny")
    found.index(folder / "photos")
    return found


def test_an_answer_shows_the_query_then_its_look_alikes(catalog: lookalike.Catalog) -> None:
    found = catalog.similar("red-0.png", k=2, ranking="euclidean")
    seen = Seen(found._repr_html_() or "")
    assert len(seen.colors()) == 3
    assert all(red > 1.5 * blue for red, _, blue in seen.colors()), "a red query and two red look-alikes"
    places = [seen.text.index(name) for name in ("red-0.png", *(hit.id for hit in found.results))]
    assert places == sorted(places)
    assert "2 look-alikes" in seen.text


def test_a_photo_that_is_no_item_shows_itself(catalog: lookalike.Catalog, tmp_path: Path) -> None:
    draw(tmp_path / "new.png", COLORS["blue"], seed=99)
    seen = Seen(catalog.similar(tmp_path / "new.png", k=1)._repr_html_() or "")
    assert [blue > 1.5 * red for red, _, blue in seen.colors()] == [True, True]


def test_an_item_that_has_gone_is_an_empty_frame(catalog: lookalike.Catalog, tmp_path: Path) -> None:
    draw(tmp_path / "later.png", COLORS["red"], seed=7)
    catalog.add((tmp_path / "later.png").read_bytes(), "later.png")
    found = catalog.similar("later.png", k=1)
    before = Seen(found._repr_html_() or "").colors()
    catalog.remove(["later.png"])
    after = Seen(found._repr_html_() or "").colors()
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_no_name_becomes_markup() -> None:
    hit = Hit(id="a", path="a", distance=0.5, score=0.8, metadata={"name": NASTY}, reasons=("</div><script>",))
    text = similar_row(b"no picture", Similar(query=NASTY, results=(hit,)), {})
    seen = Seen(text)
    assert {tag for tag, _ in seen.tags} == {"div", "img", "bdi"}
    assert [attrs for _, attrs in seen.tags if any(name.startswith("on") for name in attrs)] == []
    assert "\u202e" not in text
    assert seen.text.count("<img src=x onerror=alert(1)>") == 2
    assert "No item met the conditions" in similar_row(None, Similar(query="a", results=()), {})


def test_pictures_are_no_part_of_an_answer(catalog: lookalike.Catalog) -> None:
    found = catalog.similar("red-0.png", k=2)
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert other == found
        assert other._repr_html_() is None
    assert "html" not in found.as_json()
    assert "html" not in repr(found)
