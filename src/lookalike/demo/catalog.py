"""A demo catalog on disk: photos and their metadata."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lookalike.demo.draw import draw_shoe
from lookalike.demo.parameters import Shoe, sample_shoe, sample_shoes
from lookalike.errors import LookalikeError, UsageError
from lookalike.records import Advance

COLUMNS = (
    "path", "id", "name", "type", "color", "secondary_color", "material", "pattern", "brand", "gender", "size",
    "heel_height", "sole", "laces", "year",
)  # fmt: skip
_QUALITY = 92
_FEW = 8  # a process more pays from about this many shoes on


def write_catalog(
    folder: str | os.PathLike[str],
    n: int = 1000,
    seed: int = 0,
    *,
    progress: Advance | None = None,
    workers: int | None = None,
) -> Path:
    """Draw `n` shoes into `folder`: `images/0001.jpg` and on, and `metadata.csv`, whose path is returned.

    Names have four digits, or as many as `n` needs. `path` in the table is relative to `folder`, `id` is the
    photo's file stem, `size` an EU size, `heel_height` in cm, an empty cell means none. `progress(done, total)`
    is called as photos are finished. `workers` processes draw, by default one a CPU; the bytes are the same for
    any number of them. Every file is put in place whole, the table last. `UsageError` for `n`, `seed` or
    `workers` out of range.

    >>> from lookalike.demo import write_catalog
    >>> write_catalog("shoes", n=1000, seed=0)  # doctest: +SKIP
    PosixPath('shoes/metadata.csv')
    """
    if n < 1:
        raise UsageError(f"n={n} is out of range: give the number of shoes to draw, 1 or more")
    if workers is not None and workers < 1:
        raise UsageError(f"workers={workers} is out of range: give 1 or more, or leave it out for one a CPU")
    shoes = sample_shoes(n, seed)
    root = Path(folder)
    (root / "images").mkdir(parents=True, exist_ok=True)
    count = min(workers or _cpus(), -(-n // _FEW))
    if count == 1:
        for index, shoe in enumerate(shoes):
            _write_photo(shoe, root / photo_path(index, n))
            if progress is not None:
                progress(index + 1, n)
    else:
        _draw_in_processes(root, n, seed, count, progress)
    return _write_table(root, shoes)


def photo_path(index: int, n: int) -> str:
    """Path of the photo of shoe `index` (from 0) in a catalog of `n`, relative to its folder."""
    return f"images/{index + 1:0{max(4, len(str(n)))}d}.jpg"


def draw_share(root: Path, n: int, seed: int, start: int, step: int) -> None:
    """Draw shoes `start`, `start + step`, ... of a catalog of `n`; one dot on stdout for each."""
    for index in range(start, n, step):
        _write_photo(sample_shoe(index, seed), root / photo_path(index, n))
        os.write(sys.stdout.fileno(), b".")


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw_in_processes(root: Path, n: int, seed: int, count: int, progress: Advance | None) -> None:
    # Own processes, not multiprocessing's: those run the caller's script again, and fail where it has no guard.
    package = str(Path(__file__).resolve().parents[2])
    known = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(known)}
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as complaints:
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for start in range(count):
                arguments = (str(value) for value in (root.resolve(), n, seed, start, count))
                command = [sys.executable, "-P", "-m", "lookalike.demo.worker", *arguments]
                processes.append(
                    subprocess.Popen(command, stdout=writing, stderr=complaints, env=environment)  # noqa: S603  our own module
                )
            os.close(writing)
            writing = -1
            done = 0
            while dots := os.read(reading, 4096):
                for _ in dots:
                    done += 1
                    if progress is not None:
                        progress(done, n)
            failed = [process for process in processes if process.wait() != 0]
            if failed or done != n:
                complaints.seek(0)
                last = complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
                raise LookalikeError(
                    f"drawing stopped after {done} of {n} shoes in {root}: {last or 'no reason given'}"
                )
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()
                for left in (root / "images").glob(f"*.{process.pid}.part"):
                    left.unlink(missing_ok=True)
            os.close(reading)
            if writing >= 0:
                os.close(writing)


def _write_photo(shoe: Shoe, path: Path) -> None:
    aside = path.with_suffix(f".{os.getpid()}.part")
    try:
        draw_shoe(shoe).save(aside, "JPEG", quality=_QUALITY, subsampling=0)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _row(shoe: Shoe, path: str) -> tuple[object, ...]:
    return (
        path, Path(path).stem, shoe.name, shoe.family, shoe.color, shoe.secondary_color or "", shoe.material,
        shoe.pattern, shoe.brand, shoe.gender, shoe.size, shoe.heel_height, shoe.sole, str(shoe.laces).lower(),
        shoe.year,
    )  # fmt: skip


def _write_table(root: Path, shoes: list[Shoe]) -> Path:
    table = root / "metadata.csv"
    aside = table.with_suffix(f".{os.getpid()}.part")
    with aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(shoe, photo_path(index, len(shoes))) for index, shoe in enumerate(shoes))
    aside.replace(table)
    return table
