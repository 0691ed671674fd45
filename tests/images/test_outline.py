"""The outline: what of the grid a product covers, by hand, and that catalogs keep it and rank by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import pipeline
from lookalike.catalog import build
from lookalike.errors import UsageError
from lookalike.images import outline, telling
from lookalike.options import IndexOptions, ModelOptions
from lookalike.store import LanceStore, Replace, schema


def test_cells_by_hand() -> None:
    photo = np.full((32, 48, 3), 255, np.uint8)
    photo[:4] = (200, 30, 30)  # the first row of cells
    photo[4:6, :6] = (0, 0, 90)  # the upper half of one cell of the second
    expected = np.zeros((8, 8))
    expected[0], expected[1, 0] = 1, 0.5
    np.testing.assert_array_equal(outline(photo), expected.ravel())


@pytest.mark.parametrize("shape", [(1, 1), (3, 20), (8, 8), (9, 70), (225, 600)])
def test_every_size_has_the_same_grid(shape: tuple[int, int]) -> None:
    dark, upper = np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 240, np.uint8)
    upper[: -(-shape[0] // 2)] = 0
    np.testing.assert_allclose(outline(dark), 1, rtol=1e-6)
    assert outline(np.full((*shape, 3), 240, np.uint8)).max() == 0, "what is nearly white is background"
    assert (np.diff(outline(upper).reshape(8, 8)[:, 0]) <= 0).all()


def test_colors_do_not_matter() -> None:
    photos = [np.full((40, 40, 3), 255, np.uint8) for _ in range(2)]
    photos[0][5:20, 3:30], photos[1][5:20, 3:30] = (10, 10, 10), (250, 240, 20)
    np.testing.assert_array_equal(outline(photos[0]), outline(photos[1]))


def test_other_arrays_are_refused() -> None:
    with pytest.raises(UsageError, match="uint8"):
        outline(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize(
    ("background", "product", "covers"),
    [(255, 249, True), (255, 250, False), (248, 242, True), (248, 243, False), (238, 234, True), (238, 235, False)],
)
def test_what_is_darker_than_the_background_by_more_than_its_noise_is_the_product(
    background: int, product: int, covers: bool
) -> None:
    photo = np.full((64, 64, 3), background, np.uint8)
    photo[16:48, 16:48, 1] = product  # one channel is enough
    photo[:20, 0] = 10  # something at the border does not make it the background
    found = outline(photo).reshape(8, 8)
    assert (found[2:6, 2:6] == covers).all()
    assert found[0, 7] == found[7, 7] == 0


def test_a_catalog_keeps_outlines_and_one_from_before_ranks_without(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    build(folder, [photos], IndexOptions(), model=ModelOptions(name="tiny"))
    store = LanceStore.open(folder)
    vectors, outlines = pipeline.load_vectors(store)[1], pipeline.load_outlines(store)
    assert outlines.shape == (12, 64)
    assert 0 < outlines.mean() < 1
    fit = pipeline.whitening(store)
    assert (len(fit.mean), fit.parts[-1].weight) == (vectors.shape[1] + 64, 0.1)
    with store.writing():
        store.commit("as before", [Replace(schema.ITEMS, store.read(schema.ITEMS).drop_columns(["outline"]))])
    lost = lookalike.open(folder)
    assert np.isnan(pipeline.load_outlines(lost.store)).all()
    assert len(lost.similar("red-00", k=3).results) == 3, "its fit has outlines that it no longer has"
    (photos / "more.png").write_bytes((photos / "red-00.png").read_bytes())  # a twin of one without an outline
    lost.index(photos, refit=True)
    again = lookalike.open(folder)
    assert len(pipeline.whitening(again.store).mean) == vectors.shape[1]
    assert again.similar("more", k=1).results[0].id == "red-00.png"


def test_a_scene_has_no_outline_and_a_product_on_white_keeps_its_own() -> None:
    rng = np.random.default_rng(0)
    shoe = np.full((64, 64, 3), 255, np.uint8)
    shoe[20:60, :] = (90, 60, 30)  # reaches the border on two sides, as cropped photos do
    pictures = [shoe, rng.integers(0, 200, (64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)]
    found = np.stack([outline(picture) for picture in pictures] + [np.full(64, np.nan, np.float32)])
    told = telling(found)
    np.testing.assert_array_equal(np.isnan(told).all(axis=1), [False, True, False, True])
    np.testing.assert_array_equal(told[[0, 2]], found[[0, 2]])


def test_scenes_are_not_alike_for_being_scenes(photos: Path, tmp_path: Path) -> None:
    """A fit is made of the outlines that say something, and the others count as their mean, items and queries alike."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for place in range(4):
        scene = rng.integers(0, 200, (48, 48, 3), np.uint8)
        Image.fromarray(scene).save(photos / f"scene-{place}.png")
    folder = tmp_path / "c"
    build(folder, [photos], IndexOptions(), model=ModelOptions(name="tiny"))
    catalog = lookalike.open(folder)
    outlines = pipeline.load_outlines(catalog.store)
    told = ~np.isnan(telling(outlines)[:, 0])
    assert told.tolist() == [True] * 12 + [False] * 4, "scene-N comes last"
    fit = pipeline.whitening(catalog.store)
    np.testing.assert_allclose(fit.mean[-64:], outlines[told].mean(axis=0), atol=1e-6)
    by_id = catalog.similar("scene-0", k=5).results
    by_file = catalog.similar(photos / "scene-0.png", k=6).results
    assert by_file[0].id == "scene-0.png"
    assert by_file[0].distance == pytest.approx(0, abs=1e-3)
    assert [found.id for found in by_file[1:]] == [found.id for found in by_id]


def test_a_catalog_of_scenes_alone_ranks_without_outlines(tmp_path: Path) -> None:
    from PIL import Image

    rng, source = np.random.default_rng(0), tmp_path / "photos"
    source.mkdir()
    for place in range(4):
        Image.fromarray(rng.integers(0, 200, (40, 40, 3), np.uint8)).save(source / f"{place}.png")
    build(tmp_path / "c", [source], IndexOptions(), model=ModelOptions(name="tiny"))
    catalog = lookalike.open(tmp_path / "c")
    vectors = pipeline.load_vectors(catalog.store)[1]
    assert len(pipeline.whitening(catalog.store).mean) == vectors.shape[1]
    assert len(catalog.similar("1", k=3).results) == 3
