"""`tune`, as a user and as a script sees it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.demo import write_catalog
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


@pytest.mark.slow
@pytest.mark.long
def test_the_numbers_of_drawn_shoes_gain_for_what_depends_on_them(run: Run, tmp_path: Path) -> None:
    with write_catalog(tmp_path / "shoes", 160).open(newline="") as file:
        shoes = list(csv.DictReader(file))
    dealt = np.random.default_rng(0).permutation(len(shoes))
    for shoe, other in zip(shoes, dealt, strict=True):
        size, heel = float(shoe["size"]), float(shoe["heel_height"])
        shoe["class"] = "flat" if heel < 2 else "low" if heel < 4 else "mid" if heel < 6.5 else "high"
        shoe["fit"] = f"fit {round(size / 4)} {round(heel / 2)}"
        shoe["size_of_another"], shoe["heel_of_another"] = shoes[other]["size"], shoes[other]["heel_height"]
    with (tmp_path / "m.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, shoes[0].keys())
        rows.writeheader()
        rows.writerows(shoes)
    catalog = tmp_path / "c.catalog"
    assert run("index", catalog, tmp_path / "shoes", "--metadata", tmp_path / "m.csv").code == 0
    for target, numbers in (("class", {"heel_height"}), ("fit", {"size", "heel_height"})):
        told = run("tune", catalog, "--target", target, "--fields", "size,heel_height,year", "--json").json
        assert set(told["weights"]) == numbers
        assert told["gain"]["low"] > 0
        assert all(told["fields"][name]["gain"]["low"] > 0 for name in numbers)
        dealt_out = ["--fields", "size_of_another,heel_of_another", "--json"]
        assert run("tune", catalog, "--target", target, *dealt_out).json["weights"] == {}


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


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """160 items whose vectors tell `kind` by a small axis among large ones that tell nothing; `noise` tells nothing."""
    rng = np.random.default_rng(5)
    kinds = rng.integers(0, 4, 160)
    vectors = np.hstack([rng.normal(size=(160, 12)), 0.4 * np.eye(4)[kinds] + 0.02 * rng.normal(size=(160, 4))])
    np.save(tmp_path / "v.npy", vectors.astype(np.float32))
    rows = ["path,kind,noise"]
    for at, kind in enumerate(kinds):
        draw(tmp_path / "photos" / f"{at:03d}.png", (20 + at, 90, 120), seed=at, size=(24, 24))
        rows.append(f"{at:03d}.png,k{kind},n{rng.integers(4)}")
    (tmp_path / "m.csv").write_text("\n".join(rows))
    return tmp_path


def test_adapt_is_kept_used_told_and_dropped(run: Run, labeled: Path) -> None:
    catalog = labeled / "c.catalog"
    options = ["--vectors", labeled / "v.npy", "--metadata", labeled / "m.csv"]
    assert run("index", catalog, labeled / "photos", *options).code == 0
    before = run("similar", catalog, "000", "--json").json
    assert before["adapted"] == []
    assert run("info", catalog, "--json").json["adapted"] is None
    told = run("adapt", catalog, "--labels", "kind", "--json").json
    assert told["kept"] is True
    assert told["gain"]["low"] > 0
    assert told["gains"].keys() == {"kind"}
    info = run("info", catalog, "--json").json["adapted"]
    assert (info["labels"], info["in_use"], info["gain"]) == (["kind"], True, told["gain"])
    after = run("similar", catalog, "000", "--json").json
    assert after["adapted"] == ["kind"]
    assert after["results"] != before["results"]
    assert run("similar", catalog, "000", "--ranking", "euclidean", "--json").json["adapted"] == []
    scored = run("evaluate", catalog, "--labels", "kind", "--json").json
    assert scored["held_out"] is True
    assert scored["n"] == told["held_out"]
    assert scored["agreement"]["kind"]["value"] == pytest.approx(told["adapted"]), "only what it was not learned from"
    refused = run("evaluate", catalog, "--labels", "kind", "--where", "noise = 'n1'")
    assert refused.code == 2
    assert "--drop" in refused.err
    assert run("compare", catalog, catalog, "--labels", "kind", "--json").json["n"] == told["held_out"]
    shown = run("adapt", catalog, "--labels", "kind").out
    assert "Kept" in shown, "learned again from pictures alone, not on top of itself"
    assert lookalike.open(catalog).check().problems == ()
    assert run("adapt", catalog, "--drop", "--json").json == {"dropped": True}
    assert run("similar", catalog, "000", "--json").json == before
    assert run("adapt", catalog, "--drop").out.startswith("There is no map")
    assert run("evaluate", catalog, "--labels", "kind", "--json").json["held_out"] is False


def test_adapt_takes_a_table_and_keeps_nothing_that_does_not_help(run: Run, labeled: Path) -> None:
    catalog = labeled / "c.catalog"
    assert run("index", catalog, labeled / "photos", "--vectors", labeled / "v.npy").code == 0
    table = labeled / "labels.csv"
    table.write_text((labeled / "m.csv").read_text().replace("path,kind", "id,kind").replace("noise", "other"))
    version = lookalike.open(catalog).info()["version"]
    both = lookalike.open(catalog).adapt(table)
    assert both.labels == ("kind", "other")
    table.write_text("\n".join(",".join(line.split(",")[::2]) for line in table.read_text().splitlines()))
    lookalike.open(catalog).drop_adapted()
    alone = run("adapt", catalog, "--labels", table, "--json").json
    assert (alone["labels"], alone["kept"]) == (["other"], False)
    assert run("info", catalog, "--json").json["adapted"] is None
    assert run("info", catalog, "--json").json["version"] <= version + 2
    assert "Not kept" in run("adapt", catalog, "--labels", table).out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "either --labels"),
        (["--labels", "kind", "--drop"], "either --labels"),
        (["--labels", ","], "labels are empty"),
        (["--labels", "price"], "price"),
        (["--labels", "color", "--seed", 1], "says too little"),
    ],
)
def test_what_cannot_be_adapted_is_a_usage_error(run: Run, tmp_path: Path, options: list[str], words: str) -> None:
    for at in range(6):
        draw(tmp_path / "p" / f"{at}.png", COLORS["red"], seed=at)
    (tmp_path / "m.csv").write_text("path,color\n" + "".join(f"{at}.png,red\n" for at in range(6)))
    run("index", tmp_path / "c.catalog", tmp_path / "p", "--metadata", tmp_path / "m.csv", "--model", "tiny")
    done = run("adapt", tmp_path / "c.catalog", *options)
    assert done.code == 2
    assert words in done.err
