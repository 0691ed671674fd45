"""Draws every figure of a report and writes its page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lookalike.records import Advance
from lookalike.report import figures_analysis, figures_items
from lookalike.report.canvas import Sheet, drawing
from lookalike.report.context import prepare
from lookalike.report.data import ReportData
from lookalike.report.page import Stems, report_page


def build(data: ReportData, folder: Path, advance: Advance | None = None) -> None:
    """Write all files of a report into the empty `folder`; `advance` is called after each of them."""
    with drawing():
        context = prepare(data)
        pages = figures_analysis.cluster_pages(context)
        plan: list[tuple[int, str, str, Callable[[], Sheet]]] = [
            (1, "figure-1-recommendations", "Recommendations", lambda: figures_items.recommendations(context)),
            (2, "figure-2-sample", "A sample of the data", lambda: figures_items.data_sample(context)),
            (3, "figure-3-method", "The method", lambda: figures_items.method(context)),
            (4, "figure-4-inertia", "Inertia against K", lambda: figures_analysis.inertia(context)),
            (5, "figure-5-map", "The map", lambda: figures_analysis.dot_map(context)),
            (5, "figure-5-map-thumbnails", "The map in photos", lambda: figures_analysis.thumbnail_map(context)),
        ]
        for place, page in enumerate(pages, start=1):
            stem = "figure-6-clusters" if place == 1 else f"figure-6-clusters-{place}"
            plan.append((6, stem, "The clusters", partial(figures_analysis.clusters, context, page)))
        stems: Stems = {}
        for done, (figure, stem, title, draw) in enumerate(plan):
            if advance is not None:
                advance(done, len(plan) + 1)
            stems.setdefault(figure, []).append(stem)
            draw().save(folder / stem, title)
        if advance is not None:
            advance(len(plan), len(plan) + 1)
        (folder / "report.html").write_text(report_page(context, stems, folder), encoding="utf-8")
        if advance is not None:
            advance(len(plan) + 1, len(plan) + 1)
