"""Commands that ask a catalog, as a user and as a script sees them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import lookalike
from tests.conftest import COLORS, Run, draw


@pytest.fixture
def catalog(run: Run, photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "c.catalog"
    done = run("index", folder, photos, "--metadata", tmp_path / "metadata.csv", "--model", "tiny")
    assert done.code == 0
    return folder


def test_similar_finds_the_same_color(run: Run, catalog: Path) -> None:
    found = run("similar", catalog, "red-00.png", "-k", 2, "--json").json
    assert found["query"] == "red-00.png"
    assert (found["exact"], found["recall"]) == (True, 1.0)
    assert {hit["id"] for hit in found["results"]} == {"red-04.png", "red-08.png"}
    first, second = found["results"]
    assert first["distance"] <= second["distance"]
    assert 1 >= first["score"] >= second["score"] > 0
    assert first["metadata"]["color"] == "red"
    assert set(first) == {"id", "path", "distance", "score", "metadata", "parts", "reasons"}
    assert first["score"] == pytest.approx(1 / (1 + first["parts"]["picture"]))
    assert "same color" in first["reasons"]


def test_a_query_is_an_id_a_stem_or_a_photo(run: Run, catalog: Path, photos: Path, tmp_path: Path) -> None:
    by_id = run("similar", catalog, "blue-02.png", "--json").json
    assert run("similar", catalog, "blue-02", "--json").json == by_id
    by_photo = run("similar", catalog, photos / "blue-02.png", "-k", 4, "--json").json["results"]
    assert by_photo[0]["id"] == "blue-02.png", "a photo is not left out: the catalog may hold its twin"
    assert by_photo[0]["distance"] == 0
    assert by_photo[0]["score"] == 1
    assert [hit["id"] for hit in by_photo[1:]] == [hit["id"] for hit in by_id["results"]]
    new = draw(tmp_path / "new.jpg", COLORS["green"], seed=77)
    assert {hit["metadata"]["color"] for hit in run("similar", catalog, new, "--json").json["results"]} == {"green"}


def test_a_query_that_is_nothing_says_what_it_may_be(run: Run, catalog: Path, tmp_path: Path) -> None:
    done = run("similar", catalog, "nothing")
    assert done.code == 2
    assert "id, unique file stem or image file" in done.err
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    bad = run("similar", catalog, tmp_path / "bad.jpg")
    assert bad.code == 2
    assert "E_NOT_IMAGE" in bad.err


def test_where_gives_the_nearest_that_pass(run: Run, catalog: Path) -> None:
    found = run("similar", catalog, "red-00", "--where", "color <> 'red' AND year >= 2011", "-k", 99, "--json").json
    assert len(found["results"]) == 6
    assert all(hit["metadata"]["color"] != "red" and hit["metadata"]["year"] >= 2011 for hit in found["results"])
    assert run("similar", catalog, "red-00", "--where", "color = 'pink'", "--json").json["results"] == []


def test_a_bad_filter_names_the_columns(run: Run, catalog: Path) -> None:
    done = run("similar", catalog, "red-00", "--where", "colour = 'red'")
    assert done.code == 2
    assert "color" in done.err
    assert "year" in done.err


def test_same_keeps_to_the_value_of_the_query(run: Run, catalog: Path) -> None:
    found = run("similar", catalog, "red-00", "--same", "year", "-k", 99, "--json").json["results"]
    assert {hit["metadata"]["year"] for hit in found} == {2010}
    assert len(found) == 3
    assert run("similar", catalog, "red-00", "--same", "price").code == 2


def test_prefer_moves_what_differs_away_and_says_by_how_much(run: Run, catalog: Path) -> None:
    plain = run("similar", catalog, "red-00", "-k", 11, "--json").json["results"]
    found = run("similar", catalog, "red-00", "-k", 11, "--prefer", "year=1000", "--prefer", "color=0", "--json").json
    by_id = {hit["id"]: hit for hit in plain}
    assert [hit["metadata"]["year"] for hit in found["results"]][:3] == [2010] * 3, "such a weight decides"
    assert {hit["id"] for hit in found["results"]} == set(by_id)
    for hit in found["results"]:
        gap = (hit["metadata"]["year"] - 2010) / 2  # 2010 to 2012, all of them within the middle 90%
        assert hit["parts"]["prefer"] == {"year": pytest.approx(1000 * gap), "color": 0.0}
        assert hit["parts"]["picture"] == pytest.approx(by_id[hit["id"]]["parts"]["picture"])
        assert hit["score"] == pytest.approx(1 / (1 + hit["parts"]["picture"] + 1000 * gap), rel=1e-5)
    assert found["exact"] is True


def test_prefer_says_what_is_wrong(run: Run, catalog: Path, photos: Path) -> None:
    for told, word in (
        ("year", "FIELD=WEIGHT"),
        ("year=x", "FIELD=WEIGHT"),
        ("year=-1", "0 to 1000"),
        ("price=1", "year"),
    ):
        done = run("similar", catalog, "red-00", "--prefer", told)
        assert done.code == 2
        assert word in done.err
    assert run("similar", catalog, "red-00", "--prefer", "year=1", "--prefer", "year=2").code == 2
    new = draw(photos.parent / "new.png", COLORS["red"], seed=60)
    assert "photo has no metadata" in run("similar", catalog, new, "--prefer", "year=1").err


def test_what_is_scored_is_not_preferred(run: Run, catalog: Path) -> None:
    done = run("evaluate", catalog, "--labels", "color", "--prefer", "color=0.5")
    assert done.code == 2
    assert "prefer" in done.err
    liked = run("evaluate", catalog, "--labels", "color", "--prefer", "year=1000", "-k", 2, "--json").json["agreement"]
    assert liked["color"]["value"] == 0, "one year holds one item of each color"


def test_diverse_shows_a_product_once_and_says_what_that_costs(run: Run, photos: Path, tmp_path: Path) -> None:
    for twin in range(3):
        (photos / f"twin-{twin}.png").write_bytes((photos / "red-04.png").read_bytes())
    folder = tmp_path / "twins.catalog"
    assert run("index", folder, photos, "--model", "tiny").code == 0
    plain = run("similar", folder, "red-00", "-k", 4, "--json").json
    assert plain["diverse"] is None
    found = run("similar", folder, "red-00", "-k", 4, "--diverse", "--json").json
    ids = [hit["id"] for hit in found["results"]]
    assert len([item for item in ids if item == "red-04.png" or item.startswith("twin")]) == 1
    assert ids[0] == plain["results"][0]["id"], "the nearest stays"
    told = found["diverse"]
    assert told["collapsed"] >= 3
    assert told["nearest"] == pytest.approx(np.mean([hit["score"] for hit in plain["results"]]), rel=1e-5)
    assert told["cost"] == pytest.approx(told["nearest"] - told["score"])
    assert told["cost"] > 0
    assert "mean score" in run("similar", folder, "red-00", "--diverse").out
    rows = lookalike.open(folder).recommend(4, diverse=True).to_pylist()
    assert [row["neighbor_id"] for row in rows if row["id"] == "red-00.png"] == ids


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_k_has_a_range(run: Run, catalog: Path, k: int) -> None:
    done = run("similar", catalog, "red-00", "-k", k)
    assert done.code == 2
    assert "1 to 1000" in done.err


def test_similar_writes_a_page(run: Run, catalog: Path, tmp_path: Path) -> None:
    page = tmp_path / "similar.html"
    assert run("similar", catalog, "red-00", "--html", page).code == 0
    text = page.read_text()
    assert "red-00.png" in text
    assert "red-04.png" in text
    assert "data:image/" in text
    assert "same color" in text


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_recommend_writes_a_table(run: Run, catalog: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"r.{ending}"
    done = run("recommend", catalog, "--out", out, "-k", 2, "--json")
    exact = {"exact": True, "recall": 1.0, "recall_low": 1.0, "recall_high": 1.0}
    assert done.json == {"items": 12, "rows": 24, "file": str(out), **exact}
    if ending == "parquet":
        rows = pq.read_table(out).to_pylist()
    elif ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        lines = [line.split(",") for line in out.read_text().splitlines()]
        rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert list(rows[0]) == ["id", "rank", "neighbor_id", "distance"]
    assert [int(row["rank"]) for row in rows] == [1, 2] * 12
    assert all(row["id"][:3] == row["neighbor_id"][:3] for row in rows), "each finds its own color"


def test_recommend_equals_brute_force_and_a_filter_of_it(run: Run, catalog: Path, tmp_path: Path) -> None:
    held = lookalike.open(catalog)
    vectors = held.vectors.astype(np.float64)
    distances = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    rows = held.recommend(3, ranking="euclidean").to_pylist()
    expected = np.argsort(distances, axis=1, kind="stable")[:, :3]
    assert [row["neighbor_id"] for row in rows] == [held.ids[i] for i in expected.ravel()]
    assert np.allclose([row["distance"] for row in rows], np.take_along_axis(distances, expected, 1).ravel())
    passing = np.array([item.startswith(("gray", "blue")) for item in held.ids])
    among = np.argsort(np.where(passing, distances, np.inf), axis=1, kind="stable")[:, :3]
    filtered = held.recommend(3, ranking="euclidean", where="color IN ('gray', 'blue')").to_pylist()
    assert [row["neighbor_id"] for row in filtered] == [held.ids[i] for i in among.ravel()]
    assert held.recommend(100).num_rows == held.recommend(100, ranking="euclidean").num_rows == 12 * 11


def test_every_way_to_ask_gives_the_same_look_alikes(catalog: Path, photos: Path) -> None:
    held = lookalike.open(catalog)
    for ranking in ("default", "euclidean"):
        table = held.recommend(3, ranking=ranking).to_pylist()
        filtered = held.recommend(3, ranking=ranking, where="year > 0").to_pylist()
        assert [row["neighbor_id"] for row in table] == [row["neighbor_id"] for row in filtered]
        for item in held.ids:
            by_id = held.similar(item, k=3, ranking=ranking).results
            assert [hit.id for hit in by_id] == [row["neighbor_id"] for row in table if row["id"] == item]
            by_photo = held.similar(photos / item, k=4, ranking=ranking).results
            assert by_photo[0].id == item
            assert [hit.id for hit in by_photo[1:]] == [hit.id for hit in by_id]
            assert np.allclose([hit.distance for hit in by_photo[1:]], [hit.distance for hit in by_id], atol=1e-5)


def test_csv_is_safe_for_spreadsheets(run: Run, tmp_path: Path) -> None:
    for n, name in enumerate(["=cmd", "+1", "plain"]):
        draw(tmp_path / "p" / f"{name}.png", COLORS["red"], seed=n)
    run("index", tmp_path / "c.catalog", tmp_path / "p", "--model", "tiny")
    run("recommend", tmp_path / "c.catalog", "--out", tmp_path / "r.csv")
    ids = {line.split(",")[0] for line in (tmp_path / "r.csv").read_text().splitlines()[1:]}
    assert ids == {"'=cmd.png", "'+1.png", "plain.png"}
    run("recommend", tmp_path / "c.catalog", "--out", tmp_path / "r.parquet")
    assert pq.read_table(tmp_path / "r.parquet")["id"].to_pylist()[0] == "+1.png"


def test_evaluate_counts_labels(run: Run, catalog: Path) -> None:
    found = run("evaluate", catalog, "--labels", "color,year", "-k", 2, "--json").json
    assert (found["k"], found["n"]) == (2, 12)
    assert found["agreement"]["color"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["agreement"]["year"]["value"] == 0, "each color comes once a year"
    assert run("evaluate", catalog, "--labels", "brand").code == 2
    assert run("evaluate", catalog, "--labels", "color", "--same", "color").code == 2


def test_a_file_to_write_that_is_a_folder_is_refused_before_any_work(run: Run, catalog: Path, tmp_path: Path) -> None:
    for name in ("d.html", "d.csv", "d.parquet"):
        (tmp_path / name).mkdir()
    for asked in (
        ("similar", catalog, "red-00.png", "--html", tmp_path / "d.html"),
        ("similar", catalog, "red-00.png", "--html", ""),
        ("compare", catalog, catalog, "--html", tmp_path / "d.html"),
        ("recommend", catalog, "--out", tmp_path / "d.csv"),
        ("export", catalog, tmp_path / "d.parquet"),
    ):
        done = run(*asked)
        assert (done.code, "is a directory" in done.err) == (2, True), done.err


def test_evaluate_of_one_item_tells_that_there_is_nothing_to_tell(run: Run, tmp_path: Path) -> None:
    draw(tmp_path / "one" / "a.png", COLORS["red"], seed=1)
    (tmp_path / "one.csv").write_text("path,color\na.png,red\n")
    catalog = tmp_path / "one.catalog"
    assert run("index", catalog, tmp_path / "one", "--metadata", tmp_path / "one.csv", "--model", "tiny").code == 0
    done = run("evaluate", catalog, "--labels", "color", "--by", "color")
    assert done.code == 0, done.err
    assert "nan" in done.out
    assert run("evaluate", catalog, "--labels", "color", "--json").json["agreement"]["color"]["value"] is None


def test_evaluate_by_group_and_by_hand_made_pairs(run: Run, catalog: Path, tmp_path: Path) -> None:
    ids = lookalike.open(catalog).ids
    table = tmp_path / "pairs.csv"
    table.write_text(f"id,other,alike\n{ids[0]},{ids[1]},yes\n{ids[0]},{ids[-1]},no\n")
    found = run("evaluate", catalog, "--labels", "color", "--by", "year", "--pairs", table, "-k", 2, "--json").json
    assert found["by"] == "year"
    assert sum(group["n"] for group in found["groups"]["color"]) == 12
    assert [place["value"] for place in found["precision"]["color"]] == [1, 1]
    assert found["ndcg"]["color"]["value"] == 1
    assert (found["pairs"]["alike"], found["pairs"]["unlike"]) == (1, 1)
    assert (
        found["pairs"]["found"]["value"] == found["pairs"]["apart"]["value"] == found["pairs"]["ordered"]["value"] == 1
    )
    shown = run("evaluate", catalog, "--pairs", table, "--labels", "color", "--by", "year").out
    assert "alike pairs" in shown
    assert "YEAR" in shown
    assert run("evaluate", catalog, "--pairs", table, "--json").json["agreement"] == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,with\na,b\n", "no column 'other'"),
        ("id,other\nhere,there\n", "line 2: there is no item 'here'"),
        ("id,other\nID,ID\n", "stands beside itself"),
        ("id,other,alike\nID,LAST,perhaps\n", "give yes or no"),
        ("id,other\nID\n", "line 2"),
    ],
)
def test_pairs_that_cannot_be_read_are_named(run: Run, catalog: Path, tmp_path: Path, text: str, words: str) -> None:
    ids = lookalike.open(catalog).ids
    table = tmp_path / "pairs.csv"
    table.write_text(text.replace("ID", ids[0]).replace("LAST", ids[-1]))
    done = run("evaluate", catalog, "--pairs", table)
    assert done.code == 2
    assert words in done.err
    assert "nothing to score" in run("evaluate", catalog).err


def test_info_says_what_is_there_and_what_is_old(run: Run, catalog: Path, photos: Path) -> None:
    info = run("info", catalog, "--json").json
    assert (info["items"], info["failed"], info["model"], info["clusters"], info["map"]) == (12, 0, "tiny", None, None)
    assert info["metadata"] == {"color": "string", "year": "int64", "note": "string"}
    run("cluster", catalog, "-k", 4)
    assert run("info", catalog, "--json").json["clusters"] == {"max_k": 200, "k": 4, "seed": 0, "current": True}
    draw(photos / "new.png", COLORS["red"], seed=50)
    run("index", catalog, photos)
    assert run("info", catalog, "--json").json["clusters"]["current"] is False
    assert "items" in run("info", catalog).out


def test_json_is_alone_on_stdout(run: Run, catalog: Path, tmp_path: Path) -> None:
    for command in (
        ["models", "list"],
        ["info", catalog],
        ["cluster", catalog, "--max-k", 5],
        ["map", catalog],
        ["export", catalog, tmp_path / "e.parquet"],
    ):
        done = run(*command, "--json")
        assert done.code == 0, done.err
        assert isinstance(done.json, dict)


def test_no_catalog_is_a_clear_word(run: Run, tmp_path: Path) -> None:
    done = run("similar", tmp_path / "nowhere", "x")
    assert done.code == 2
    assert "lookalike index" in done.err
    assert "Traceback" not in done.err
    foreign = run("info", tmp_path)
    assert foreign.code == 4
