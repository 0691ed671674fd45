"""Figures 1 to 3: the recommendations, a sample of the data, the method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lookalike.report import network
from lookalike.report.canvas import Sheet, text_width, wrap
from lookalike.report.context import Context
from lookalike.report.facts import sample
from lookalike.report.palette import LIGHT
from lookalike.report.placement import DotMap
from lookalike.report.text import apart, count

MARGIN = 0.45
HEAD = 0.95
WIDTH = 10.0


def headline(sheet: Sheet, title: str, subtitle: str) -> None:
    """The title of a figure and one line below it."""
    room = sheet.width - 2 * MARGIN
    sheet.text(MARGIN, 0.32, title, size=15, weight="bold", room=room)
    sheet.text(MARGIN, 0.62, subtitle, size=9.5, color=sheet.theme.quiet, room=room)


def nothing(title: str) -> Sheet:
    """A figure that says that there is nothing to show."""
    sheet = Sheet(6, 3)
    headline(sheet, title, "There are no items to show yet.")
    return sheet


def recommendations(context: Context) -> Sheet:
    """Figure 1: for each query a 2 x 2 sheet, the query upper left, its three most similar beside and below."""
    title = "The most similar items"
    queries = context.queries
    if not queries:
        return nothing(title)
    across = min(3, len(queries))
    gap, inner = 0.42, 0.12
    block = (WIDTH - 2 * MARGIN - 2 * gap) / 3
    cell = (block - inner) / 2
    picture = cell / max(1.0, context.photos.aspect)
    tall = picture + 0.52
    rows = math.ceil(len(queries) / across)
    height = HEAD + rows * (2 * tall + inner) + (rows - 1) * gap + MARGIN
    sheet = Sheet(2 * MARGIN + across * block + (across - 1) * gap, height)
    most = max(int((context.ids[row] >= 0).sum()) for row in queries)
    shown = f"its {count(most, 'nearest neighbor')} beside and below" if most else "there is nothing to compare it with"
    headline(sheet, title, f"Top left of each sheet: the query. With it: {shown}, with the Euclidean distance.")
    for place, row in enumerate(queries):
        left = MARGIN + (place % across) * (block + gap)
        top = HEAD + (place // across) * (2 * tall + inner + gap)
        found = [(int(i), float(d)) for i, d in zip(context.ids[row], context.distances[row], strict=True) if i >= 0]
        for spot, (item, distance) in enumerate([(row, math.nan), *found]):
            x, y = left + (spot % 2) * (cell + inner), top + (spot // 2) * (tall + inner)
            _card(sheet, context, item, distance, (x, y, cell, picture))
    return sheet


def _card(sheet: Sheet, context: Context, row: int, distance: float, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    theme, query = sheet.theme, math.isnan(distance)
    edge: dict[str, Any] = {"edgecolor": theme.accent, "linewidth": 1.8} if query else {"edgecolor": theme.line}
    sheet.rect(x, y, width, height, radius=0.05, facecolor="#ffffff", **edge)
    sheet.image(context.photos.pixels(row), x + 0.05, y + 0.05, width - 0.1, height - 0.1)
    lines = wrap(context.title(row), 6.8, width - 0.04)
    for place, line in enumerate(lines):
        sheet.text(x + 0.02, y + height + 0.07 + 0.125 * place, line, size=6.8)
    below = context.subtitle(row) if query else f"distance {apart(distance)}"
    down, left = y + height + 0.085 + 0.125 * len(lines), x + 0.02
    if query:  # said below the photo: a sign upon it would cover the product
        sheet.text(left, down, "Query", size=6.5, color=theme.accent, weight="bold")
        left += text_width("Query", 6.5, "bold") + 0.06
    sheet.text(left, down, below, size=6.5, color=theme.quiet, room=x + width - 0.02 - left)


def data_sample(context: Context, most: int = 96) -> Sheet:
    """Figure 2: up to 96 items, evenly spread over the catalog."""
    title = "A sample of the data"
    rows = sample(context.n, most)
    if not rows:
        return nothing(title)
    aspect = context.photos.aspect
    across = min(12, max(4, math.ceil(math.sqrt(len(rows) * 1.6 / aspect))))
    gap = 0.07
    width = (WIDTH - 2 * MARGIN - (across - 1) * gap) / across
    height = width / aspect
    lines = math.ceil(len(rows) / across)
    sheet = Sheet(WIDTH, HEAD + lines * (height + gap) - gap + MARGIN)
    part = "all of them" if len(rows) == context.n else f"{len(rows)} of them, evenly spread over the catalog"
    headline(sheet, title, f"{count(context.n, 'item')}; shown: {part}.")
    for place, row in enumerate(rows):
        x = MARGIN + (place % across) * (width + gap)
        y = HEAD + (place // across) * (height + gap)
        sheet.rect(x, y, width, height, radius=0.04, edgecolor=sheet.theme.line, facecolor="#ffffff", linewidth=0.6)
        sheet.image(context.photos.pixels(row, 192), x + 0.03, y + 0.03, width - 0.06, height - 0.06)
    return sheet


def method(context: Context) -> Sheet:
    """Figure 3: the way of a photo: resize, network, vector, and what is made of all vectors."""
    facts = network.describe(context.data)
    sheet = Sheet(WIDTH, 5.9)
    headline(sheet, "The method", f"One way for every photo, with {facts.name}; no photo leaves the computer.")
    theme = sheet.theme
    top, middle = 1.3, 2.15
    query = context.queries[0] if context.queries else None

    _frame(sheet, MARGIN, top, 1.5, 1.7)
    if query is not None:
        sheet.image(context.photos.pixels(query), MARGIN + 0.12, top + 0.12, 1.26, 1.2)
    _label(sheet, MARGIN + 0.75, top + 1.42, "Photo", "")
    sheet.arrow((MARGIN + 1.56, middle), (MARGIN + 2.0, middle))
    x = MARGIN + 2.06
    if query is not None:
        sheet.image(context.photos.pixels(query, 96), x + 0.1, middle - 0.42, 0.84, 0.84)
    sheet.rect(x + 0.05, middle - 0.47, 0.94, 0.94, edgecolor=theme.quiet, linewidth=0.9)
    _label(sheet, x + 0.52, top + 1.42, facts.input, facts.resize)
    sheet.arrow((x + 1.08, middle), (x + 1.46, middle))
    _network(sheet, facts, (x + 1.55, top - 0.1, 3.55, 1.55))
    _label(sheet, x + 1.55 + 1.77, top + 1.42, facts.name, facts.network)
    sheet.arrow((x + 5.2, middle), (x + 5.6, middle))
    _vector(sheet, x + 5.72, top + 0.02)
    _label(sheet, x + 6.02, top + 1.42, "Vector", facts.vector)

    y = 3.72
    start = (x + 6.02, 3.18)
    boxes = [MARGIN, MARGIN + 3.12, MARGIN + 6.24]
    sheet.line([start[0], start[0], boxes[0] + 1.43], [start[1], 3.42, 3.42], color=theme.quiet, linewidth=1.1)
    for left in boxes:
        sheet.arrow((left + 1.43, 3.42), (left + 1.43, y - 0.03))
    for left in boxes:
        _frame(sheet, left, y, 2.86, 1.72)
    _neighbors_box(sheet, context, boxes[0], y)
    _clusters_box(sheet, context, boxes[1], y)
    _map_box(sheet, context, boxes[2], y)
    return sheet


def _frame(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    sheet.rect(x, y, width, height, radius=0.08, facecolor=sheet.theme.faint)


def _label(sheet: Sheet, x: float, y: float, first: str, second: str, room: float = 3.4) -> None:
    sheet.text(x, y, first, size=9.5, weight="bold", ha="center", room=room)
    if second:
        for line, words in enumerate(second.split("\n")):
            style: dict[str, Any] = {"color": sheet.theme.quiet, "ha": "center"}
            sheet.text(x, y + 0.19 + 0.15 * line, words, size=7.5, room=room, **style)


def _network(sheet: Sheet, facts: network.Network, box: tuple[float, float, float, float]) -> None:
    """The stages as slabs: height for the side of the feature map, width for the number of channels."""
    x, y, width, height = box
    theme = sheet.theme
    if not facts.stages:
        sheet.rect(x, y + 0.3, width, height - 0.45, radius=0.08, facecolor=theme.faint, edgecolor=theme.line)
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": theme.quiet}
        sheet.text(x + width / 2, y + height / 2 + 0.08, "neural network", size=9, **style)
        return
    widths = [0.05 + 0.055 * math.log2(stage.channels / 8) for stage in facts.stages]
    gap = (width - sum(widths)) / max(1, len(widths) - 1) if len(widths) > 1 else 0.0
    gap = min(gap, 0.24)
    left = x + (width - sum(widths) - gap * (len(widths) - 1)) / 2
    center = y + height / 2 + 0.08
    for stage, wide in zip(facts.stages, widths, strict=True):
        tall = 0.1 + 1.1 * math.sqrt(stage.side / 224)
        color = theme.accent if stage.used else theme.categories[0]
        sheet.rect(left, center - tall / 2, wide, tall, radius=0.02, facecolor=color, alpha=0.92)
        style = {"color": theme.quiet, "ha": "center", "va": "bottom"}
        sheet.text(left + wide / 2, center - tall / 2 - 0.04, str(stage.channels), size=5.5, **style)
        left += wide + gap


def _vector(sheet: Sheet, x: float, y: float) -> None:
    """A column of cells: the vector as a symbol."""
    for cell in range(11):
        shade = 0.25 + 0.75 * ((cell * 7) % 11) / 10
        color = sheet.theme.categories[0]
        sheet.rect(x + 0.2, y + 0.02 + cell * 0.12, 0.2, 0.1, facecolor=color, alpha=shade)


def _neighbors_box(sheet: Sheet, context: Context, x: float, y: float) -> None:
    _label(
        sheet, x + 1.43, y + 1.22, "Three look-alikes", "the nearest by Euclidean distance,\nall items compared: exact"
    )
    row = context.queries[0] if context.queries else None
    found = [int(item) for item in context.ids[row] if item >= 0] if row is not None else []
    for place, item in enumerate(found):
        left = x + 0.13 + place * 0.88
        sheet.rect(left, y + 0.14, 0.84, 0.98, radius=0.04, facecolor="#ffffff")
        sheet.image(context.photos.pixels(item), left + 0.04, y + 0.18, 0.76, 0.9)


def _clusters_box(sheet: Sheet, context: Context, x: float, y: float) -> None:
    k = context.data.clusters.k
    _label(
        sheet, x + 1.43, y + 1.22, f"{count(k, 'cluster')}", "K-means; each shown by the photo\nclosest to its center"
    )
    rows = [int(context.data.clusters.representatives[cluster]) for cluster in context.order[:8]]
    for place, item in enumerate(rows):
        left, top = x + 0.13 + (place % 4) * 0.66, y + 0.14 + (place // 4) * 0.5
        sheet.rect(left, top, 0.62, 0.47, radius=0.03, facecolor="#ffffff")
        sheet.image(context.photos.pixels(item, 128), left + 0.03, top + 0.03, 0.56, 0.41)


def _map_box(sheet: Sheet, context: Context, x: float, y: float) -> None:
    _label(
        sheet,
        x + 1.43,
        y + 1.22,
        "A map",
        f"{context.mapped_by} to two dimensions:\nwhat looks alike lies close together",
    )
    if context.n:
        dots = DotMap(context.data.layout.positions, 300, mute=LIGHT.categories[0], accent=LIGHT.accent)
        largest = np.flatnonzero(context.data.clusters.labels == context.order[0])
        sheet.image(dots.pixels(largest), x + 0.9, y + 0.1, 1.06, 1.06)
