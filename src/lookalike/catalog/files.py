"""Results as files: Parquet and JSON Lines keep every value; CSV is made safe for spreadsheets."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lookalike import images
from lookalike.errors import LookalikeError, UsageError
from lookalike.records import Value

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell."""

LONGEST_ID = 1_024


def write_table(table: pa.Table, out: Path, allowed: tuple[str, ...] = (".parquet", ".csv", ".jsonl")) -> Path:
    """Write `table` to `out` by its ending: beside it first, then renamed, so that no half file is left.

    In CSV, text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    writers: dict[str, Callable[[pa.Table, Path], None]] = {
        ".parquet": pq.write_table,
        ".csv": _write_csv,
        ".jsonl": _write_jsonl,
    }
    if out.suffix not in allowed:
        raise UsageError(f"cannot write {out.name!r}: give a file that ends with {', '.join(allowed)}")
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writers[out.suffix](table, aside)
        aside.replace(out)
    except OSError as exc:
        aside.unlink(missing_ok=True)
        raise LookalikeError(f"{str(out)!r} cannot be written: {exc.strerror or exc}", code="E_WRITE") from exc
    return out


def check_id(item: str) -> None:
    """Raise `UsageError` unless `item` may be the id of a photo that comes without a file: a plain relative name."""
    parts = item.split("/")
    plain = item.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in item
    if not (plain and len(item) <= LONGEST_ID):
        raise UsageError(
            f"id={item[:100]!r} cannot be used: give 1 to {LONGEST_ID:,} printable characters without a "
            "backslash, no absolute path, and no '..' in it"
        )


def stored_metadata(metadata: Mapping[str, Value]) -> dict[str, Value]:
    """What is known of one item under the names that a table's columns have in the catalog.

    Raises `UsageError` where two would have one name, or a text holds half of a character.
    """
    names = images.stored_names("metadata", metadata)
    said = {names[name]: value for name, value in metadata.items() if name in names}
    try:
        "".join([*said, *(value for value in said.values() if isinstance(value, str))]).encode()
    except UnicodeEncodeError as exc:
        raise UsageError("metadata holds half of a character (a lone surrogate): leave it out") from exc
    return said


def _write_csv(table: pa.Table, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([_safe(name) for name in table.column_names])
        for batch in table.to_batches(max_chunksize=10_000):
            writer.writerows([_safe(value) for value in row] for row in zip(*batch.to_pydict().values(), strict=True))


def _write_jsonl(table: pa.Table, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(max_chunksize=10_000):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
