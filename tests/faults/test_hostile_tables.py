"""Tables and files of vectors that were made to break something, or that somebody's export made so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.errors import UsageError
from lookalike.images import tables
from lookalike.web import make_app
from tests.conftest import Run

HALF = "\\ud83d"
"""In JSON: half of an emoji."""


def indexed(photos: Path, table: str, suffix: str = ".jsonl") -> lookalike.Catalog:
    path = photos.parent / f"table{suffix}"
    path.write_text(table)
    catalog = lookalike.create(photos.parent / "c.catalog", model="tiny")
    catalog.index(photos, metadata=path)
    return catalog


def said(catalog: lookalike.Catalog, item: str = "red-00.png") -> dict[str, Any]:
    (row,) = catalog.store.read("metadata", ids=[item]).to_pylist()
    return {name: value for name, value in row.items() if name not in ("id", "path")}


def test_half_of_a_character_is_replaced(photos: Path) -> None:
    whole = "\\ud83d\\ude00"
    row = f'{{"path": "photos/red-00.png", "note": "a{HALF}b", "{HALF}": "x", "deep": ["{HALF}"], "whole": "{whole}"}}'
    catalog = indexed(photos, row + f'\n{{"path": "{HALF}.png"}}')
    assert said(catalog) == {"note": "a\ufffdb", "\ufffd": "x", "deep": '["\ufffd"]', "whole": "\U0001f600"}


def test_half_of_a_character_in_a_source_table_is_a_failure(run: Run, photos: Path, tmp_path: Path) -> None:
    rows = [f'{{"path": "{HALF}.png"}}', f'{{"path": "photos/red-00.png", "id": "x{HALF}"}}']
    (tmp_path / "source.jsonl").write_text("\n".join(rows))
    done = run("index", tmp_path / "c.catalog", tmp_path / "source.jsonl", "--model", "tiny", "--json")
    assert (done.code, done.json["added"], done.json["failed"]) == (3, 1, 1), done.err
    assert "Traceback" not in done.err
    assert lookalike.open(tmp_path / "c.catalog").ids == ["x\ufffd"]


def test_names_that_the_format_keeps_are_stored_under_others(photos: Path) -> None:
    header, cells = "path,price.usd,a`b,_rowid,_RowAddr,vector,X", "photos/red-00.png,9.5,2,3,4,5,6"
    catalog = indexed(photos, f"{header}\n{cells}\n", ".csv")
    names = ("price_usd", "a_b", "meta__rowid", "meta__RowAddr", "meta_vector", "meta_X")
    assert said(catalog) == dict(zip(names, (9.5, 2, 3, 4, 5, 6), strict=True))
    assert len(catalog.similar("red-00.png", 3, where="price_usd IS NULL").results) == 3


@pytest.mark.parametrize("header", ["path,a.b,a_b", "path,a_b,a.b", "path,a.b,a`b", "path,x,meta_x"])
def test_two_columns_of_one_name_are_refused(photos: Path, header: str) -> None:
    with pytest.raises(UsageError, match="rename one"):
        indexed(photos, f"{header}\nphotos/red-00.png,1,2\n", ".csv")


def test_a_million_columns_are_refused_at_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="has 1,000,001 columns, allowed are 10,000"):
        tables._checked_names(photos, ["path", *map(str, range(1_000_000))])
    monkeypatch.setattr(tables, "MOST_COLUMNS", 3)
    with pytest.raises(UsageError, match="has 4 columns, allowed are 3"):
        indexed(photos, json.dumps({"path": "photos/red-00.png", "a": 1, "b": 2, "c": 3}))


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        (pa.array([1.0] * 12), "it must hold lists of numbers"),
        (pa.array([[[1.0], [2.0]]] * 12), "it must hold lists of numbers"),
        (pa.array([["1", "2"]] * 12), "it must hold lists of numbers"),
        (pa.array([[True]] * 12), "it must hold lists of numbers"),
        (pa.array([{"a": 1.0}] * 12), "it must hold lists of numbers"),
        (pa.array([[1.0]] * 11 + [None]), "one length"),
        (pa.array([[]] * 12, pa.list_(pa.float32())), "give 1 to 65,536"),
        (pa.array([], pa.list_(pa.float32())), "has no rows"),
    ],
)
def test_vectors_that_are_none_are_refused(run: Run, photos: Path, tmp_path: Path, vectors: pa.Array, why: str) -> None:
    ids = sorted(path.name for path in photos.iterdir())[: len(vectors)]
    pq.write_table(pa.table({"id": pa.array(ids, pa.string()), "vector": vectors}), tmp_path / "v.parquet")
    done = run("index", tmp_path / "c.catalog", photos, "--vectors", tmp_path / "v.parquet")
    assert done.code == 2
    assert why in done.err


def test_metadata_by_api_is_as_that_of_tables(photos: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    catalog.index(photos)
    photo = (photos / "red-00.png").read_bytes()
    with TestClient(make_app(catalog, writable=True)) as client:

        def sent(metadata: str) -> tuple[int, str]:
            given = {"id": "new", "metadata": metadata}
            answer = client.post("/api/items", files={"file": ("a.png", photo)}, data=given)
            return answer.status_code, answer.json().get("code", "")

        assert sent(f'{{"a": "{HALF}"}}') == sent(f'{{"{HALF}": 1}}') == (400, "E_JSON")
        assert sent('{"a.b": 1, "a_b": 2}') == (422, "E_USAGE")
        assert sent('{"vector": 1, "id": "x", "_rowid": 3, "price.usd": 4}') == (201, "")
    assert said(lookalike.open(tmp_path / "c.catalog"), "new") == {"meta_vector": 1, "meta__rowid": 3, "price_usd": 4}
    with pytest.raises(UsageError, match="half of a character"):
        catalog.add(photo, "other", {"a": "\ud83d"})
