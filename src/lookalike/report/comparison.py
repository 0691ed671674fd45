"""The sheet of two catalogs: the queries whose look-alikes changed most, with those of both side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lookalike.analysis import Changed, Comparison, Difference
from lookalike.records import Estimate, Value
from lookalike.report import markup
from lookalike.report.photos import decode, missing, uri
from lookalike.report.text import NAMES, count, heading, percent, plain

SIDE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """What a sheet says of the items: `names` of the two sides, and by id the `thumbnails` (JPEG) and `metadata`."""

    names: tuple[str, str]
    thumbnails: Mapping[str, bytes]
    metadata: Mapping[str, Mapping[str, Value]]


def comparison_page(found: Comparison, sides: Sides) -> str:
    """The whole document; pictures that are missing or unusable are shown as an empty frame."""
    a, b = (markup.name(name) for name in sides.names)
    amount = len(found.changed)
    title = "Look-alikes in two catalogs"
    left_out = ""
    if found.only_a or found.only_b:
        left_out = f" {count(found.only_a, 'item')} of A alone and {found.only_b:,} of B alone took no part."
    lead = (
        f"A is {a}, B is {b}: the {found.k} nearest of {count(found.n, 'item')} that both have.{left_out} "
        "Intervals hold 95% of what resampled queries give."
    )
    sheet = _Sheet(found, sides)
    shown = f"The {count(amount, 'query', 'queries')} that changed most" if amount else "No query changed"
    told = (
        f"By rank-biased overlap of the {found.depth} nearest, lowest first. Look-alikes that both found are marked."
        if amount
        else "Both catalogs give the same look-alikes, in the same order, for every item."
    )
    if amount and found.agreement:
        told += " A label that is not the query's is crossed out."
    body = (
        f"<header><h1>{title}</h1><p class='lead'>{lead}</p></header><main><section><h2>How much they differ</h2>"
        f"{_measures(found)}</section><section><h2>{shown}</h2><p class='quiet'>{told}</p>"
        f"{''.join(sheet.query(one) for one in found.changed)}</section></main>"
    )
    return markup.page(f"{title}: {plain(' and '.join(sides.names), 120)}", body, aspect=1.0)


def _measures(found: Comparison) -> str:
    shares = [
        (f"the same among the {found.k} nearest", found.overlap),
        (f"rank-biased overlap of the {found.depth} nearest", found.rank_biased_overlap),
    ]
    rows = "".join(f"<tr><td>{name}</td>{_number(share.value)}{_interval(share)}</tr>" for name, share in shares)
    tables = f"<table class='measures'>{_head('measure', 'value', '95% interval')}{rows}</table>"
    if not found.agreement:
        return tables
    rows = "".join(
        f"<tr><td>{markup.name(heading(label))}</td>{_number(gap.a)}{_number(gap.b)}{_interval(gap)}"
        f"<td class='number'>{_verdict(gap)}</td></tr>"
        for label, gap in found.agreement.items()
    )
    head = _head("label shared with the query", "A", "B", "B less A, 95% interval", "better")
    return f"{tables}<table class='measures'>{head}{rows}</table>"


def _head(first: str, *numbers: str) -> str:
    return f"<tr><th>{first}</th>" + "".join(f"<th class='number'>{name}</th>" for name in numbers) + "</tr>"


def _number(value: float) -> str:
    return f"<td class='number'>{_digits(value)}</td>"


def _interval(share: Estimate | Difference) -> str:
    return f"<td class='number'>{_digits(share.low)} to {_digits(share.high)}</td>"


def _digits(value: float) -> str:
    """Three of them, with a true minus sign; what is no number says so."""
    return f"{value:.3f}".replace("-", "−") if math.isfinite(value) else "not known"


def _verdict(gap: Difference) -> str:
    if gap.low > 0:
        return "B"
    return "A" if gap.high < 0 else "cannot be told"


class _Sheet:
    def __init__(self, found: Comparison, sides: Sides) -> None:
        self._labels = tuple(found.agreement)
        self._sides = sides
        self._picture = lru_cache(maxsize=None)(self._encoded)

    def query(self, changed: Changed) -> str:
        """A query with its look-alikes in both, common ones marked."""
        both = set(changed.a) & set(changed.b)
        told = f"{len(both)} of {len(changed.a)} in both; rank-biased overlap {percent(changed.rank_biased_overlap)}"
        picture = markup.photo(self._picture(changed.id), self._called(changed.id), query=True)
        lists = "".join(
            f"<div><h3>{letter} <span class='quiet small'>{markup.name(name, 80)}</span></h3>"
            f"<ol class='found'>{''.join(self._hit(item, changed.id, item in both) for item in ids)}</ol></div>"
            for letter, name, ids in zip("AB", self._sides.names, (changed.a, changed.b), strict=True)
        )
        return (
            f"<div class='change'><div>{picture}{self._caption(changed.id)}<p class='caption quiet'>{told}</p></div>"
            f"<div class='lists'>{lists}</div></div>"
        )

    def _hit(self, item: str, query: str, both: bool) -> str:
        picture = markup.photo(self._picture(item), self._called(item))
        mark = "<span class='mark'>In both</span>" if both else ""
        return f"<li class='{'both' if both else 'one'}'>{picture}{mark}{self._caption(item, query)}</li>"

    def _caption(self, item: str, query: str | None = None) -> str:
        """The name of an item and its values of the labels; those that are not the query's are crossed out."""
        said, asked = self._sides.metadata.get(item, {}), self._sides.metadata.get(query or item, {})
        values = [
            f"<{kind}>{markup.name(plain(said[label], 60))}</{kind}>"
            for label in self._labels
            if plain(said.get(label))
            for kind in ("span" if said[label] == asked.get(label) else "s",)
        ]
        labels = f"<span class='quiet'>{', '.join(values)}</span>" if values else ""
        return f"<p class='caption'><span class='name'>{markup.name(self._called(item))}</span>{labels}</p>"

    def _called(self, item: str) -> str:
        said = self._sides.metadata.get(item, {})
        names = {key.lower().removeprefix("meta_"): key for key in said}
        keys: Sequence[str] = [names[word] for word in NAMES if word in names and plain(said[names[word]])]
        return plain(said[keys[0]]) if keys else item

    def _encoded(self, item: str) -> tuple[str, int, int]:
        data = self._sides.thumbnails.get(item)
        picture = (decode(data, SIDE) if data is not None else None) or missing(SIDE, SIDE)
        return uri(picture), picture.width, picture.height
