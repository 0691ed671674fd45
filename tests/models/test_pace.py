"""The batch is the one that was cheapest on the first photos, and the vectors do not notice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lookalike import models
from lookalike.models import onnx_model, pace


def run(costs: dict[int, float], calls: int, photos: int = 16) -> pace.Pace:
    """A pace after `calls` calls that cost, a photo, what `costs` says of each batch."""
    found = pace.Pace()
    for _ in range(calls):
        batch = found.batch(photos)
        found.note(batch, photos, photos * costs[batch])
    return found


ENOUGH = pace.ROUNDS * len(pace.BATCHES)


@pytest.mark.parametrize("best", pace.BATCHES)
def test_the_cheapest_is_chosen(best: int) -> None:
    costs = {batch: 1.0 if batch == best else 1.2 for batch in pace.BATCHES}
    assert run(costs, ENOUGH).chosen == best


def test_nothing_is_chosen_before_each_was_tried_often_enough() -> None:
    assert run(dict.fromkeys(pace.BATCHES, 1.0), ENOUGH - 1).chosen is None


def test_a_small_gain_is_noise() -> None:
    assert run({**dict.fromkeys(pace.BATCHES, 1.0), 8: 0.98}, ENOUGH).chosen == pace.BATCHES[0]


def test_one_slow_call_does_not_decide() -> None:
    found = pace.Pace()
    for number in range(ENOUGH):
        batch = found.batch(16)
        found.note(batch, 16, 16 * (50.0 if number == 2 else {4: 0.5}.get(batch, 1.0)))
    assert found.chosen == 4


def test_calls_with_few_photos_say_nothing() -> None:
    found = run(dict.fromkeys(pace.BATCHES, 1.0), 100, photos=1)
    assert found.chosen is None
    assert found.batch(1) == pace.BATCHES[0]


def test_threads_may_ask_at_once() -> None:
    found = pace.Pace()

    def call(_: int) -> int:
        batch = found.batch(16)
        found.note(batch, 16, {8: 1.0}.get(batch, 2.0))
        return batch

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(call, range(4 * ENOUGH))) == set(pace.BATCHES)
    assert found.chosen == 8


def test_vectors_are_the_same_while_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "ROUNDS", 1)
    model = models.load()
    assert isinstance(model, onnx_model.OnnxModel)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 224, 224, 3), dtype=np.uint8)
    first, *others = [model.embed(pixels) for _ in range(len(pace.BATCHES) + 1)]
    assert model.pace.chosen is not None
    for other in others:
        np.testing.assert_array_equal(other, first)
