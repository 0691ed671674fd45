"""Votes on two catalogs of the same items: one line of JSON each, in a file beside the catalog.

Not in the store: a vote is no state of the items, and a version a vote would make every reader look again. The file
is only ever appended to, a line in one write, synced; `lookalike check` does not know it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike.analysis import preference
from lookalike.errors import LookalikeError
from lookalike.store.base import now

CHOICES = ("a", "b", "same")


class Votes:
    """The votes in `path`, by voter and query: the last one of each counts."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._memory: list[dict[str, Any]] = []

    @classmethod
    def beside(cls, folder: Path | None) -> Votes:
        """Those of the catalog in `folder`: `NAME.votes.jsonl` beside it. Without a folder they are kept in memory."""
        return cls(None if folder is None else folder.with_name(f"{folder.name}.votes.jsonl"))

    def add(self, vote: Mapping[str, Any]) -> None:
        """Keep a vote: `query`, `choice` (one of `CHOICES`), `voter`, and the `catalogs` it is about."""
        kept = {"at": now(), **vote}
        line = (json.dumps(kept, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")
        with self._lock:
            if self.path is None:
                self._memory.append(kept)
                return
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX)
                    size = os.fstat(handle).st_size
                    if size and os.pread(handle, 1, size - 1) != b"\n":
                        line = b"\n" + line  # a line that was cut short stays alone
                    if os.write(handle, line) != len(line):
                        os.ftruncate(handle, size)  # a disk that has just become full takes a part
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(handle)
                finally:
                    os.close(handle)
            except OSError as exc:
                raise LookalikeError(f"the vote cannot be kept: {exc.strerror or exc}", code="E_WRITE") from exc

    def read(self) -> list[dict[str, Any]]:
        """All votes in their order; a line that is no vote is passed over."""
        if self.path is None:
            return list(self._memory)
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                return []
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                vote = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(vote, dict) and vote.get("choice") in CHOICES and isinstance(vote.get("query"), str):
                found.append(vote)
        return found

    def result(self, catalogs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """What the votes on these two say: counts of `a`, `b` and `same`, `voters`, `share` of b, `p`.

        `catalogs` holds the facts of `a` and `b`. Votes on others are not counted, nor all but the last of a voter on
        a query; those on older versions of the two are.
        """
        last: dict[tuple[str, str], str] = {}
        for vote in self.read():
            about = vote.get("catalogs")
            if isinstance(about, dict) and all(_same(about.get(side), catalogs[side]) for side in ("a", "b")):
                last[str(vote.get("voter")), vote["query"]] = vote["choice"]
        counts = {choice: list(last.values()).count(choice) for choice in CHOICES}
        found = preference(counts["a"], counts["b"])
        share = None if found.share != found.share else {"value": found.share, "low": found.low, "high": found.high}
        return {**counts, "voters": len({voter for voter, _ in last}), "share": share, "p": found.p}


def _same(about: Any, catalog: Mapping[str, Any]) -> bool:
    return isinstance(about, dict) and all(about.get(name) == catalog[name] for name in ("title", "identity"))
