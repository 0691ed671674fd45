"""What labels taught, as it is shipped."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike import models
from lookalike.models.recoloring import FILES as RECOLORED
from lookalike.models.taught import FILES, LESSONS
from lookalike.records import COLOR_BINS


@pytest.mark.parametrize("name", FILES)
def test_it_fits_the_vectors_of_its_model(name: str) -> None:
    taught, widths = models.taught(name), [width for width, _ in models.parts(name)]
    assert taught is not None
    assert [rows.shape for rows in taught.alike] == [(width, width) for width in widths]
    assert len(taught.pieces) == len(widths)
    assert [lesson.name for lesson in taught.lessons] == list(LESSONS)
    assert taught.lessons[0].name == "type", "it says how many kinds of things a catalog holds"
    for lesson in taught.lessons:
        assert len(lesson.axes) == sum(widths) + COLOR_BINS * lesson.of_color
        assert lesson.axes.dtype == np.float32
        assert np.isfinite(lesson.axes).all()
        assert lesson.weight > 0
    assert models.taught(name) is taught
    assert name in RECOLORED, "what was taught of colors goes out at color 0"


def test_of_other_models_nothing_was_taught() -> None:
    assert models.taught("vgg16") is None
