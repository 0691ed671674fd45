"""The power goes: `python -m tests.faults.powerloss [--states 200] [--seed 0]`.

Commits are made while every `fsync` is watched. At random ones of them the folder is rebuilt as a disk might show it
after the power went: a file has what was synced of it, and any part of the rest; a name is there if its folder was
synced since, else it may be there or not, and a renamed file may be the old one or the new one. Every such state must
open at the last acknowledged version (or the one that was being made), with exactly its rows and no damage. Ends with 1
if not.
"""

from __future__ import annotations

import argparse
import os
import random
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lookalike.errors import LookalikeError
from lookalike.store import LanceStore
from tests.faults import replay


class Disk:
    """What of a folder is on the disk: the bytes that were synced of each file, and the names of each folder."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.root, self.rng = root, rng
        self.bytes: dict[int, bytes] = {}
        self.names: dict[str, dict[str, int]] = {}

    def synced(self, descriptor: int) -> None:
        """Note what an `fsync` of this file or folder made durable."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self.root):
            return
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            self.names[str(path)] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self.bytes[state.st_ino] = path.read_bytes()

    def rebuild(self, target: Path) -> None:
        """The folder as it might be found after the power went now."""
        self._rebuild(self.root, target)

    def _rebuild(self, folder: Path, target: Path) -> None:
        target.mkdir(parents=True)
        durable = self.names.get(str(folder), {})
        now = {entry.name: entry.inode() for entry in os.scandir(folder)}
        for name in sorted(durable.keys() | now.keys()):
            choices = [durable.get(name)] if durable.get(name) == now.get(name) else [durable.get(name), now.get(name)]
            inode = self.rng.choice(choices)
            if inode is None:
                continue
            if (folder / name).is_dir():
                self._rebuild(folder / name, target / name)
                continue
            known = self.bytes.get(inode, b"")
            full = (folder / name).read_bytes() if now.get(name) == inode else known
            if full != known:
                full = full[: self.rng.randint(min(len(known), len(full)), len(full))]
            (target / name).write_bytes(full)


def lose_power(states: int, rng: random.Random, aside: Path) -> tuple[int, list[str]]:
    """Rebuild and judge that many states; returns how many were looked at, and what is wrong."""
    root, real = aside / "disk", os.fsync
    root.mkdir()
    folder = root / "c.catalog"
    disk = Disk(root, rng)
    problems: list[str] = []
    seen, acknowledged = 0, 0

    def crash() -> None:
        nonlocal seen
        if seen >= states or rng.random() > 0.5:
            return
        seen += 1
        target = aside / f"state-{seen}"
        disk.rebuild(target)
        found = _judged(target / "c.catalog", acknowledged)
        if found is not None:
            problems.append(f"state {seen}, {acknowledged} acknowledged: {found}")

    def fsync(descriptor: int) -> None:
        crash()
        real(descriptor)
        disk.synced(descriptor)
        crash()

    _replace_fsync(fsync)
    try:
        store = LanceStore.create(folder, replay.FACTS)
        acknowledged = 1
        with store.writing():
            while seen < states:
                replay.step(store, store.head.version + 1)
                acknowledged = store.head.version
                crash()
    finally:
        _replace_fsync(real)
    return seen, problems


def _replace_fsync(new: Callable[[int], None]) -> None:
    os.fsync = new  # type: ignore[assignment]


def _judged(folder: Path, acknowledged: int) -> str | None:
    if not acknowledged:
        return None
    try:
        return replay.wrong(folder, acknowledged)[1] or "; ".join(LanceStore.open(folder).check().problems) or None
    except LookalikeError as exc:
        return f"{exc.code}: {exc}"


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--states", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        seen, problems = lose_power(options.states, random.Random(options.seed), Path(aside).resolve())
    for problem in problems[:20]:
        print(problem)
    print(f"{seen} states: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
