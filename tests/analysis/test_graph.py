"""The graph from products of bytes or of float32: the same rows and the same bits as plain float64."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import _bytes, _digits, _graph, _sums, nearest_neighbors
from lookalike.analysis._forms import Way, choose
from lookalike.analysis._search import ExactSearch, direct
from tests.analysis.reference import blobs, brute_force

pytest.importorskip("numba")

WAYS = ("bytes", "two digits", "axes")
KINDS = ("blobs", "sparse", "noise", "spread", "whole", "offset", "twins", "far", "center")


def vectors_of(kind: str, n: int, d: int, seed: int) -> Any:
    """Vectors that are hard in one way each."""
    rng = np.random.default_rng(seed)
    x: Any = blobs(n, 12, d, 1.0, seed)[0].astype(np.float32)
    if kind == "sparse":
        x = np.maximum(x - 0.5, 0)
    elif kind == "noise":
        x = rng.normal(size=(n, d))
    elif kind == "spread":  # every column of another size
        x = x * np.logspace(0, -6, d)
    elif kind == "whole":  # many equal distances
        x = rng.integers(0, 3, (n, d)).astype(np.float32)
    elif kind == "offset":
        x = x + np.float32(1000)
    elif kind == "twins":  # every row up to nine times
        x = x[rng.integers(0, n, n // 3)][rng.integers(0, n // 3, n)]
    elif kind == "center":  # many rows where all else is taken off, some next to it
        x[: n // 8] = np.median(x, axis=0)
        x[: n // 16] += np.float32(1e-4) * rng.normal(size=(n // 16, d)).astype(np.float32)
    elif kind == "far":  # a few rows that no step fits
        x[rng.integers(0, n, 3)] *= 1e6
    return x


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes this way for few rows too, in blocks small enough that there are many."""
    monkeypatch.setattr(_graph, "FEWEST", 200)
    monkeypatch.setattr(_graph, "BLOCK", 100)


def take(patch: pytest.MonkeyPatch, way: str) -> None:
    """Has the graph take this way, whatever it costs; axes are eight, so that they leave much."""
    chosen = Way(8 if way == "axes" else 0, 2 if way == "two digits" else 1)
    patch.setattr(_graph, "choose", lambda *_: chosen)
    patch.setattr(_digits, "AXES", 8)
    patch.setattr(_digits, "REST", 2.0)


def test_the_product_of_bytes_is_the_graph_that_onnx_writes() -> None:
    onnx = pytest.importorskip("onnx")
    kinds, describe = onnx.TensorProto, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMulInteger", ["left", "right", "zero"], ["products"])],
        "products",
        [describe("left", kinds.UINT8, [None, None]), describe("right", kinds.INT8, [None, None])],
        [describe("products", kinds.INT32, [None, None])],
        [onnx.numpy_helper.from_array(np.array(_bytes.SHIFT, np.uint8), "zero")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    assert onnx.load_from_string(_bytes._PRODUCT) == model


def check(x: Any, k: int, **options: Any) -> None:
    found = _graph.graph(x, k, options.get("threads", 1), None)
    assert found is not None, "this way was not taken"
    ids, distances = brute_force(x, k)
    np.testing.assert_array_equal(found[0], ids)
    np.testing.assert_array_equal(found[1], direct(x, np.repeat(np.arange(len(x)), k), x, ids.ravel()).reshape(-1, k))
    np.testing.assert_allclose(np.sqrt(found[1]), distances, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_kind_of_vectors(small: None, monkeypatch: pytest.MonkeyPatch, kind: str, way: str, dtype: Any) -> None:
    take(monkeypatch, way)
    check(vectors_of(kind, 430, 70, 1).astype(dtype), 7)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(KINDS), st.integers(1, 20), st.integers(32, 300), st.sampled_from(WAYS)
)
def test_any_vectors(seed: int, kind: str, k: int, d: int, way: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_graph, "FEWEST", 200)
        patch.setattr(_graph, "BLOCK", 64)
        take(patch, way)
        check(vectors_of(kind, 330, d, seed), k)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("far", [30.0, 1e5, 1e17])
@pytest.mark.parametrize(("count", "n"), [(1, 430), (3, 430), (26, 2_700)])
def test_rows_that_the_step_does_not_fit(
    small: None, monkeypatch: pytest.MonkeyPatch, count: int, n: int, far: float, way: str
) -> None:
    take(monkeypatch, way)
    x = vectors_of("blobs", n, 70, 2)
    x[1::3] = x[::3][: len(x[1::3])]  # twins: ties with what was left out, too
    rows = np.random.default_rng(0).choice(n - 1, count, replace=False)
    x[rows, 5] += np.float32(far)
    if far < 100:
        x[rows + 1] = x[rows]
    check(x, 7, threads=2)


def test_one_and_three_threads_give_the_same_bytes(small: None) -> None:
    x = vectors_of("blobs", 1500, 64, 0)
    one, three = _graph.graph(x, 9, 1, None), _graph.graph(x, 9, 3, None)
    assert one is not None
    assert three is not None
    assert [part.tobytes() for part in one] == [part.tobytes() for part in three]


def test_the_public_function_takes_this_way_and_gives_the_same_without_it(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = vectors_of("twins", 700, 48, 3)
    x = np.vstack([x, np.repeat(x[:1], 30, axis=0)])  # so many copies that they are searched once
    fast = [nearest_neighbors(x, 6, metric=metric) for metric in ("euclidean", "cosine")]
    monkeypatch.setattr(_graph, "_ready", lambda: False)
    plain = [nearest_neighbors(x, 6, metric=metric) for metric in ("euclidean", "cosine")]
    for a, b in zip(fast, plain, strict=True):
        assert a.ids.tobytes() == b.ids.tobytes()
        assert a.distances.tobytes() == b.distances.tobytes()


def test_the_sample_says_what_costs_least_and_leaves_what_nothing_tells_apart(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Way | None] = []

    def spy(*given: Any) -> Way | None:
        taken.append(choose(*given))
        return taken[-1]

    monkeypatch.setattr(_graph, "choose", spy)
    rng = np.random.default_rng(0)
    offset = vectors_of("blobs", 3000, 64, 0) + np.float32(1e7) * (np.arange(3000) % 2)[:, None]
    flat = rng.standard_normal((18_000, 60), np.float32) @ rng.standard_normal((60, 1000), np.float32)
    assert _graph.graph(vectors_of("blobs", 3000, 64, 0), 3, 1, None) is not None
    assert _graph.graph(vectors_of("noise", 3000, 1000, 0), 90, 1, None) is not None
    _graph.graph(offset.astype(np.float32), 3, 1, None)
    assert _graph.graph(flat, 3, 2, None) is not None
    assert taken == [(0, 1), (0, 2), None, (_digits.AXES, 1)]


@pytest.mark.parametrize("way", WAYS)
def test_lists_that_stay_full_are_computed_on_the_way(small: None, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    take(monkeypatch, way)
    monkeypatch.setattr(_graph, "ODD", 1e9)  # none is searched for its rounding
    monkeypatch.setattr(_graph, "LISTED", 1)
    monkeypatch.setattr(_graph, "ROOM", 3)
    x = vectors_of("blobs", 600, 64, 0).astype(np.float64)
    x[::2] += 1e6 * np.ones(64)  # of these all distances are equal as far as products go
    check(x, 5)
    check(vectors_of("noise", 600, 64, 0), 5, threads=2)
    check(vectors_of("whole", 600, 64, 0), 5)


def test_rows_may_lie_in_memory_in_any_way(small: None) -> None:
    x = vectors_of("blobs", 500, 80, 0)
    expected = nearest_neighbors(x, 5)
    wide = np.repeat(np.hstack([x, x]), 2, axis=1)
    for other in (np.asfortranarray(x), wide[:, :160:2], np.hstack([x, x])[:, :80], x[::-1][::-1]):
        found = nearest_neighbors(other, 5)
        assert found.ids.tobytes() == expected.ids.tobytes()
        assert found.distances.tobytes() == expected.distances.tobytes()


@pytest.mark.parametrize("d", [32, 40, 127, 128, 129, 135, 1000, 1280, 4101])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_have_the_bits_of_numpy(d: int, dtype: Any) -> None:
    from lookalike.analysis import _kernels

    rows = np.random.default_rng(d).normal(size=(40, d)).astype(dtype)
    left, right, out = np.arange(20), np.arange(20)[::-1] + 20, np.empty(20)
    _kernels.true_sums(rows, left, right, *_sums.sum_plan(d), out)
    np.testing.assert_array_equal(out, direct(rows, left, rows, right))


def test_products_of_bytes_are_exact() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (70, 4096)).astype(np.int8)
    codes[:3] = 127
    codes[3:6] = -127
    found = _bytes.products_of(_bytes.shifted(codes), np.ascontiguousarray(codes.T))
    np.testing.assert_array_equal(found, codes.astype(np.int64) @ codes.T.astype(np.int64))
    assert _bytes.exact()


@pytest.mark.parametrize("d", [33, 64, 100])
def test_a_turned_row_keeps_its_length_and_digits_lose_what_they_say(d: int) -> None:
    from lookalike.analysis import _kernels

    rng = np.random.default_rng(0)
    x, center = rng.normal(size=(40, d)), rng.normal(size=d)
    signs = _kernels.signs_for(d)
    turned = np.empty((40, len(signs)))
    for row, out in zip(x, turned, strict=True):
        _kernels.turn(row, center, signs, out)
    np.testing.assert_allclose(turned @ turned.T, (x - center) @ (x - center).T, atol=1e-12)
    steps, digits, lost = np.empty(40), np.empty((40, 2, len(signs)), np.int8), np.empty((40, 2))
    _kernels.quantize(x, center, signs, 1e-30, steps, digits, lost)
    np.testing.assert_allclose(steps, np.abs(turned).max(axis=1) / 127)
    coarse = steps[:, None] * digits[:, 0]
    fine = coarse + steps[:, None] / _kernels.BASE * digits[:, 1]
    np.testing.assert_allclose(lost[:, 0], np.linalg.norm(turned - coarse, axis=1), rtol=1e-12)
    np.testing.assert_allclose(lost[:, 1], np.linalg.norm(turned - fine, axis=1), rtol=1e-9)
    assert (lost[:, 1] < lost[:, 0] / 100).all()


@pytest.mark.parametrize("kind", ["blobs", "sparse", "spread", "offset", "far"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_of_new_rows_bound_distances(kind: str, dtype: Any) -> None:
    from lookalike.analysis import _kernels, _passing

    x = vectors_of(kind, 120, 70, 4).astype(dtype)
    x[3] = x[4]
    center = np.median(x, axis=0).astype(np.float32)
    x[5] = center
    signs = _kernels.signs_for(70).astype(np.float32)
    unit = float(np.median(np.abs(x - center).max(axis=1))) / 127
    codes, (norms, lost, sizes) = np.empty((120, len(signs)), np.uint8), np.empty((3, 120))
    largest = _passing.coded(x, center, signs, unit, codes, norms, lost, sizes)
    wide = codes.astype(np.float64) - 128
    apart = np.sqrt(np.maximum(norms[:, None] + norms - 2 * np.outer(sizes, sizes) * (wide @ wide.T), 0))
    true = np.sqrt(np.square(x[:, None].astype(np.float64) - x).sum(axis=2)) / unit
    assert (np.abs(apart - true) <= lost[:, None] + lost).all()
    if kind != "far":
        assert np.median(lost) < 0.03 * np.median(np.sqrt(norms)), "no more than need be"
    assert np.abs(x - center).max() / 4 <= largest <= np.linalg.norm(x - center, axis=1).max() * 1.001
    x[7, 3] = np.nan
    assert not _passing.coded(x, center, signs, unit, codes, norms, lost, sizes) < 1e15


def test_every_pair_of_blocks_meets_once_and_no_round_uses_a_block_twice() -> None:
    for blocks in (1, 2, 5, 8):
        pairs = _graph.tournament(blocks)
        assert sorted(pairs) == [(a, b) for a in range(blocks) for b in range(a + 1, blocks)]
        half = blocks // 2
        for start in range(0, len(pairs), max(1, half)):
            seats = [block for pair in pairs[start : start + half] for block in pair]
            assert len(seats) == len(set(seats))


def test_progress_rises_and_ends_at_the_number_of_rows(small: None) -> None:
    seen: list[tuple[int, int]] = []
    nearest_neighbors(vectors_of("blobs", 900, 40, 0), 3, progress=lambda *at: seen.append(at))
    assert seen == sorted(seen)
    assert seen[-1] == (900, 900)


def test_queries_load_no_compiler() -> None:
    code = (
        "import sys, numpy as np, lookalike\n"
        "lookalike.nearest_neighbors(np.random.default_rng(0).normal(size=(5000, 64)), 3, np.zeros((1, 64)))\n"
        "print(sorted({'numba', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_this_way_does_not_serve_it_leaves(small: None) -> None:
    x = vectors_of("blobs", 400, 40, 0)
    assert _graph.graph(x[:150], 3, 1, None) is None
    assert _graph.graph(x[:, :20], 3, 1, None) is None
    assert _graph.graph(x, 300, 1, None) is None
    assert _graph.graph(np.ones((400, 40)), 3, 1, None) is None
    assert ExactSearch(x).search(x[:2], 1)[0].tolist() == [[0], [1]]
