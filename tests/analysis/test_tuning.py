"""Weights of metadata: learned where metadata tells of the target, zero where it does not, measured on other items."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.analysis import Learned, Searcher, learn_weights, make_field
from lookalike.analysis.tuning import _Held
from lookalike.demo import sample_shoes
from lookalike.errors import UsageError
from lookalike.records import Value

Columns = dict[str, list[Value]]


def pictures(classes: list[str], seed: int) -> np.ndarray:
    """Vectors that tell a class from others, and nothing else."""
    rng = np.random.default_rng(seed)
    centers = {name: rng.normal(size=12) for name in sorted(set(classes))}
    return np.array([centers[name] for name in classes] + rng.normal(size=(len(classes), 12)), np.float32)


def learned(columns: Columns, target: list[Value], vectors: np.ndarray, seed: int = 0) -> Learned:
    fit = np.random.default_rng(seed + 100).random(len(vectors)) < 0.5
    fields = [make_field(name, values) for name, values in columns.items()]
    return learn_weights(Searcher(vectors), fields, make_field("target", target), fit, unit=4.0, seed=seed)


def shoes(n: int = 400) -> tuple[Columns, np.ndarray]:
    """The numbers of demo shoes beside vectors that know their type only."""
    drawn = sample_shoes(n, seed=0)
    columns: Columns = {
        "size": [shoe.size for shoe in drawn],
        "heel_height": [shoe.heel_height for shoe in drawn],
        "brand": [shoe.brand for shoe in drawn],
    }
    return columns, pictures([shoe.family for shoe in drawn], seed=1)


def test_numbers_gain_for_a_target_that_depends_on_them() -> None:
    columns, vectors = shoes()
    sizes, heels = (np.array(columns[name], float) for name in ("size", "heel_height"))
    target: list[Value] = (np.round(sizes / 4) + np.round(heels / 2)).tolist()
    found = learned(columns, target, vectors)
    assert set(found.weights) == {"size", "heel_height"}, "the brand does not matter here"
    assert found.gain.low > 0
    assert found.gain.value == pytest.approx(found.tuned - found.pictures)
    assert all(found.gains[name].low > 0 for name in found.weights)
    assert found.fitted + found.held == len(target)


def test_heel_height_gains_for_the_class_of_the_heel_and_no_other_field_does() -> None:
    columns, vectors = shoes()
    heels: list[float] = [float(str(value)) for value in columns["heel_height"]]
    classes: list[Value] = [
        "flat" if heel < 2 else "low" if heel < 4 else "mid" if heel < 6.5 else "high" for heel in heels
    ]
    found = learned(columns, classes, vectors)
    assert set(found.weights) == {"heel_height"}
    assert found.gains["heel_height"].low > 0.05
    assert found.tuned > found.pictures + 0.05, "on held-out shoes"


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_metadata_gets_no_weight(seed: int) -> None:
    columns, vectors = shoes()
    target: list[Value] = (np.round(np.array(columns["size"], float) / 4)).tolist()
    rng = np.random.default_rng(seed)
    shuffled: Columns = {name: [values[at] for at in rng.permutation(len(values))] for name, values in columns.items()}
    found = learned(shuffled, target, vectors, seed)
    assert found.weights == {}
    assert found.tuned == found.pictures


def test_a_field_has_to_do_better_than_with_its_values_dealt() -> None:
    columns, vectors = shoes()
    sizes: list[Value] = (np.round(np.array(columns["size"], float) / 4)).tolist()
    among = np.arange(len(vectors)) % 2 == 1
    other = np.random.default_rng(0).permutation(np.array(columns["size"])).tolist()
    fields = [make_field("size", columns["size"]), make_field("other", other)]
    held = _Held(Searcher(vectors), fields, make_field("target", sizes), np.flatnonzero(among), among, 3, 4.0)
    weights = np.array([6.4, 0.4])
    assert held.is_telling(weights, 0, seed=0)
    assert not held.is_telling(weights, 1, seed=0)
    assert [field.name for field in held.fields] == ["size", "other"], "what was dealt is gone"


def test_of_two_fields_that_say_the_same_one_is_kept() -> None:
    columns, vectors = shoes()
    size = columns["size"]
    found = learned({"eu": size, "us": [float(str(value)) - 31 for value in size]}, [str(v) for v in size], vectors)
    assert len(found.weights) == 1 or all(found.gains[name].low > 0 for name in found.weights)
    assert found.weights, "each alone seems of no use beside the other, but not both can go"
    assert found.gain.low > 0


def test_what_is_learned_does_not_depend_on_the_held_out_half() -> None:
    columns, vectors = shoes()
    fit = np.arange(len(vectors)) % 2 == 0
    fields = [make_field("size", columns["size"])]
    told = np.round(np.array(columns["size"], float) / 4)
    other = np.where(fit, told, told[np.random.default_rng(3).permutation(len(told))])
    ours, theirs = (
        learn_weights(Searcher(vectors), fields, make_field("target", [str(v) for v in values]), fit, unit=4.0)
        for values in (told, other)
    )
    assert ours.learned == theirs.learned
    assert ours.weights
    assert not theirs.weights, "there the target has nothing to do with the size"


def test_the_gain_is_that_of_a_search_among_the_held_out_items_by_hand() -> None:
    columns, vectors = shoes(120)
    target = np.round(np.array(columns["size"], float) / 4)
    fit = np.arange(120) % 2 == 0
    field = make_field("size", columns["size"])
    found = learn_weights(Searcher(vectors), [field], make_field("t", [str(v) for v in target]), fit, unit=4.0)
    held = np.flatnonzero(~fit)
    gaps = ((vectors[held][:, None].astype(float) - vectors[held][None]) ** 2).sum(axis=2)
    for weight, expected in ((0.0, found.pictures), (found.weights["size"], found.tuned)):
        total = gaps + weight * 16 * field.gaps(held, held)
        np.fill_diagonal(total, np.inf)
        nearest = held[np.argsort(total, axis=1)[:, :3]]
        assert (target[nearest] == target[held][:, None]).mean() == pytest.approx(expected)


def test_too_few_values_are_refused_with_both_numbers() -> None:
    columns, vectors = shoes(60)
    target: list[Value] = [value if row < 30 else None for row, value in enumerate(columns["brand"])]
    with pytest.raises(UsageError, match=r"30 values.*at least 20"):
        learned({"size": columns["size"]}, target, vectors)
