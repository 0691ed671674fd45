"""What the commands print: results on stdout, everything else on stderr, one line each."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.records import Failure, Progress


def complain(message: str) -> None:
    """One line on stderr that starts with the program's name."""
    print(f"lookalike: {one_line(message)}", file=sys.stderr)


def one_line(text: str) -> str:
    """`text` without line breaks, and with what could steer a terminal or turn its direction made visible."""
    shown = (char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return "".join(shown).encode("utf-8", "backslashreplace").decode()


def skipped(failures: Iterable[Failure]) -> None:
    """One line a failure."""
    for failure in failures:
        print(
            f"lookalike: skip {failure.path!a}: {failure.code}: {one_line(failure.detail)}",
            file=sys.stderr,
        )


def as_json(document: Any) -> None:
    """The one JSON document of `--json`. Numbers that JSON does not know become null."""
    print(json.dumps(_finite(document), ensure_ascii=False, allow_nan=False))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table on stdout: numbers to the right, text to the left."""
    shown = [[one_line(_text(value)) for value in row] for row in rows]
    kept = [list(row) for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in shown)]) for i, name in enumerate(head)]
    right = [bool(kept) and all(isinstance(row[i], int | float) for row in kept) for i in range(len(head))]
    for row in ([name.upper() for name in head], *shown):
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


NAMES = {
    "download": "downloading",
    "draw": "drawing shoes",
    "index": "reading and embedding",
    "vectors": "reading vectors",
    "neighbors": "finding neighbors",
    "recommend": "ranking",
    "tune": "learning weights",
    "adapt": "learning a map",
    "clusters": "clustering",
    "map": "drawing the map",
    "report": "writing the report",
    "export": "gathering pictures",
    "thumbnails": "reading pictures",
    "pairs": "comparing pairs",
    "duplicates": "looking closely",
}


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Progress bars with rate and time left on stderr, one a step; none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        Elapsed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        known: dict[str, Any] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in known:
                known[step] = bars.add_task(NAMES.get(step, step), total=total, rate="")
            task = bars.tasks[bars.task_ids.index(known[step])]
            rate = f"{task.speed:,.0f}/s" if task.speed else ""
            bars.update(known[step], completed=done, total=total, rate=rate)

        yield advance
