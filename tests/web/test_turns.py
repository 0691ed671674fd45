"""Costly work: at most so much at once, in turns of the clients, and an early "later"."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio
import pytest

from lookalike.web.problems import Problem
from lookalike.web.turns import Turns


class Work:
    """Tasks that last until they are let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.gates: dict[str, threading.Event] = {}

    def task(self, name: str) -> Callable[[], str]:
        gate = self.gates[name] = threading.Event()

        def run() -> str:
            self.began.append(name)
            assert gate.wait(5)
            return name

        return run


def await_idle(turns: Turns) -> None:
    """Its threads put their work down just after the answer is there."""
    anyio.run(until, lambda: (turns.busy, turns.waiting) == (0, 0))


async def until(true: Callable[[], bool]) -> None:
    """Wait for others to get there."""
    with anyio.fail_after(5):
        while not true():
            await anyio.sleep(0.001)


def test_clients_take_turns() -> None:
    """One asks six times, then two others once: they do not wait for the six."""
    work, turns, done = Work(), Turns(patience=60, at_once=1), []

    async def ask(client: str, name: str) -> None:
        done.append(await turns.run(client, work.task(name)))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for client, name in [*(("a", f"a{turn}") for turn in range(6)), ("b", "b0"), ("c", "c0")]:
                group.start_soon(ask, client, name)
                await until(lambda name=name: name in work.gates)  # type: ignore[misc]
            await until(lambda: turns.waiting == 7)
            assert work.began == ["a0"]
            for turn in range(8):
                await until(lambda turn=turn: len(work.began) > turn)  # type: ignore[misc]
                work.gates[work.began[turn]].set()

    anyio.run(main)
    assert done == ["a0", "a1", "b0", "c0", "a2", "a3", "a4", "a5"]
    await_idle(turns)


def test_where_too_many_wait_who_asked_most_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for four: the fifth of `a` is refused; when `b` comes, the newest of `a` makes room."""
    monkeypatch.setattr("lookalike.web.turns.LEAST", 4)
    work, turns, said = Work(), Turns(patience=0, at_once=1), dict[str, str]()

    async def ask(client: str, name: str) -> None:
        try:
            said[name] = await turns.run(client, work.task(name))
        except Problem as exc:
            said[name] = f"{exc.status} {exc.code} {exc.headers['Retry-After']}"

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for turn in range(6):
                group.start_soon(ask, "a", f"a{turn}")
                await until(lambda turn=turn: f"a{turn}" in work.gates)  # type: ignore[misc]
                await anyio.sleep(0.01)
            assert said == {"a5": "503 E_BUSY 1"}
            group.start_soon(ask, "b", "b0")
            await until(lambda: len(said) == 2)
            assert said["a4"] == "503 E_BUSY 1"
            for gate in work.gates.values():
                gate.set()

    anyio.run(main)
    assert {name for name, words in said.items() if words == name} == {"a0", "a1", "a2", "a3", "b0"}


def test_who_no_longer_waits_is_forgotten() -> None:
    work, turns = Work(), Turns(at_once=1)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(turns.run, "a", work.task("first"))
            await until(lambda: turns.busy == 1)
            with anyio.move_on_after(0.05):
                await turns.run("b", work.task("left"))
            assert turns.waiting == 0
            work.gates["first"].set()
        assert await turns.run("c", lambda: 7) == 7

    anyio.run(main)
    assert work.began == ["first"]
    await_idle(turns)


def test_a_task_that_fails_gives_its_place_back() -> None:
    turns = Turns(at_once=1)

    def wrong() -> None:
        raise ValueError("wrong")

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="wrong"):
                await turns.run("a", wrong)

    anyio.run(main)
    await_idle(turns)


def test_w18_the_end_waits_for_what_runs_and_for_nothing_else() -> None:
    work, turns, said = Work(), Turns(at_once=1), dict[str, str]()

    async def ask(name: str) -> None:
        try:
            said[name] = await turns.run(name, work.task(name))
        except Problem as exc:
            said[name] = exc.code

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for name in ("runs", "waits"):
                group.start_soon(ask, name)
                await until(lambda name=name: name in work.gates)  # type: ignore[misc]
            await until(lambda: turns.waiting == 1)
            turns.close()
            await ask("late")
            work.gates["runs"].set()

    anyio.run(main)
    assert said == {"waits": "E_CLOSING", "late": "E_CLOSING", "runs": "runs"}
