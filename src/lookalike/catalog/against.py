"""Two catalogs of the same items, side by side: whose look-alikes would a shopper rather take?"""

from __future__ import annotations

from typing import Any

from lookalike.catalog.explore import Explorer
from lookalike.catalog.live import Live, facts
from lookalike.catalog.votes import CHOICES, Votes
from lookalike.errors import NotFound, UsageError
from lookalike.options import RankingOptions
from lookalike.records import Similar


class Against:
    """Catalog `a`, which is explored, and `b`, which it is compared with, with the votes on them."""

    def __init__(self, a: Live, b: Live, votes: Votes) -> None:
        self._a, self._b, self._votes = a, b, votes
        if not set(a.current().ids) & set(b.current().ids):
            raise UsageError(
                f"{a.current().title!r} and {b.current().title!r} have no item in common: give two catalogs of the "
                "same photos, indexed from the same SOURCE"
            )

    def about(self) -> dict[str, Any]:
        """What is compared: the facts of `a` and `b`, how many `items` are in both, and the ids that b is `missing`."""
        a, b = self._a.current(), self._b.current()
        there = set(b.ids)
        missing = [item for item in a.ids if item not in there]
        return {"a": facts(a), "b": facts(b), "items": len(a.ids) - len(missing), "missing": missing}

    def of(self, item: str, options: RankingOptions) -> tuple[Similar, Similar]:
        """The look-alikes of an item in a and in b; raises `NotFound` unless both have it."""
        return self._a.current().similar(item, options), self._b.current().similar(item, options)

    def thumbnail(self, item: str) -> bytes:
        """The picture of an item of either."""
        return self._holder(item).thumbnail(item)

    def vote(self, vote: dict[str, Any]) -> dict[str, Any]:
        """Keep a vote on `query` and return the result; raises `UsageError` for a `choice` that is none."""
        if vote["choice"] not in CHOICES:
            raise UsageError(f"choice={vote['choice'][:50]!r} is none: give one of {', '.join(CHOICES)}")
        for side in (self._a, self._b):
            side.current().row(vote["query"])
        self._votes.add({**vote, "catalogs": self._catalogs()})
        return self.result()

    def result(self) -> dict[str, Any]:
        """What all votes on these two say; see `Votes.result`."""
        return self._votes.result(self._catalogs())

    def _catalogs(self) -> dict[str, dict[str, Any]]:
        return {"a": facts(self._a.current()), "b": facts(self._b.current())}

    def _holder(self, item: str) -> Explorer:
        for side in (self._a.current(), self._b.current()):
            try:
                side.row(item)
            except NotFound:
                continue
            return side
        raise NotFound(f"there is no item {item[:200]!r} in either catalog")
