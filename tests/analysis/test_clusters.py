"""The K-means sweep: known clusters found, a curve that never rises, and results that fit each other."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.analysis import _growth as module
from lookalike.analysis import kmeans_sweep, refine, refine_best, representatives
from lookalike.analysis._blocks import Workers
from lookalike.analysis._lloyd import Lloyd
from lookalike.analysis.clusters import merge_down
from lookalike.errors import UsageError
from tests.analysis.reference import blobs, brute_force, photo_pixels


def check_consistent(vectors: Any, sweep: Any, k: int) -> None:
    """Every label is the nearest center, every center near its members, inertia what these two give."""
    centers, labels = sweep.centers(k), sweep.labels(k)
    ids, distances = brute_force(centers, 1, vectors)
    np.testing.assert_array_equal(labels, ids[:, 0])
    total = max(float(sweep.inertia[0]), 1e-300)
    np.testing.assert_allclose(sweep.inertia[k - 1] / total, (distances**2).sum() / total, rtol=2e-6, atol=1e-9)
    assert sweep.sizes(k).tolist() == np.bincount(labels, minlength=k).tolist()
    assert centers.shape == (k, np.shape(vectors)[1])
    for cluster, row in enumerate(representatives(vectors, labels, centers)):
        members = np.flatnonzero(labels == cluster)
        if len(members):
            assert row == members[((vectors[members] - centers[cluster]) ** 2).sum(axis=1).argmin()]
        else:
            assert row == -1


def test_by_hand() -> None:
    sweep = kmeans_sweep([[0.0], [1.0], [10.0], [11.0]], 4)
    np.testing.assert_allclose(sweep.inertia, [101, 1, 0.5, 0], atol=1e-12)
    assert sorted(sweep.centers(2).ravel()) == [0.5, 10.5]
    assert sweep.sizes(2).tolist() == [2, 2]
    assert sorted(sweep.labels(4)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("k", "d"), [(3, 2), (8, 20), (12, 300)])
def test_known_clusters_are_found(k: int, d: int) -> None:
    vectors, truth = blobs(600, k, d, 12.0)
    sweep = kmeans_sweep(vectors.astype(np.float32), k + 3)
    pairs = set(zip(truth, sweep.labels(k), strict=True))
    assert len(pairs) == k, "each true cluster must have one label of its own"
    check_consistent(vectors.astype(np.float32), sweep, k)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32 - 1), st.data())
def test_any_vectors(n: int, d: int, seed: int, data: st.DataObject) -> None:
    elements = st.integers(-3, 3) if seed % 2 else st.floats(-1e6, 1e6, width=32)
    vectors = data.draw(arrays(np.float32, (n, d), elements=elements))
    sweep = kmeans_sweep(vectors, n + 2, seed, threads=1)
    assert sweep.max_k == n
    assert (np.diff(sweep.inertia) <= 0).all()
    assert (sweep.inertia >= 0).all()
    for k in {1, (n + 1) // 2, n}:
        check_consistent(vectors, sweep, k)
    if seed % 2:
        different = len(np.unique(vectors, axis=0))
        assert sweep.inertia[different - 1] == pytest.approx(0, abs=1e-9)
        assert int((sweep.sizes(n) > 0).sum()) == different


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=1, max_size=8))
def test_steps_that_look_at_what_moved_equal_steps_that_look_at_all(seed: int, own: list[bool]) -> None:
    rng = np.random.default_rng(seed)
    data = (rng.integers(-8, 8, (60, 2)) / 8).astype(np.float32)
    with Workers(1) as workers:
        state = Lloyd(data, 7, workers)
        state.assign(rng.integers(0, 7, 60), 7)
        for follow in own:
            labels = state.nearest()
            squared = ((data[:, None].astype(np.float64) - state.centers()) ** 2).sum(axis=-1)
            np.testing.assert_allclose(squared[np.arange(60), labels], squared.min(axis=1), atol=1e-6)
            disturbed = np.where(rng.random(60) < 0.1, rng.integers(0, 7, 60), labels)
            state.assign(state.keep_all(labels if follow else disturbed), 7)
            for cluster in range(7):
                np.testing.assert_allclose(state.sums[cluster], data[state.labels == cluster].sum(axis=0), atol=1e-12)


def test_one_far_item_does_not_blur_the_rest() -> None:
    vectors = blobs(400, 8, 10, 2.0)[0]
    expected = kmeans_sweep(vectors, 20).inertia
    with_outlier = kmeans_sweep(np.vstack([vectors, np.full((1, 10), 1e6)]), 21).inertia
    np.testing.assert_allclose(with_outlier[1:], expected, rtol=0.02)


def test_inertia_of_one_cluster_is_the_variance() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 7)) + 1e4
    inertia = kmeans_sweep(vectors, 1).inertia[0]
    assert inertia == pytest.approx(vectors.var(axis=0).sum() * 200, rel=1e-6)


def test_as_good_as_restarting_for_every_k() -> None:
    from sklearn.cluster import KMeans

    vectors = blobs(1200, 40, 24, 1.5)[0].astype(np.float32)
    sweep = kmeans_sweep(vectors, 60)
    wanted = (2, 5, 10, 20, 40, 60)
    ratios = [sweep.inertia[k - 1] / KMeans(k, n_init=1, random_state=0).fit(vectors).inertia_ for k in wanted]
    assert np.mean(ratios) < 1.02, ratios
    assert (np.diff(sweep.inertia) <= 0).all()


def test_wide_vectors_are_rotated_and_still_exact() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(400, 20)) @ rng.normal(size=(20, 500)) + rng.normal(size=(400, 500))).astype(np.float32)
    sweep = kmeans_sweep(vectors, 30)
    for k in (1, 7, 30):
        check_consistent(vectors, sweep, k)
    assert (np.diff(sweep.inertia) < 0).all()


def test_the_plain_split_stands_in_where_lloyd_makes_it_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = blobs(300, 6, 300, 3.0)
    monkeypatch.setattr(module, "AXES", 1)  # one axis: what helps along it often hurts in the full space
    sweep = kmeans_sweep(vectors, 40)
    assert (np.diff(sweep.inertia) <= 0).all()
    check_consistent(vectors, sweep, 40)


def test_a_center_moves_to_where_it_saves_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six places, five clusters: 11 and 15 had better share one (16 x 1 x 2 / 3) than 32 and 37 (25 x 4 x 2 / 6).

    An earlier split has parted 11 from 15; only the merge of these two frees a center for 37.
    """
    places, counts = [0.0, 11.0, 15.0, 23.0, 32.0, 37.0], [1, 1, 2, 1, 4, 2]
    vectors = np.repeat(places, counts)[:, None]
    sweep = kmeans_sweep(vectors, 6)
    assert sweep.inertia[4] == pytest.approx(32 / 3)
    np.testing.assert_allclose(np.sort(sweep.centers(5).ravel()), [0, 41 / 3, 23, 32, 37])
    np.testing.assert_allclose(np.sort(sweep.centers(6).ravel()), places)
    for k in (3, 5, 6):
        check_consistent(vectors, sweep, k)
    monkeypatch.setattr(module, "MOVES", 0)
    assert kmeans_sweep(vectors, 6).inertia[4] == pytest.approx(100 / 3)


def test_moves_make_the_curve_no_worse_than_splits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = blobs(1500, 60, 12, 2.0)[0].astype(np.float32)
    moved = kmeans_sweep(vectors, 80).inertia
    monkeypatch.setattr(module, "MOVES", 0)
    split = kmeans_sweep(vectors, 80).inertia
    assert (moved / split).mean() < 1
    assert moved[59] < split[59] * 1.001


def test_same_bytes_twice_and_on_any_number_of_threads() -> None:
    vectors = blobs(2500, 20, 300, 1.0)[0].astype(np.float32)
    results = [kmeans_sweep(vectors, 25, 7, threads=threads) for threads in (1, 2, 2)]
    for other in results[1:]:
        assert other.inertia.tobytes() == results[0].inertia.tobytes()
        assert other.labels(25).tobytes() == results[0].labels(25).tobytes()
        assert other.centers(25).tobytes() == results[0].centers(25).tobytes()


def test_scale_and_offset_change_nothing() -> None:
    vectors, _ = blobs(200, 5, 6, 3.0)
    expected = kmeans_sweep(vectors, 10)
    for scale, offset in ((1e-20, 0), (1e15, 0), (1.0, 1e6)):
        sweep = kmeans_sweep(vectors * scale + offset, 10)
        np.testing.assert_allclose(sweep.inertia / scale / scale, expected.inertia, rtol=1e-6)
        np.testing.assert_array_equal(sweep.labels(5), expected.labels(5))


def test_refined_is_at_rest_and_no_worse() -> None:
    vectors = blobs(800, 15, 10, 1.0)[0]
    sweep = kmeans_sweep(vectors, 12)
    refined = refine(vectors, sweep.centers(12))
    assert refined.inertia <= sweep.inertia[11] * (1 + 1e-6)
    again = refine(vectors, refined.centers)
    np.testing.assert_array_equal(again.labels, refined.labels)
    for cluster in range(12):
        np.testing.assert_allclose(refined.centers[cluster], vectors[refined.labels == cluster].mean(axis=0))


def test_the_best_of_several_starts_beats_ten_restarts() -> None:
    from sklearn.cluster import KMeans

    vectors = blobs(1500, 30, 16, 1.0)[0].astype(np.float32)
    sweep = kmeans_sweep(vectors, 60)
    found = refine_best(vectors, sweep, 20)
    assert found.inertia <= refine(vectors, sweep.centers(20)).inertia
    assert found.inertia <= KMeans(20, n_init=10, random_state=0).fit(vectors).inertia_ * 1.002
    assert np.bincount(found.labels, minlength=20).min() > 0
    one, two = refine_best(vectors, sweep, 20, threads=1), refine_best(vectors, sweep, 20, threads=2)
    assert one.centers.tobytes() == two.centers.tobytes() == found.centers.tobytes()


def test_clusters_merge_where_it_costs_least() -> None:
    # 0 and 1 are close but heavy (cost 50), 10 and 14 are far but light (cost 8), 30 stands alone
    centers, counts = np.array([[0.0], [1.0], [10.0], [14.0], [30.0]]), np.array([100, 100, 1, 1, 1])
    assert merge_down(centers, counts, 4).tolist() == [0, 1, 2, 2, 3]
    assert merge_down(centers, counts, 3).tolist() == [0, 0, 1, 1, 2]
    assert merge_down(centers, counts, 5).tolist() == [0, 1, 2, 3, 4]


def test_progress_and_limits() -> None:
    seen: list[tuple[int, int]] = []
    sweep = kmeans_sweep(np.arange(6.0)[:, None], 9, progress=lambda *at: seen.append(at))
    assert seen == [(k, 6) for k in range(1, 7)]
    for k in (0, 7):
        with pytest.raises(UsageError, match="1 to 6"):
            sweep.labels(k)
    with pytest.raises(UsageError, match="max_k=0"):
        kmeans_sweep([[1.0]], 0)
    assert kmeans_sweep(np.zeros((0, 4)), 5).inertia.shape == (0,)


def test_real_photos() -> None:
    folder = os.environ.get("LOOKALIKE_PHOTOS")
    if not folder:
        pytest.skip("set LOOKALIKE_PHOTOS to the folder of product photos")
    from sklearn.cluster import KMeans

    vectors = photo_pixels(folder, 400)
    sweep = kmeans_sweep(vectors, 40)
    ratios = [
        sweep.inertia[k - 1] / KMeans(k, n_init=1, random_state=0).fit(vectors).inertia_ for k in (2, 5, 10, 20, 40)
    ]
    assert np.mean(ratios) < 1.02, ratios
    check_consistent(vectors, sweep, 20)


def test_vectors_of_no_numbers_are_all_equal() -> None:
    sweep = kmeans_sweep(np.zeros((5, 0), np.float32), 3)
    assert sweep.inertia.tolist() == [0, 0, 0]
    assert sweep.centers(2).shape == (2, 0)


def test_a_number_of_clusters_is_a_whole_number() -> None:
    sweep = kmeans_sweep([[0.0], [1.0], [5.0]], 3)
    for k in (0, 4, "2", 1.5, True, None):
        with pytest.raises(UsageError, match="1 to 3"):
            sweep.labels(k)  # type: ignore[arg-type]
    assert sweep.sizes(2.0).tolist() == sweep.sizes(2).tolist()  # type: ignore[arg-type]
