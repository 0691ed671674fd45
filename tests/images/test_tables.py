"""Tables: what is read is what was written, and a row finds its photo."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import NotFound, UsageError
from lookalike.images import match_metadata, read_table
from lookalike.images.infer import infer, unify
from lookalike.images.metadata import stored_names


def table_of(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_types_by_hand() -> None:
    assert infer(["2011", "", "-3"]) == [2011, None, -3]
    assert infer(["1", "2.5", "1e3", ".5"]) == [1.0, 2.5, 1000.0, 0.5]
    assert infer(["007", "10"]) == ["007", "10"]
    assert infer(["00.5"]) == ["00.5"]
    assert infer(["TRUE", "false", ""]) == [True, False, None]
    assert infer(["true", "1"]) == ["true", "1"]
    assert infer(["nan", "1"]) == ["nan", "1"]
    assert infer(["1e999"]) == ["1e999"]
    assert infer(["", " "]) == [None, None]
    assert infer(["9223372036854775807"]) == [2**63 - 1]
    assert infer(["9223372036854775808"]) == [float(2**63)]
    assert infer(["1,299"]) == ["1,299"]
    assert infer([" red"]) == [" red"]
    assert infer([]) == []
    assert infer(["٣"]) == ["٣"]


def test_mixed_columns_become_one_type() -> None:
    assert unify([1, 2.5, None]) == [1.0, 2.5, None]
    assert unify([True, False]) == [True, False]
    assert unify([True, 1]) == ["true", "1"]
    assert unify(["a", 1, None, 2.5]) == ["a", "1", None, "2.5"]
    assert unify([2**63]) == [str(2**63)]
    assert unify([None]) == [None]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_any_text_survives_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    # The letter keeps cells text; a row of the writer is never blank then.
    writer.writerows([("path", "name"), *((f"p{path}", f"n{name}") for path, name in rows)])
    path.write_bytes(buffer.getvalue().encode())
    table = read_table(path)
    assert table.bad == []
    assert table.columns == {"path": [f"p{a}" for a, _ in rows], "name": [f"n{b}" for _, b in rows]}


NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"path": TEXT.filter(bool), "n": NUMBERS, "s": st.none() | TEXT, "b": st.booleans()}),
        min_size=1,
        max_size=6,
    )
)
def test_json_lines_and_parquet_agree(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "t.jsonl").write_bytes(b"\n".join(json.dumps(row).encode() for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), folder / "t.parquet")
    assert list(read_table(folder / "t.jsonl").rows()) == rows
    assert list(read_table(folder / "t.parquet").rows()) == rows
    assert read_table(folder / "t.parquet").lines == list(range(1, len(rows) + 1))


def test_parquet_types(tmp_path: Path) -> None:
    day = datetime.datetime(2020, 1, 2, 3, 4, 5)
    columns = {
        "id": pa.array([1.0, 2.0]),
        "f": pa.array([1.5, math.nan], pa.float32()),
        "when": pa.array([day, None]),
        "tags": pa.array([["a", "b"], []]),
        "size": pa.array([{"h": 1}, None], pa.struct([("h", pa.int32())])),
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "big": pa.array([2**63, 1], pa.uint64()),
        "raw": pa.array([b"\xff", b"a"]),
        "gone": pa.nulls(2),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").columns == {
        "id": ["1", "2"],
        "f": [1.5, None],
        "when": ["2020-01-02T03:04:05", None],
        "tags": ['["a", "b"]', "[]"],
        "size": ['{"h": 1}', None],
        "kind": ["x", "y"],
        "big": [str(2**63), "1"],
        "raw": ["\\xff", "a"],
        "gone": [None, None],
    }


@pytest.mark.parametrize(
    ("header", "delimiter"), [("path,a;b", ","), ("path;a,b", ";"), ("a\tid", "\t"), ('"path";x', ";"), ("a;b", ",")]
)
def test_delimiter(tmp_path: Path, header: str, delimiter: str) -> None:
    names = next(csv.reader([header], delimiter=delimiter))
    assert list(read_table(table_of(tmp_path / "t.csv", header + "\n")).columns) == names


def test_tsv_and_quoted_lines(tmp_path: Path) -> None:
    table = read_table(table_of(tmp_path / "t.tsv", 'path\tname\na.jpg\t"two\nlines"\nb.jpg\tone\n'))
    assert table.columns == {"path": ["a.jpg", "b.jpg"], "name": ["two\nlines", "one"]}
    assert table.lines == [2, 4]


def test_keys_stay_text_and_are_found_in_any_case(tmp_path: Path) -> None:
    table = read_table(table_of(tmp_path / "t.csv", " ID ,Path,year\n007,1.50,2011\n10,2,2012\n"))
    assert table.columns == {"id": ["007", "10"], "path": ["1.50", "2"], "year": [2011, 2012]}


def test_unreadable_tables(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_table(tmp_path / "missing.csv")
    for name in ("t.parquet", "t.pq"):
        (tmp_path / name).write_bytes(b"PAR1 not really")
        with pytest.raises(UsageError, match="cannot be read"):
            read_table(tmp_path / name)
    with pytest.raises(UsageError, match="give one of"):
        read_table(tmp_path / "t.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError):
        read_table(tmp_path / "folder.csv")


@dataclass(frozen=True)
class Photo:
    id: str
    path: str
    location: Path


def photos(folder: Path, *paths: str) -> list[Photo]:
    return [Photo(id=path, path=path, location=folder / path) for path in paths]


def test_match_by_path_then_id_then_stem(tmp_path: Path) -> None:
    known = photos(tmp_path / "photos", "a.jpg", "sub/b.jpg", "10001.jpg", "x/same.jpg", "y/same.jpg")
    text = (
        "path,id,brand\n"
        "photos/a.jpg,,by the table's folder\n"
        "sub/b.jpg,,by SOURCE\n"
        "gone.jpg,10001,by stem\n"
        ",x/same.jpg,by id\n"
        ",same,two photos have this stem\n"
        "gone.jpg,gone,nothing\n"
        "photos/a.jpg,,a second row\n"
    )
    matched = match_metadata(table_of(tmp_path / "t.csv", text), known)
    assert {key: row["brand"] for key, row in matched.rows.items()} == {
        "a.jpg": "by the table's folder",
        "sub/b.jpg": "by SOURCE",
        "10001.jpg": "by stem",
        "x/same.jpg": "by id",
    }
    assert matched.columns == ("brand",)
    assert matched.unmatched == 3
    assert [line for line, _ in matched.bad] == [8]
    assert "line 2" in matched.bad[0][1]


def test_match_counts_bad_lines(tmp_path: Path) -> None:
    matched = match_metadata(table_of(tmp_path / "t.csv", "id,n\na,1\nb\n"), photos(tmp_path, "a.jpg"))
    assert matched.rows == {"a.jpg": {"n": 1}}
    assert (matched.unmatched, [line for line, _ in matched.bad]) == (1, [3])


def test_match_absolute_and_root(tmp_path: Path) -> None:
    known = photos(tmp_path / "photos", "a.jpg", "b.jpg")
    (tmp_path / "tables").mkdir()
    text = f"path,n\n{tmp_path}/photos/a.jpg,1\nphotos/b.jpg,2\n"
    table = table_of(tmp_path / "tables" / "t.csv", text)
    assert match_metadata(table, known).unmatched == 1
    assert match_metadata(table, known, root=tmp_path).rows == {"a.jpg": {"n": 1}, "b.jpg": {"n": 2}}


def test_table_without_key_lists_its_columns(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has 'name', 'brand'"):
        match_metadata(table_of(tmp_path / "t.csv", "name,brand\n"), [])


def test_taken_names_are_renamed() -> None:
    names = ["path", "id", "vector", "X", "Cluster", "color", "neighbors", "ID"]
    assert stored_names("t.csv", names) == {
        "vector": "meta_vector",
        "X": "meta_X",
        "Cluster": "meta_Cluster",
        "color": "color",
        "neighbors": "meta_neighbors",
        "ID": "meta_ID",
    }
    with pytest.raises(UsageError, match="rename one"):
        stored_names("t.csv", ["x", "meta_x"])


def test_parquet_times_finer_than_python_can_hold(tmp_path: Path) -> None:
    when = pa.array([1_577_934_245_123_456_789], pa.timestamp("ns", "UTC"))
    clock = pa.array([1_000_000_001], pa.time64("ns"))
    pq.write_table(pa.table({"id": ["a"], "when": when, "time": clock}), tmp_path / "t.parquet")
    columns = read_table(tmp_path / "t.parquet").columns
    assert columns["when"] == ["2020-01-02T03:04:05.123456+00:00"]
    assert columns["time"] == ["00:00:01"]


def test_any_bytes_are_a_table_or_a_usage_error(tmp_path: Path) -> None:
    random = np.random.default_rng(13)
    seeds = {
        "csv": b'path,name,"a ""b"""\r\na.jpg,1,x\r\nb.jpg,"two\nlines",y\r\n' * 3,
        "jsonl": b'{"path": "a.jpg", "n": [1, {"x": null}]}\n{"path": "b.jpg", "n": 1e5}\n' * 3,
    }
    for suffix, seed in seeds.items():
        place = tmp_path / f"t.{suffix}"
        for _ in range(150):
            data = bytearray(seed)
            for position in random.integers(len(data), size=int(random.integers(1, 12))):
                data[position] = int(random.choice(list(b'",\n\r\0{}[]\xff\xc3;a1')))
            place.write_bytes(bytes(data))
            try:
                table = read_table(place)
            except UsageError:
                continue
            assert {len(column) for column in table.columns.values()} <= {len(table)}
            numbers = sorted([*table.lines, *(line for line, _ in table.bad)])
            assert len(set(numbers)) == len(numbers)
            assert all(0 < len(reason) <= 200 for _, reason in table.bad)


def test_many_unclosed_quotes_take_no_longer(tmp_path: Path) -> None:
    lines = ["path,name"] + [f'{n}.jpg,"{"x" * 40}' for n in range(3001)]
    start = time.thread_time()
    table = read_table(table_of(tmp_path / "t.csv", "\n".join(lines)))
    assert time.thread_time() - start < 3
    assert len(table) + len(table.bad) <= 3001


def test_a_table_of_bad_lines_says_why_they_are_bad(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"path": "a.jpg", "price": NaN}\n{"path": "b.jpg", "price": Infinity}\n')
    with pytest.raises(UsageError, match=r"line 1 cannot be read \(no JSON: NaN is no JSON number\), nor can 1 others"):
        match_metadata(tmp_path / "t.jsonl", [])
