"""Interval, stability and silhouette: what they say where the truth is known, and that they say it twice alike."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import adjusted_rand, elbow_interval, find_elbow, kmeans_sweep, silhouette, weigh
from lookalike.errors import UsageError
from lookalike.records import Evidence
from tests.analysis.reference import blobs


@pytest.mark.parametrize(("count", "d"), [(3, 10), (8, 10), (15, 40)])
def test_the_interval_holds_the_known_number(count: int, d: int) -> None:
    vectors, _ = blobs(900, count, d, 8.0)
    sweep = kmeans_sweep(vectors, 80)
    found = weigh(vectors, sweep, also=(count,))
    assert find_elbow(sweep.inertia).k == count
    assert found.low <= count <= found.high
    assert found.high - found.low <= 2
    assert found.clear > 0.95
    stability, apart = found.at(count)
    assert stability > 0.99
    assert apart == pytest.approx(np.nanmax(found.silhouette))


def test_noise_is_called_noise() -> None:
    vectors = np.random.default_rng(0).random((900, 8))
    sweep = kmeans_sweep(vectors, 80)
    found = weigh(vectors, sweep)
    assert not find_elbow(sweep.inertia).clear
    assert found.clear < 0.05
    assert found.low < found.high
    assert np.nanmax(found.stability[found.ks > 4]) < 0.6
    assert np.nanmax(found.silhouette) < 0.3


def test_the_interval_is_that_of_the_full_bootstrap() -> None:
    """All rows drawn anew, each at its distance to its center: what the interval is short for."""
    vectors = np.random.default_rng(1).normal(size=(400, 6))
    sweep = kmeans_sweep(vectors, 40)
    near = np.stack([((vectors - sweep.centers(k)[sweep.labels(k)]) ** 2).sum(axis=1) for k in range(1, 41)])
    np.testing.assert_allclose(near[:, sweep.sample], sweep.sampled, rtol=1e-4, atol=1e-5)
    rng = np.random.default_rng(5)
    plain = sorted(find_elbow(near[:, rng.integers(0, 400, 400)].sum(axis=1)).k for _ in range(200))
    low, high, _ = elbow_interval(sweep, restart=0)
    assert abs(low - plain[5]) <= 2
    assert abs(high - plain[-6]) <= 2
    wider = elbow_interval(sweep)
    assert wider[0] <= low
    assert wider[1] >= high


def test_the_interval_holds_what_other_samples_of_the_source_say() -> None:
    """Blobs that overlap: intervals from 12 samples hold the typical elbow, and most elbows of the other samples."""
    centers = np.random.default_rng(11).normal(size=(7, 6)) * 1.6
    intervals, elbows = [], []
    for number in range(12):
        rng = np.random.default_rng([5, number])
        sweep = kmeans_sweep(centers[rng.integers(0, 7, 300)] + rng.normal(size=(300, 6)), 30, threads=1)
        intervals.append(elbow_interval(sweep)[:2])
        elbows.append(find_elbow(sweep.inertia).k)
    typical = sorted(elbows)[6]
    assert len(set(elbows)) > 1
    assert sum(low <= typical <= high for low, high in intervals) >= 11
    assert np.mean([low <= k <= high for low, high in intervals for k in elbows]) > 0.9
    assert np.mean([high - low for low, high in intervals]) < 6


def test_two_runs_are_equal_byte_for_byte() -> None:
    vectors = blobs(700, 9, 40, 1.0)[0].astype(np.float32)
    found = [weigh(vectors, kmeans_sweep(vectors, 30, threads=t), seed=3, threads=t) for t in (1, 2, 2)]
    for other in found[1:]:
        assert other.as_json() == found[0].as_json()
    again = Evidence.from_json(found[0].as_json())
    assert again.as_json() == found[0].as_json()


def test_silhouette_is_the_textbook_one() -> None:
    from sklearn.metrics import silhouette_score

    vectors, labels = blobs(200, 5, 4, 2.0)
    labels[0] = 5  # alone in its cluster
    gaps = np.sqrt(((vectors[:, None] - vectors) ** 2).sum(axis=-1)).astype(np.float32)
    assert silhouette(gaps, labels) == pytest.approx(silhouette_score(vectors, labels), abs=1e-5)
    assert np.isnan(silhouette(gaps, np.zeros(200, np.int64)))


def test_adjusted_rand_is_the_textbook_one() -> None:
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 7, 300), rng.integers(0, 4, 300)
    assert adjusted_rand(one, two) == pytest.approx(adjusted_rand_score(one, two))
    assert adjusted_rand(one, (one + 3) % 7) == 1
    assert adjusted_rand(np.zeros(5, np.int64), np.zeros(5, np.int64)) == 1
    assert adjusted_rand(one[:1], two[:1]) == 1


@pytest.mark.parametrize("vectors", [np.zeros((0, 3)), np.ones((1, 3)), np.ones((30, 3)), np.arange(4.0)[:, None]])
def test_few_or_equal_items(vectors: np.ndarray) -> None:
    sweep = kmeans_sweep(vectors, 10)
    found = weigh(vectors, sweep)
    assert found.low <= found.high <= max(len(vectors), 0)
    assert len(found.ks) == len(found.stability) == len(found.silhouette)


def test_other_vectors_than_were_swept() -> None:
    with pytest.raises(UsageError, match="were swept"):
        weigh(np.ones((4, 2)), kmeans_sweep(np.arange(10.0).reshape(5, 2), 3))
