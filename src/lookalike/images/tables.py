"""CSV, Parquet and JSON-lines tables: columns of typed values, and the lines that could not be used."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lookalike.errors import NotFound, UsageError
from lookalike.images.infer import infer, unify
from lookalike.records import Value

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson")
KEYS = ("path", "id")
"""The columns that say which photo a row belongs to. They are text, never numbers: 007 stays 007."""

MOST_COLUMNS = 10_000
"""Columns of a table: each is a column of the catalog, whose every version names them all."""
_MAX_CELL = 131_072
_MAX_RECORD_LINES = 1_000
_MAX_POOL = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table read into memory.

    `columns` maps each name to its n values in the order of the file; `lines` holds the n line numbers in a CSV
    or JSON-lines file (from 1, the header counts) or row numbers in Parquet (from 1); `bad` the lines that were
    left out, with the reason, at most 200 characters.
    """

    path: Path
    columns: dict[str, list[Value]]
    lines: list[int]
    bad: list[tuple[int, str]]

    def __len__(self) -> int:
        return len(self.lines)

    def rows(self) -> Iterator[dict[str, Value]]:
        """The rows as dictionaries, in the order of the file."""
        names = list(self.columns)
        if not names:
            return ({} for _ in self.lines)
        return (dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True))


def is_table_name(name: str) -> bool:
    """Whether a file's name ends like that of a table that can be read, in any case."""
    return name.lower().endswith(TABLE_SUFFIXES)


def read_table(path: str | Path) -> Table:
    """Read a CSV (or .tsv), Parquet or JSON-lines table; the kind is told from the name.

    CSV: UTF-8 with or without a byte-order mark; commas, or semicolons or tabs where only these give a header
    with a `path` or `id`; a column is integer, number, true/false or text, whichever holds all of its cells; an
    empty cell is None. `007` is text. JSON lines and Parquet keep their types; lists and objects become JSON
    text, times ISO 8601, and numbers that are not finite None. `path` and `id` are always text.

    Bad lines never stop the reading: text that is not UTF-8, a NUL, a cell above 131,072 characters, too few or
    too many cells, an unclosed quote, broken JSON.

    Raises `NotFound` for a missing file and `UsageError` for one that cannot be read, has no header, or names a
    column twice or not at all.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise UsageError(f"{_shown(path)} is no table: give one of {', '.join(TABLE_SUFFIXES)}")
    try:
        if suffix in (".parquet", ".pq"):
            return _read_parquet(path)
        if not path.is_file():
            # A pipe would block, a device might never end.
            raise _unreadable(path, "it is no regular file" if path.exists() else None)
        data = path.read_bytes()
    except OSError as exc:
        raise _unreadable(path, None if isinstance(exc, FileNotFoundError) else str(exc.strerror)) from exc
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"table {_shown(path)} is UTF-16: save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(path, data)
    return _read_csv(path, data, tabs=suffix == ".tsv")


def _shown(path: Path) -> str:
    return ascii(str(path))


def _unreadable(path: Path, reason: str | None) -> UsageError:
    if reason is None:
        return NotFound(f"no table {_shown(path)}: give an existing file")
    return UsageError(f"table {_shown(path)} cannot be read: {reason}")


def _checked_names(path: Path, names: Sequence[Any]) -> list[str]:
    """Stripped column names, none empty, none twice; `ID` and `Path` are keys too."""
    if len(names) > MOST_COLUMNS:
        raise UsageError(
            f"table {_shown(path)} has {len(names):,} columns, allowed are {MOST_COLUMNS:,}: leave out what describes "
            "no photo"
        )
    stripped = [_storable(str(name)).strip() for name in names]
    for key in KEYS:
        alike = [index for index, name in enumerate(stripped) if name.lower() == key]
        if key not in stripped and len(alike) == 1:
            stripped[alike[0]] = key
    if "" in stripped:
        where = stripped.index("") + 1
        raise UsageError(f"table {_shown(path)}: column {where} has no name: give it one ({_listed(stripped)})")
    twice = sorted(name for name, count in Counter(stripped).items() if count > 1)
    if twice:
        raise UsageError(f"table {_shown(path)}: column {twice[0]!r} is there twice: rename one")
    return stripped


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:50])
    return f"it has {shown}" + (" and more" if len(names) > 50 else "")


# --- CSV


def _read_csv(path: Path, data: bytes, *, tabs: bool) -> Table:
    lines = data.splitlines(keepends=True)
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise UsageError(f"table {_shown(path)} is empty: its first line must name the columns")
    try:
        header_text = lines[first].decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"table {_shown(path)}: its first line is not UTF-8: save it as UTF-8") from None
    if "\0" in header_text or len(header_text) > _MAX_CELL:
        raise UsageError(f"table {_shown(path)}: its first line is no header of a CSV table")
    delimiter = "\t" if tabs else _delimiter(header_text)
    records = _records(lines, first, delimiter)
    _, header = next(records)
    if isinstance(header, str):
        raise UsageError(f"table {_shown(path)}: its first line is no header: {header}")
    names = _checked_names(path, header)
    bad: list[tuple[int, str]] = []
    numbers: list[int] = []
    cells: list[list[str]] = [[] for _ in names]
    pool: dict[str, str] = {}
    for number, record in records:
        if isinstance(record, str):
            bad.append((number, record))
            continue
        numbers.append(number)
        for column, cell in zip(cells, record, strict=True):
            # Brands and colors repeat a million times: keep one of each.
            column.append(pool.setdefault(cell, cell) if len(pool) < _MAX_POOL else pool.get(cell, cell))
    columns = {name: _typed(name, column) for name, column in zip(names, cells, strict=True)}
    return Table(path=path, columns=columns, lines=numbers, bad=bad)


def _typed(name: str, texts: Sequence[str]) -> list[Value]:
    if name in KEYS:
        return [text or None for text in texts]
    return infer(texts)


def _delimiter(header: str) -> str:
    """The first of comma, semicolon and tab that gives a header with a key; comma if none does."""
    for delimiter in ",;\t":
        names = next(csv.reader([header], delimiter=delimiter), [])
        if any(name.strip().lower() in KEYS for name in names):
            return delimiter
    return ","


class _Feed:
    """Decoded lines for `csv.reader`, with a count of what it took."""

    def __init__(self, lines: list[bytes], start: int) -> None:
        self.lines = lines
        self.next = start
        self.start = start
        self.ended_inside = False
        self.undecodable = False

    def begin(self) -> None:
        self.start = self.next
        self.ended_inside = self.undecodable = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.next >= len(self.lines):
            self.ended_inside = self.next > self.start
            raise StopIteration
        if self.next - self.start >= _MAX_RECORD_LINES:
            raise csv.Error(f"a quote that is not closed within {_MAX_RECORD_LINES} lines")
        line = self.lines[self.next]
        self.next += 1
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.undecodable = True
            return line.decode("utf-8", "replace")


def _records(lines: list[bytes], start: int, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each record's line number (from 1) and its cells, as many as the first has, or the reason why it is bad.

    When a record of several lines is bad its quote was probably never closed: only its first line is bad then,
    and reading goes on with the second, so that one slip does not swallow the rest of the file.
    """
    feed = _Feed(lines, start)
    reader = csv.reader(feed, delimiter=delimiter)
    width: int | None = None
    while True:
        feed.begin()
        try:
            record = next(reader, None)
        except csv.Error as exc:
            record, reason = [], str(exc)
        else:
            if record is None:
                return
            reason = _fault(record, feed)
        if not reason and record:
            width = len(record) if width is None else width
            if len(record) != width:
                reason = f"{len(record)} cells, the header has {width}"
        if reason:
            yield feed.start + 1, reason[:200]
            feed = _Feed(lines, feed.start + 1)
            reader = csv.reader(feed, delimiter=delimiter)
        elif record:
            yield feed.start + 1, record


def _fault(record: list[str], feed: _Feed) -> str:
    if feed.ended_inside:
        return "a quote that is never closed"
    if feed.undecodable:
        return "not UTF-8"
    if any("\0" in cell for cell in record):
        return "a NUL character"
    longest = max(map(len, record), default=0)
    return f"a cell of {longest:,} characters, allowed are {_MAX_CELL:,}" if longest > _MAX_CELL else ""


# --- JSON lines


def _read_json_lines(path: Path, data: bytes) -> Table:
    bad: list[tuple[int, str]] = []
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    keys: dict[str, None] = {}
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
        except UnicodeDecodeError:
            bad.append((number, "not UTF-8"))
        except (ValueError, RecursionError) as exc:
            bad.append((number, f"no JSON: {exc}"[:200]))
        else:
            if isinstance(row, dict):
                numbers.append(number)
                rows.append(row)
                keys.update(dict.fromkeys(row))
            else:
                bad.append((number, f"a JSON object is needed, this is a {type(row).__name__}"))
    names = _checked_names(path, list(keys))
    columns = {name: _column(name, [row.get(key) for row in rows]) for name, key in zip(names, keys, strict=True)}
    return Table(path=path, columns=columns, lines=numbers, bad=bad)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _column(name: str, values: list[Any]) -> list[Value]:
    if name in KEYS:
        return [_key(value, as_bytes=name == "path") for value in values]
    return unify([_plain(value) for value in values])


def _key(value: Any, *, as_bytes: bool) -> str | None:
    """A key as text. A whole float is what other tools make of an integer column with gaps."""
    value = _storable(value, as_bytes=as_bytes) if isinstance(value, str) else _plain(value)
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _plain(value: Any) -> Value:
    """One value of a typed table as text, number, true/false or None."""
    if isinstance(value, str):
        return _storable(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return _storable(json.dumps(value, ensure_ascii=False, default=str))


def _storable(text: str, *, as_bytes: bool = False) -> str:
    """A text without halves of characters, which JSON can hold (`"\\ud83d"`, an emoji that was cut) and UTF-8 cannot.

    `as_bytes` keeps those that stand for a byte of a file's name.
    """
    try:
        text.encode("utf-8", "surrogateescape" if as_bytes else "strict")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


# --- Parquet


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise _unreadable(path, "it is no regular file" if path.exists() else None)
    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file).read()
        names = _checked_names(path, table.column_names)
        columns: dict[str, list[Value]] = {}
        for name, column in zip(names, table.columns, strict=True):
            if pa.types.is_timestamp(column.type) or pa.types.is_time64(column.type):
                # Python's times end at microseconds.
                unit = pa.timestamp("us", column.type.tz) if pa.types.is_timestamp(column.type) else pa.time64("us")
                column = column.cast(unit, safe=False)  # noqa: PLW2901
            columns[name] = _column(name, column.to_pylist())
    except UsageError:
        raise
    except (pa.ArrowException, ArithmeticError, ValueError, LookupError, OSError) as exc:
        raise _unreadable(path, " ".join(str(exc).split())[:200]) from exc
    return Table(path=path, columns=columns, lines=list(range(1, table.num_rows + 1)), bad=[])


def list_columns(table: Table) -> str:
    """`it has 'a', 'b'`: for errors that a column is missing."""
    names = list(itertools.islice(table.columns, 51))
    if not names and table.bad:
        (line, why), more = table.bad[0], len(table.bad) - 1
        return f"line {line} cannot be read ({why})" + (f", nor can {more:,} others" if more else "")
    return _listed(names) if names else "it has none"
