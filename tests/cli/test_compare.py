"""Two catalogs of the same items, compared as a user and as a script do it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.analysis import nearest_neighbors
from tests.conftest import Run, draw


@pytest.fixture
def catalog(run: Run, photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "a.catalog"
    assert run("index", folder, photos, "--metadata", tmp_path / "metadata.csv", "--model", "tiny").code == 0
    return folder


@pytest.fixture
def other(run: Run, catalog: Path, photos: Path, tmp_path: Path) -> Path:
    """Random vectors of the same photos but two, and of one that the first catalog has not."""
    names = [path.name for path in sorted(photos.iterdir())]
    for name in names[:2]:
        (photos / name).unlink()
    draw(photos / "zz.png", (250, 200, 20), seed=50)
    np.save(tmp_path / "v.npy", np.random.default_rng(4).normal(size=(11, 8)).astype("float32"))
    folder = tmp_path / "b.catalog"
    assert run("index", folder, photos, "--vectors", tmp_path / "v.npy").code == 0
    return folder


def test_a_catalog_against_itself_has_no_difference(run: Run, catalog: Path, tmp_path: Path) -> None:
    page = tmp_path / "same.html"
    found = run("compare", catalog, catalog, "--labels", "color,year", "--html", page, "--json").json
    one = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (found["k"], found["n"], found["only_a"], found["only_b"], found["changed"]) == (3, 12, 0, 0, [])
    assert found["overlap"] == found["rank_biased_overlap"] == one
    evaluated = run("evaluate", catalog, "--labels", "color,year", "--json").json["agreement"]
    for label, gap in found["agreement"].items():
        assert gap["a"] == gap["b"] == pytest.approx(evaluated[label]["value"])
        assert (gap["low"], gap["high"]) == (0, 0)
    assert "No query changed" in page.read_text()


def test_only_common_items_are_queries_and_look_alikes(run: Run, catalog: Path, other: Path) -> None:
    options = ["--labels", "color", "-k", 2, "--ranking", "euclidean", "--json"]
    found = run("compare", catalog, other, *options).json
    assert (found["n"], found["only_a"], found["only_b"], found["depth"]) == (10, 2, 1, 9)
    a, b = lookalike.open(catalog), lookalike.open(other)
    ids = [item for item in a.ids if item in b.ids]
    lists = [nearest_neighbors(c.vectors[[c.ids.index(item) for item in ids]], 2).ids for c in (a, b)]
    shared = [len(set(x) & set(y)) / 2 for x, y in zip(*(rows.tolist() for rows in lists), strict=True)]
    assert found["overlap"]["value"] == pytest.approx(np.mean(shared))
    assert 0 < found["rank_biased_overlap"]["low"] < found["rank_biased_overlap"]["high"] < 1
    assert found["agreement"]["color"]["a"] > found["agreement"]["color"]["b"]
    order = [changed["rank_biased_overlap"] for changed in found["changed"]]
    assert order == sorted(order)
    for changed in found["changed"]:
        row = ids.index(changed["id"])
        assert [changed["a"], changed["b"]] == [[ids[item] for item in rows[row]] for rows in lists]
    swapped = run("compare", other, catalog, *options).json
    assert swapped["overlap"] == found["overlap"]
    assert swapped["agreement"]["color"]["b"] == found["agreement"]["color"]["a"], "labels may be in either catalog"


def test_the_sheet_shows_both_lists_and_marks_what_both_found(
    run: Run, catalog: Path, other: Path, tmp_path: Path
) -> None:
    page = tmp_path / "sheet.html"
    found = lookalike.open(catalog).compare(lookalike.open(other), ["color"], 4, html=page)
    text = page.read_text()
    assert text.count("class='change'") == len(found.changed) == 10
    assert text.count("In both") == 2 * sum(len(set(c.a) & set(c.b)) for c in found.changed) > 0
    assert set(re.findall(r"src=\"([a-z]+:)", text)) == {"data:"}, "the page asks for nothing"
    assert "<script" not in text
    assert "2 items of A alone and 1 of B alone" in text


def test_names_in_the_sheet_are_text(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for row in range(4):
        draw(folder / f"<img src=x onerror=alert({row})>.png", (60 * row, 90, 200 - 40 * row), seed=row)
    assert run("index", tmp_path / "a.catalog", folder, "--model", "tiny").code == 0
    np.save(tmp_path / "v.npy", np.random.default_rng(1).normal(size=(4, 8)).astype("float32"))
    assert run("index", tmp_path / "<b>.catalog", folder, "--vectors", tmp_path / "v.npy").code == 0
    page = tmp_path / "page.html"
    assert run("compare", tmp_path / "a.catalog", tmp_path / "<b>.catalog", "-k", 1, "--html", page).code == 0
    assert "onerror=alert(" in page.read_text()
    assert not re.search(r"<img src=x|<b>", page.read_text())


def test_the_table_says_it_in_words(run: Run, catalog: Path, other: Path) -> None:
    done = run("compare", catalog, other, "--labels", "color")
    assert done.code == 0
    assert "rank-biased overlap of the 9 nearest" in done.out
    assert "10 items in both, 2 in A alone, 1 in B alone" in done.out


def test_what_cannot_be_compared_is_a_clear_word(run: Run, catalog: Path, photos: Path, tmp_path: Path) -> None:
    assert "no metadata column 'price'" in run("compare", catalog, catalog, "--labels", "price").err
    draw(tmp_path / "else" / "other.png", (10, 10, 10))
    assert run("index", tmp_path / "c.catalog", tmp_path / "else", "--model", "tiny").code == 0
    done = run("compare", catalog, tmp_path / "c.catalog")
    assert done.code == 2
    assert "0 of 12 and 1 items are in both" in done.err
