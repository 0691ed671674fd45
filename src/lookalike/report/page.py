"""The report as one page: all figures, the clusters one by one, the closest pairs and the loners."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.report import facts, figures_analysis, figures_items, markup, network
from lookalike.report.canvas import PRINT_DPI
from lookalike.report.context import Context
from lookalike.report.facts import Trait
from lookalike.report.palette import DARK, LIGHT, Theme
from lookalike.report.photos import uri
from lookalike.report.placement import DotMap
from lookalike.report.text import apart, count, heading, listed, percent

Stems = dict[int, list[str]]
"""The names, without ending, of the files of each figure."""


def report_page(context: Context, stems: Stems, folder: Path) -> str:
    """The whole document. `stems` names the figures' files, which are in `folder`."""
    parts = [_header(context)]
    if context.n:
        parts += ["<main>", _recommendations(context, stems[1]), _sample(context, stems[2])]
        parts += [_method(context, stems[3]), _inertia(context, stems[4]), _map(context, stems[5], folder)]
        parts += [_overview(context, stems[6]), _clusters(context), _pairs(context), "</main>"]
    else:
        parts.append(f"<main>{_empty(context)}</main>")
    parts.append(_footer(context))
    return markup.page(context.data.title, "\n".join(parts), aspect=context.photos.aspect)


def _header(context: Context) -> str:
    data = context.data
    part = f" Only items where {markup.words(data.where, 300)}." if data.where else ""
    failed = (
        f"{count(data.failed, 'photo')} could not be used; <code>lookalike info CATALOG --failures</code> lists why."
    )
    notice = f"<p class='notice'>{failed}</p>" if data.failed else ""
    if not context.n:
        return f"<header><h1>{markup.name(data.title)}</h1>{notice}</header>"
    tiles = [(f"{context.n:,}", "item" if context.n == 1 else "items")]
    tiles.append((f"{data.clusters.k:,}", "cluster" if data.clusters.k == 1 else "clusters"))
    best = _agreements(context)
    kind = facts.kind_column(context.columns)
    told = next((each for each in best if kind is not None and each.column == kind.name), best[0] if best else None)
    if told is not None:
        tiles.append((percent(told.share), f"of look-alikes have the same {markup.words(heading(told.column), 40)}"))
    if math.isfinite(data.layout.kept) and context.n > 3:
        tiles.append((percent(data.layout.kept), "of nearest neighbors stay near on the map"))
    shown = "".join(f"<li><b>{value}</b> <span>{meaning}</span></li>" for value, meaning in tiles)
    links = [
        ("figure-1", "Look-alikes"),
        ("figure-2", "Sample"),
        ("figure-3", "Method"),
        ("figure-4", "How many clusters"),
        ("figure-5", "Map"),
        ("figure-6", "Clusters"),
        ("clusters", "Each cluster"),
        ("pairs", "Closest pairs"),
    ]
    nav = "".join(f'<li><a href="#{target}">{word}</a></li>' for target, word in links)
    lead = f"What looks alike among {count(context.n, 'product photo')}, how they group, and where each lies.{part}"
    return (
        f"<header><h1>{markup.name(data.title)}</h1><p class='lead'>{lead}</p>{notice}"
        f"<ul class='tiles'>{shown}</ul><nav aria-label='Sections'><ul>{nav}</ul></nav></header>"
    )


def _section(number_: int, title: str, meaning: str, content: str, files: list[str]) -> str:
    kinds = ["dots", "photos"] if number_ == 5 else [f"page {place}" for place, _ in enumerate(files, start=1)]
    links = markup.print_files(files, kinds)
    return (
        f'<section id="figure-{number_}"><p class="label">Figure {number_}</p><h2>{title}</h2><p>{meaning}</p>'
        f"<figure>{content}<figcaption>{links}</figcaption></figure></section>"
    )


def _recommendations(context: Context, files: list[str]) -> str:
    sheets = []
    for row in context.queries:
        cards = [_card(context, row, context.subtitle(row), query=True)]
        for item, distance in zip(context.ids[row], context.distances[row], strict=True):
            if item >= 0:
                cards.append(_card(context, int(item), f"distance {apart(float(distance))}"))
        sheets.append(f"<ul class='sheet'>{''.join(cards)}</ul>")
    meaning = (
        "Each query, framed, with the three items a shopper would most likely take instead: the nearest by Euclidean "
        "distance. The queries are typical, not picked for good looks: each has the median distance of its group."
    )
    if context.n < 4:
        meaning = f"With {count(context.n, 'item')} there are fewer than three look-alikes for each."
    return _section(1, "The most similar items", meaning, f"<div class='sheets'>{''.join(sheets)}</div>", files)


def _card(context: Context, row: int, below: str, *, query: bool = False) -> str:
    title = context.title(row)
    picture = markup.photo(context.photos.uri(row, 200), title, query=query)
    sign = "<span class='asked'>Query</span> " if query else ""
    second = f"<span class='quiet'>{sign}{markup.name(below)}</span>" if below or query else ""
    return f"<li>{picture}<div class='caption'><span class='name'>{markup.name(title)}</span>{second}</div></li>"


def _sample(context: Context, files: list[str]) -> str:
    rows = facts.sample(context.n, 96)
    wall = "".join(markup.photo(context.photos.uri(row, 112), context.title(row)) for row in rows)
    part = (
        "All items."
        if len(rows) == context.n
        else f"{len(rows)} of {context.n:,} items, evenly spread over the catalog."
    )
    return _section(2, "A sample of the data", part, f"<div class='wall'>{wall}</div>", files)


def _method(context: Context, files: list[str]) -> str:
    known = network.describe(context.data)
    row = context.queries[0]
    side = f" as {known.input}" if known.input != "Resized" else ""
    whole, title = context.photos.uri(row, 200), context.title(row)
    steps = [
        (markup.photo(whole, title), "Photo", "one for each item"),
        (f"<div class='square'>{markup.image(whole, '')}</div>", f"Resized{side}", known.resize),
        (markup.slabs([(s.side, s.channels, s.used) for s in known.stages]), known.name, known.network),
        (markup.cells(), f"Vector: {known.vector}", "near numbers mean similar looks"),
    ]
    flow = "".join(
        f"<li><div class='sign'>{sign}</div><strong>{markup.words(head)}</strong>"
        f"<span class='quiet small'>{markup.words(told)}</span></li>"
        for sign, head, told in steps
    )
    found = [int(item) for item in context.ids[row] if item >= 0]
    some = [int(context.data.clusters.representatives[cluster]) for cluster in context.order[:3]]
    dots = _dots(context)
    uses = [
        (
            _strip(context, found),
            "Look-alikes",
            "Exact Euclidean distance to every other item; the three nearest are recommended.",
        ),
        (
            _strip(context, some),
            "Clusters",
            "K-means groups the vectors; the photo closest to a center stands for its cluster.",
        ),
        (
            _mini(context, dots, context.order[0]),
            "Map",
            f"{context.mapped_by} places all items on a plane so that near neighbors stay near.",
        ),
    ]
    told = "".join(
        f"<li><div class='sign'>{sign}</div><strong>{head}</strong><span class='small'>{words}</span></li>"
        for sign, head, words in uses
    )
    meaning = (
        f"Every photo goes the same way, on this computer: {markup.words(known.name)} turns what it sees into numbers."
    )
    return _section(3, "The method", meaning, f"<ol class='flow'>{flow}</ol><ul class='uses'>{told}</ul>", files)


def _strip(context: Context, rows: list[int]) -> str:
    photos = "".join(markup.photo(context.photos.uri(row, 112), context.title(row)) for row in rows)
    return f"<div class='strip'>{photos}</div>"


def _inertia(context: Context, files: list[str]) -> str:
    def draw(theme: Theme, width: float, dpi: int) -> Image.Image:
        return figures_analysis.inertia(context, theme, width=width, bare=True).picture(dpi)

    elbow = context.data.clusters.elbow
    alt = f"Inertia against the number of clusters; elbow {elbow.low} to {elbow.high}, {context.data.clusters.k} in use"
    charts = (draw(LIGHT, 8.6, 190), draw(DARK, 8.6, 190), draw(LIGHT, 4.2, 200), draw(DARK, 4.2, 200))
    chart = f"<div class='chart'>{markup.themed(*charts, alt)}</div>"
    meaning = (
        f"{figures_analysis.elbow_words(context)} Inertia is the summed squared distance of all items to the center "
        "of their cluster: it always falls with more clusters, and where it stops falling fast (shaded) more clusters "
        "add little."
    )
    if context.data.clusters.evidence is not None:
        meaning += (
            " Stability says how alike two halves of the items are grouped, the silhouette how much closer items are "
            "to their own cluster than to the next; 1 is best, 0 is chance."
        )
    return _section(4, "How many clusters?", meaning, chart, files)


def _map(context: Context, files: list[str], folder: Path) -> str:
    def draw(theme: Theme, width: float, dpi: int) -> Image.Image:
        return figures_analysis.dot_map(context, theme, width=width, bare=True).picture(dpi)

    charts = (draw(LIGHT, 9.0, 150), draw(DARK, 9.0, 150), draw(LIGHT, 4.4, 180), draw(DARK, 4.4, 180))
    by, _ = figures_analysis.groups(context)
    alt = f"Map of {count(context.n, 'item')}, one dot a photo, colored by {by}"
    chart = f"<div class='chart'>{markup.themed(*charts, alt)}</div>"
    with Image.open(folder / f"{files[-1]}.png") as printed:
        below = printed.convert("RGB").crop((0, round(figures_items.HEAD * PRINT_DPI), *printed.size))
    photos = below.resize((1400, max(1, round(1400 * below.height / below.width))), reducing_gap=2.0)
    few = figures_analysis.thumbnail_map(context, across=13, width=5.0, bare=True).picture(150)
    alt = "The same map with photos instead of dots"
    plate = f"<div class='chart plate'>{markup.wide_or_narrow(photos, few, alt)}</div>"
    reason = "numbers stand at the representatives" if context.colored is None else "which tells most about the map"
    if context.colored is not None and context.colored.named:
        reason += "; a name stands in the middle of its items, or of each large group of them, and colors repeat"
    meaning = f"{figures_analysis.map_words(context)} One dot a photo, colored by {markup.words(by)} ({reason})."
    both = f"{chart}<p class='between'>The same map in photos, each at its own place near its look-alikes:</p>{plate}"
    return _section(5, "The map", meaning, both, files)


def _overview(context: Context, files: list[str]) -> str:
    dots = _dots(context)
    cells = []
    for cluster in context.order:
        row = int(context.data.clusters.representatives[cluster])
        map_ = _mini(context, dots, cluster)
        cells.append(
            f'<a class="mini" href="#cluster-{cluster}"><div class="head"><strong>{cluster}</strong>'
            f'<span class="quiet">{count(int(context.data.clusters.sizes[cluster]), "item")}</span></div>'
            f'<div class="name">{markup.name(context.names[cluster])}</div>'
            f"{markup.photo(context.photos.uri(row, 160), context.title(row))}{map_}</a>"
        )
    meaning = (
        "On top the item closest to the center of each cluster, below the place of its items on the map, the largest "
        "cluster first. A cluster in one piece is a kind of its own; one that is scattered is not."
    )
    fives = " fives" if -len(cells) % 5 < -len(cells) % 6 else ""  # across, six fit: five where fewer places stay empty
    pages = f" The print version has {len(files)} pages." if len(files) > 1 else ""
    return _section(6, "The clusters", meaning + pages, f"<div class='minis{fives}'>{''.join(cells)}</div>", files)


def _dots(context: Context) -> DotMap:
    """Dots that lie on light and dark paper alike."""
    return DotMap(context.data.layout.positions, 220, mute="#808890", accent="#e0670c", strength=150)


def _mini(context: Context, dots: DotMap, cluster: int) -> str:
    rows = np.flatnonzero(context.data.clusters.labels == cluster)
    picture = dots.picture(rows).quantize(24, method=Image.Quantize.FASTOCTREE)
    return markup.image((uri(picture), picture.width, picture.height), f"Cluster {cluster} on the map", kind="map")


def _clusters(context: Context) -> str:
    k = context.data.clusters.k
    most = 8 if k <= 40 else 5 if k <= 100 else 3
    cards = "".join(_cluster(context, cluster, most) for cluster in context.order)
    told = "Large, the item closest to the center; small, the items most like it, then some from the cluster's edges."
    if context.columns:
        told += " The table lists values that are more common in the cluster than overall, more than by chance."
    title = f"<h2>Each cluster</h2><p class='quiet'>{told}</p>"
    return f'<section id="clusters">{title}<div class="clusters">{cards}</div></section>'


def _cluster(context: Context, cluster: int, most: int) -> str:
    clusters = context.data.clusters
    row, size = int(clusters.representatives[cluster]), int(clusters.sizes[cluster])
    own = context.names[cluster]
    title = f"Cluster {cluster}" + (f": {markup.name(own)}" if own else "")
    share = f"{count(size, 'item')}, {percent(size / context.n)} of all"
    shown = facts.members(context.data, cluster, most)
    picture = markup.photo(context.photos.uri(row, 200), context.title(row))
    row_ = "".join(markup.photo(context.photos.uri(item, 112), context.title(item)) for item in shown)
    others = f"<div class='row'>{row_}</div>" if row_ else ""
    return (
        f'<article class="cluster" id="cluster-{cluster}"><div>{picture}'
        f"<div class='caption quiet'><span class='name'>{markup.name(context.title(row))}</span></div></div>"
        f"<div class='what'><div class='about'><h3>{title}</h3><span class='quiet small'>{share}</span></div>"
        f"<div class='more'>{_traits(context.traits[cluster])}{others}</div></div></article>"
    )


def _traits(own: tuple[Trait, ...]) -> str:
    if not own:
        return ""
    rows = "".join(
        f"<tr><td><span class='quiet'>{markup.words(heading(trait.column), 40)}</span> "
        f"{markup.name(trait.value, 60)}</td><td class='number'>{trait.amount:,} of {trait.size:,}</td>"
        f"<td>{markup.bar(trait.share, trait.overall)}</td><td class='number'>{_times(trait.lift)}</td></tr>"
        for trait in own
    )
    names = ("<th>sets it apart", "<th class='number'>items", "<th>share, overall", "<th class='number'>lift")
    head = f"<tr>{''.join(f'{each}</th>' for each in names)}</tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _times(lift: float) -> str:
    return f"{lift:.1f} ×" if lift < 9.95 else f"{lift:.0f} ×"


def _agreements(context: Context) -> list[facts.Agreement]:
    found = [facts.agreement(column, context.ids) for column in context.columns]
    return sorted([each for each in found if each is not None], key=lambda each: each.chance - each.share)


def _pairs(context: Context) -> str:
    parts = []
    agrees = _agreements(context)
    if agrees:
        rows = "".join(
            f"<tr><td>{markup.words(heading(each.column), 60)}</td><td>{markup.bar(each.share, each.chance)}</td>"
            f"<td class='number'>{percent(each.share)}</td><td class='number'>{percent(each.chance)}</td></tr>"
            for each in agrees
        )
        head = "<tr><th>same</th><th></th><th class='number'>look-alikes</th><th class='number'>by chance</th></tr>"
        parts.append(
            "<h2>Do look-alikes match?</h2><p>The share of an item's three nearest that have its own value, though "
            f"only the photos were compared; the tick is what chance would give.</p><table><thead>{head}</thead>"
            f"<tbody>{rows}</tbody></table>"
        )
    body = "".join(f"<section>{part}</section>" for part in parts)
    pairs = facts.closest_pairs(context.data)
    if not pairs:
        return body
    cells = "".join(
        f"<div class='pair'>{markup.photo(context.photos.uri(pair.a, 160), context.title(pair.a))}"
        f"{markup.photo(context.photos.uri(pair.b, 160), context.title(pair.b))}<div class='caption'>"
        f"<span class='name'>{markup.name(context.title(pair.a))}</span>"
        f"<span class='name'>{markup.name(context.title(pair.b))}</span>"
        f"<span class='quiet'>distance {apart(pair.distance)}</span></div></div>"
        for pair in pairs
    )
    alone = "".join(
        _card(context, row, f"nearest at {apart(distance)}") for row, distance in facts.loners(context.data)
    )
    return (
        f"{body}<section id='pairs'><h2>Closest pairs</h2><p>The most similar of all: duplicates, new photos of the "
        f"same product, or the same model in another size.</p><div class='pairs'>{cells}</div></section>"
        f"<section id='loners'><h2>Most unlike all others</h2><p>Items whose nearest neighbor is farthest away: rare "
        f"products, or photos that are not like the rest.</p><ul class='row'>{alone}</ul></section>"
    )


def _empty(context: Context) -> str:
    why = f" with {markup.words(context.data.where, 300)}" if context.data.where else ""
    return (
        f"<section><h2>No items{why}</h2><p>There is nothing to show yet. Add photos with "
        "<code>lookalike index CATALOG FOLDER</code> and write the report again.</p></section>"
    )


def _footer(context: Context) -> str:
    known = context.data.facts
    told = [f"Model: {markup.words(context.data.model, 200)}."]
    if known is not None:
        summary = known.summary[:1].upper() + known.summary[1:]
        told.append(f"{markup.words(summary, 300)}. License: {markup.words(known.license, 80)}.")
    names = [markup.words(heading(column.name), 40) for column in context.columns]
    if names:
        told.append(f"Metadata used to describe groups: {listed(names)}. It took no part in what counts as similar.")
    return f"<footer><p>{' '.join(told)}</p></footer>"
