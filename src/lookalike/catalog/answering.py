"""From a query that was understood to its look-alikes, described."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lookalike import analysis, report
from lookalike.catalog.ranking import hits, rank_photo, rank_row
from lookalike.catalog.reasons import explain
from lookalike.catalog.view import View
from lookalike.errors import Rejected, UsageError
from lookalike.options import RankingOptions
from lookalike.records import Floats, Hit, Similar


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was understood: the row of an item; of a photo its vector, color vector, outline and `picture`."""

    name: str
    picture: bytes | None = None
    row: int | None = None
    photo: tuple[Floats, Floats, Floats] | None = None


def answer(view: View, asked: Query, options: RankingOptions) -> Similar:
    """The look-alikes of `asked`, nearest first, with their metadata and why each is there."""
    found = rank_row(view, asked.row or 0, options) if asked.photo is None else rank_photo(view, *asked.photo, options)
    pairs, space = hits(found.neighbors), view.space(options)
    rows = [row for row, _ in pairs]
    described = view.described(rows)
    point = space.points[asked.row or 0] if asked.photo is None else space.point(*asked.photo)
    because = explain(view, space, options, point, asked.row, rows)
    results = tuple(
        Hit(
            id=view.ids[row],
            path=described[row][0],
            distance=distance,
            score=float(analysis.score(distance, space.scale)),
            metadata=described[row][1],
            picture=why.picture,
            prefer=why.prefer,
            reasons=why.reasons,
        )
        for (row, distance), why in zip(pairs, because, strict=True)
    )
    receipt = view.receipt(options)
    if receipt is None:
        return Similar(query=asked.name, results=results, diverse=found.diverse, adapted=view.adapted(options))
    return Similar(
        query=asked.name,
        results=results,
        exact=False,
        recall=receipt.value,
        recall_low=receipt.low,
        recall_high=receipt.high,
        diverse=found.diverse,
    )


def picture_row(
    asked: Query, found: Similar, known: Sequence[str], thumbnails: Callable[[Sequence[str]], Sequence[bytes]]
) -> str:
    """What a notebook shows of an answer; an item that is no longer among the `known` is an empty frame."""
    there = set(known)
    ids = [item for item in (asked.name, *(hit.id for hit in found.results)) if item in there]
    pictures = dict(zip(ids, thumbnails(ids), strict=True))
    own = asked.picture if asked.row is None else pictures.get(asked.name)
    return report.similar_row(own, found, pictures)


def unusable(name: str, reason: Rejected) -> UsageError:
    """What a caller is told of a photo that cannot be a query."""
    return UsageError(f"the photo {name!r} cannot be used: {reason.code}: {reason.detail}", code=reason.code)
