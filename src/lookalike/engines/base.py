"""The seam between what is done to a batch and where it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs a function over batches. Every engine passes `tests/contracts/test_engine_contract.py`.

    `work` may be called from several threads at once, or be pickled and sent elsewhere; it must not depend on
    the order of calls.
    """

    name: str

    def run(self, work: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
        """Yield `work(batch)` for every batch, in the order of the batches, holding only a few at a time.

        An exception of `work` or of `batches` ends the iteration. Closing the iterator waits for what runs and
        drops what has not started.
        """
        ...
