"""Records and thumbnails in, figures and pages out.

`write_report` writes the six figures and one page that holds them all; `write_similar` writes the page of one
query, `write_comparison` the sheet of two catalogs. Pages open offline, run no script and request nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lookalike.analysis import Comparison
from lookalike.errors import UsageError
from lookalike.records import Progress, ReportData, Similar, Value

__all__ = ["similar_row", "write_comparison", "write_report", "write_similar"]

_STEP = "report"


def write_report(data: ReportData, out: Path, *, progress: Progress | None = None) -> Path:
    """Write Figures 1 to 6 as PNG (240 dpi) and SVG, and `report.html`, into the folder `out`.

    The folder is made where it is missing. All files are written aside first and then renamed, so that a report
    is never half new. Returns the path of `report.html`, one file that opens offline. `progress` is called with
    ("report", done, total).

    Raises `UsageError` when the parts of `data` do not have one entry for each item.
    """
    _check(data)
    from lookalike.report.build import build

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=out) as folder:
        aside = Path(folder)
        build(data, aside, (lambda done, total: progress(_STEP, done, total)) if progress else None)
        written = sorted(aside.iterdir())
        for old in out.glob("figure-6-clusters*.*"):
            if old.suffix in (".png", ".svg") and not (aside / old.name).exists():
                old.unlink()
        for file in written:
            file.replace(out / file.name)
    return out / "report.html"


def write_similar(query_image: bytes | None, similar: Similar, thumbnails: Mapping[str, bytes], out: Path) -> Path:
    """Write one page with a query and its look-alikes side by side, and return its path.

    `query_image` is the query's photo in any format that lookalike reads; `thumbnails` maps ids of results to
    JPEG bytes. A picture that is missing or cannot be read becomes an empty frame.
    """
    from lookalike.report.similar import similar_page

    return _write_page(similar_page(query_image, similar, thumbnails), out)


def write_comparison(
    found: Comparison,
    names: tuple[str, str],
    thumbnails: Mapping[str, bytes],
    metadata: Mapping[str, Mapping[str, Value]],
    out: Path,
) -> Path:
    """Write one page with the queries whose look-alikes changed most between two catalogs, and return its path.

    `names` are what the catalogs are called; `thumbnails` and `metadata` map the ids in `found.changed` to JPEG bytes
    and to column and value. A picture that is missing or cannot be read becomes an empty frame.
    """
    from lookalike.report.comparison import Sides, comparison_page

    return _write_page(comparison_page(found, Sides(names=names, thumbnails=thumbnails, metadata=metadata)), out)


def _write_page(text: str, out: Path) -> Path:
    """Written aside and renamed, so that a page is never half new."""
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".page-", suffix=".html", dir=out.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(out)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    return out


def similar_row(query_image: bytes | None, similar: Similar, thumbnails: Mapping[str, bytes]) -> str:
    """A query and its look-alikes as a row of pictures: HTML for the inside of any page; see `write_similar`."""
    from lookalike.report.similar import similar_row as row

    return row(query_image, similar, thumbnails)


def _check(data: ReportData) -> None:
    n = len(data.ids)
    lengths = {
        "thumbnails": len(data.thumbnails),
        "clusters.labels": len(data.clusters.labels),
        "layout.positions": len(data.layout.positions),
        "neighbors.ids": len(data.neighbors.ids),
        **{f"metadata[{name!r}]": len(values) for name, values in data.metadata.items()},
    }
    for name, length in lengths.items():
        if length != n:
            raise UsageError(f"{name} has {length} entries for {n} items: give one for each item")
