"""Threads that work through photos take long turns; what else a thread is stays as it was."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from lookalike import timeslice
from lookalike.engines import LocalEngine

T = TypeVar("T")


def in_a_thread(work: Callable[[], T]) -> T:
    """What `work` returns in a thread of its own."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def after_lengthening() -> float | None:
    """The turn of this thread once it asked for a long one."""
    timeslice.lengthen()
    return timeslice.turn()


needs_turns = pytest.mark.skipif(timeslice.turn() is None, reason="this kernel does not say what turns a thread takes")


@needs_turns
def test_a_thread_gets_long_turns_and_others_keep_theirs() -> None:
    before = timeslice.turn()
    assert in_a_thread(after_lengthening) == max(before or 0, timeslice.TURN)
    assert timeslice.turn() == before


@needs_turns
def test_a_nice_program_stays_nice() -> None:
    def nice() -> int:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 7)
        timeslice.lengthen()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert in_a_thread(nice) == 7


@needs_turns
def test_the_threads_of_the_local_engine_take_long_turns() -> None:
    turns = list(LocalEngine(2).run(lambda batch: timeslice.turn(), range(4)))
    assert min(turn or 0 for turn in turns) >= timeslice.TURN


def test_where_turns_are_not_known_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeslice, "_CALLS", {})
    assert timeslice.turn() is None
    timeslice.lengthen()
    monkeypatch.undo()
    monkeypatch.setattr("sys.platform", "darwin")
    assert in_a_thread(after_lengthening) is None
    monkeypatch.undo()
    monkeypatch.delattr("ctypes.CDLL")
    assert in_a_thread(after_lengthening) is None
