"""Whitening: what it keeps, what it strengthens, and that it is the same whatever it is handed over with."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lookalike.analysis import beside, fit_looks, fit_whitening, nearest_neighbors
from lookalike.analysis._few import few_nearest
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats


def made(n: int = 200, seed: int = 0) -> Floats:
    """Vectors of six axes whose deviations are 32, 16, ..., 1, turned by a random rotation, off the origin."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    vectors: Floats = (rng.normal(size=(n, 6)) * 2.0 ** np.arange(5, -1, -1) @ rotation + 3).astype(np.float32)
    return vectors


def test_full_power_makes_all_axes_equal_and_none_keeps_them() -> None:
    vectors = made(4_000)
    full = fit_whitening(vectors, power=0.5, shrink=0)
    centered = vectors.astype(np.float64) - full.mean
    assert np.allclose(np.cov((centered @ full.axes).T), np.eye(6), atol=1e-6)
    none = fit_whitening(vectors, power=0, shrink=0)
    assert np.allclose(none.axes.T @ none.axes, np.eye(6)), "a rotation, so cosines stay"
    half = (centered @ fit_whitening(vectors, power=0.25, shrink=0).axes).std(axis=0)
    assert half[0] / half[-1] == pytest.approx(32**0.5, rel=0.1)


def test_shrink_holds_small_axes_back() -> None:
    vectors = made()
    free, held = (np.linalg.norm(fit_whitening(vectors, shrink=shrink).axes, axis=0) for shrink in (0.0, 0.5))
    assert free[-1] / free[0] > held[-1] / held[0] > 1


def test_points_have_unit_length_and_do_not_depend_on_their_company() -> None:
    vectors = made()
    fit = fit_whitening(vectors)
    points = fit.apply(vectors)
    assert points.dtype == np.float32
    assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
    alone = np.concatenate([fit.apply(vectors[row : row + 1]) for row in range(50)])
    assert np.abs(alone - points[:50]).max() < 1e-7


def test_equal_data_give_equal_fits_and_scale_does_not_matter() -> None:
    vectors = made()
    first, again, larger = fit_whitening(vectors), fit_whitening(vectors.copy()), fit_whitening(vectors * 8)
    assert (first.axes == again.axes).all()
    assert np.allclose(first.apply(vectors), larger.apply(vectors * 8), atol=1e-5)


@pytest.mark.parametrize("vectors", [np.ones((5, 3)), np.ones((1, 3)), np.zeros((4, 3)), np.zeros((0, 3))])
def test_vectors_that_do_not_vary_are_all_one_point(vectors: Doubles) -> None:
    points = fit_whitening(vectors).apply(vectors)
    assert points.shape == (len(vectors), 1)
    assert not points.any()


def test_other_vectors_are_refused() -> None:
    with pytest.raises(UsageError, match="7 numbers, the fit is for 6"):
        fit_whitening(made()).apply(np.zeros((1, 7), np.float32))
    with pytest.raises(UsageError, match="row 1"):
        fit_whitening(np.array([[1.0, 2.0], [np.nan, 0.0]]))


def test_what_neighbors_differ_in_counts_less() -> None:
    rng = np.random.default_rng(1)
    kinds = np.repeat(np.arange(30), 10)
    kind, within = rng.normal(size=(30, 2))[kinds], rng.normal(size=(300, 1)) * 2
    vectors = np.hstack([kind, within, rng.normal(size=(300, 3)) * 0.01]).astype(np.float32)
    agreement = [
        (kinds[nearest_neighbors(points, 3).ids] == kinds[:, None]).mean()
        for points in (vectors, fit_whitening(vectors).apply(vectors), fit_looks(vectors).apply(vectors))
    ]
    assert agreement[2] > max(agreement[:2]) + 0.05


def test_every_part_has_its_weight_whatever_its_size() -> None:
    vectors = np.hstack([made(), made(seed=1)[:, :3] * 100]).astype(np.float32)
    fit = fit_looks(vectors, ((6, 3.0), (3, 1.0)))
    parts = [(part.start, part.stop, part.width, part.weight) for part in fit.parts]
    assert parts == [(0, 6, 6, 0.75), (6, 9, 3, 0.25)]
    points = fit.apply(vectors)
    np.testing.assert_allclose(np.linalg.norm(points[:, :6], axis=1), 0.75**0.5, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
    assert not fit.axes[:6, 6:].any()
    alone = fit_looks(vectors[:, :6]).apply(vectors[:, :6])
    similar = (points[:, :6].astype(float) @ points[:, :6].T) / 0.75
    assert np.corrcoef((alone.astype(float) @ alone.T).ravel(), similar.ravel())[0, 1] > 0.9, "as if it were alone"


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_a_few_items_are_enough_for_a_fit(rows: int) -> None:
    vectors = made(3)[:rows]
    points = fit_looks(vectors, ((4, 0.5), (2, 0.5))).apply(vectors)
    assert np.isfinite(points).all()
    assert len(points) == rows


def test_copies_of_one_item_do_no_harm() -> None:
    vectors = np.repeat(made(4), 6, axis=0)
    points = fit_looks(vectors).apply(vectors)
    assert np.isfinite(points).all()
    assert len(np.unique(points.round(5), axis=0)) == 4


def test_equal_data_give_equal_looks() -> None:
    vectors = made()
    first, again = fit_looks(vectors), fit_looks(vectors.copy())
    assert (first.axes == again.axes).all()
    assert np.allclose(first.apply(vectors), fit_looks(vectors * 8).apply(vectors * 8), atol=1e-5)


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="do not make up 6"):
        fit_looks(made(), ((4, 1.0), (4, 1.0)))


def test_what_colors_predict_counts_less() -> None:
    rng = np.random.default_rng(0)
    shapes, colors = rng.normal(size=(40, 10)), np.eye(5, 216, dtype=np.float32)[rng.integers(5, size=80)]
    looks = np.hstack(
        [np.tile(shapes, (2, 1)) + 0.05 * rng.normal(size=(80, 10)), 3 * colors[:, :5] @ rng.normal(size=(5, 5))]
    )
    vectors = (looks @ np.linalg.qr(rng.normal(size=(15, 15)))[0]).astype(np.float32)
    twins = (np.arange(80) + 40) % 80

    def first(points: Floats) -> float:
        return float((nearest_neighbors(points, 1).ids[:, 0] == twins).mean())

    without, with_colors = fit_looks(vectors), fit_looks(vectors, colors=colors)
    assert first(with_colors.apply(vectors)) > first(without.apply(vectors)) + 0.1
    same = fit_looks(vectors, colors=np.ones((80, 216), np.float32))
    np.testing.assert_allclose(same.axes, without.axes, err_msg="one color for all predicts nothing")


def test_colors_of_other_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="200 rows, colors 3"):
        fit_looks(made(), colors=np.zeros((3, 216), np.float32))


def test_the_few_nearest_are_those_of_the_exact_search() -> None:
    points = np.random.default_rng(0).normal(size=(700, 20)).astype(np.float32)
    rows = np.array([0, 5, 699])
    assert (few_nearest(points, 3, rows) == nearest_neighbors(points, 3).ids[rows]).all()
    assert (few_nearest(points, 3, np.arange(700)) == nearest_neighbors(points, 3).ids).all()
    assert few_nearest(points[:2], 3, np.arange(2)).tolist() == [[1], [0]]
    assert few_nearest(points[:1], 3, np.arange(1)).shape == (1, 0)


def test_a_fit_loads_no_compiler_and_does_not_depend_on_threads() -> None:
    code = (
        "import hashlib, sys, numpy as np\n"
        "from lookalike.analysis import fit_looks, whitening\n"
        "from lookalike.analysis._blocks import Workers\n"
        "whitening.AMONG, whitening.ASKED = 900, 300\n"
        "vectors = np.random.default_rng(0).normal(size=(1000, 60)).astype(np.float32)\n"
        "fits = []\n"
        "for threads in (1, 3):\n"
        "    whitening.Workers = lambda _, n=threads: Workers(n)\n"
        "    fits.append(fit_looks(vectors, ((40, 0.5), (20, 0.5))).axes.tobytes())\n"
        "print('numba' in sys.modules, fits[0] == fits[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False True"


def test_what_photos_of_a_kind_differ_in_counts_less() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 4)).astype(np.float32)
    noise = np.diag([3.0, 0, 0, 0]).astype(np.float32)
    known, without = fit_looks(vectors, alike=[noise]), fit_looks(vectors)
    first = [np.abs(fit.apply(vectors)[:, np.abs(fit.axes[0]).argmax()]).mean() for fit in (known, without)]
    assert first[0] < 0.8 * first[1]
    larger = fit_looks(vectors, alike=[100 * noise])
    np.testing.assert_allclose(known.apply(vectors), larger.apply(vectors), atol=1e-5, err_msg="up to a factor")
    parts = fit_looks(vectors, ((2, 0.5), (2, 0.5)), alike=[noise[:2, :2], np.zeros((1, 2), np.float32)])
    np.testing.assert_allclose(
        parts.apply(vectors)[:, 2:], fit_looks(vectors, ((2, 0.5), (2, 0.5))).apply(vectors)[:, 2:], atol=1e-6
    )
    with pytest.raises(UsageError, match=r"alike is for pieces of \[4\] numbers, parts are \[2, 2\]"):
        fit_looks(vectors, ((2, 0.5), (2, 0.5)), alike=[noise])


def test_two_fits_side_by_side_measure_by_their_shares() -> None:
    vectors, outlines = made(), np.abs(made(seed=1))[:, :4]
    one, other = fit_looks(vectors, ((4, 1.0), (2, 3.0))), fit_looks(outlines)
    points = beside(one, other, 0.2).apply(vectors, outlines)
    expected = [0.8**0.5 * one.apply(vectors), 0.2**0.5 * other.apply(outlines)]
    np.testing.assert_allclose(points, np.hstack(expected), atol=1e-6)
    unknown = beside(one, other, 0.2).apply(vectors, np.full_like(outlines, np.nan))
    np.testing.assert_allclose(unknown[:, :6], one.apply(vectors), atol=1e-6, err_msg="the rest has its weight")
    assert not unknown[:, 6:].any()
    some = np.where(np.arange(200)[:, None] % 2, outlines, np.float32(np.nan))
    mixed = beside(one, other, 0.2).apply(vectors, some)
    np.testing.assert_array_equal(mixed[1::2], points[1::2], "a row depends on itself alone")
    np.testing.assert_array_equal(mixed[::2], unknown[::2])
    assert beside(one, fit_looks(np.ones((200, 4), np.float32)), 0.2) is one, "what does not vary says nothing"
    with pytest.raises(UsageError, match="share=1"):
        beside(one, other, 1.0)
    with pytest.raises(UsageError, match="have 6 numbers, the fit is for 10"):
        beside(one, other, 0.2).apply(vectors)
