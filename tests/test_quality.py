"""What the default ranking promises, on drawn shoes and on images that are no products."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.demo import COLORS, Shoe, draw_shoe, recolor, sample_shoes
from tests.conftest import Run

SHARES = [0.0, 0.2, 0.5, 1.0]


def pairs(count: int) -> Iterator[tuple[Shoe, Shoe]]:
    """Shoes, and each in another color."""
    rng = np.random.default_rng(1)
    for shoe in sample_shoes(count, 1):
        others = [name for name in COLORS if name not in (shoe.color, shoe.secondary_color)]
        yield shoe, recolor(shoe, others[int(rng.integers(len(others)))])


@pytest.fixture(scope="module")
def recolored(tmp_path_factory: pytest.TempPathFactory) -> tuple[lookalike.Catalog, dict[str, Shoe]]:
    """20 shoes `a`, one of each family, and their twins `b`; seen by the default model."""
    folder, drawn = tmp_path_factory.mktemp("recolored"), {}
    (folder / "photos").mkdir()
    for number, both in enumerate(pairs(20)):
        for side, shoe in zip("ab", both, strict=True):
            name = f"{number:02d}{side}.png"
            drawn[name] = shoe
            draw_shoe(shoe).resize((224, 168)).save(folder / "photos" / name)
    catalog = lookalike.create(folder / "c", precision="fp32")
    catalog.index(folder / "photos")
    return catalog, drawn


def test_without_color_a_recolored_twin_comes_first(recolored: tuple[lookalike.Catalog, dict[str, Shoe]]) -> None:
    catalog, drawn = recolored
    first = {row["id"]: row["neighbor_id"] for row in catalog.recommend(1, color=0).to_pylist()}
    assert np.mean([first[item][:2] == item[:2] for item in drawn]) >= 0.95


def test_the_more_color_counts_the_nearer_the_colors(recolored: tuple[lookalike.Catalog, dict[str, Shoe]]) -> None:
    catalog, drawn = recolored
    errors = []
    for share in SHARES:
        rows = catalog.recommend(3, color=share).to_pylist()
        apart = [np.subtract(drawn[row["id"]].rgb, drawn[row["neighbor_id"]].rgb) for row in rows]
        errors.append(np.linalg.norm(apart, axis=1).mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.6 * errors[0]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 120 handwritten digits, which are no products; images of 32 x 32, dark on white."""
    from sklearn.datasets import load_digits

    data, folder = load_digits(), tmp_path_factory.mktemp("digits")
    (folder / "images").mkdir()
    with (folder / "digits.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "digit"])
        for number in range(120):
            picture = Image.fromarray((255 - data.images[number] * 15.9).astype(np.uint8))
            picture.resize((32, 32)).save(folder / "images" / f"{number:03d}.png")
            rows.writerow([f"images/{number:03d}.png", f"d{data.target[number]}"])
    return folder / "digits.csv"


def test_digits_gain_over_plain_distance(digits: Path, run: Run) -> None:
    folder = digits.parent / "digits.catalog"
    assert run("index", folder, digits, "--precision", "fp32").code == 0
    assert len(run("similar", folder, "007", "--color", 0.5, "--json").json["results"]) == 3
    told = {
        ranking: run("evaluate", folder, "--labels", "digit", "--ranking", ranking, "--json").json["agreement"]["digit"]
        for ranking in ("euclidean", "default")
    }
    assert told["default"]["value"] > told["euclidean"]["value"] > 0.5


@pytest.mark.slow
@pytest.mark.long
def test_the_same_commands_work_on_other_images(digits: Path, run: Run) -> None:
    folder, out = digits.parent / "other.catalog", digits.parent / "out"
    done = run("run", folder, digits, "--out", out, "--max-k", 12, "--precision", "fp32", "--color", 0.1, "--json")
    assert done.code == 0, done.err
    assert (out / "report.html").exists()
    assert (out / "recommendations.parquet").exists()
