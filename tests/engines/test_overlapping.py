"""Work in two steps: a thread begins its next batch before it finishes the one at hand, and nothing is left begun."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from lookalike.engines import InlineEngine, LocalEngine


class Noted:
    """Squares numbers, and notes what was begun, finished and dropped; `bad` numbers fail in one of the steps."""

    def __init__(self, bad: dict[int, str] | None = None, seconds: float = 0.001) -> None:
        self.begun: list[int] = []
        self.finished: list[tuple[int, int | None]] = []
        self.dropped: list[int] = []
        self._bad, self._seconds = bad or {}, seconds

    def __call__(self, batch: int) -> int:
        return self.finish(self.begin(batch))

    def begin(self, batch: int) -> int:
        if self._bad.get(batch) == "begin":
            raise ValueError(f"{batch} does not begin")
        self.begun.append(batch)
        return batch

    def finish(self, begun: int, following: int | None = None) -> int:
        if self._bad.get(begun) == "finish":
            raise ValueError(f"{begun} does not finish")
        time.sleep(self._seconds)
        self.finished.append((begun, following))
        return begun * begun

    def drop(self, begun: int) -> None:
        self.dropped.append(begun)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_and_nothing_is_left(workers: int) -> None:
    work = Noted()
    assert list(LocalEngine(workers).run(work, range(60))) == [n * n for n in range(60)]
    assert sorted(work.begun) == sorted(one for one, _ in work.finished) == list(range(60))
    assert work.dropped == []


def test_most_batches_begin_while_another_is_finished() -> None:
    work = Noted()
    list(LocalEngine(2).run(work, range(60)))
    following = [after for _, after in work.finished if after is not None]
    assert len(following) > 30
    assert len(set(following)) == len(following)


def test_a_few_batches_are_shared_by_the_threads() -> None:
    """A thread that begins the last batch, too, would leave the others without work."""
    started = threading.Barrier(3, timeout=20)

    class Together(Noted):
        def finish(self, begun: int, following: Any = None) -> int:
            started.wait()
            return super().finish(begun, following)

    assert list(LocalEngine(3).run(Together(), range(3))) == [0, 1, 4]


@pytest.mark.parametrize("step", ["begin", "finish"])
def test_an_error_of_either_step_reaches_the_caller(step: str) -> None:
    work = Noted({7: step})
    results = LocalEngine(2).run(work, range(40))
    assert [next(results) for _ in range(7)] == [n * n for n in range(7)]
    with pytest.raises(ValueError, match=f"7 does not {step}"):
        next(results)
    left = set(work.begun) - {one for one, _ in work.finished} - set(work.dropped)
    assert left <= {7}


def test_closing_drops_what_is_begun() -> None:
    work = Noted(seconds=0.01)
    results = LocalEngine(2).run(work, range(10_000))
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert sorted(work.begun) == sorted([one for one, _ in work.finished] + work.dropped)
    before = len(work.begun)
    time.sleep(0.05)
    assert len(work.begun) == before < 50


def test_engines_that_know_no_steps_do_both() -> None:
    work = Noted()
    assert list(InlineEngine().run(work, range(5))) == [0, 1, 4, 9, 16]
    assert work.finished == [(n, None) for n in range(5)]
