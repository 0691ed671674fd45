"""The color vector: whose pixels count, into which bin they fall, and that catalogs keep it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.catalog import build
from lookalike.errors import UsageError
from lookalike.images import color_histogram
from lookalike.images.histogram import _to_lab
from lookalike.options import IndexOptions, ModelOptions
from lookalike.records import Bytes
from lookalike.store import LanceStore, Replace, schema


def plain(color: tuple[int, int, int], side: int = 24) -> Bytes:
    return np.full((side, side, 3), color, np.uint8)


def bin_of(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Of L, a and b."""
    found = int(color_histogram(plain(color)).argmax())
    return found // 36, found // 6 % 6, found % 6


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0, 0)),
    ],
)
def test_lab_as_published(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(np.ravel(_to_lab(*np.array(rgb, float))), lab, atol=0.02)


def test_bins_by_hand() -> None:
    assert bin_of((255, 0, 0)) == (3, 5, 5)  # red: L 53, far out in a and b
    assert bin_of((0, 0, 255)) == (1, 5, 0)  # blue: L 32
    assert bin_of((0, 128, 0)) == (2, 0, 5)  # green: L 46
    assert [bin_of((gray, gray, gray)) for gray in (0, 60, 130, 220)] == [(0, 2, 2), (1, 2, 2), (3, 2, 2), (5, 2, 2)]


def test_white_around_the_product_does_not_count() -> None:
    photo = plain((255, 255, 255))
    photo[4:8, 4:12] = (200, 30, 30)
    np.testing.assert_array_equal(color_histogram(photo), color_histogram(plain((200, 30, 30))))
    edge = plain((235, 235, 235))
    edge[:2] = (234, 255, 255)
    np.testing.assert_array_equal(color_histogram(edge), color_histogram(plain((234, 255, 255))))


def test_a_photo_of_nothing_but_white_is_white() -> None:
    found = color_histogram(plain((255, 255, 255)))
    assert found.argmax() // 36 == 5
    assert found.sum() == 1


def test_shares_and_the_hellinger_distance() -> None:
    half = plain((200, 30, 30))
    half[:, 12:] = (30, 30, 200)
    found = color_histogram(half)
    np.testing.assert_allclose(sorted(found)[-2:], [np.sqrt(0.5)] * 2, rtol=1e-6)
    assert np.linalg.norm(found) == pytest.approx(1)
    distance = np.linalg.norm(found - color_histogram(plain((200, 30, 30)))) / np.sqrt(2)
    assert distance == pytest.approx(np.sqrt(1 - np.sqrt(0.5)), abs=1e-6)


def test_where_the_product_lies_does_not_matter() -> None:
    photo = np.random.default_rng(0).integers(0, 230, (112, 112, 3), dtype=np.uint8)
    np.testing.assert_array_equal(color_histogram(photo), color_histogram(photo[::-1, ::-1]))


def test_large_photos_are_sampled_evenly() -> None:
    photo = np.random.default_rng(0).integers(0, 230, (112, 112, 3), dtype=np.uint8)
    np.testing.assert_array_equal(color_histogram(photo.repeat(2, axis=0).repeat(2, axis=1)), color_histogram(photo))
    assert color_histogram(plain((9, 9, 9), side=1)).sum() == 1


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_photo_is_refused(wrong: Bytes) -> None:
    with pytest.raises(UsageError, match="give uint8 of shape"):
        color_histogram(wrong)


def test_a_catalog_keeps_colors_and_twins_share_them(photos: Path, tmp_path: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "red-00.png").read_bytes())
    catalog, _, _ = build(tmp_path / "c", [photos], IndexOptions(), model=ModelOptions(name="tiny"))
    colors, rows = catalog.colors, {item: row for row, item in enumerate(catalog.ids)}
    assert colors.shape == (13, 216)
    assert colors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(colors, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(colors[rows["copy.png"]], colors[rows["red-00.png"]])
    near = np.linalg.norm(colors - colors[rows["red-00.png"]], axis=1)
    reds = [rows[item] for item in rows if item.startswith("red")]
    others = [row for row in rows.values() if row not in [*reds, rows["copy.png"]]]
    assert near[reds].max() < near[others].min()


def test_a_catalog_from_before_opens_and_takes_more(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    build(folder, [photos], IndexOptions(), model=ModelOptions(name="tiny"))
    store = LanceStore.open(folder)
    with store.writing():
        older = store.read(schema.ITEMS).drop_columns(["color"])
        store.commit("as before", [Replace(schema.ITEMS, older)])
    catalog = lookalike.open(folder)
    assert np.isnan(catalog.colors).all()
    assert len(catalog.similar("red-00", k=3).results) == 3
    (photos / "more.png").write_bytes((photos / "red-00.png").read_bytes())  # a twin of one without a color
    (photos / "blue-02.png").write_bytes((photos / "green-01.png").read_bytes() + b" ")
    done = lookalike.open(folder).index(photos)
    assert (done.added, done.updated, done.failed) == (1, 1, 0)
    again = lookalike.open(folder)
    known = np.flatnonzero(~np.isnan(again.colors).any(axis=1))
    assert [again.ids[row] for row in known] == ["blue-02.png"]
