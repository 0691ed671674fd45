"""Representatives, exemplars and traits, against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.analysis import describe, exemplars, kmeans_sweep, reach, representatives
from lookalike.errors import UsageError
from tests.analysis.reference import blobs


def test_reach_is_the_covering_radius() -> None:
    vectors = np.array([[0.0], [1.0], [2.0], [10.0], [14.0], [50.0]])
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert reach(vectors, labels, ((1,), (3, 4), (5,), ())).tolist() == [1, 0, 0, 0]
    vectors, labels = blobs(300, 4, 6, 1.0)
    chosen = representatives(vectors, labels, np.stack([vectors[labels == c].mean(axis=0) for c in range(4)]))
    before = np.full(4, np.inf)
    for count in (1, 2, 4, 8):
        cover = exemplars(vectors, labels, chosen, count)
        found = reach(vectors, labels, cover)
        for cluster in range(4):
            gaps = np.linalg.norm(vectors[labels == cluster][:, None] - vectors[list(cover[cluster])], axis=-1)
            assert found[cluster] == pytest.approx(gaps.min(axis=1).max())
        assert (found <= before).all()
        before = found


def test_by_hand() -> None:
    vectors = np.array([[0.0], [1.0], [2.0], [10.0], [14.0]])
    labels = np.array([0, 0, 0, 1, 1])
    rows = representatives(vectors, labels, np.array([[1.0], [12.0], [99.0]]))
    assert rows.tolist() == [1, 3, -1]  # 10 and 14 are equally near to 12: the lower row
    assert exemplars(vectors, labels, rows) == ((1, 0, 2), (3, 4), ())
    assert exemplars(vectors, labels, rows, 2) == ((1, 0), (3, 4), ())
    assert exemplars(vectors, labels, rows, 0) == ((), (), ())


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6))
def test_the_nearest_member_and_farthest_first(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, (n, 3)).astype(np.float64)
    labels = rng.integers(0, k, n)
    centers = rng.integers(-2, 3, (k, 3)).astype(np.float64)
    rows = representatives(vectors, labels, centers)
    covers = exemplars(vectors, labels, rows, 4)
    for cluster in range(k):
        members = np.flatnonzero(labels == cluster)
        if not len(members):
            assert rows[cluster] == -1
            assert covers[cluster] == ()
            continue
        assert rows[cluster] == members[((vectors[members] - centers[cluster]) ** 2).sum(axis=1).argmin()]
        chosen = list(covers[cluster])
        assert chosen[0] == rows[cluster]
        assert set(chosen) <= set(members)
        for count in range(1, len(chosen)):
            gaps = ((vectors[members, None] - vectors[None, chosen[:count]]) ** 2).sum(axis=-1).min(axis=1)
            assert chosen[count] == members[gaps.argmax()]
        assert len(chosen) == min(4, len(np.unique(vectors[members], axis=0)))


def test_of_a_sweep() -> None:
    vectors, truth = blobs(200, 4, 5, 10.0)
    sweep = kmeans_sweep(vectors, 6)
    rows = representatives(vectors, sweep.labels(4), sweep.centers(4))
    assert sorted(truth[rows]) == [0, 1, 2, 3]


def test_describe_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    columns: dict[str, Any] = {
        "type": ["boot", "boot", "shoe", "shoe", "shoe", "shoe", None, ""],
        "id": list("abcdefgh"),
        "year": [2001, 2001, 2001, 2002, 2002, 2002, 2002, 2002],
        "sale": [True, True, True, False, False, False, False, False],
    }
    boots, shoes = describe(labels, columns)
    assert [(t.column, t.value, t.count) for t in boots] == [("sale", True, 3), ("type", "boot", 2)]
    assert boots[1].share == pytest.approx(2 / 3)
    assert boots[1].overall == pytest.approx(2 / 6)
    assert boots[1].lift == pytest.approx(2)
    assert [(t.column, t.value, t.count) for t in shoes] == [("sale", False, 5), ("type", "shoe", 3)]
    assert shoes[1].share == 1  # of the three whose type is known
    assert describe(labels, columns, count=1)[0] == boots[:1]
    assert describe(labels, {}, k=4) == ((), (), (), ())
    assert describe(np.zeros(0, np.int64), {"type": []}) == ()


def test_wrong_input_says_what_is_wrong() -> None:
    vectors, centers = np.eye(3), np.eye(3)[:2]
    for labels in ([0, 1], [0, 1, 2], [0, -1, 0], [0.0, 1.0, 0.0]):
        with pytest.raises(UsageError, match="labels"):
            representatives(vectors, np.array(labels), centers)
    with pytest.raises(UsageError, match="no member of cluster 1"):
        exemplars(vectors, np.array([0, 0, 1]), np.array([0, 1]))
    with pytest.raises(UsageError, match="'type' has 1 values for 2"):
        describe(np.array([0, 1]), {"type": ["a"]})
