"""Below the default's share of color looks forget color; from there on, and in older catalogs, nothing has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import analysis, models
from lookalike.catalog.view import View
from lookalike.options import RankingOptions
from lookalike.pipeline import COLOR
from lookalike.records import Floats
from lookalike.store import Replace, Store, schema
from tests.catalog.test_color import without_colors
from tests.conftest import COLORS, draw

BELOW, ABOVE = [0.0, 0.03, 0.06, 0.1199], [None, COLOR, 0.2, 1.0]
CHANGES = np.random.default_rng(0).normal(size=(3, models.facts("tiny").dimension)).astype(np.float32)


def known(patch: pytest.MonkeyPatch) -> None:
    """As if it had been measured what recoloring does to the vectors of `tiny`."""
    patch.setattr(models, "recolored", lambda _: (CHANGES,))
    patch.setattr(models, "weights_without_color", lambda _: (1.0,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog `c` of a model of which it is known what recoloring does, and the same `old` without."""
    base = tmp_path_factory.mktemp("colorless")
    for row in range(16):
        name = list(COLORS)[row % 4]
        size, wide = (("small", (48, 36)), ("long", (48, 14)))[row // 4 % 2]
        draw(base / "photos" / f"{name}-{size}-{row:02d}.png", COLORS[name], seed=row, size=wide)
    lookalike.create(base / "old", model="tiny").index(base / "photos")
    with pytest.MonkeyPatch.context() as patch:
        known(patch)
        lookalike.create(base / "c", model="tiny").index(base / "photos")
    return base


def points(store: Store, color: float | None) -> Floats:
    """Of a view that has made nothing else."""
    return View(store).space(RankingOptions(color=color)).points


@pytest.mark.parametrize("color", ABOVE)
def test_from_the_default_on_points_have_the_same_bytes(folder: Path, color: float | None) -> None:
    new, old = (lookalike.open(folder / name).store for name in ("c", "old"))
    assert points(new, color).tobytes() == points(old, color).tobytes()


@pytest.mark.parametrize("color", BELOW)
def test_below_it_points_are_others_by_every_way(folder: Path, color: float) -> None:
    store = lookalike.open(folder / "c").store
    at = points(store, color)
    assert np.abs(at[:, : points(store, 0.0).shape[1]]).max() > 0
    moved = View(store)
    for other in (None, 1.0, 0.05):
        moved.space(RankingOptions(color=other))
    assert moved.space(RankingOptions(color=color)).points.tobytes() == at.tobytes(), "a slider moved to and fro"
    if color < 0.1:
        assert not np.allclose(at, points(lookalike.open(folder / "old").store, color), atol=1e-3)


def test_the_slider_has_no_step(folder: Path) -> None:
    store = lookalike.open(folder / "c").store
    just, default = points(store, COLOR - 1e-9), points(store, COLOR)
    np.testing.assert_allclose(just, default, atol=1e-6)
    view, before = View(store), points(store, 1e-7)
    for color in np.linspace(0.001, COLOR, 120):
        now = view.space(RankingOptions(color=float(color))).points
        assert np.abs(now - before).max() < 0.1
        before = now


@pytest.mark.parametrize("color", [*BELOW, *ABOVE])
def test_a_photo_is_where_its_item_is_and_search_is_exact(folder: Path, color: float | None) -> None:
    catalog = lookalike.open(folder / "c")
    at = points(catalog.store, color).astype(np.float64)
    squared = ((at[:, None] - at[None]) ** 2).sum(axis=2)
    for row, item in enumerate(catalog.ids):
        apart = np.sort(squared[row])
        by_photo = catalog.similar(folder / "photos" / item, k=4, color=color).results
        assert [hit.distance for hit in by_photo] == pytest.approx(np.sqrt(apart[:4]), abs=1e-5)
        by_id = catalog.similar(item, k=3, color=color).results
        assert [hit.distance for hit in by_id] == pytest.approx(
            np.sqrt(np.sort(np.delete(squared[row], row))[:3]), abs=1e-5
        )


def test_a_fit_of_old_is_used_as_before(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    catalog.index(folder / "photos")
    before = points(catalog.store, 0.0)
    known(monkeypatch)
    again = lookalike.open(tmp_path / "c")
    assert points(again.store, 0.0).tobytes() == before.tobytes()
    again.index(folder / "photos", refit=True)
    assert points(again.store, 0.0).tobytes() == points(lookalike.open(folder / "c").store, 0.0).tobytes()
    monkeypatch.setattr(models, "recolored", lambda _: ())
    again.index(folder / "photos", refit=True)
    assert points(again.store, 0.0).tobytes() == before.tobytes(), "and back: what was stored is void"
    assert again.store.head.rows[schema.COLORLESS] == 0


def test_a_fit_by_an_earlier_release_is_not_mixed_up_with_it(folder: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    with pytest.MonkeyPatch.context() as patch:
        known(patch)
        catalog.index(folder / "photos")
    store, fitted = catalog.store, catalog.store.head.computed[schema.WHITENING]
    options = {name: value for name, value in fitted.options.items() if name != "colorless"}
    with store.writing():  # that release knows nothing of the other table
        table = store.read(schema.WHITENING)
        changed = {schema.WHITENING: replace(fitted, options=options)}
        store.commit("as of old", [Replace(schema.WHITENING, table)], computed=changed)
    assert points(store, 0.0).tobytes() == points(lookalike.open(folder / "old").store, 0.0).tobytes()


def test_without_color_vectors_a_share_of_none_is_the_default(folder: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c", model="tiny")
    with pytest.MonkeyPatch.context() as patch:
        known(patch)
        catalog.index(folder / "photos")
    without_colors(catalog.store, slice(0, 16))
    assert points(catalog.store, 0.0).tobytes() == points(catalog.store, None).tobytes()


def test_what_the_package_knows_is_of_the_vectors_of_its_models() -> None:
    found = models.recolored(models.DEFAULT)
    assert [piece.shape[1] for piece in found] == [width for width, _ in models.parts(models.DEFAULT)]
    assert all(np.isfinite(piece).all() and piece.any() for piece in found)
    assert len(models.weights_without_color(models.DEFAULT)) == len(found)
    assert models.recolored("tiny") == models.weights_without_color("tiny") == ()
    fit = analysis.fit_looks(np.random.default_rng(0).normal(size=(50, 768)), models.parts(models.DEFAULT))
    assert len(analysis.fit_colorless(fit, found).turns) == 3
