"""Does `--engine ray` give what local threads give, whoever dies meanwhile, and at what pace?

    pip install 'lookalike[dev-cluster]'
    LOOKALIKE_PHOTOS=... python -m benchmarks.ray_engine [--photos 1000] [--kills 10] [--failing 0.3] [--seed 0]

Indexes the same photos with local threads, with Ray on this machine, with Ray while a worker process is killed at
random moments, and the same from and to an S3 server of this machine, a share of whose answers are 503. Some photos
are there twice, some are damaged. All must give the same items, bit by bit, the same metadata, the same failures and
the same counts. Prints photos/s of each run, as a whole and of its last three quarters (without the start of Ray), and
the ratios to local threads.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import lookalike
from benchmarks import s3_server
from lookalike import engines, objects
from lookalike.catalog import Catalog, build
from lookalike.options import IndexOptions, ModelOptions
from lookalike.records import Indexed, Progress
from lookalike.store import schema


@dataclass(frozen=True)
class Outcome:
    """What a run left, and how fast it was: seconds in all, and a photo once a quarter of them was done."""

    tables: dict[str, pa.Table]
    counts: dict[str, Any]
    seconds: float
    a_photo: float


def gather(folder: Path, photos: int) -> Path:
    """Some of the real photos, every twentieth of them once more, and three that cannot be used."""
    sources = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))
    sources = sources[:: max(1, len(sources) // photos)][:photos]
    folder.mkdir()
    for number, source in enumerate(sources):
        shutil.copy(source, folder / f"{number:05d}.jpg")
        if number % 20 == 0:
            shutil.copy(source, folder / f"{(number * 7919) % 100_000:05d}-again.jpg")
    (folder / "00100-empty.jpg").write_bytes(b"")
    (folder / "00200-text.jpg").write_bytes(b"<html>404</html>")
    (folder / "00300-cut.jpg").write_bytes(sources[0].read_bytes()[:2_000])
    lines = [f"{path.name},{number % 7}" for number, path in enumerate(sorted(folder.iterdir()))]
    (folder.parent / "said.csv").write_text("\n".join(["path,number", *lines]))
    return folder


def upload(folder: Path, address: str) -> str:
    """Copy a folder to an address, which is returned."""
    prefix = objects.Prefix(address)
    for path in folder.iterdir():
        prefix.replace(path.name, path.read_bytes())
    return address


def run(catalog: str | Path, source: str | Path, said: Path, engine: str, hook: Callable[[int], None]) -> Outcome:
    """Index `source` into a new catalog; `hook` is called with the number of photos done."""
    times: list[tuple[float, int]] = []

    def progress(step: str, done: int, total: int) -> None:
        if step == "index":
            hook(done)
            if not times or done < total / 4:
                times[:] = [(time.perf_counter(), done)]
            times[1:] = [(time.perf_counter(), done)]

    told: Progress = progress
    options = IndexOptions(metadata=said, engine=engine)
    started = time.perf_counter()
    held, done, _ = build(catalog, [source], options, model=ModelOptions(), progress=told)
    ended = time.perf_counter()
    a_photo = (times[1][0] - times[0][0]) / (times[1][1] - times[0][1])
    return Outcome(tables(held), counts(done), ended - started, a_photo)


def tables(held: Catalog) -> dict[str, pa.Table]:
    """Items, metadata and failures in the order of ids, without what differs from run to run: where and when."""
    found = {}
    for name in (schema.ITEMS, schema.METADATA, schema.FAILURES):
        table = held.store.read(name).sort_by("id").combine_chunks()
        found[name] = table.drop_columns([column for column in ("source", "at") if column in table.column_names])
    return found


def counts(done: Indexed) -> dict[str, Any]:
    """The counts of a run."""
    return {key: value for key, value in done.as_json().items() if key != "seconds"}


def check(found: Outcome, expected: Outcome) -> None:
    """Fail unless both runs left the same."""
    failed = found.tables[schema.FAILURES].select(["id", "code"]).to_pylist()
    assert failed == expected.tables[schema.FAILURES].select(["id", "code"]).to_pylist(), failed
    assert found.counts == expected.counts, (found.counts, expected.counts)
    for name, table in expected.tables.items():
        assert found.tables[name].equals(table), f"{name} differ"


class Killer:
    """Kills a random worker process of this process's own Ray at each of some random moments."""

    def __init__(self, kills: int, photos: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._at = sorted(self._random.sample(range(photos // 20, photos - photos // 10), kills))
        self.killed: set[int] = set()

    def __call__(self, done: int) -> None:
        workers = [pid for pid in own_workers() if pid not in self.killed]
        # where all were killed already, the next photos are waited for: they need a new one
        if self._at and done >= self._at[0] and workers:
            self._at.pop(0)
            chosen = self._random.choice(workers)
            os.kill(chosen, signal.SIGKILL)
            self.killed.add(chosen)


def own_workers() -> list[int]:
    """The pids of Ray's actors that are descendants of this process."""
    parents, actors = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if (folder / "cmdline").read_bytes().startswith(b"ray::_Worker"):
                    actors.append(int(folder.name))
            except OSError:
                continue
    return [pid for pid in actors if _is_below(pid, parents)]


def _is_below(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == os.getpid():
            return True
    return False


def main() -> None:
    """Run, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--failing", type=float, default=0.3, help="share of the S3 server's answers that are 503")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside, s3_server.running(options.failing):
        folder = Path(aside)
        source, said = gather(folder / "photos", options.photos), folder / "said.csv"
        local = run(folder / "local.catalog", source, said, "local", lambda _: None)
        total = local.counts["added"] + local.counts["failed"]
        print(f"{engines.cores()} cores; {total} photos: {local.counts}")
        print("run                  photos/s  of local  without the start  of local")
        _print("local", local, local, total)
        remote = upload(source, "s3://shop/photos")
        for name, catalog, photos, engine, kills in (
            ("ray", str(folder / "ray.catalog"), str(source), "ray", 0),
            ("ray, killed", str(folder / "killed.catalog"), str(source), "ray", options.kills),
            ("local, S3", "s3://shop/local.catalog", remote, "local", 0),
            ("ray, S3", "s3://shop/ray.catalog", remote, "ray", 0),
            ("ray, S3, killed", "s3://shop/killed.catalog", remote, "ray", options.kills),
        ):
            killer = Killer(kills, total, options.seed)
            found = run(catalog, photos, said, engine, killer)
            check(found, local)
            assert len(killer.killed) == kills, f"only {len(killer.killed)} were killed: give more --photos"
            _print(name, found, local, total)
        checked = lookalike.open("s3://shop/killed.catalog").check()
        assert not checked.problems, checked.problems
        print(f"every byte of the catalog on S3 is as it was written: {checked.files} files, {checked.orphans} orphans")
        print("items, metadata, failures and counts are the same in all runs, vectors bit by bit")


def _print(name: str, found: Outcome, local: Outcome, total: int) -> None:
    print(
        f"{name:20} {total / found.seconds:8.1f}  {local.seconds / found.seconds:8.2f}  "
        f"{1 / found.a_photo:17.1f}  {local.a_photo / found.a_photo:8.2f}"
    )


if __name__ == "__main__":
    main()
