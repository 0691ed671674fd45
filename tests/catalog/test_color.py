"""The share of color in the ranking: exact at every share, the same by every way to ask, clear where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import analysis
from lookalike.catalog.view import KEPT, View
from lookalike.options import RankingOptions
from lookalike.pipeline import load_colors
from lookalike.records import COLOR_BINS, Floats
from lookalike.store import Replace, Store, schema
from tests.conftest import COLORS, Run, draw

SHARES = [0.0, 0.3, 1.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small and large rectangles, each in four colors twice: what is alike depends on what is asked for."""
    base = tmp_path_factory.mktemp("color")
    for row in range(16):
        name = list(COLORS)[row % 4]
        size, wide = (("small", (48, 36)), ("long", (48, 14)))[row // 4 % 2]
        draw(base / "photos" / f"{name}-{size}-{row:02d}.png", COLORS[name], seed=row, size=wide)
    lookalike.create(base / "c", model="tiny").index(base / "photos")
    return base


def brute_force(points: Floats, k: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    squared = ((points[:, None].astype(np.float64) - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    return np.argsort(squared, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("share", SHARES)
def test_every_share_is_searched_exactly(folder: Path, share: float) -> None:
    catalog = lookalike.open(folder / "c")
    white = catalog.view().space(RankingOptions(color=0.0)).points
    expected = brute_force(analysis.mix(white, catalog.colors, share), 3)
    table = catalog.recommend(3, color=share).to_pylist()
    assert [row["neighbor_id"] for row in table] == [catalog.ids[row] for row in expected.ravel()]
    for row, item in enumerate(catalog.ids):
        by_id = catalog.similar(item, color=share).results
        assert [hit.id for hit in by_id] == [catalog.ids[other] for other in expected[row]]
        by_photo = catalog.similar(folder / "photos" / item, k=4, color=share).results
        assert by_photo[0].distance == pytest.approx(0, abs=1e-6)
        assert [hit.distance for hit in by_photo[1:]] == pytest.approx([hit.distance for hit in by_id], abs=1e-5)


def test_at_one_only_color_counts(folder: Path) -> None:
    catalog = lookalike.open(folder / "c")
    hits = catalog.similar("red-small-00.png", k=15, color=1).results
    assert {hit.id.split("-")[0] for hit in hits[:3]} == {"red"}
    found, asked = (catalog.colors[catalog.ids.index(item)] for item in (hits[0].id, "red-small-00.png"))
    assert hits[0].distance == pytest.approx(np.linalg.norm(found - asked), abs=1e-6)


def test_command_and_python_mean_the_same(folder: Path, run: Run) -> None:
    catalog = lookalike.open(folder / "c")
    told = run("similar", folder / "c", "red-small-00.png", "--color", 0.3, "--json").json
    assert told == catalog.similar("red-small-00.png", color=0.3).as_json()
    done = run("recommend", folder / "c", "--color", 1, "--out", folder / "r.csv", "--json")
    assert done.code == 0
    assert run("similar", folder / "c", "red-small-00.png", "--color", 1.5).code == 2


def test_the_published_ranking_takes_no_color(folder: Path, run: Run) -> None:
    done = run("similar", folder / "c", "red-small-00.png", "--color", 0.3, "--ranking", "euclidean")
    assert done.code == 2
    assert "as published" in done.err


def test_a_slider_does_not_fill_the_memory(folder: Path) -> None:
    view = lookalike.open(folder / "c").view()
    kept = [view.space(RankingOptions(color=share)) for share in np.linspace(0, 1, 11)]
    assert len(view._spaces) == KEPT
    assert view.space(RankingOptions(color=1.0)) is kept[-1]


def without_colors(store: Store, rows: slice) -> None:
    """As an older release left the items: no color vector."""
    table = store.read(schema.ITEMS).sort_by("id")
    colors = table["color"].to_pylist()
    colors[rows] = [None] * len(colors[rows])
    changed = table.set_column(table.column_names.index("color"), "color", [colors])
    with store.writing():
        store.commit("as of old", [Replace(schema.ITEMS, changed.cast(schema.items(table["vector"].type.list_size)))])


def test_a_catalog_of_old_opens_and_says_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "old", model="tiny")
    catalog.index(folder / "photos")
    whole = catalog.recommend(3, color=0).to_pylist()
    without_colors(catalog.store, slice(0, 5))
    assert np.isnan(load_colors(catalog.store)[:5]).all()
    points = View(catalog.store).space(RankingOptions(color=0.5)).points
    assert np.isfinite(points).all()
    known = catalog.colors[5:].mean(axis=0)
    np.testing.assert_allclose(points[:5, -COLOR_BINS:], np.tile(known * np.sqrt(0.5), (5, 1)), atol=1e-6)
    without_colors(catalog.store, slice(0, 16))
    assert catalog.recommend(3).num_rows == 48
    assert catalog.recommend(3, color=0).to_pylist() == whole
    with pytest.raises(lookalike.UsageError, match="made without"):
        catalog.similar("red-small-00.png", color=0.5)


@pytest.mark.parametrize("share", [None, *SHARES])
def test_an_emptied_catalog_has_no_colors_to_mix(tmp_path: Path, share: float | None) -> None:
    photo = draw(tmp_path / "photos" / "a.png", COLORS["red"])
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    assert catalog.similar(photo, color=share).results == ()
    catalog.index(tmp_path / "photos")
    assert [hit.id for hit in catalog.similar(photo, color=share).results] == ["a.png"]
    catalog.remove(["a.png"])
    assert catalog.similar(photo, color=share).results == ()
