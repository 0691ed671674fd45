"""One query and its look-alikes: as a page, and as a row for notebooks."""

from __future__ import annotations

from collections.abc import Mapping

from lookalike.records import Hit, Similar
from lookalike.report import markup
from lookalike.report.photos import decode, missing, uri
from lookalike.report.text import NAMES, apart, count, heading, percent, plain


def similar_page(query_image: bytes | None, similar: Similar, thumbnails: Mapping[str, bytes]) -> str:
    """The whole document; pictures that are missing or unusable are shown as an empty frame."""
    amount = len(similar.results)
    found = count(amount, "look-alike") if amount else "No look-alikes"
    within = f"{percent(similar.recall_low)} to {percent(similar.recall_high)}"
    fast = f"Searched fast: finds {percent(similar.recall)} of the nearest ({within}, 95% interval)."
    exact = "All items were compared." if similar.exact else fast
    told = "Nearest first. A score of 1 is the same picture." if amount else "No item met the conditions."
    if similar.diverse is not None:
        told += f" Chosen to differ, which costs {similar.diverse.cost:.2f} of the mean score."
    hits = "".join(_hit(hit, thumbnails.get(hit.id)) for hit in similar.results)
    query = markup.photo(_source(query_image, 480), similar.query, query=True)
    body = (
        f"<header><h1>{found}</h1><p class='lead'>of {markup.name(similar.query)}. {told} {exact}</p></header>"
        f"<main><section><div class='similar'><div>{query}"
        f"<p class='caption'>{markup.name(similar.query)}</p></div><ol class='hits'>{hits}</ol></div></section></main>"
    )
    return markup.page(f"{found}: {plain(similar.query, 120)}", body, aspect=1.0)


def similar_row(query_image: bytes | None, similar: Similar, thumbnails: Mapping[str, bytes]) -> str:
    """The query and its look-alikes side by side, as a part of a page that has a style of its own (a notebook)."""
    told = count(len(similar.results), "look-alike") if similar.results else "No item met the conditions"
    cells = [_cell(query_image, similar.query, [told], outline="2px solid currentColor")]
    for hit in similar.results:
        key = _name_of(hit)
        called = hit.id if key is None else plain(hit.metadata[key])
        cells.append(_cell(thumbnails.get(hit.id), called, [f"distance {apart(hit.distance)}", ", ".join(hit.reasons)]))
    style = "display:flex;gap:16px;overflow-x:auto;padding:4px;font-family:system-ui,sans-serif;font-size:13px"
    return f'<div role="list" style="{style}">{"".join(cells)}</div>'


def _cell(picture: bytes | None, called: str, lines: list[str], outline: str = "none") -> str:
    source = markup.image(_source(picture, 224), called)
    frame = f"background:#fff;width:160px;height:160px;border-radius:6px;overflow:hidden;outline:{outline}"
    placed = source.replace("<img ", '<img style="width:160px;height:160px;object-fit:contain;margin:0" ', 1)
    small = "".join(f'<div style="opacity:.7">{markup.words(line, 120)}</div>' for line in lines if line)
    name = f'<div style="font-weight:600;overflow-wrap:anywhere">{markup.name(called, 80)}</div>'
    return f'<div role="listitem" style="flex:none;width:160px"><div style="{frame}">{placed}</div>{name}{small}</div>'


def _name_of(hit: Hit) -> str | None:
    """The metadata column that names an item, where there is one."""
    names = {key.lower().removeprefix("meta_"): key for key in hit.metadata}
    return next((names[word] for word in NAMES if word in names and plain(hit.metadata[names[word]])), None)


def _hit(hit: Hit, thumbnail: bytes | None) -> str:
    key = _name_of(hit)
    called = plain(hit.metadata[key]) if key is not None else hit.id
    facts = [("distance", apart(hit.distance)), ("score", f"{hit.score:.2f}")]
    facts += [(heading(k), plain(v, 120)) for k, v in hit.metadata.items() if k != key and plain(v)]
    facts += [("id", plain(hit.id, 200))] if key is not None else []
    facts += [("path", plain(hit.path, 200))] if hit.path != hit.id else []
    rows = "".join(f"<dt>{markup.words(k)}</dt><dd>{markup.name(v)}</dd>" for k, v in facts)
    picture = markup.photo(_source(thumbnail, 320), called)
    why = f"<p class='caption'>{markup.words(', '.join(hit.reasons))}</p>" if hit.reasons else ""
    return f"<li>{picture}<p class='caption'><strong>{markup.name(called)}</strong></p>{why}<dl>{rows}</dl></li>"


def _source(data: bytes | None, side: int) -> tuple[str, int, int]:
    picture = (decode(data, side) if data is not None else None) or missing(side, side)
    return uri(picture), picture.width, picture.height
