"""Figures 4 to 6: inertia and elbow, the map, the clusters on the map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.records import Doubles, Evidence, Ints
from lookalike.report.canvas import Sheet, shorten, text_width
from lookalike.report.context import Context
from lookalike.report.figures_items import HEAD, MARGIN, WIDTH, headline, nothing
from lookalike.report.palette import LIGHT, Theme
from lookalike.report.placement import DotMap, fit
from lookalike.report.text import count, heading, percent, plain
from lookalike.report.wall import SLACK, tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE = 20
"""Clusters on one page of Figure 6."""
_MANY = 5_000
_ISLAND = 0.2
"""The share of a group that a part of it, lying apart on the map, needs for a name of its own."""


def inertia(context: Context, theme: Theme = LIGHT, *, width: float = 8.0, bare: bool = False) -> Sheet:
    """Figure 4: inertia against K, the elbow, the range of close calls, and the K in use.

    Where the clusters come with their evidence: the elbow's interval on top of the curve, stability and silhouette
    below it. `bare` leaves out title and subtitle, for pages that say both in words.
    """
    title = "How many clusters?"
    clusters = context.data.clusters
    curve = np.asarray(clusters.inertia, dtype=np.float64)
    if not len(curve) or not context.n:
        return nothing(title)
    head = 0.05 if bare else HEAD
    height = width * (0.68 if width < 6 else 0.5) + head
    evidence = clusters.evidence if clusters.evidence is not None and len(clusters.evidence.ks) > 1 else None
    below = 0.0 if evidence is None else 1.35
    sheet = Sheet(width, height + below, theme)
    if not bare:
        headline(sheet, title, elbow_words(context))
    left = 0.75
    axes = sheet.plot(left, head + 0.1, width - left - 0.35, height - head - 0.75)
    ks = np.arange(1, len(curve) + 1)
    share = curve / curve[0] * 100 if curve[0] > 0 else np.zeros_like(curve)
    elbow = clusters.elbow
    if len(curve) >= 3:
        axes.axvspan(elbow.low - 0.5, elbow.high + 0.5, color=theme.band, linewidth=0, zorder=0)
    style: dict[str, Any] = {"marker": "o", "markersize": 3} if len(curve) <= 30 else {}
    axes.plot(ks, share, color=theme.categories[0], linewidth=2, **style)
    axes.set_xlim(1 - 0.02 * len(curve) - 0.3, len(curve) + 0.02 * len(curve) + 0.3)
    axes.set_ylim(0, 112)
    axes.grid(axis="y", color=theme.line, linewidth=0.6)
    axes.set_axisbelow(True)
    last = axes
    if evidence is not None:
        _interval(axes, evidence, len(curve), theme)
        last = _marks(sheet, evidence, clusters.k, (left, height - 0.42, width - left - 0.35, below - 0.35))
        last.set_xlim(axes.get_xlim())
        last.set_xticks(_ticks(len(curve)))
    last.set_xlabel("number of clusters K", color=theme.quiet, fontsize=9, labelpad=6)
    axes.set_ylabel("inertia, % of K = 1", color=theme.quiet, fontsize=9, labelpad=6)
    axes.set_xticks(_ticks(len(curve)))
    _mark(
        sheet,
        axes,
        clusters.k,
        share,
        f"in use: {clusters.k}" + (" (elbow)" if clusters.k == elbow.k else ""),
        theme.accent,
    )
    if elbow.k != clusters.k:
        _mark(sheet, axes, elbow.k, share, f"elbow: {elbow.k}", theme.ink, lower=True)
    return sheet


def _interval(axes: Axes, evidence: Evidence, most: int, theme: Theme) -> None:
    """A bar above the curve that holds the elbows of 95% of the resamples."""
    style: dict[str, Any] = {"color": theme.quiet, "zorder": 4}
    axes.plot([evidence.low - 0.25, evidence.high + 0.25], [106, 106], linewidth=3, solid_capstyle="butt", **style)
    right = (evidence.low + evidence.high) / 2 < 0.6 * most
    words = f"{evidence.low} to {evidence.high}" if evidence.low < evidence.high else f"{evidence.low}"
    style |= {"ha": "left" if right else "right", "va": "center", "textcoords": "offset points", "fontsize": 8}
    place, away = (evidence.high if right else evidence.low, 106), (7 if right else -7, 0)
    axes.annotate(f"95% of resampled elbows: {words}", place, away, **style)


def _marks(sheet: Sheet, evidence: Evidence, k: int, frame: tuple[float, float, float, float]) -> Axes:
    """Stability and silhouette below the curve, on the same K."""
    theme, (x, y, width, height) = sheet.theme, frame
    axes = sheet.plot(x, y + 0.25, width, height - 0.25)
    names = (("stability", evidence.stability, 2, "o"), ("silhouette", evidence.silhouette, 3, "s"))
    told = x
    for (name, values, code, marker), here in zip(names, evidence.at(k), strict=True):
        words = f"{name} {here:.2f}" if math.isfinite(here) else name
        if math.isfinite(here) and sheet.width > 6:
            words += f" at K = {k}"
        known = np.isfinite(values)
        color = theme.categories[code]
        axes.plot(evidence.ks[known], values[known], color=color, linewidth=1.4, marker=marker, markersize=2.8)
        sheet.axes.scatter([told + 0.06], [y + 0.1], s=18, c=color, marker=marker, linewidths=0)
        sheet.text(told + 0.17, y + 0.1, words, size=8.5, va="center")
        told += 0.45 + text_width(words, 8.5)
    floor = float(np.nanmin([0.0, *evidence.stability, *evidence.silhouette]))
    axes.set_ylim(floor - 0.05 if floor < 0 else 0, 1.08)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(axis="y", color=theme.line, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _ticks(most: int) -> list[int]:
    """Round numbers from 1 to `most`, at most nine."""
    step = next(size * 10**power for power in range(7) for size in (1, 2, 5) if most / (size * 10**power) <= 8)
    return sorted({1, *range(step, most + 1, step)} - ({2} if step > 2 else set()))


def _mark(sheet: Sheet, axes: object, k: int, share: object, words: str, color: str, *, lower: bool = False) -> None:
    from matplotlib.axes import Axes

    values = np.asarray(share)
    if not isinstance(axes, Axes) or not 1 <= k <= len(values):
        return
    y = float(values[k - 1])
    axes.plot(
        [k], [y], "o", markersize=8, color=color, markeredgecolor=sheet.theme.paper, markeredgewidth=1.5, zorder=5
    )
    right = k < 0.7 * len(values) or len(values) < 3
    offset = (14 if right else -14, -24 if lower else 22)
    arrow: dict[str, Any] = {"arrowstyle": "-", "color": color, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 5}
    style: dict[str, Any] = {
        "fontsize": 10,
        "fontweight": "bold",
        "color": color,
        "va": "center",
        "ha": "left" if right else "right",
    }
    axes.annotate(words, (k, y), xytext=offset, textcoords="offset points", arrowprops=arrow, zorder=6, **style)


def elbow_words(context: Context) -> str:
    """One sentence on the elbow, honest where there is none."""
    elbow, k = context.data.clusters.elbow, context.data.clusters.k
    if len(context.data.clusters.inertia) < 3:
        return f"There are too few items for an elbow; {count(k, 'cluster is', 'clusters are')} used."
    reach = f"between {elbow.low} and {elbow.high}" if elbow.low < elbow.high else f"at {elbow.k}"
    if elbow.clear:
        found = f"The curve bends clearly {reach}, most at {elbow.k}"
    else:
        found = f"The curve has no clear bend: any K {reach} is as good; the best guess is {elbow.k}"
    return f"{found}. In use: {k}."


def groups(context: Context) -> tuple[str, list[tuple[str, Ints, int]]]:
    """What the dots of the map are colored by: a title and groups (label, rows, place in the palette; -1 for the
    rest). Without a useful column these are the clusters, in colors that repeat.
    """
    if context.colored is None:
        labels = context.data.clusters.labels
        return "cluster", [
            (f"cluster {cluster}", np.flatnonzero(labels == cluster).astype(np.int64), place % 7)
            for place, cluster in enumerate(context.order)
        ]
    column = context.colored.column
    shown = len(column.values) if len(column.values) <= 7 or context.colored.named else 6
    found = [
        (value, np.flatnonzero(column.codes == code).astype(np.int64), code % 7)
        for code, value in enumerate(column.values[:shown])
    ]
    rest = np.flatnonzero(column.codes >= shown).astype(np.int64)
    if len(rest):
        found.append((f"other ({len(column.values) - shown} more)", rest, -1))
    unknown = np.flatnonzero(column.codes < 0).astype(np.int64)
    if len(unknown):
        found.append(("not given", unknown, -1))
    return heading(column.name), found


def dot_map(context: Context, theme: Theme = LIGHT, *, width: float = WIDTH, bare: bool = False) -> Sheet:
    """Figure 5: one dot a photo, colored by the column that tells most, or by cluster with its number."""
    title = "The map of all items"
    if not context.n:
        return nothing(title)
    by, found = groups(context)
    legend = context.colored is not None and not context.colored.named
    narrow = width < 7
    side = width - 0.3 if narrow or not legend else width - 2.6
    head = 0.1 if bare else HEAD
    points = fit(context.data.layout.positions, side, side, margin=0.1)
    # A map that is wider than high takes no more paper than it needs.
    top, bottom = points[:, 1].min() - 0.1, points[:, 1].max() + 0.1
    tall = max(float(bottom - top), 2.4)
    points += np.array([0.15, head - (top + bottom - tall) / 2])
    rows = math.ceil(len(found) / 2) if legend and narrow else 0
    sheet = Sheet(width, head + tall + 0.15 + rows * 0.24 + (0.1 if rows else 0), theme)
    if not bare:
        headline(sheet, title, map_words(context, short=True))
    area = float(np.clip(side * side * 72 * 72 * 0.05 / len(points), 1.6, 60))
    flat = len(points) > _MANY
    order = sorted(found, key=lambda group: (group[2] >= 0, -len(group[1])))
    for _, members, place in order:
        color = theme.mute if place < 0 else theme.categories[place]
        style: dict[str, Any] = {"s": area, "c": color, "linewidths": 0, "alpha": 0.85, "rasterized": flat, "zorder": 2}
        sheet.axes.scatter(points[members, 0], points[members, 1], **style)
    if context.colored is None:
        names = [str(cluster) for cluster in range(context.data.clusters.k)]
        _names(sheet, names, points[context.data.clusters.representatives])
    elif not legend:
        named = [
            (place, label, _heart(part))
            for label, members, color in found
            if color >= 0
            for place, part in enumerate(_islands(points[members], side / 24))
        ]
        named.sort(key=lambda each: each[0])
        _names(sheet, [label for _, label, _ in named], np.stack([heart for _, _, heart in named]))
    elif narrow:
        _legend(sheet, found, [(0.2 + width / 2 * (i % 2), head + tall + 0.28 + 0.24 * (i // 2)) for i in range(8)])
    else:
        sheet.text(width - 2.27, head + 0.06, by, size=9, color=theme.quiet, weight="bold", room=2.0)
        _legend(sheet, found, [(width - 2.2, head + 0.42 + 0.27 * i) for i in range(8)])
    return sheet


def _legend(sheet: Sheet, found: list[tuple[str, Ints, int]], places: list[tuple[float, float]]) -> None:
    for (label, members, code), (x, y) in zip(found, places, strict=False):
        dot = sheet.theme.mute if code < 0 else sheet.theme.categories[code]
        sheet.axes.scatter([x], [y], s=42, c=dot, linewidths=0)
        sheet.text(x + 0.13, y, f"{plain(label, 40)}  {len(members):,}", size=8.5, va="center", room=1.9)


def _heart(points: Doubles) -> Doubles:
    """The point closest to the median of all: a place that one of them has."""
    found: Doubles = points[np.square(points - np.median(points, axis=0)).sum(axis=1).argmin()]
    return found


def _islands(points: Doubles, gap: float) -> list[Doubles]:
    """Parts of a group that lie apart, over squares of side `gap`, the largest first: those with a fifth of it or more;
    all of it as one where it lies everywhere.
    """
    from scipy.ndimage import label

    cells = np.floor((points - points.min(axis=0)) / gap).astype(np.int64)
    taken = np.zeros(cells.max(axis=0) + 1, np.int64)
    taken[tuple(cells.T)] = 1
    found, _ = label(taken, structure=np.ones((3, 3), np.int64))
    _, parts, sizes = np.unique(found[tuple(cells.T)], return_inverse=True, return_counts=True)
    large = [part for part in np.argsort(-sizes, kind="stable") if sizes[part] >= _ISLAND * len(points)]
    return [points[parts == part] for part in large] or [points]


def _names(sheet: Sheet, names: list[str], places: Doubles, size: float = 8) -> None:
    """Each name at its place, the first ones first; one that would lie over another is left out."""
    from matplotlib.patheffects import withStroke

    taken: list[tuple[float, float, float]] = []
    for name, (middle, y) in zip(names, places.tolist(), strict=True):
        words = shorten(plain(name, 30), size, 1.6, "bold")
        half = text_width(words, size, "bold") / 2 + 0.03
        x = min(max(middle, half), sheet.width - half)
        if any(abs(x - left) < half + width and abs(y - top) < 0.15 for left, top, width in taken):
            continue
        taken.append((x, y, half))
        halo = [withStroke(linewidth=2.5, foreground=sheet.theme.paper)]
        style: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold", "path_effects": halo, "zorder": 4}
        sheet.text(x, y, words, size=size, **style)


def map_words(context: Context, *, short: bool = False) -> str:
    """What the map keeps, in one or two sentences."""
    if context.n < 4:
        return "With so few items, distances on the map mean little."
    close = "What looks alike lies close together" + ("." if short else "; distances between far groups mean little.")
    kept = context.data.layout.kept
    if not math.isfinite(kept):
        return close
    return f"{close} Of each item's 10 nearest neighbors, {percent(kept)} are still near it on the map."


def thumbnail_map(context: Context, *, across: int = 36, width: float = WIDTH, bare: bool = False) -> Sheet:
    """Figure 5 as a wall of photos, each at a place of its own near its look-alikes; at most `across` in its width."""
    title = "The map in photos"
    if not context.n:
        return nothing(title)
    margin, head = (0.1, 0.1) if bare else (MARGIN, HEAD)
    side = width - 2 * margin
    wide, high = np.ptp(fit(context.data.layout.positions, 1.0, 1.0), axis=0)
    ratio = float(np.clip(high / wide, 0.6, 1.0)) if wide > 0 else 1.0
    across = int(np.clip(math.ceil(math.sqrt(SLACK * context.n / ratio)), 4, across))
    clusters = context.data.clusters
    tiles = tile(
        context.data.layout.positions,
        side,
        side * ratio,
        aspect=context.photos.cut_aspect,
        across=across,
        first=clusters.representatives,
    )
    top, bottom = tiles.corners[:, 1].min(), tiles.corners[:, 1].max() + tiles.height
    sheet = Sheet(width, head + float(bottom - top) + margin)
    if not bare:
        told = "The map, drawn up so that every photo has a place of its own, near its look-alikes"
        if len(tiles.rows) < context.n:
            shown = f"{len(tiles.rows):,} of {count(context.n, 'item')}"
            told = f"{shown}, spread over the map as all are, each near its look-alikes"
        headline(sheet, title, f"{told}.")
    # In the order of rows, because thumbnails are read in blocks.
    for place in np.argsort(tiles.rows):
        row, (x, y) = tiles.rows[place], tiles.corners[place]
        left, down = margin + float(x), head + float(y - top)
        pad = tiles.width * 0.05
        pixels = np.asarray(context.photos.cut(int(row), 128))
        sheet.image(pixels, left + pad, down + pad, tiles.width - 2 * pad, tiles.height - 2 * pad)
    return sheet


def cluster_pages(context: Context) -> list[list[int]]:
    """The clusters of each page of Figure 6, the largest first: at most 20 on one, in full rows and about as many."""
    order = list(context.order)
    pages = max(1, math.ceil(len(order) / PAGE))
    size = 5 * math.ceil(len(order) / pages / 5)
    return [order[start : start + size] for start in range(0, len(order), max(1, size))] or [[]]


def _place(first: int, last: int, k: int) -> str:
    """Which clusters a page shows, in words."""
    if first == 1:
        return f"The {last} largest of {k} clusters"
    if last == k:
        return f"The {k - first + 1} smallest of {k} clusters"
    return f"By size, clusters {first} to {last} of {k}"


def clusters(context: Context, page: list[int]) -> Sheet:
    """Figure 6, one page: for each cluster its representative and, below, the map with the cluster highlighted."""
    title = "The clusters"
    if not page:
        return nothing(title)
    k = context.data.clusters.k
    across = min(5, len(page))
    gap = 0.22
    cell = (WIDTH - 2 * MARGIN - 4 * gap) / 5
    picture = cell / max(1.0, context.photos.aspect) * 0.8
    theme = LIGHT
    dots = DotMap(context.data.layout.positions, 420, mute=theme.mute, accent=theme.accent)
    tall = 0.44 + picture + cell * dots.ratio
    lines = math.ceil(len(page) / across)
    width = max(6.0, 2 * MARGIN + across * cell + (across - 1) * gap)
    sheet = Sheet(width, HEAD + lines * (tall + gap) - gap + MARGIN)
    first = context.order.index(page[0]) + 1
    part = "" if len(page) == k else f" {_place(first, first + len(page) - 1, k)}."
    headline(sheet, title, f"On top the item closest to the center; below, the place on the map.{part}")
    labels = context.data.clusters.labels
    for place, cluster in enumerate(page):
        x = MARGIN + (place % across) * (cell + gap)
        y = HEAD + (place // across) * (tall + gap)
        size = count(int(context.data.clusters.sizes[cluster]), "item")
        sheet.text(x, y, f"{cluster}", size=9, weight="bold", color=theme.accent)
        sheet.text(x + cell, y + 0.02, size, size=7.5, color=theme.quiet, ha="right")
        sheet.text(x, y + 0.18, context.names[cluster], size=7.5, room=cell)
        sheet.rect(x, y + 0.36, cell, picture, radius=0.05, facecolor="#ffffff", edgecolor=theme.line)
        row = int(context.data.clusters.representatives[cluster])
        sheet.image(context.photos.pixels(row), x + 0.05, y + 0.4, cell - 0.1, picture - 0.08)
        sheet.image(dots.pixels(np.flatnonzero(labels == cluster)), x, y + 0.44 + picture, cell, cell * dots.ratio)
    return sheet
