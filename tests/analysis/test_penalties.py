"""Preferences: gaps worked by hand, and the exact best by two ways that agree."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import Penalties, Searcher, make_field, nearest_preferred
from lookalike.errors import UsageError
from lookalike.records import Value

BRANDS: list[Value] = ["a", "a", "b", None]


def all_gaps(values: list[Value]) -> np.ndarray:
    rows = np.arange(len(values))
    return make_field("x", values).gaps(rows, rows)


def test_categories_are_equal_or_not_and_a_missing_one_is_average() -> None:
    gaps = all_gaps(BRANDS)
    third = 1 / 3  # of three items with a brand, one differs from an "a"
    assert gaps[0].tolist() == pytest.approx([0, 0, 1, third])
    assert gaps[2].tolist() == pytest.approx([1, 1, 0, 2 * third])
    assert gaps[3].tolist() == [0, 0, 0, 0], "a query without a brand prefers none"


def test_true_and_one_are_categories_of_their_own() -> None:
    assert all_gaps([True, False, True])[0].tolist() == [0, 1, 0]


def test_numbers_are_scaled_and_cut() -> None:
    values: list[Value] = [*range(101), None]
    field = make_field("x", values)
    assert field.spread == pytest.approx(90)
    gaps = field.gaps(np.array([0]), np.array([0, 9, 45, 95, 100]))[0]
    assert gaps.tolist() == pytest.approx([0, 0.1, 0.5, 1, 1])
    direct = np.minimum(np.abs(np.subtract.outer(np.arange(101), np.arange(101))) / 90, 1).mean(axis=1)
    assert field.gaps(np.arange(101), np.array([101]))[:, 0] == pytest.approx(direct), "missing is the mean gap"


@pytest.mark.filterwarnings("error")
def test_the_largest_numbers_there_are_have_gaps_too() -> None:
    most = float(np.finfo(np.float64).max)
    values: list[Value] = [most, -most, most, None, 0.0, float("inf"), 2**63]
    field = make_field("x", values)
    gaps = all_gaps(values)
    assert np.isfinite(gaps).all()
    assert np.isfinite(field.average).all()
    assert (gaps[0, 1], gaps[0, 2]) == (1.0, 0.0)
    assert 0.4 < gaps[0, 4] < 0.6
    large: list[Value] = [n * 1e200 for n in (1.0, 2.0, 4.0, 9.0)]
    np.testing.assert_allclose(all_gaps(large), all_gaps([1.0, 2.0, 4.0, 9.0]), rtol=1e-12)


def test_equal_numbers_and_nothing_at_all_make_no_gap() -> None:
    assert not all_gaps([3, 3, None]).any()
    assert not all_gaps([None, None]).any()
    assert not all_gaps([float("nan"), 2.0]).any()


def test_pairs_equal_the_table() -> None:
    rng = np.random.default_rng(0)
    values: list[Value] = [None if x > 2 else float(x) for x in rng.normal(size=50)]
    fields = (make_field("x", values), make_field("y", [str(int(x)) for x in rng.integers(0, 5, 50)]))
    penalties = Penalties(fields, (0.5, 2.0), 1.5)
    rows = np.arange(50)
    table = penalties.penalties(rows, rows)
    left, right = (part.ravel() for part in np.meshgrid(rows, rows, indexing="ij"))
    assert np.array_equal(penalties.pairs(left, right), table.ravel())
    assert table.max() <= 2.5 * 1.5**2
    with pytest.raises(UsageError, match="at least 0"):
        Penalties(fields, (-1.0, 1.0))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_best_are_those_of_brute_force(offset: float) -> None:
    rng = np.random.default_rng(1)
    n = 600
    vectors = (np.repeat(rng.normal(size=(n // 2, 8)), 2, axis=0) + offset).astype(np.float32)  # twins: ties
    years: list[Value] = [None if x < 2001 else int(x) for x in rng.integers(2000, 2010, n)]
    brands: list[Value] = [str(x) for x in rng.integers(0, 6, n)]
    penalties = Penalties((make_field("b", brands), make_field("y", years)), (0.4, 1.5), 2.0)
    rows = np.arange(n)
    squared = ((vectors[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=2)
    total = squared + penalties.penalties(rows, rows)
    np.fill_diagonal(total, np.inf)
    allowed = rng.random(n) < 0.7
    for mask, threads in ((None, 2), (allowed, 1)):
        among = total if mask is None else np.where(mask[None, :], total, np.inf)
        expected = np.argsort(among, axis=1, kind="stable")[:, :7]
        found = nearest_preferred(Searcher(vectors), rows, 7, penalties, allowed=mask, threads=threads)
        assert np.array_equal(found.ids, expected)
        assert found.distances == pytest.approx(np.sqrt(np.take_along_axis(among, expected, axis=1)), rel=1e-6)


def test_what_is_not_there_is_marked() -> None:
    vectors = np.eye(3, dtype=np.float32)
    penalties = Penalties((make_field("x", ["a", "b", "a"]),), (1.0,))
    found = nearest_preferred(Searcher(vectors), np.array([0]), 9, penalties)
    assert found.ids.tolist() == [[2, 1, -1]]
    assert found.distances[0].tolist() == pytest.approx([2**0.5, 3**0.5, np.inf])
    nothing = nearest_preferred(Searcher(vectors), np.array([0]), 2, penalties, allowed=np.zeros(3, bool))
    assert nothing.ids.shape == (1, 0)
