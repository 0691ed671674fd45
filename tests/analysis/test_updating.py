"""An updated graph is what a rebuild gives, whatever came, changed and went."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lookalike.analysis import _arriving, _codes, _comparing, _sums, nearest_neighbors, update_neighbors, updating
from lookalike.errors import UsageError
from tests.analysis.reference import blobs


def check(found: Any, x: Any, k: int) -> None:
    expected = nearest_neighbors(x, k, threads=1)
    k = expected.ids.shape[1]
    np.testing.assert_array_equal(found.ids[:, :k], expected.ids)
    assert found.distances[:, :k].tobytes() == expected.distances.tobytes()
    wide = nearest_neighbors(x, found.ids.shape[1], threads=1)
    unknown = found.ids < 0
    np.testing.assert_array_equal(found.ids[~unknown], wide.ids[~unknown])
    assert np.isinf(found.distances[unknown]).all()
    assert (np.diff(unknown.astype(int), axis=1) >= 0).all(), "what is not known comes last"


@settings(max_examples=60, deadline=None)
@example(1860, 1, 3, True, 1.0)  # wide lists that end in the unknown do not hold every other row
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(0, 4), st.booleans(), st.sampled_from([0.25, 1.0]))
def test_any_changes_in_any_order_equal_a_rebuild(seed: int, k: int, spare: int, ties: bool, worth: float) -> None:
    rng = np.random.default_rng(seed)

    def make(count: int) -> Any:
        return rng.integers(0, 3, (count, 3)).astype(np.float32) if ties else rng.normal(size=(count, 3))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updating, "WORTH", worth)
        patch.setattr(_comparing, "FEW", int(rng.choice([1, 1000])))  # products of bytes, and of float32
        patch.setattr(_comparing, "ROWS", 7)
        patch.setattr(_comparing, "GROUP", 2)
        patch.setattr(_comparing, "BOUNDS", int(rng.choice([50, 1000])))
        x = make(int(rng.integers(0, 40)))
        graph = nearest_neighbors(x, k + spare, threads=1)
        for _ in range(4):
            kept = np.flatnonzero(rng.random(len(x)) > rng.choice([0, 0.1, 0.5]))
            changed = rng.random(len(kept)) < rng.choice([0, 0.1])
            came = int(rng.integers(0, 6))
            before = np.concatenate([np.where(changed, -1, kept), np.full(came, -1)])
            x = np.concatenate([np.where(changed[:, None], make(len(kept)), x[kept]), make(came)])
            mixed = np.sort(rng.permutation(len(x))[:came])  # the new ones anywhere among the others
            order = np.insert(
                np.arange(len(x) - came), np.minimum(mixed, len(x) - came), np.arange(len(x) - came, len(x))
            )
            x, before = x[order], before[order].astype(int)
            graph = update_neighbors(graph, x, before, k, threads=1)
            check(graph, x, k)


def test_only_what_lost_too_many_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(600, 5, 20, 1.0)[0].astype(np.float32)
    graph = nearest_neighbors(x, 12)
    searched: list[int] = []
    original = _comparing.compare

    def spy(rows: Any, asked: Any, *rest: Any) -> Any:
        searched.extend(asked.tolist())
        return original(rows, asked, *rest)

    monkeypatch.setattr(updating, "compare", spy)
    kept = np.delete(np.arange(600), [3, 77, 400])
    check(update_neighbors(graph, x[kept], kept, 9), x[kept], 9)
    assert len(searched) < 5
    searched.clear()
    more = np.vstack([x, x[:2] + 0.1])
    check(update_neighbors(graph, more, [*range(600), -1, -1], 12), more, 12)
    assert searched == [600, 601]


@pytest.fixture(params=["plain", "compiled", "one pass"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the compiled loops take part, as they do once something has loaded them."""
    compiled = bool(request.param != "plain")
    if compiled:
        pytest.importorskip("numba")
        import lookalike.analysis._kernels  # noqa: F401
    for module in (_codes, _sums):
        monkeypatch.setattr(module, "WORTH", 0 if compiled else 1 << 60)
    if request.param == "compiled":
        monkeypatch.setattr(_arriving, "loops_for", lambda _: None)
    return compiled


def test_bytes_bound_distances(loops: bool) -> None:
    x = blobs(300, 5, 40, 1.0)[0].astype(np.float32)
    x[7] *= 40  # beyond the bytes: odd
    scale = _codes.Scale.of(x)
    assert scale is not None
    codes, norms, lost = scale.codes(x)
    wide = codes.astype(np.float64) - 128
    np.testing.assert_array_equal(norms, np.square(wide).sum(axis=1))
    assert np.isinf(lost).sum() < 10
    assert np.isinf(lost[7])
    apart = np.sqrt(np.square(wide[:, None] - wide).sum(axis=2))
    true = np.sqrt(np.square(x[:, None].astype(np.float64) - x).sum(axis=2)) / scale.step
    assert (np.abs(apart - true) <= lost[:, None] + lost).all()
    rounding = np.linalg.norm((x.astype(np.float64) - scale.center) / scale.step - wide, axis=1)
    assert (rounding <= lost).all()
    assert (lost[lost < np.inf] <= rounding[lost < np.inf] * 1.01 + 1e-3).all(), "no more than need be"


def test_many_new_rows_of_any_kind(loops: bool) -> None:
    """Copies, rows far from all others and rows that bytes cannot hold, among 40 that come at once."""
    x = blobs(900, 5, 40, 1.0)[0].astype(np.float32)
    graph = nearest_neighbors(x, 7)
    came = np.vstack([x[:10], x[10:30] + 1e-4, blobs(6, 2, 40, 1.0, seed=3)[0] * 1e4, np.full((4, 40), 1e-3)])
    more = np.vstack([x, came]).astype(np.float32)
    before = [*range(900), *[-1] * 40]
    found = update_neighbors(graph, more, before, 7)
    check(found, more, 7)
    most = np.vstack([more, more[5:35] * 3])
    check(update_neighbors(found, most, [*range(940), *[-1] * 30], 7), most, 7)


@pytest.mark.parametrize("seed", range(6))
def test_one_pass_over_small_blocks_equals_a_rebuild(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Ties, copies and rows beyond the bytes; blocks, shares and lists of pairs so small that all of them end often."""
    pytest.importorskip("numba")
    import lookalike.analysis._kernels  # noqa: F401

    monkeypatch.setattr(_sums, "WORTH", 0)
    sizes = {"FEW": 1, "BLOCK": 16, "COLUMNS": 5, "ASKED": 12, "SAMPLE": 20, "PAIRS": 8}
    for name, value in sizes.items():
        monkeypatch.setattr(_arriving, name, value)
    monkeypatch.setattr(updating, "WORTH", 0.5)
    monkeypatch.setattr(updating, "compare", None)  # the other way is not taken
    rng = np.random.default_rng(seed)
    kind = np.float32 if seed % 2 else np.float64
    x = blobs(200, 5, 40, 1.0, seed=seed)[0] if seed < 4 else rng.integers(0, 3, (200, 40))
    x = x.astype(kind)
    x[[3, 50]] *= 1e3
    now = x[:180]
    graph = nearest_neighbors(now, 9)
    for k in (7, 5):
        stayed = np.flatnonzero(rng.random(len(now)) > 0.1)
        before = np.concatenate([stayed, np.full(20, -1)])
        now = np.vstack([now[stayed], x[180:]])
        one, two = (update_neighbors(graph, now, before, k, threads=threads) for threads in (1, 2))
        check(one, now, k)
        assert one.ids.tobytes() == two.ids.tobytes()
        assert one.distances.tobytes() == two.distances.tobytes()
        graph = one


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_one_pass_over_numbers_that_are_not_finite(loops: bool, value: float) -> None:
    x = blobs(900, 5, 40, 1.0)[0].astype(np.float32)
    graph = nearest_neighbors(x, 7)
    more = np.vstack([x, x[:40] + 1])
    more[11, 3] = value
    before = [*range(900), *[-1] * 40]
    before[11] = -1
    if value == 1e30:
        check(update_neighbors(graph, more, before, 7), more, 7)
        return
    with pytest.raises(UsageError, match="row 11 holds"):
        update_neighbors(graph, more, before, 7)


def test_new_rows_that_bytes_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_comparing, "FEW", 1)
    x = blobs(900, 5, 20, 1.0)[0].astype(np.float32)
    far = np.vstack([x[:3] + 1e3, x[:3] + 1e3, x[3:6] * 50])
    more = np.vstack([x, far])
    grown = update_neighbors(nearest_neighbors(x, 7), more, [*range(900), *[-1] * 9], 7)
    check(grown, more, 7)
    again = np.vstack([more, x[:2] + 1e-3])
    check(update_neighbors(grown, again, [*range(909), -1, -1], 7), again, 7)  # among old rows that are odd


def test_nothing_changed_changes_nothing() -> None:
    x = blobs(100, 5, 8, 1.0)[0]
    graph = nearest_neighbors(x, 5)
    again = update_neighbors(graph, x, np.arange(100), 5)
    assert again.ids.tobytes() == graph.ids.tobytes()
    assert again.distances.tobytes() == graph.distances.tobytes()


def test_one_and_two_threads_give_the_same_bytes() -> None:
    x = blobs(3000, 5, 16, 1.0)[0]
    graph = nearest_neighbors(x[:2900], 5)
    before = [*range(2900), *[-1] * 100]
    one, two = (update_neighbors(graph, x, before, 5, threads=threads) for threads in (1, 2))
    assert one.ids.tobytes() == two.ids.tobytes()
    assert one.distances.tobytes() == two.distances.tobytes()


def test_another_order_and_wrong_rows() -> None:
    x = blobs(50, 5, 8, 1.0)[0]
    graph = nearest_neighbors(x, 5)
    check(update_neighbors(graph, x[::-1], np.arange(50)[::-1], 5), x[::-1], 5)
    with pytest.raises(UsageError, match="below 50"):
        update_neighbors(graph, x, np.arange(1, 51), 5)
    with pytest.raises(UsageError, match="each of 50 rows"):
        update_neighbors(graph, x, [0], 5)
