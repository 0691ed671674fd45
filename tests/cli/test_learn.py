"""`tune`, as a user and as a script sees it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import lookalike
from tests.conftest import COLORS, Run, draw


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 items whose pictures tell the color alone; `grade` follows the numbers `size`, `noise` nothing."""
    base = tmp_path_factory.mktemp("tune")
    rng = np.random.default_rng(0)
    rows = [["path", "color", "size", "noise", "grade"]]
    for at in range(120):
        color = sorted(COLORS)[at % 4]
        draw(base / "photos" / f"{at:03d}.png", COLORS[color], seed=at)
        size = int(rng.integers(20, 60))
        rows.append([f"{at:03d}.png", color, str(size), f"n{rng.integers(4)}", f"grade {size // 10}"])
    with (base / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    made = lookalike.create(base / "c.catalog", model="tiny")
    made.index(base / "photos", metadata=base / "m.csv")
    return base / "c.catalog"


def test_tune_prints_options_that_other_commands_take(run: Run, catalog: Path) -> None:
    told = run("tune", catalog, "--target", "grade", "--json").json
    assert set(told) == {"target", "k", "fitted", "held_out", "pictures", "tuned", "gain", "weights", "fields"}
    assert set(told["weights"]) == {"size"}
    assert told["gain"]["low"] > 0
    assert set(told["fields"]) == {"color", "size", "noise"}, "the target has no say in itself"
    option = f"--prefer size={told['weights']['size']:g}"
    shown = run("tune", catalog, "--target", "grade").out
    assert option in shown
    better = run("evaluate", catalog, "--labels", "grade", *option.split(), "--json").json["agreement"]["grade"]
    assert better["value"] > run("evaluate", catalog, "--labels", "grade", "--json").json["agreement"]["grade"]["value"]
    held = lookalike.open(catalog)
    assert dict(held.tune("grade").weights) == told["weights"], "equal seeds, equal weights"
    assert held.similar(held.ids[0], prefer=held.tune("grade").weights).results[0].prefer.keys() == {"size"}


def test_what_tells_nothing_is_not_kept(run: Run, catalog: Path) -> None:
    done = run("tune", catalog, "--target", "noise", "--fields", "size")
    assert done.code == 0
    assert "--prefer" not in done.out
    assert "No weight" in done.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "grade", "--fields", "size,grade"], "cannot be among the fields"),
        (["--target", "grade", "--fields", "size,size"], "more than once"),
        (["--target", "grade", "--fields", ""], "name fields"),
        (["--target", "price"], "price"),
        (["--target", "grade", "--fields", "price"], "price"),
    ],
)
def test_what_cannot_be_tuned_is_a_usage_error(run: Run, catalog: Path, options: list[str], words: str) -> None:
    done = run("tune", catalog, *options)
    assert done.code == 2
    assert words in done.err
