"""Every engine gives every batch's result, in order, holding few at a time, and stops when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lookalike.engines import Engine, InlineEngine, LocalEngine, RayEngine, named
from lookalike.errors import UsageError
from lookalike.options import ENGINES as NAMES
from tests.engines.cluster import needs_ray

ENGINES: dict[str, Callable[[], Engine]] = {
    "local": lambda: LocalEngine(3),
    "inline": InlineEngine,
    "ray": lambda: RayEngine(2),
}


@pytest.fixture(params=["local", "inline", pytest.param("ray", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "ray":
        needs_ray()
    return ENGINES[request.param]()


def test_what_can_be_asked_for_is_tested_here() -> None:
    assert set(NAMES) <= set(ENGINES)
    assert named("local").name == "local"
    with pytest.raises(UsageError, match="engine='spark' is not known: give one of local, ray"):
        named("spark")


def test_results_come_in_the_order_of_the_batches(engine: Engine) -> None:
    def work(batch: int) -> int:
        time.sleep(0.002 * (batch % 3))
        return batch * batch

    assert list(engine.run(work, range(40))) == [n * n for n in range(40)]


def test_no_batches_no_results(engine: Engine) -> None:
    assert list(engine.run(len, [])) == []


def test_batches_are_taken_as_they_are_needed(engine: Engine) -> None:
    taken: list[int] = []

    def batches() -> Iterator[int]:
        for n in range(10_000):
            taken.append(n)
            yield n

    results = engine.run(lambda n: n, batches())
    assert next(results) == 0
    assert len(taken) < 50


def test_an_error_of_the_work_reaches_the_caller(engine: Engine) -> None:
    def work(batch: int) -> int:
        if batch == 5:
            raise ValueError("batch 5")
        return batch

    with pytest.raises(ValueError, match="batch 5"):
        list(engine.run(work, range(10)))


def test_an_error_of_the_batches_reaches_the_caller(engine: Engine) -> None:
    def batches() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(engine.run(lambda n: n, batches()))


def test_nothing_runs_after_closing() -> None:
    running = threading.Event()
    done: list[int] = []

    def work(batch: int) -> int:
        running.set()
        time.sleep(0.01)
        done.append(batch)
        return batch

    results = LocalEngine(2).run(work, range(1_000))
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator, as every iterator with clean-up is
    count = len(done)
    time.sleep(0.05)
    assert running.is_set()
    assert len(done) == count < 1_000
