"""The main job on real product photos, with the figures that it must reach: every fourth photo, or all, which takes
longer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.analysis import knn_accuracy
from lookalike.catalog import build
from lookalike.options import IndexOptions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[4, pytest.param(1, marks=pytest.mark.long)], ids=["every fourth", "all"])
def source(request: pytest.FixtureRequest, real_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of photos and what is known of them."""
    base = tmp_path_factory.mktemp("photos")
    lines = (real_photos / "metadata.csv").read_text().splitlines(keepends=True)
    (base / "metadata.csv").write_text("".join(lines[:1] + lines[1 :: request.param]))
    return base / "metadata.csv"


@pytest.fixture(scope="module")
def catalog(source: Path, real_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> lookalike.Catalog:
    options = IndexOptions(root=real_photos)
    made, done, notices = build(tmp_path_factory.mktemp("real") / "shop.catalog", [source], options)
    assert (done.added, done.failed, done.unmatched, notices) == (len(made), 0, 0, ())
    return made


def test_again_embeds_nothing(catalog: lookalike.Catalog, source: Path, real_photos: Path) -> None:
    done = catalog.index(source, root=real_photos)
    assert (done.embedded, done.unchanged, done.total) == (0, len(catalog), len(catalog))


def test_look_alikes_carry_the_label_of_the_query(catalog: lookalike.Catalog) -> None:
    found = catalog.evaluate(["type", "color", "gender", "brand"], k=3, ranking="euclidean").agreement
    least = {"type": 0.830, "color": 0.355, "gender": 0.895, "brand": 0.505}
    if len(catalog) < 5_000:  # where there are fewer to choose from, the nearest are less alike
        least = {"type": 0.740, "color": 0.300, "gender": 0.845, "brand": 0.290}
    assert {label: found[label].value >= bound for label, bound in least.items()} == dict.fromkeys(least, True)


def test_recommendations_equal_a_brute_force_in_float64(catalog: lookalike.Catalog) -> None:
    vectors = catalog.vectors.astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    rows = catalog.recommend(3, ranking="euclidean").to_pylist()
    assert len(rows) == 3 * len(catalog)
    expected: list[str] = []
    for start in range(0, len(vectors), 500):
        block = vectors[start : start + 500]
        near = squares[None, :] - 2 * block @ vectors.T
        near[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        # Enough candidates that rounding of the expanded formula cannot cost one; then measured directly.
        candidates = np.sort(np.argpartition(near, 40, axis=1)[:, :40], axis=1)
        direct = ((vectors[candidates] - block[:, None]) ** 2).sum(axis=2)
        best = np.take_along_axis(candidates, np.argsort(direct, axis=1, kind="stable")[:, :3], axis=1)
        expected += [catalog.ids[row] for row in best.ravel()]
    assert [row["neighbor_id"] for row in rows] == expected


def test_the_sweep_falls_and_representatives_are_closest(catalog: lookalike.Catalog) -> None:
    found = catalog.cluster(20, max_k=200)
    assert found.inertia.shape == (200,)
    assert (np.diff(found.inertia) <= 0).all()
    vectors = catalog.vectors.astype(np.float64)
    for cluster in range(20):
        members = np.flatnonzero(found.labels == cluster)
        center = vectors[members].mean(axis=0)
        distances = np.linalg.norm(vectors[members] - center, axis=1)
        assert found.representatives[cluster] == members[np.argmin(distances)]
        assert found.sizes[cluster] == len(members)


def test_the_map_keeps_the_categories(catalog: lookalike.Catalog) -> None:
    categories = [row["category"] for row in catalog.store.read("metadata").sort_by("id").to_pylist()]
    in_vectors = knn_accuracy(catalog.vectors, categories)
    in_map = knn_accuracy(catalog.map().positions, categories)
    assert in_vectors > 0.95
    assert in_map > 0.97 * in_vectors
