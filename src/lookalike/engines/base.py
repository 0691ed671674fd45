"""The seam between what is done to a batch and where it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

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

        An exception of `work` or of `batches` ends the iteration. Closing the iterator waits for what runs, or
        stops it, and drops what has not started.
        """
        ...


@runtime_checkable
class Overlapping(Protocol):
    """Work on a batch during which another process is busy at first, so that the next batch can begin meanwhile.

    `work(batch)` is `work.finish(work.begin(batch))`. An engine that knows the next batch gives it to `finish`, which
    sets the other process to it as soon as it is free.
    """

    def begin(self, batch: Any) -> Any:
        """What can be done before the batch's turn comes."""
        ...

    def finish(self, begun: Any, following: Any = None) -> Any:
        """The result of what was begun; `following` is what was begun after it, by the same thread."""
        ...

    def drop(self, begun: Any) -> None:
        """Give up what was begun and will not be finished."""
        ...


@runtime_checkable
class Divisible(Protocol):
    """Work whose batches can be cut, for engines whose workers may die: so that one photo costs only itself."""

    def split(self, batch: Any) -> list[Any]:
        """The parts of a batch, each a batch; one part if it cannot be cut further."""
        ...

    def join(self, results: list[Any]) -> Any:
        """The result of a batch from those of its parts."""
        ...

    def lost(self, batch: Any, detail: str) -> Any:
        """The result of a part that no worker survives."""
        ...
