"""The Ray engine gives what local threads give: the same rows, whoever dies meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lookalike import engines, models, pipeline
from lookalike.engines import Engine, InlineEngine, LocalEngine, RayEngine, ray_engine
from lookalike.errors import LookalikeError, UsageError
from lookalike.options import IndexOptions
from lookalike.records import Indexed
from lookalike.store import LanceStore, MemoryStore, Store, schema
from tests.conftest import COLORS, Run, draw
from tests.engines.cluster import needs_ray

FACTS = models.facts("tiny")


class Deadly:
    """Doubles numbers; a number of `marks` ends the process, once if its file can be made, or every time."""

    def __init__(self, folder: Path, *, once: Sequence[int] = (), always: Sequence[int] = ()) -> None:
        self.folder, self.once, self.always = folder, once, always

    def __call__(self, batch: Sequence[int]) -> list[int]:
        for number in batch:
            mark = self.folder / str(number)
            if number in self.always or (number in self.once and not mark.exists()):
                mark.touch()
                os._exit(1)
        return [2 * number for number in batch]


class DeadlyParts(Deadly):
    """As `Deadly`, and can be cut."""

    def split(self, batch: Sequence[int]) -> list[list[int]]:
        return [[number] for number in batch]

    def join(self, results: Sequence[list[int]]) -> list[int]:
        return [number for result in results for number in result]

    def lost(self, batch: Sequence[int], detail: str) -> list[int]:
        assert "processes died" in detail
        return [-number for number in batch]


def rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All that a catalog holds of its photos, but when a failure was noted."""
    found = {
        table: store.read(table).sort_by("id").to_pylist() for table in (schema.ITEMS, schema.METADATA, schema.FAILURES)
    }
    for row in found[schema.FAILURES]:
        del row["at"]
    return found


def counts(done: Indexed) -> dict[str, Any]:
    return {key: value for key, value in done.as_json().items() if key != "seconds"}


def index(engine: Engine, folder: Path, store: Store) -> Indexed:
    options = IndexOptions()
    return pipeline.index(store, pipeline.plan([folder], options), options, engine)


@pytest.mark.slow
def test_the_same_rows_and_counts_as_local_threads(photos: Path) -> None:
    needs_ray()
    for number in range(5):  # twins of one photo, far from each other and in different batches
        shutil.copy(photos / "red-00.png", photos / f"{'aguz5'[number]}-twin.png")
    for number in range(40):
        draw(photos / f"more-{number:02d}.png", COLORS["gray"], seed=100 + number)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    shutil.copy(photos / "broken.jpg", photos / "x-broken.jpg")
    (photos / "empty.png").write_bytes(b"")
    local, ray = MemoryStore(FACTS), MemoryStore(FACTS)
    expected, done = index(LocalEngine(2), photos, local), index(RayEngine(2), photos, ray)
    assert counts(done) == counts(expected)
    assert (done.embedded, done.failed) == (52, 3)
    assert rows(ray) == rows(local)
    draw(photos / "red-00.png", COLORS["blue"], seed=9)
    (photos / "empty.png").unlink()
    assert counts(index(RayEngine(2), photos, ray)) == counts(index(LocalEngine(2), photos, local))
    assert rows(ray) == rows(local)


@pytest.mark.slow
def test_d01_what_a_dead_worker_had_is_done_again(tmp_path: Path) -> None:
    needs_ray()
    batches = [[n, n + 1] for n in range(0, 40, 2)]
    found = RayEngine(2).run(Deadly(tmp_path, once=(7, 22)), batches)
    assert list(found) == [[2 * n, 2 * n + 2] for n in range(0, 40, 2)]


@pytest.mark.slow
def test_d02_a_photo_that_no_worker_survives_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_ray()
    monkeypatch.setattr(ray_engine, "TRIES", 1)
    batches = [[n, n + 1, n + 2] for n in range(0, 12, 3)]
    found = RayEngine(1).run(DeadlyParts(tmp_path, always=(4,)), batches)
    assert list(found) == [[0, 2, 4], [6, -4, 10], [12, 14, 16], [18, 20, 22]]
    with pytest.raises(LookalikeError, match="workers died over one batch"):
        list(RayEngine(1).run(Deadly(tmp_path, always=(1,)), [[1]]))


def test_photos_that_no_worker_survives_are_failures(photos: Path) -> None:
    class Gone:
        name = "gone"

        def run(self, work: Any, batches: Any) -> Any:
            for batch in batches:
                divisible: engines.Divisible = work
                parts = divisible.split(batch)
                yield divisible.join([divisible.lost(parts[0], "it died"), *(work(part) for part in parts[1:])])

    store = MemoryStore(FACTS)
    done = index(Gone(), photos, store)
    assert (done.added, done.failed) == (11, 1)
    assert done.failures[0].code == "E_WORKER"
    again = index(InlineEngine(), photos, store)
    assert (again.added, again.failed, again.unchanged) == (1, 0, 11), "the next run tries it again"


def test_twins_of_a_photo_that_changed_are_all_kept(photos: Path) -> None:
    store = MemoryStore(FACTS)
    index(InlineEngine(), photos, store)
    for name in ("x", "y", "z"):
        shutil.copy(photos / "red-00.png", photos / f"{name}.png")
    draw(photos / "red-00.png", COLORS["blue"], seed=9)
    done = index(InlineEngine(), photos, store)
    assert (done.added, done.updated, done.embedded, done.total) == (3, 1, 2, 15)


def test_an_engine_that_is_not_installed_is_refused_before_anything_is_made(
    photos: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(ray_engine, "import_module", absent)
    done = run("index", tmp_path / "c.catalog", photos, "--engine", "ray")
    assert done.code == 2
    assert "pip install 'lookalike[ray]'" in done.err
    assert not (tmp_path / "c.catalog").exists()
    with pytest.raises(UsageError, match="engine='spark' is not known"):
        IndexOptions(engine="spark")


class Forgotten(Deadly):
    """Does a batch, writes that down, and ends its process before it can say so, once for the numbers of `once`."""

    def __call__(self, batch: Sequence[int]) -> list[int]:
        for number in batch:
            (self.folder / f"{number}-{os.getpid()}.done").touch()
        return super().__call__(batch)


@pytest.mark.slow
def test_d06_a_batch_that_was_done_twice_counts_once(tmp_path: Path) -> None:
    needs_ray()
    batches = [[n, n + 1] for n in range(0, 20, 2)]
    found = list(RayEngine(2).run(Forgotten(tmp_path, once=(5, 12)), batches))
    assert found == [[2 * n, 2 * n + 2] for n in range(0, 20, 2)]
    assert len(list(tmp_path.glob("4-*.done"))) == len(list(tmp_path.glob("12-*.done"))) == 2, "they were done twice"


@pytest.mark.slow
def test_d08_workers_are_no_forks_of_a_process_that_has_opened_lance(tmp_path: Path) -> None:
    import lance
    import pyarrow as pa

    needs_ray()
    place = str(tmp_path / "x.lance")
    lance.write_dataset(pa.table({"n": list(range(100))}), place)
    assert lance.dataset(place).count_rows(filter="n < 50") == 50  # its threads run now

    def look(batch: int) -> tuple[bool, int]:
        import lance as again

        return os.getppid() != driver, again.dataset(place).count_rows(filter=f"n < {batch}")

    driver = os.getpid()
    assert list(RayEngine(2).run(look, [10, 20, 30])) == [(True, 10), (True, 20), (True, 30)]


DRIVER = """
import sys
from lookalike.pipeline import indexing
indexing.COMMIT_EVERY = indexing.TOGETHER = 4
from lookalike.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.long
def test_d03_another_run_goes_on_from_what_a_killed_driver_has_committed(tmp_path: Path) -> None:
    needs_ray()
    folder = tmp_path / "photos"
    for number in range(64):
        draw(folder / f"{number:02d}.png", COLORS["red"], seed=number)
    catalog, whole = tmp_path / "c.catalog", LanceStore.create(tmp_path / "whole.catalog", FACTS)
    index(LocalEngine(2), folder, whole)
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, "index", str(catalog), str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    process = subprocess.Popen(
        [*command, "--model", "tiny", "--engine", "ray"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and len(list((catalog / "versions").glob("0*.json"))) < 3:
        time.sleep(0.01)
    process.kill()
    process.wait()
    store = LanceStore.open(catalog)
    assert store.check().problems == ()
    there = store.head.rows[schema.ITEMS]
    assert 0 < there < 64, "it was killed amid its work"
    done = index(RayEngine(2), folder, store)
    assert (done.unchanged, done.added) == (there, 64 - there)
    assert rows(store) == rows(whole)
