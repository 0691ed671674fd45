"""The page: complete, closed to the outside, and nothing from outside in it but as text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from lookalike.errors import UsageError
from lookalike.records import Hit, Similar, Value
from lookalike.report import write_report, write_similar
from lookalike.report.context import prepare
from lookalike.report.data import ReportData
from lookalike.report.text import plain
from tests.report.data import make_report_data, picture

VOID = {"meta", "img", "br", "source", "rect", "link"}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "a\u202egpj.exe",
    "line\nbreak\x00",
    "\"quoted\" & 'so'",
    r"$\frac{1}{0}$",
    "红色鞋子",
    "x" * 5_000,
    "\udcff.jpg",
)


class Page(HTMLParser):
    """Reads a page and notes its elements, its words and whether every tag is closed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.source = file.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def check_closed(page: Page) -> None:
    """The page loads nothing, runs nothing, and its style sheet is the one that its policy allows."""
    assert page.open == []
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"data:image/[^\"]*", "", page.source), re.I)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base", "video", "audio"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "srcset", "poster", "data", "action"):
            assert attributes.get(name, "data:image/").startswith("data:image/")
        assert re.fullmatch(r"#[\w-]+|[\w.-]+\.(?:png|svg)|", attributes.get("href", ""))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    style = page.source.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def hostile(data: ReportData) -> ReportData:
    n = len(data.ids)
    spread = [HOSTILE[row % len(HOSTILE)] for row in range(n)]
    return replace(
        data,
        title=HOSTILE[1] + HOSTILE[4],
        where="a < 'b' & \"c\" > '<script>'",
        model="<b>model</b>",
        facts=None,
        ids=[f"{name}{row}" for row, name in enumerate(spread)],
        metadata={"name": list(spread), HOSTILE[0]: [HOSTILE[row % 3] for row in range(n)], "type": [HOSTILE[6]] * n},
        failed=2,
    )


def test_all_figures_are_on_the_page_with_links_to_their_files(written: Path) -> None:
    page = Page(written / "report.html")
    check_closed(page)
    ids = {attributes.get("id", "") for _, attributes in page.elements}
    assert {f"figure-{number}" for number in range(1, 7)} <= ids
    links = {link["href"] for link in page.all("a")}
    files = {file.name for file in written.iterdir() if file.suffix in (".png", ".svg")}
    assert files <= links
    assert {link for link in links if not link.startswith("#")} <= files
    assert {link[1:] for link in links if link.startswith("#")} <= ids


def test_the_numbers_are_said(written: Path) -> None:
    text = Page(written / "report.html").text
    for words in (
        "40 items",
        "3 clusters",
        "80% of nearest neighbors",
        "any K between 3 and 6",
        "In use: 3",
        "768 numbers",
    ):
        assert words in text, words
    assert "could not be used" not in text


def test_every_picture_says_what_it_shows(written: Path) -> None:
    page = Page(written / "report.html")
    assert len(page.all("img")) > 80
    for image in page.all("img"):
        assert "alt" in image
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


def test_each_cluster_is_shown_by_its_representative(written: Path) -> None:
    source = (written / "report.html").read_text("utf-8")
    context = prepare(make_report_data(40))
    for cluster, row in enumerate(context.data.clusters.representatives):
        section = source.partition(f'id="cluster-{cluster}"')[2].partition("</article>")[0]
        first = re.search(r'<img src="([^"]+)"', section)
        assert first is not None
        assert first[1] == context.photos.uri(int(row), 200)[0]


@pytest.mark.usefixtures("coarse_print")
def test_names_from_outside_are_text_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "figure-6-clusters-3.png").write_bytes(b"from an earlier report")
    page = Page(write_report(hostile(make_report_data(22, k=21)), tmp_path))
    check_closed(page)
    assert [file.name for file in sorted(tmp_path.glob("figure-6*-?.png"))] == ["figure-6-clusters-2.png"]
    assert "page 2" in page.text
    assert plain(HOSTILE[0]) in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "红色鞋子" in page.text
    assert "\u202e" not in page.source
    assert "2 photos could not be used" in page.text
    assert max(len(image["alt"]) for image in page.all("img")) <= 160
    for file in tmp_path.glob("*.svg"):
        assert "onerror" not in file.read_text("utf-8")


@pytest.mark.usefixtures("coarse_print")
@pytest.mark.parametrize("n", [0, 1, 3])
def test_small_catalogs_have_a_report_too(tmp_path: Path, n: int) -> None:
    data = make_report_data(n, labeled=n != 1)
    steps: list[tuple[str, int, int]] = []
    page = Page(write_report(data, tmp_path, progress=lambda *step: steps.append(step)))
    check_closed(page)
    assert len(list(tmp_path.glob("figure-*.png"))) == len(list(tmp_path.glob("figure-*.svg"))) == 7
    assert ("No items" in page.text) == (n == 0)
    assert steps[0][1] == 0
    assert steps[-1][1] == steps[-1][2]
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_a_report_leaves_nothing_else_behind(written: Path) -> None:
    assert {file.suffix for file in written.iterdir()} == {".png", ".svg", ".html"}
    assert (written / "report.html").stat().st_size < 2_000_000


def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    data = make_report_data(5)
    with pytest.raises(UsageError, match=r"thumbnails has 4 entries for 5 items"):
        write_report(replace(data, thumbnails=data.thumbnails[:4]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def result(name: str, distance: float) -> Hit:
    metadata: dict[str, Value] = {"name": name, "color": "Red", "year": 2011, "note": None}
    return Hit(id=f"{name}.jpg", path=f"in/{name}.jpg", distance=distance, score=1 / (1 + distance), metadata=metadata)


def test_the_page_of_one_query(tmp_path: Path) -> None:
    similar = Similar(query="query.jpg", results=(result("first", 0.5), result("second", 3.7)))
    thumbnails = {"first.jpg": picture("boot", (200, 40, 40)), "second.jpg": b"junk"}
    out = tmp_path / "new" / "page.html"
    assert write_similar(picture("clog", (40, 40, 200)), similar, thumbnails, out) == out
    page = Page(out)
    check_closed(page)
    assert len(page.all("img")) == 3
    assert "2 look-alikes" in page.text
    for words in ("first", "0.500", "0.67", "second", "3.70", "0.21", "Red", "2011", "in/first.jpg"):
        assert words in page.text, words
    assert page.text.index("first") < page.text.index("second")
    assert "None" not in page.text
    assert [file.name for file in out.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_of_one_query_takes_any_name(tmp_path: Path, name: str) -> None:
    similar = Similar(query=name, results=(result(name, 1.0),), exact=False, recall=0.97)
    page = Page(write_similar(None, similar, {}, tmp_path / "page.html"))
    check_closed(page)
    assert "97%" in page.text


def test_no_look_alikes_are_said_so(tmp_path: Path) -> None:
    page = Page(write_similar(None, Similar(query="q", results=()), {}, tmp_path / "page.html"))
    check_closed(page)
    assert "No look-alikes" in page.text


def test_pictures_of_the_page_are_no_larger_than_shown(written: Path) -> None:
    page = Page(written / "report.html")
    widths = [int(image["width"]) for image in page.all("img")]
    assert max(widths) <= 1_720
    with Image.open(written / "figure-1-recommendations.png") as printed:
        assert printed.width >= 2_000
