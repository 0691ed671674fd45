"""Bad lines of a table: line F13 of the list of faults."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.images import find, read_table
from tests.faults.recipes import encode, noise, outcomes


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with one photo, `a.jpg`."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encode(noise(), "JPEG"))
    return folder


def test_f13_bad_lines_of_a_csv_table(photos: Path) -> None:
    lines = [
        b"\xef\xbb\xbfpath,name",  # 1
        b"a.jpg,good",  # 2
        b"b.jpg",  # 3: ragged
        b"c.jpg,one,two",  # 4: ragged
        b"d.jpg,N\0L",  # 5: NUL
        b"e.jpg," + b"x" * 1_000_000,  # 6: cell above the limit
        b"f.jpg,caf\xe9",  # 7: not UTF-8
        b'g.jpg,"never closed',  # 8
        b"",  # 9: blank lines are nothing
        b",no path",  # 10
        b"../h.jpg,outside",  # 11
        b'missing.jpg,"a, quoted\nname"',  # 12 and 13
    ]
    (photos / "photos.csv").write_bytes(b"\r\n".join(lines) + b"\r\n")
    found = find([photos / "photos.csv"])
    assert outcomes(found) == {
        "a.jpg": "ok",
        **{f"photos.csv:{line}": "E_TABLE_ROW" for line in (3, 4, 5, 6, 7, 8, 10)},
        "../h.jpg": "E_OUTSIDE_ROOT",
        "missing.jpg": "E_GONE",
    }
    stages = {fault.code: fault.stage for _, fault in found.rejected}
    assert stages == {"E_TABLE_ROW": "table", "E_OUTSIDE_ROOT": "find", "E_GONE": "find"}
    assert found.inputs[0].metadata == {"name": "good"}
    assert csv.field_size_limit() == 131_072


def test_f13_bad_lines_of_a_json_lines_table(photos: Path) -> None:
    lines = [
        b'{"path": "a.jpg", "year": 2011}',
        b"{broken",
        b"[1]",
        b'{"path": "a.jpg", "year": NaN}',
        b"[" * 100_000,
        b'{"path": "a.jpg", "year": ' + b"1" * 5000 + b"}",
        b'{"path": "caf\xe9"}',
        b'{"year": 1}',
        b'{"path": "a\\u0000.jpg"}',
    ]
    (photos / "photos.jsonl").write_bytes(b"\n".join(lines))
    found = find([photos / "photos.jsonl"])
    bad = {f"photos.jsonl:{line}": "E_TABLE_ROW" for line in range(2, 10)}
    assert outcomes(found) == {"a.jpg": "ok", **bad}


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"\xff\xfep\0a\0t\0h\0", b"\xe9,path\n", b"path,path\n", b"path,,x\n", b"name\nx\n", b"pa\0th\n"],
)
def test_f13_tables_without_a_usable_header(photos: Path, data: bytes) -> None:
    (photos / "photos.csv").write_bytes(data)
    with pytest.raises(UsageError):
        find([photos / "photos.csv"])


def test_f13_an_unclosed_quote_costs_one_line(tmp_path: Path) -> None:
    rows = [f'{n},"inch' if n == 500 else f"{n},x" for n in range(2, 5002)]
    (tmp_path / "t.csv").write_text("\n".join(["id,name", *rows]))
    table = read_table(tmp_path / "t.csv")
    assert [line for line, _ in table.bad] == [500]
    assert len(table) == 4999
