"""The sign test and the interval, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest

from lookalike.analysis import preference
from lookalike.errors import UsageError


def test_nobody_decided() -> None:
    found = preference(0, 0)
    assert math.isnan(found.share)
    assert found[1:] == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(("a", "b"), [(0, 5), (3, 7), (6, 6), (40, 61)])
def test_p_counts_the_splits_at_least_this_uneven(a: int, b: int) -> None:
    n, away = a + b, abs(a - b)
    by_hand = sum(math.comb(n, i) for i in range(n + 1) if abs(n - 2 * i) >= away) / 2**n
    assert preference(a, b).p == pytest.approx(by_hand, rel=1e-9)


def test_the_interval_is_wilsons() -> None:
    found = preference(2, 8)
    assert (found.share, round(found.low, 3), round(found.high, 3)) == (0.8, 0.490, 0.943)
    other = preference(8, 2)
    assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low))


def test_many_votes_stay_finite() -> None:
    assert 0 <= preference(30_000, 40_000).p < 1e-100
    assert preference(50_000, 50_000).p == pytest.approx(1)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(UsageError, match="a"):
        preference(-1, 2)
