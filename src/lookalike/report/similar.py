"""The page of one query and its look-alikes."""

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


def _hit(hit: Hit, thumbnail: bytes | None) -> str:
    names = {key.lower().removeprefix("meta_"): key for key in hit.metadata}
    key = next((names[word] for word in NAMES if word in names and plain(hit.metadata[names[word]])), None)
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
