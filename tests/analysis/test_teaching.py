"""Lessons beside a fit: what they weigh by how much a catalog varies, by hand and in general."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.analysis import Part, Whitening, teach
from lookalike.errors import UsageError
from lookalike.records import Floats, Lesson

FIT = Whitening(np.array([5.0, 0.0]), np.eye(2), (Part(0, 1, 1, 0.5), Part(1, 2, 1, 0.5)))
KINDS = Lesson("kind", np.array([[1.0], [0.0]], np.float32), 1.0)
NAMES = Lesson("name", np.array([[0.0], [0.0], [0.0], [1.0], [0.0]], np.float32), 1.0, of_color=True)


def items(spread: float) -> Floats:
    """Vectors of which the lesson of kinds makes numbers of this mean square."""
    side = np.sqrt(spread)
    return np.array([[side + 5, 1], [-side + 5, 1], [side + 5, -1], [-side + 5, -1]], np.float32)


COLORS = np.array([[9, 1, 0], [9, -1, 0], [9, 1, 0], [9, -1, 0]], np.float32)


@pytest.mark.parametrize(
    ("spread", "kinds", "more"),
    [(1.0, 1.0, 1.0), (0.8, 0.64, 1.3), (0.1, 0.01, 1.7), (2.0, 0.25, 1.0), (0.0, None, 1.7)],
)
def test_weights_by_hand(spread: float, kinds: float | None, more: float) -> None:
    found, share = teach(FIT, items(spread), [KINDS, NAMES], [1.0, 2.0], 1.0, colors=COLORS)
    expected = [1.0, 2.0, *([] if kinds is None else [kinds]), more]
    np.testing.assert_allclose([part.weight for part in found.parts], np.array(expected) / sum(expected), rtol=1e-5)
    assert share == pytest.approx(more / (sum(expected) + more), rel=1e-5), "few kinds of things: color says more"


def test_what_a_lesson_makes_is_beside_what_the_fit_makes() -> None:
    vectors = items(1.0)
    found, _ = teach(FIT, vectors, [KINDS, NAMES], [1.0, 2.0], 1.0, colors=COLORS)
    assert [(part.start, part.stop, part.width) for part in found.parts] == [(0, 1, 1), (1, 2, 1), (0, 2, 1), (0, 5, 1)]
    points = found.apply(vectors, COLORS)
    np.testing.assert_allclose(np.square(points).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(np.sign(points[:, 2:]), [[1, 1], [-1, -1], [1, 1], [-1, -1]])


def test_what_lies_between_vectors_and_colors_has_no_say_in_a_lesson() -> None:
    fit = Whitening(np.zeros(5), np.eye(5)[:, 2:], (Part(2, 5, 3, 1.0),))
    rng = np.random.default_rng(0)
    names = Lesson("name", rng.normal(size=(5, 2)).astype(np.float32), 1.0, of_color=True)
    found, _ = teach(fit, rng.normal(size=(9, 2)), [names], [1.0], 1.0, colors=rng.random((9, 3)))
    (_, axes) = found.blocks()[-1]
    np.testing.assert_array_equal(axes, np.vstack([names.axes[:2], np.zeros((3, 2)), names.axes[2:]]))


def test_without_colors_there_are_no_lessons_of_color() -> None:
    found, share = teach(FIT, items(1.0), [KINDS, NAMES], [1.0, 2.0], 1.0)
    assert len(found.parts) == 3
    assert len(found.mean) == 2
    assert share == pytest.approx(1 / 5)
    alone, share = teach(FIT, items(1.0), [], [1.0, 3.0], 1.0, colors=COLORS)
    assert [part.weight for part in alone.parts] == [0.25, 0.75]
    assert share == pytest.approx(1 / 5)


def test_a_color_that_no_item_varies_in_adds_no_columns() -> None:
    found, _ = teach(FIT, items(1.0), [KINDS, NAMES], [1.0, 2.0], 1.0, colors=COLORS[:1].repeat(4, axis=0))
    assert len(found.mean) == 2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="do not fit 2 parts"):
        teach(FIT, items(1.0), [KINDS], [1.0], 1.0)
    with pytest.raises(UsageError, match="do not fit 2 parts"):
        teach(FIT, items(1.0), [KINDS], [1.0, 1.0], 0.0)
    with pytest.raises(UsageError, match="'name' is for 3 numbers, there are 2"):
        teach(FIT, items(1.0), [Lesson("name", NAMES.axes[:3], 1.0)], [1.0, 1.0], 1.0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 100),
    n=st.integers(1, 30),
    scales=st.lists(st.floats(0, 30), min_size=1, max_size=4),
    of_color=st.booleans(),
)
def test_weights_add_up_and_a_row_depends_on_itself_alone(
    seed: int, n: int, scales: list[float], of_color: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors, colors = rng.normal(size=(n, 6)).astype(np.float32), rng.random((n, 5)).astype(np.float32)
    fit = Whitening(vectors.mean(axis=0, dtype=np.float64), rng.normal(size=(6, 4)), (Part(0, 6, 4, 1.0),))
    lessons = []
    for at, scale in enumerate(scales):
        tinted = of_color and at > 0
        lessons.append(Lesson(str(at), (scale * rng.normal(size=(6 + 5 * tinted, 2))).astype(np.float32), 0.3, tinted))
    found, share = teach(fit, vectors, lessons, [0.5], 0.1, colors=colors)
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    assert 0 < share < 0.17 / 0.67 + 1e-9
    assert 0.5 / (0.5 + 0.51 * len(scales)) - 1e-9 <= found.parts[0].weight <= 1
    more = colors if len(found.mean) > 6 else None
    whole = found.apply(vectors, more)
    for row in range(n):
        one = found.apply(vectors[row : row + 1], None if more is None else more[row : row + 1])
        assert one.tobytes() == whole[row : row + 1].tobytes()
