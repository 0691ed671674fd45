"""Curves, bands and the last, by numbers that can be worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.demo.shapes import Last, Points, along, box, curve, dashes, ellipse, length, offset, part_of, ribbon

STRAIGHT = np.column_stack([np.linspace(0, 10, 21), np.zeros(21)])


def area(outline: Points) -> float:
    """Area of a polygon by the shoelace formula."""
    x, y = outline.T
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def test_a_curve_goes_through_its_way_points() -> None:
    points = [(0.0, 0.0), (1.0, 5.0), (9.0, 6.0), (12.0, -2.0)]
    line = curve(points, steps=10)
    assert np.allclose(line[[0, 10, 20, 30]], points)


@given(st.floats(-3, 3), st.floats(-9, 9))
def test_a_curve_through_points_on_a_line_is_that_line(slope: float, start: float) -> None:
    x = np.array([0.0, 1.0, 4.0, 6.0, 13.0])
    line = curve(np.column_stack([x, slope * x + start]))
    assert np.allclose(line[:, 1], slope * line[:, 0] + start, atol=1e-6)


def test_areas() -> None:
    assert area(ellipse(3, 4, 2, 5, 30)) == pytest.approx(np.pi * 10, rel=0.01)
    assert area(box(0, 0, 4, 6, corner=0.0)) == pytest.approx(24)
    assert area(box(0, 0, 4, 6, 45, corner=0.5)) == pytest.approx(24 - (4 - np.pi) * 4, rel=0.02)
    assert area(ribbon(STRAIGHT, 3.0)) == pytest.approx(30)
    assert area(ribbon(STRAIGHT, (0.0, 4.0))) == pytest.approx(20)
    assert area(ribbon(STRAIGHT, 2.0, round_ends=True)) == pytest.approx(20 + np.pi, rel=0.02)


def test_shares_of_a_line() -> None:
    assert np.allclose(along(STRAIGHT, [0.0, 0.25, 1.0]), [(0, 0), (2.5, 0), (10, 0)])
    assert length(part_of(STRAIGHT, 0.2, 0.7)) == pytest.approx(5)
    assert np.allclose(offset(STRAIGHT, 2.0)[:, 1], 2.0)


def test_dashes_cover_their_share() -> None:
    cut = dashes(STRAIGHT, 1.5, 0.5)
    assert len(cut) == 5
    assert sum(length(piece) for piece in cut) == pytest.approx(7.5)


def test_a_last_lies_on_its_ball_and_rises_to_its_heel() -> None:
    last = Last(ball=2.0, heel=20.0, spring=3.0)
    assert last.rise(last.ball_at) == pytest.approx(2.0)
    assert last.rise(100.0) == pytest.approx(22.0)
    assert last.rise(0.0) == pytest.approx(5.0)
    assert np.all(np.diff(last.rise(np.linspace(30, 100, 50))) >= 0)


def test_a_foot_follows_the_last_and_a_shaft_stands_upright() -> None:
    last = Last(ball=2.0, heel=20.0)
    assert last.spot(30.0, 10.0)[1] == pytest.approx(10.0 + float(last.rise(30.0)))
    assert last.spot(50.0, 60.0)[1] == pytest.approx(82.0)
    assert last.spot(90.0, 60.0)[1] == pytest.approx(82.0)
