"""What color does to looks is taken out of them, continuously, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from lookalike.analysis import Colorless, Whitening, beside, fit_colorless, fit_looks, nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Doubles, Floats

RNG = np.random.default_rng(0)
TURN: Doubles = np.linalg.qr(RNG.normal(size=(15, 15)))[0]
DYES: Doubles = np.hstack([np.zeros((5, 10)), 3 * np.eye(5)]) @ TURN
"""What five dyes do to the 15 numbers of a vector."""
SHAPES = np.hstack([RNG.normal(size=(40, 10)), np.zeros((40, 5))]) @ TURN
VECTORS = (np.tile(SHAPES, (2, 1)) + DYES[RNG.integers(5, size=80)]).astype(np.float32)
OUTLINES = np.tile(RNG.random((40, 4), np.float32), (2, 1))
TWINS = (np.arange(80) + 40) % 80


def made(weights: Sequence[float] = (0.42, 0.18, 0.4)) -> tuple[Whitening, Colorless]:
    fit = beside(fit_looks(VECTORS, ((8, 0.7), (7, 0.3))), fit_looks(OUTLINES), 0.1)
    dyes = DYES.astype(np.float32)
    return fit, fit_colorless(fit, [dyes[:, :8], dyes[:, 8:]], weights)


def looks(unknown: bool = False) -> Floats:
    return made()[0].apply(VECTORS, np.full_like(OUTLINES, np.nan) if unknown else OUTLINES)


def first(points: Floats) -> float:
    return float((nearest_neighbors(points, 1).ids[:, 0] == TWINS).mean())


def test_twins_come_first_whatever_their_color() -> None:
    fit = fit_looks(VECTORS)
    found = fit_colorless(fit, [DYES.astype(np.float32)])
    points = fit.apply(VECTORS)
    assert first(points) < 0.5
    assert first(found.apply(points)) == 1.0


def test_a_direction_of_no_color_stays() -> None:
    fit = fit_looks(VECTORS)
    found = fit_colorless(fit, [np.zeros((3, 15), np.float32)])
    np.testing.assert_allclose(found.apply(fit.apply(VECTORS)), fit.apply(VECTORS), atol=1e-7)


def test_all_kept_is_the_same_array_and_the_way_there_has_no_step() -> None:
    points, found = looks(), made()[1]
    assert found.apply(points, 1.0) is points
    steps = [found.apply(points, kept) for kept in np.linspace(0, 1, 201)]
    moved = [float(np.abs(later - sooner).max()) for sooner, later in pairwise(steps)]
    assert max(moved) < 0.12
    assert np.abs(found.apply(points, 1 - 1e-9) - points).max() < 1e-6
    assert np.abs(found.apply(points, 1e-9) - steps[0]).max() < 1e-6


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_lengths_are_those_of_the_weights(kept: float) -> None:
    fit, found = made()
    points = found.apply(looks(), kept)
    ends = np.cumsum([part.width for part in fit.parts])
    squares = [(piece**2).sum(axis=1).mean() for piece in np.split(points, ends[:-1], axis=1)]
    expected = [kept * part.weight + (1 - kept) * then for part, then in zip(fit.parts, (0.42, 0.18, 0.4), strict=True)]
    np.testing.assert_allclose(squares, expected, atol=1e-6)


def test_where_the_last_part_is_unknown_the_others_share_its_weight_as_before() -> None:
    fit, found = made()
    points, before = found.apply(looks(unknown=True)), looks(unknown=True)
    ends = np.cumsum([part.width for part in fit.parts])[:-1]
    for piece, then in zip(np.split(points, ends, axis=1), np.split(before, ends, axis=1), strict=True):
        np.testing.assert_allclose(np.linalg.norm(piece, axis=1), np.linalg.norm(then, axis=1), atol=1e-6)
    assert not points[:, ends[-1] :].any()


def test_a_row_depends_on_itself_alone() -> None:
    points, found = np.tile(looks(), (9, 1)), made()[1]
    whole = found.apply(points, 0.4)
    for row in (0, 5, 79):
        assert found.apply(points[row : row + 1], 0.4).tobytes() == whole[row : row + 1].tobytes()
    assert found.apply(points[:0], 0.4).shape == (0, points.shape[1])


def test_the_weights_stay_where_none_is_given() -> None:
    fit, found = made(())
    assert found.weights == pytest.approx([part.weight for part in fit.parts])


def test_wrong_values_are_refused() -> None:
    fit, found = made()
    with pytest.raises(UsageError, match="kept=2"):
        found.apply(looks(), 2)
    with pytest.raises(UsageError, match="have 3 numbers, the fit makes 19"):
        found.apply(np.zeros((2, 3), np.float32))
    for weights in ((0.5, 0.5), (0.5, 0.5, -0.1), (0, 0, 0)):
        with pytest.raises(UsageError, match="do not fit 3 parts"):
            fit_colorless(fit, [], weights)
    with pytest.raises(UsageError, match="for 4 parts, the fit has 3"):
        fit_colorless(fit, [np.zeros((1, 8), np.float32)] * 4)
    with pytest.raises(UsageError, match=r"part 1 are \(1, 8\), the part has 7 columns"):
        fit_colorless(fit, [np.zeros((1, 8), np.float32)] * 2)
