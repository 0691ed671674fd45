"""Commands that compute: `cluster`, `map`, `report`, `export`, `run`, `demo`."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from tests.conftest import COLORS, Run, draw

pytestmark = pytest.mark.usefixtures("coarse_print")


@pytest.fixture
def catalog(run: Run, photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "c.catalog"
    run("index", folder, photos, "--metadata", tmp_path / "metadata.csv", "--model", "tiny")
    return folder


def test_cluster_finds_the_colors(run: Run, catalog: Path) -> None:
    done = run("cluster", catalog, "-k", 4, "--json")
    assert done.code == 0
    assert "the sweep ends at 12" in done.err
    found = done.json
    first = {"k", "inertia", "elbow", "sizes", "representatives", "exemplars"}
    assert set(found) == first | {"chosen", "evidence", "reach", "descriptions"}
    assert found["chosen"]["by"] == "request"
    assert "K = 4 was asked for" in found["chosen"]["why"]
    evidence = found["evidence"]
    assert evidence["interval"]["low"] <= 4 <= evidence["interval"]["high"]
    assert len(evidence["k"]) == len(evidence["stability"]) == len(evidence["silhouette"])
    assert max(evidence["silhouette"]) == evidence["silhouette"][evidence["k"].index(4)]
    for own, shown in zip(found["representatives"], found["descriptions"], strict=True):
        told = [trait for trait in shown if trait["column"] == "color"]
        assert [(trait["value"], trait["count"], trait["lift"]) for trait in told] == [(own.split("-")[0], 3, 4.0)]
    assert found["reach"] == pytest.approx([0, 0, 0, 0], abs=1e-6)  # three items, at most four exemplars
    assert found["sizes"] == [3, 3, 3, 3]
    assert {item.split("-")[0] for item in found["representatives"]} == set(COLORS)
    assert [exemplars[0] for exemplars in found["exemplars"]] == found["representatives"]
    assert len(found["inertia"]) == 12
    assert all(a >= b for a, b in zip(found["inertia"], found["inertia"][1:], strict=False))
    assert set(found["elbow"]) == {"k", "low", "high", "clear"}


def test_cluster_says_what_it_chose_and_why(run: Run, catalog: Path) -> None:
    done = run("cluster", catalog)
    assert done.code == 0
    assert "is the elbow" in done.out
    assert "resamples" in done.out
    again = run("cluster", catalog, "--json")
    assert again.json["chosen"]["why"] in done.out
    assert again.json["chosen"]["by"] == "elbow"


def test_cluster_says_what_is_allowed(run: Run, catalog: Path) -> None:
    too_many = run("cluster", catalog, "-k", 13)
    assert too_many.code == 2
    assert "13" in too_many.err
    assert "12" in too_many.err
    assert run("cluster", catalog, "-k", "many").code == 2
    assert run("cluster", catalog, "--max-k", 0).code == 2


def test_n02_equal_photos_are_one_cluster(run: Run, tmp_path: Path) -> None:
    for n in range(4):
        draw(tmp_path / "p" / f"{n}.png", COLORS["red"])
    run("index", tmp_path / "c.catalog", tmp_path / "p", "--model", "tiny")
    done = run("cluster", tmp_path / "c.catalog", "-k", 3, "--json")
    assert done.json["k"] == 1
    assert done.json["sizes"] == [4]
    assert "only 1 of the 3" in done.err


def test_export_has_everything_and_null_for_the_rest(run: Run, catalog: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    run("export", catalog, out)
    table = pq.read_table(out)
    names = ["id", "path", "color", "year", "note", "vector", "x", "y", "cluster", "neighbors"]
    assert table.column_names == names
    assert all(table[name].null_count == 12 for name in ("x", "y", "cluster", "neighbors"))
    run("cluster", catalog, "-k", 4)
    run("map", catalog)
    run("export", catalog, out)
    table = pq.read_table(out)
    held = lookalike.open(catalog)
    assert table["id"].to_pylist() == held.ids
    assert table.schema.field("vector").type == pa.list_(pa.float32(), held.vectors.shape[1])
    assert (np.stack(table["vector"].to_pylist()).astype(np.float32) == held.vectors).all()
    assert not any(table[name].null_count for name in ("x", "y", "cluster", "neighbors"))
    first = table["neighbors"].to_pylist()[0]
    assert [held.ids[row] for row in first["ids"][:2]] == [hit.id for hit in held.similar(held.ids[0], k=2).results]
    draw(photos / "new.png", COLORS["red"], seed=9)
    run("index", catalog, photos)
    run("export", catalog, out)
    assert pq.read_table(out)["cluster"].null_count == 13, "clusters of older items are not shown as theirs"
    assert run("export", catalog, tmp_path / "e.xlsx").code == 2


def test_a_kept_map_moves_no_item(run: Run, catalog: Path, photos: Path) -> None:
    first = run("map", catalog, "--json").json
    assert first["placed"] == 0
    assert first["kl"] > 0
    before = lookalike.open(catalog)
    places = dict(zip(before.ids, before.map().positions.tolist(), strict=True))
    for name in ("new-a.png", "new-b.png"):
        draw(photos / name, COLORS["red"], seed=9)
    gone = before.ids[0]
    (photos / gone).unlink()
    assert run("index", catalog, photos, "--prune", "--yes", "--json").json["removed"] == 1
    done = run("map", catalog, "--keep")
    assert "2 were placed without moving the others" in done.out
    after = lookalike.open(catalog)
    found = dict(zip(after.ids, after.map(keep=True).positions.tolist(), strict=True))
    assert set(found) == (set(places) | {"new-a.png", "new-b.png"}) - {gone}
    assert all(found[item] == places[item] for item in places if item in found)
    again = run("map", catalog, "--json").json  # without --keep, everything is laid out anew
    assert again["placed"] == 0


def test_a_map_by_another_method(run: Run, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for the package puts the items on a line; what is stored and shown knows whose map it is."""
    monkeypatch.setitem(sys.modules, "umap", None)
    absent = run("map", catalog, "--method", "umap")
    assert absent.code == 2
    assert "lookalike[umap]" in absent.err
    assert lookalike.open(catalog).info()["map"] is None

    class Line:
        def __init__(
            self, *, random_state: int, precomputed_knn: tuple[np.ndarray, np.ndarray, None], **others: object
        ) -> None:
            ids, gaps, _ = precomputed_knn
            assert (ids[:, 0] == np.arange(12)).all()
            assert (gaps[:, 0] == 0).all()
            self.seed = random_state

        def fit_transform(self, rows: np.ndarray) -> np.ndarray:
            return np.stack([np.arange(len(rows)), np.full(len(rows), self.seed)], axis=1)

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Line))
    told = run("map", catalog, "--method", "umap", "--seed", 3, "--json").json
    assert (told["method"], told["seed"], told["perplexity"], told["kl"]) == ("umap", 3, None, None)
    held = lookalike.open(catalog)
    assert held.map(method="umap", seed=3).positions[:, 0].tolist() == (np.arange(12) - 5.5).tolist()
    assert held.map(method="umap", seed=3).method == "umap"
    page = Path(run("report", catalog, "--out", tmp_path / "r", "--json").json["report"]).read_text()
    assert "UMAP places all items" in page
    assert "t-SNE" not in page
    assert run("map", catalog, "--json").json["method"] == "tsne"
    assert "method" not in lookalike.open(catalog).store.head.computed["map"].options, "as in maps of older versions"
    for wrong in (["--method", "pca"], ["--method", "umap", "--perplexity", 30]):
        assert run("map", catalog, *wrong).code == 2


FIGURES = [f"figure-{n}" for n in range(1, 7)]


def figures(folder: Path) -> bool:
    return all(list(folder.glob(f"{name}*.{ending}")) for name in FIGURES for ending in ("png", "svg"))


def test_report_computes_what_is_missing(run: Run, catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = run("report", catalog, "--out", out, "--json")
    assert done.code == 0, done.err
    assert figures(out)
    assert Path(done.json["report"]).stat().st_size > 10_000
    info = run("info", catalog, "--json").json
    assert all(info[name]["current"] for name in ("neighbors", "clusters", "map"))


def test_report_of_a_part(run: Run, catalog: Path, tmp_path: Path) -> None:
    done = run("report", catalog, "--out", tmp_path / "red", "--where", "color = 'red'")
    assert done.code == 0, done.err
    assert "blue-02" not in (tmp_path / "red" / "report.html").read_text()
    assert run("info", catalog, "--json").json["clusters"] is None, "a part is not stored"


def test_run_does_everything_and_then_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog, out = tmp_path / "c.catalog", tmp_path / "out"
    arguments = ("run", catalog, photos, "--metadata", tmp_path / "metadata.csv", "--out", out, "--model", "tiny")
    first = run(*arguments, "-k", 4, "--json")
    assert first.code == 0, first.err
    assert first.json["index"]["added"] == 12
    assert figures(out)
    assert pq.read_table(first.json["recommendations"]).num_rows == 36
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    version = lookalike.open(catalog).info()["version"]
    again = run(*arguments, "-k", 4, "--json")
    assert again.json["index"]["embedded"] == 0
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps
    assert lookalike.open(catalog).info()["version"] == version
    draw(photos / "new.png", COLORS["red"], seed=9)
    third = run(*arguments, "-k", 4, "--json")
    assert third.json["index"]["added"] == 1
    assert pq.read_table(third.json["recommendations"]).num_rows == 39


@pytest.mark.parametrize("n", [0, 1, 3])
def test_tiny_catalogs_go_all_the_way(run: Run, tmp_path: Path, n: int) -> None:
    (tmp_path / "p").mkdir()
    for row in range(n):
        draw(tmp_path / "p" / f"{row}.png", COLORS["blue"], seed=row)
    done = run("run", tmp_path / "c.catalog", tmp_path / "p", "--out", tmp_path / "out", "--model", "tiny")
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "report.html").exists()
    assert len(lookalike.open(tmp_path / "c.catalog").map().positions) == n


def test_demo_draws_and_does_everything(run: Run, tmp_path: Path) -> None:
    done = run("demo", tmp_path / "demo", "--items", 24)
    assert done.code == 0, done.err
    assert "Next:" in done.out
    assert figures(tmp_path / "demo" / "report")
    again = run("demo", tmp_path / "demo", "--items", 24, "--json").json
    assert again["items"] == 24
