"""Exact neighbors: the same rows in the same order as a float64 brute force, whatever the vectors look like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lookalike.analysis import _search, nearest_neighbors
from lookalike.analysis import neighbors as module
from lookalike.errors import UsageError
from tests.analysis.reference import blobs, brute_force, photo_pixels

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)


def check(vectors: Any, k: int, queries: Any = None) -> None:
    found = nearest_neighbors(vectors, k, queries, threads=1)
    ids, distances = brute_force(vectors, k, queries)
    np.testing.assert_array_equal(found.ids, ids)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(found.distances, distances.astype(np.float32), rtol=1e-6, atol=0)


def test_by_hand() -> None:
    found = nearest_neighbors([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], 2)
    assert found.ids.tolist() == [[2, 1], [2, 0], [0, 1]]
    np.testing.assert_allclose(found.distances, [[1, 5], [np.sqrt(18), 5], [1, np.sqrt(18)]], rtol=1e-7)
    assert found.ids.dtype == np.int64
    assert found.distances.dtype == np.float32


@given(arrays(np.float32, SHAPES, elements=st.integers(0, 2)), st.integers(0, 30))
def test_small_whole_numbers_with_many_ties(vectors: Any, k: int) -> None:
    check(vectors, k)


@given(arrays(np.float32, SHAPES, elements=st.floats(-(2.0**100), 2.0**100, width=32)), st.integers(1, 30))
def test_any_finite_float32(vectors: Any, k: int) -> None:
    check(vectors, k)


@given(arrays(np.float64, SHAPES, elements=st.floats(-1e30, 1e30)), st.integers(1, 30), st.data())
def test_any_queries(vectors: Any, k: int, data: st.DataObject) -> None:
    elements = st.floats(-1e30, 1e30)
    check(vectors, k, data.draw(arrays(np.float64, (3, vectors.shape[1]), elements=elements)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-20, 1e-3, 1.0, 1e15]), st.sampled_from([0.0, 1.0, 1e6, -1e9]))
def test_any_scale_and_offset(seed: int, scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    check((rng.normal(size=(60, 7)) + offset) * scale, 5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64, bool])
def test_every_real_type(dtype: Any) -> None:
    check(np.random.default_rng(0).normal(size=(50, 6), scale=20).astype(dtype), 7)


@pytest.mark.parametrize("k", [1, 3, 30, 499])
def test_across_tiles_and_blocks(monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    monkeypatch.setattr(_search, "TILE_ROWS", 64)
    monkeypatch.setattr(_search, "QUERY_ROWS", 17)
    vectors, _ = blobs(500, 9, 40, 2.0)
    check(vectors.astype(np.float32), k)


def test_too_many_candidates_split_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_search, "TILE_ROWS", 32)
    monkeypatch.setattr(_search, "POOL", 100)
    check(np.eye(120), 5)  # every pair at the same distance: everything is a candidate
    check(np.vstack([np.random.default_rng(0).normal(size=(200, 4)), np.full((1, 4), 1e25)]), 5)


def test_the_margin_holds_every_true_neighbor() -> None:
    vectors = (np.random.default_rng(1).normal(size=(400, 300)) + 300).astype(np.float32)
    search = _search.ExactSearch(vectors)
    margin = _search._Margin.of(np.float32, 300)
    found = search._candidates(vectors, search._plan(np.arange(400), True), 5, margin)
    assert found is not None
    rows, columns = found
    ids, _ = brute_force(vectors, 5, vectors)
    assert {(row, int(column)) for row in range(400) for column in ids[row]} <= set(zip(rows, columns, strict=True))
    assert len(rows) < 400 * 10, "the margin is so wide that it selects nothing"


def test_copies_are_searched_once_and_give_the_same() -> None:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.integers(0, 3, (12, 3)).astype(float), 40, axis=0)[rng.permutation(480)]
    assert module.same_rows(vectors) is not None
    for k in (1, 5, 60, 479):
        check(vectors, k)
        check(vectors, k, vectors[:20] + 0.5)
    vectors[::2] *= -1.0  # rows of 0.0 and of -0.0 are equal
    check(vectors, 100)


def test_a_duplicate_is_found_and_only_the_row_itself_left_out() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 4))
    vectors[40] = vectors[3]
    found = nearest_neighbors(vectors, 1)
    assert found.ids[3, 0] == 40
    assert found.ids[40, 0] == 3
    assert found.distances[3, 0] == 0
    assert nearest_neighbors(vectors, 2, vectors[:4]).ids[3].tolist() == [3, 40]


def test_one_or_two_threads_give_the_same_bytes() -> None:
    vectors = blobs(3000, 20, 32, 1.0)[0].astype(np.float32)
    one, two = (nearest_neighbors(vectors, 10, threads=threads) for threads in (1, 2))
    assert one.ids.tobytes() == two.ids.tobytes()
    assert one.distances.tobytes() == two.distances.tobytes()


def test_array_memory_map_and_blocks_are_one(tmp_path: Path) -> None:
    vectors = blobs(300, 5, 8, 1.0)[0].astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    expected = nearest_neighbors(vectors, 4)
    for form in (
        np.load(tmp_path / "vectors.npy", mmap_mode="r"),
        (vectors[i : i + 64] for i in range(0, 300, 64)),
        [vectors[:100], vectors[100:]],
        vectors.tolist(),
        np.asfortranarray(vectors),
        vectors.astype(">f4"),
    ):
        np.testing.assert_array_equal(nearest_neighbors(form, 4).ids, expected.ids)


def test_k_is_clipped_to_what_exists() -> None:
    for n, k, without, with_queries in ((0, 3, 0, 0), (1, 3, 0, 1), (2, 3, 1, 2), (5, 0, 0, 0), (5, 9, 4, 5)):
        vectors = np.random.default_rng(0).normal(size=(n, 3))
        assert nearest_neighbors(vectors, k).ids.shape == (n, without)
        assert nearest_neighbors(vectors, k, np.zeros((2, 3))).distances.shape == (2, with_queries)
        assert nearest_neighbors(vectors, k, np.zeros((0, 3))).ids.shape == (0, with_queries)
    assert nearest_neighbors([], 3).ids.shape == (0, 0)
    assert nearest_neighbors(np.zeros((3, 0)), 2).ids.tolist() == [[1, 2], [0, 2], [0, 1]]


def test_cosine_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    x, q = rng.normal(size=(200, 10)), rng.normal(size=(30, 10))
    cosine = 1 - (q @ x.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(x, axis=1)
    found = nearest_neighbors(x, 6, q, metric="cosine")
    np.testing.assert_array_equal(found.ids, np.argsort(cosine, axis=1)[:, :6])
    np.testing.assert_allclose(found.distances, np.sort(cosine, axis=1)[:, :6], rtol=1e-6)
    for scale in (1e-200, 1e20):
        np.testing.assert_array_equal(nearest_neighbors(x * scale, 6, metric="cosine").ids[:3], _own(x)[:3])


def _own(x: Any) -> Any:
    return nearest_neighbors(x, 6, metric="cosine").ids


def test_progress_rises_to_the_number_of_queries() -> None:
    seen: list[tuple[int, int]] = []
    nearest_neighbors(np.random.default_rng(0).normal(size=(700, 3)), 2, progress=lambda *at: seen.append(at))
    assert seen[-1] == (700, 700)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([[1.0, np.nan]], 1), "row 0"),
        (([[1.0, 2.0], [0.0, -np.inf]], 1), "row 1"),
        (([[1.0], [2e38]], 1), "scale them down"),
        (([1.0, 2.0], 1), r"v\[None\]"),
        (([["a", "b"]], 1), "real numbers"),
        (([[1.0 + 2j]], 1), "real numbers"),
        (([[1.0], [1.0, 2.0]], 1), "fit together"),
        (("text", 1), "array"),
        (([[1.0]], -1), "k=-1"),
        (([[1.0]], 1.5), "k=1.5"),
        (([[1.0]], 1, [[1.0, 2.0]]), "same model"),
        ((np.ma.masked_array([[1.0], [9.0]], [[False], [True]]), 1), "masked"),
        (([np.ma.masked_array([[1.0]], [[True]]), [[2.0]]], 1), "masked"),
    ],
)
def test_wrong_input_says_what_is_wrong(arguments: Any, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        nearest_neighbors(*arguments)


def test_wrong_options_say_what_is_allowed() -> None:
    with pytest.raises(UsageError, match="euclidean, cosine"):
        nearest_neighbors([[1.0]], 1, metric="manhattan")
    with pytest.raises(UsageError, match="threads=0"):
        nearest_neighbors([[1.0], [2.0]], 1, threads=0)
    for threads in ("2", 1.5, True):
        with pytest.raises(UsageError, match="or None for every CPU"):
            nearest_neighbors([[1.0], [2.0]], 1, threads=threads)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_array() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    found = nearest_neighbors(np.asmatrix(rows), 3)
    np.testing.assert_array_equal(found.ids, nearest_neighbors(rows, 3).ids)
    np.testing.assert_array_equal(nearest_neighbors(np.ma.masked_array(rows), 3).ids, found.ids)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_moving_and_scaling_by_powers_of_two_changes_no_order(seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(-8, 8, (40, 3)).astype(np.float64)
    expected = nearest_neighbors(vectors, 6).ids
    np.testing.assert_array_equal(nearest_neighbors(vectors * 2.0**-30 + 4.0, 6).ids, expected)


def test_real_photos() -> None:
    folder = os.environ.get("LOOKALIKE_PHOTOS")
    if not folder:
        pytest.skip("set LOOKALIKE_PHOTOS to the folder of product photos")
    vectors = photo_pixels(folder, 300)
    ids, distances = brute_force(vectors, 10)
    found = nearest_neighbors(vectors, 10)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-6)
